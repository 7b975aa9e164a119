package states

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"grocery/localaws/service/internal/page"
	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/service/internal/role"
	"grocery/localaws/service/states/asl"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/statesapi"
)

// faults lists why a definition cannot run here.
func (s *Service) faults(definition string) asl.InvalidDefinition {
	m, err := asl.Parse(definition)
	if err != nil {
		return err.(asl.InvalidDefinition)
	}
	var all asl.InvalidDefinition
	for _, name := range slices.Sorted(maps.Keys(m.States)) {
		state := m.States[name]
		if state.Resource == nil || state.Resource.Service == "" {
			continue
		}
		_, op, err := s.operation(state.Resource)
		if err != nil {
			all = append(all, asl.Diagnostic{Code: "SCHEMA_VALIDATION_FAILED", Message: err.Error(), Location: "/States/" + name + "/Resource"})
			continue
		}
		for _, p := range state.ParameterNames() {
			if _, ok := member(op.Input(), p); !ok {
				all = append(all, asl.Diagnostic{Code: "SCHEMA_VALIDATION_FAILED", Message: fmt.Sprintf("The field %q is not supported by Step Functions", p), Location: "/States/" + name + "/Parameters"})
			}
		}
	}
	return all
}

// checkDefinition refuses what this package cannot run.
func (s *Service) checkDefinition(definition string) error {
	if all := s.faults(definition); len(all) > 0 {
		return wire.Errorf(400, "InvalidDefinition", "Invalid State Machine Definition: '%s'", all)
	}
	return nil
}

var logGroupARN = regexp.MustCompile(`^arn:aws:logs:[a-z0-9-]+:[0-9]{12}:log-group:[A-Za-z0-9._/#-]{1,512}:\*$`)

// readLogging checks a logging configuration.
func readLogging(in *api.LoggingConfiguration) (l logging, err error) {
	if in == nil {
		return l, nil
	}
	invalid := func(format string, args ...any) (logging, error) {
		return logging{}, wire.Errorf(400, "InvalidLoggingConfiguration", "Invalid Logging Configuration: "+format, args...)
	}
	switch level := ptr.Val(in.Level); level {
	case "", "OFF":
	case "ALL", "ERROR", "FATAL":
		l.Level = level
	default:
		return invalid("the level %s is none of ALL, ERROR, FATAL, OFF.", level)
	}
	l.Data = ptr.Val(in.IncludeExecutionData)
	if len(in.Destinations) > 1 {
		return invalid("Must specify exactly one Log Destination.")
	}
	if len(in.Destinations) == 1 && in.Destinations[0].CloudWatchLogsLogGroup != nil {
		l.Group = ptr.Val(in.Destinations[0].CloudWatchLogsLogGroup.LogGroupArn)
	}
	if l.Level != "" && l.Group == "" {
		return invalid("Must specify exactly one Log Destination.")
	}
	if l.Group != "" && !logGroupARN.MatchString(l.Group) {
		return invalid("the Log Destination %s is no log group's ARN that ends in :*.", l.Group)
	}
	return l, nil
}

// checkEncryption refuses keys of one's own: local AWS has no KMS.
func checkEncryption(in *api.EncryptionConfiguration) error {
	if in != nil && ptr.Val(in.Type) != "AWS_OWNED_KEY" {
		return wire.Errorf(400, "InvalidEncryptionConfiguration", "Local AWS encrypts with AWS_OWNED_KEY only: leave the encryption configuration out.")
	}
	return nil
}

// checkRole takes the role once, as AWS does, so that a machine that could
// call nothing is refused at once.
func (s *Service) checkRole(ctx context.Context, machineARN, roleARN string) error {
	_, err := role.Take(ctx, s.d.Calls, principal, wire.CallFrom(ctx).Region, machineARN, roleARN, "StepFunctionsCreate")
	if code := wire.Code(err); code == "AccessDenied" || code == "ValidationError" {
		return wire.Errorf(400, "AccessDeniedException", "Neither the global service principal %s, nor the regional one is authorized to assume the provided role.", principal)
	}
	return err
}

// createStateMachine makes a machine. The same request again is no error.
// See https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html.
func (s *Service) createStateMachine(ctx context.Context, in *api.CreateStateMachineInput) (*api.CreateStateMachineOutput, error) {
	call := wire.CallFrom(ctx)
	m := machine{Region: call.Region, Name: *in.Name, Created: s.d.Clock.Now()}
	if err := checkName(m.Name); err != nil {
		return nil, err
	}
	if t := ptr.Or(in.Type, "STANDARD"); t != "STANDARD" {
		return nil, wire.Errorf(400, "StateMachineTypeNotSupported", "Local AWS runs STANDARD state machines, not %s.", t)
	}
	if ptr.Val(in.VersionDescription) != "" && !ptr.Val(in.Publish) {
		return nil, wire.Errorf(400, refused, "Version description can only be set when publish is true.")
	}
	var err error
	m.Definition, m.RoleARN, m.Updated, m.Tracing = *in.Definition, *in.RoleArn, m.Created, in.TracingConfiguration != nil && ptr.Val(in.TracingConfiguration.Enabled)
	if err = s.checkDefinition(m.Definition); err != nil {
		return nil, err
	}
	if m.Logging, err = readLogging(in.LoggingConfiguration); err != nil {
		return nil, err
	}
	if err := checkEncryption(in.EncryptionConfiguration); err != nil {
		return nil, err
	}
	if m.Tags, err = addTags(nil, in.Tags); err != nil {
		return nil, err
	}
	if err := s.checkRole(ctx, m.arn(), m.RoleARN); err != nil {
		return nil, err
	}
	out := &api.CreateStateMachineOutput{}
	return out, s.d.Store.Update(func(tx store.Tx) error {
		if old, ok := machines.Get(tx, m.key()); ok {
			if old.Definition != m.Definition || old.RoleARN != m.RoleARN || old.Logging != m.Logging || old.Tracing != m.Tracing {
				return wire.Errorf(400, "StateMachineAlreadyExists", "State Machine Already Exists: '%s'", old.arn())
			}
			m = old
		} else {
			if ptr.Val(in.Publish) {
				m.publish(ptr.Val(in.VersionDescription), m.Created)
			}
			machines.Put(tx, m.key(), m)
		}
		out.CreationDate, out.StateMachineArn = &m.Created, new(m.arn())
		if ptr.Val(in.Publish) {
			out.StateMachineVersionArn = m.versionARN(m.Last)
		}
		return nil
	})
}

func (s *Service) describeStateMachine(ctx context.Context, in *api.DescribeStateMachineInput) (*api.DescribeStateMachineOutput, error) {
	var out *api.DescribeStateMachineOutput
	return out, s.d.Store.View(func(tx store.Tx) error {
		m, n, err := find(ctx, tx, *in.StateMachineArn)
		if err != nil {
			return err
		}
		r, created, arn := m.revision, m.Created, m.arn()
		out = &api.DescribeStateMachineOutput{Status: new("ACTIVE")}
		if v := m.version(n); v != nil {
			r, created, arn = v.revision, v.Created, *m.versionARN(n)
			out.Description = ptr.NonZero(v.Description)
		}
		out.CreationDate, out.Definition, out.RoleArn, out.RevisionId = &created, &r.Definition, &r.RoleARN, ptr.NonZero(r.ID)
		out.Name, out.StateMachineArn, out.Type = &m.Name, &arn, new("STANDARD")
		out.EncryptionConfiguration = &api.EncryptionConfiguration{Type: new("AWS_OWNED_KEY")}
		out.LoggingConfiguration, out.TracingConfiguration = r.Logging.shape(), &api.TracingConfiguration{Enabled: &r.Tracing}
		if ptr.Val(in.IncludedData) == "METADATA_ONLY" {
			out.Definition = new("")
		}
		return nil
	})
}

// updateStateMachine changes what later executions run; running ones go on with
// what they began with.
func (s *Service) updateStateMachine(ctx context.Context, in *api.UpdateStateMachineInput) (*api.UpdateStateMachineOutput, error) {
	if in.Definition == nil && in.RoleArn == nil && in.LoggingConfiguration == nil && in.TracingConfiguration == nil && in.EncryptionConfiguration == nil && !ptr.Val(in.Publish) {
		return nil, wire.Errorf(400, "MissingRequiredParameter", "Either the definition, the role ARN, the LoggingConfiguration, the EncryptionConfiguration, or the TracingConfiguration must be specified")
	}
	if in.Definition != nil {
		if err := s.checkDefinition(*in.Definition); err != nil {
			return nil, err
		}
	}
	log, err := readLogging(in.LoggingConfiguration)
	if err != nil {
		return nil, err
	}
	if err := checkEncryption(in.EncryptionConfiguration); err != nil {
		return nil, err
	}
	if in.RoleArn != nil {
		if err := s.checkRole(ctx, *in.StateMachineArn, *in.RoleArn); err != nil {
			return nil, err
		}
	}
	out := &api.UpdateStateMachineOutput{}
	return out, s.d.Store.Update(func(tx store.Tx) error {
		m, n, err := find(ctx, tx, *in.StateMachineArn)
		if err != nil {
			return err
		}
		if n != 0 {
			return wire.Errorf(400, refused, "A version cannot be changed: name the state machine without a version.")
		}
		m.Updated, m.ID = s.d.Clock.Now(), wire.NewRequestID()
		ptr.Set(&m.Definition, in.Definition)
		ptr.Set(&m.RoleARN, in.RoleArn)
		if in.LoggingConfiguration != nil {
			m.Logging = log
		}
		if in.TracingConfiguration != nil {
			m.Tracing = ptr.Val(in.TracingConfiguration.Enabled)
		}
		if ptr.Val(in.Publish) {
			m.publish(ptr.Val(in.VersionDescription), m.Updated)
			out.StateMachineVersionArn = m.versionARN(m.Last)
		}
		out.UpdateDate, out.RevisionId = &m.Updated, &m.ID
		machines.Put(tx, m.key(), m)
		return nil
	})
}

// deleteStateMachine removes a machine. Its executions end with it: on AWS at
// their next transition, here at once.
func (s *Service) deleteStateMachine(ctx context.Context, in *api.DeleteStateMachineInput) (*api.DeleteStateMachineOutput, error) {
	var cut []string
	err := s.d.Store.Update(func(tx store.Tx) error {
		m, n, err := find(ctx, tx, *in.StateMachineArn)
		switch {
		case wire.Code(err) == "StateMachineDoesNotExist":
			return nil // AWS reports success too
		case err != nil:
			return err
		case n != 0:
			return wire.Errorf(400, refused, "Name the state machine without a version, or call DeleteStateMachineVersion.")
		}
		machines.Delete(tx, m.key())
		cut = forget(tx, &m)
		return nil
	})
	for _, key := range cut {
		s.cancel(key)
	}
	return nil, err
}

func (s *Service) listStateMachines(ctx context.Context, in *api.ListStateMachinesInput) (*api.ListStateMachinesOutput, error) {
	out := &api.ListStateMachinesOutput{StateMachines: []api.StateMachineListItem{}}
	return out, s.d.Store.View(func(tx store.Tx) error {
		all := machines.List(tx, wire.CallFrom(ctx).Region+"/")
		all, next, err := page.Cut(all, func(m machine) string { return m.Name }, in.NextToken, in.MaxResults, 1000)
		if err != nil {
			return invalidToken()
		}
		for _, m := range all {
			out.StateMachines = append(out.StateMachines, api.StateMachineListItem{CreationDate: &m.Created, Name: &m.Name, StateMachineArn: new(m.arn()), Type: new("STANDARD")})
		}
		out.NextToken = next
		return nil
	})
}

func invalidToken() error {
	return wire.Errorf(400, "InvalidToken", "Invalid Token: 'nextToken'")
}

// validateStateMachineDefinition answers what is wrong with a definition.
func (s *Service) validateStateMachineDefinition(_ context.Context, in *api.ValidateStateMachineDefinitionInput) (*api.ValidateStateMachineDefinitionOutput, error) {
	out := &api.ValidateStateMachineDefinitionOutput{Result: new("OK"), Diagnostics: []api.ValidateStateMachineDefinitionDiagnostic{}}
	add := func(d asl.Diagnostic) {
		out.Result = new("FAIL")
		out.Diagnostics = append(out.Diagnostics, api.ValidateStateMachineDefinitionDiagnostic{Code: &d.Code, Message: &d.Message, Location: &d.Location, Severity: new("ERROR")})
	}
	if t := ptr.Or(in.Type, "STANDARD"); t != "STANDARD" {
		add(asl.Diagnostic{Code: "UNSUPPORTED_TYPE", Message: "Local AWS runs STANDARD state machines, not " + t, Location: "/"})
	}
	for _, d := range s.faults(*in.Definition) {
		add(d)
	}
	return out, nil
}
