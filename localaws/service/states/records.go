package states

import (
	"context"
	"regexp"
	"strconv"
	"time"

	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/statesapi"
)

// machine is one state machine.
type machine struct {
	Region  string            `json:"region"`
	Name    string            `json:"name"`
	Created time.Time         `json:"created"`
	Tags    map[string]string `json:"tags,omitempty"`
	revision
	Versions []version `json:"versions,omitempty"` // oldest first
	Last     int64     `json:"last,omitempty"`     // number of the last version ever made
}

// revision is what an update of a machine changes and a version keeps.
type revision struct {
	ID         string    `json:"id,omitempty"` // "" until the first update
	Definition string    `json:"definition"`
	RoleARN    string    `json:"role_arn"`
	Logging    logging   `json:"logging"`
	Tracing    bool      `json:"tracing,omitempty"`
	Updated    time.Time `json:"updated"`
}

// logging is where an execution's history goes, beside the store.
type logging struct {
	Level string `json:"level,omitempty"` // "" is OFF
	Data  bool   `json:"data,omitempty"`  // inputs and outputs too
	Group string `json:"group,omitempty"` // ARN of the log group, with its :*
}

// version is a revision that was published.
type version struct {
	Number      int64     `json:"number"`
	Description string    `json:"description,omitempty"`
	Created     time.Time `json:"created"`
	revision
}

var machines = store.Table[machine]{Name: "states.machines"}

func (m *machine) key() string { return store.Key(m.Region, m.Name) }

func (m *machine) arn() string {
	return "arn:" + wire.Partition + ":states:" + m.Region + ":" + wire.Account + ":stateMachine:" + m.Name
}

func (m *machine) versionARN(n int64) *string {
	if n == 0 {
		return nil
	}
	return new(m.arn() + ":" + strconv.FormatInt(n, 10))
}

func (m *machine) version(n int64) *version {
	for i := range m.Versions {
		if m.Versions[i].Number == n {
			return &m.Versions[i]
		}
	}
	return nil
}

func (l logging) shape() *api.LoggingConfiguration {
	out := &api.LoggingConfiguration{Level: new("OFF"), IncludeExecutionData: new(l.Data)}
	if l.Level != "" {
		out.Level = new(l.Level)
	}
	if l.Group != "" {
		out.Destinations = []api.LogDestination{{CloudWatchLogsLogGroup: &api.CloudWatchLogsLogGroup{LogGroupArn: new(l.Group)}}}
	}
	return out
}

var machineARN = regexp.MustCompile(`^arn:aws:states:([a-z0-9-]+):([0-9]{12}):stateMachine:([A-Za-z0-9_-]{1,80})(?::([0-9]+))?$`)

// find returns the machine of an ARN and, when the ARN names one, the number of
// its version.
func find(ctx context.Context, tx store.Tx, arn string) (m machine, number int64, err error) {
	parts := machineARN.FindStringSubmatch(arn)
	if parts == nil {
		return m, 0, invalidARN(arn)
	}
	m, ok := machines.Get(tx, store.Key(parts[1], parts[3]))
	if parts[4] != "" {
		number, _ = strconv.ParseInt(parts[4], 10, 64)
		ok = ok && m.version(number) != nil
	}
	if !ok || parts[1] != wire.CallFrom(ctx).Region || parts[2] != wire.Account {
		return m, 0, noMachine(arn)
	}
	return m, number, nil
}

func invalidARN(arn string) error {
	return wire.Errorf(400, "InvalidArn", "Invalid Arn: '%s'", arn)
}

func noMachine(arn string) error {
	return wire.Errorf(400, "StateMachineDoesNotExist", "State Machine Does Not Exist: '%s'", arn)
}

var validName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

// checkName takes the names of machines and executions. AWS takes a few more
// characters, which its own documentation advises against.
func checkName(name string) error {
	if !validName.MatchString(name) {
		return wire.Errorf(400, "InvalidName", "Invalid Name: '%s': it has 1 to 80 letters, digits, - and _", name)
	}
	return nil
}

var executionARN = regexp.MustCompile(`^arn:aws:states:([a-z0-9-]+):([0-9]{12}):execution:([A-Za-z0-9_-]{1,80}):([A-Za-z0-9_-]{1,80})$`)
