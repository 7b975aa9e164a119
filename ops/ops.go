package ops

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Environment is one deployed copy of the shop, such as dev, and how to work
// on it. Its fields are set before use and not changed afterwards.
type Environment struct {
	Root   string // the repository: sources of the images
	Infra  string // aws_infra; "" means <Root>/aws_infra
	Name   string // folder below aws_infra/enviroments, such as "dev"
	Home   string // where ops keeps what it makes: CLI config, logs
	Access Access
	// ThrowAway allows destroy to delete the state bucket with all states in
	// it, and sets the bootstrap up for that. For clouds nobody will miss.
	ThrowAway bool
	Report    func(Event) // told of progress; may be nil; calls do not overlap

	// Tag is the image tag to work with; "" is that of the sources as they
	// are. "latest" stands for the images that the rolling aliases name.
	Tag string
	// Vars are values of Terraform's variables, as TF_VAR_* give them; the
	// tfvars file wins. They are never put on a command line.
	Vars map[string]string
	// URL is the address of the shop where it is not the balancer's own.
	URL string
	// PublicURL turns a balancer's DNS name into the address a browser opens;
	// nil takes the output alb_url.
	PublicURL func(dnsName string) string
	// Build holds further --build-arg values for docker build, by name.
	Build map[string]string
	// InitialDump is a file with the data that the shop begins with; "" leaves
	// it to what lies under the key InitialDump, or the built-in catalogue.
	InitialDump string

	mu sync.Mutex
}

// Event is one piece of progress.
type Event struct {
	Step   string        // such as "phase 1"; the same in all events of a step
	State  State         // what happened to the step
	Detail string        // for Info: one line about the step's progress
	Took   time.Duration // for Done, Skipped and Failed
	Err    error         // for Failed
}

// State is what an Event says of its step.
type State string

// The states of a step, in the order they occur.
const (
	Started State = "started"
	Info    State = "info"
	Done    State = "done"
	Skipped State = "skipped"
	Failed  State = "failed"
)

// errSkip makes step report Skipped; its text is the reason.
type errSkip string

func (e errSkip) Error() string { return string(e) }

// step runs f as a named step. An errSkip from f is no failure.
func (e *Environment) step(ctx context.Context, name string, f func(ctx context.Context, info func(format string, args ...any)) error) error {
	start := time.Now()
	e.event(Event{Step: name, State: Started})
	err := ctx.Err()
	if err == nil {
		err = f(ctx, func(format string, args ...any) {
			e.event(Event{Step: name, State: Info, Detail: fmt.Sprintf(format, args...)})
		})
	}
	took := time.Since(start)
	if skip, ok := errors.AsType[errSkip](err); ok {
		e.event(Event{Step: name, State: Skipped, Detail: string(skip), Took: took})
		return nil
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", name, err)
		e.event(Event{Step: name, State: Failed, Took: took, Err: err})
		return err
	}
	e.event(Event{Step: name, State: Done, Took: took})
	return nil
}

func (e *Environment) event(ev Event) {
	if e.Report == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.Report(ev)
}

func (e *Environment) infra() string {
	if e.Infra != "" {
		return e.Infra
	}
	return filepath.Join(e.Root, "aws_infra")
}

// dir is the root module of the environment.
func (e *Environment) dir() string { return filepath.Join(e.infra(), "enviroments", e.Name) }

// bootstrapDir is the root module of the bootstrap.
func (e *Environment) bootstrapDir() string { return filepath.Join(e.infra(), "bootstrap") }

// varFile is the environment's tfvars file.
func (e *Environment) varFile() string { return filepath.Join(e.dir(), e.Name+".tfvars") }

// stateKey is the key of the environment's state in the state bucket. It
// stands in the backend blocks of aws_infra as well; a contract test compares.
func (e *Environment) stateKey() string { return Project + "/" + e.Name + "/terraform.tfstate" }

// Project is the prefix of everything this project creates (project_name).
const Project = "grocery"

// prepare checks the environment, fills in its region and makes the SDK's
// configuration.
func (e *Environment) prepare(ctx context.Context) (aws.Config, error) {
	if err := e.check(); err != nil {
		return aws.Config{}, err
	}
	set, err := e.settings()
	if err != nil {
		return aws.Config{}, err
	}
	if set.region != "" { // where Terraform works; ops must look nowhere else
		e.Access.Region = set.region
	}
	return e.Access.aws(ctx)
}

var environmentName = regexp.MustCompile(`^[a-z][a-z0-9]{1,9}$`)

// check refuses an Environment that cannot work, and makes the tfvars file
// from its example when there is none.
func (e *Environment) check() error {
	if !environmentName.MatchString(e.Name) {
		return fmt.Errorf("%q is no environment's name: 2 to 10 lower-case letters and digits, such as dev", e.Name)
	}
	if _, err := os.Stat(e.dir()); err != nil {
		return fmt.Errorf("there is no environment %q: %w", e.Name, err)
	}
	if err := os.MkdirAll(e.Home, 0o700); err != nil {
		return err
	}
	if _, err := os.Stat(e.varFile()); errors.Is(err, os.ErrNotExist) {
		raw, err := os.ReadFile(e.varFile() + ".example")
		if err != nil {
			return fmt.Errorf("the environment has neither %s nor an example of it: %w", filepath.Base(e.varFile()), err)
		}
		return os.WriteFile(e.varFile(), raw, 0o644)
	}
	return nil
}
