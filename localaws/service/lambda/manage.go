package lambda

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"

	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/lambdaapi"

	"grocery/localaws/service/internal/ptr"
)

func (s *Service) getFunction(ctx context.Context, in *api.GetFunctionInput) (*api.GetFunctionOutput, error) {
	f, v, err := s.view(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	out := &api.GetFunctionOutput{Code: &api.FunctionCodeLocation{RepositoryType: new("S3")}, Tags: f.Tags}
	if f.Reserved != nil {
		out.Concurrency = &api.Concurrency{ReservedConcurrentExecutions: f.Reserved}
	}
	return out, s.d.Store.View(func(tx store.Tx) error {
		out.Configuration = s.shape(tx, &f, v, in.Qualifier != nil)
		return nil
	})
}

func (s *Service) getFunctionConfiguration(ctx context.Context, in *api.GetFunctionConfigurationInput) (out *api.GetFunctionConfigurationOutput, err error) {
	f, v, err := s.view(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	return out, s.d.Store.View(func(tx store.Tx) error {
		out = s.shape(tx, &f, v, in.Qualifier != nil)
		return nil
	})
}

// getFunctionCodeSigningConfig answers that there is none: local AWS offers no
// code signing.
func (s *Service) getFunctionCodeSigningConfig(ctx context.Context, in *api.GetFunctionCodeSigningConfigInput) (*api.GetFunctionCodeSigningConfigOutput, error) {
	f, _, err := s.view(ctx, in.FunctionName, nil)
	if err != nil {
		return nil, err
	}
	return &api.GetFunctionCodeSigningConfigOutput{FunctionName: &f.Name, CodeSigningConfigArn: new("")}, nil
}

func (s *Service) listFunctions(ctx context.Context, in *api.ListFunctionsInput) (*api.ListFunctionsOutput, error) {
	out := &api.ListFunctionsOutput{Functions: []api.FunctionConfiguration{}}
	return out, s.d.Store.View(func(tx store.Tx) error {
		all, next, err := cut(functions.List(tx, wire.CallFrom(ctx).Region+"/"), func(f function) string { return f.Name }, in.Marker, in.MaxItems)
		out.NextMarker = next
		for _, f := range all {
			out.Functions = append(out.Functions, *s.shape(tx, &f, &f.config, ptr.Val(in.FunctionVersion) == "ALL"))
			if ptr.Val(in.FunctionVersion) == "ALL" {
				for _, v := range f.Versions {
					out.Functions = append(out.Functions, *s.shape(tx, &f, &v, true))
				}
			}
		}
		return err
	})
}

func (s *Service) listVersionsByFunction(ctx context.Context, in *api.ListVersionsByFunctionInput) (*api.ListVersionsByFunctionOutput, error) {
	f, _, err := s.view(ctx, in.FunctionName, nil)
	if err != nil {
		return nil, err
	}
	out := &api.ListVersionsByFunctionOutput{}
	return out, s.d.Store.View(func(tx store.Tx) error {
		all, next, err := cut(append([]config{f.config}, f.Versions...), func(v config) string {
			n, _ := strconv.Atoi(v.Version) // 0 for the unpublished one
			return strconv.Itoa(1_000_000 + n)
		}, in.Marker, in.MaxItems)
		out.NextMarker = next
		for _, v := range all {
			out.Versions = append(out.Versions, *s.shape(tx, &f, &v, true))
		}
		return err
	})
}

func (s *Service) deleteFunction(ctx context.Context, in *api.DeleteFunctionInput) (*api.DeleteFunctionOutput, error) {
	key, q, err := parse(ctx, *in.FunctionName, ptr.Val(in.Qualifier))
	if err != nil {
		return nil, err
	}
	if q == latest {
		return nil, wire.Errorf(400, invalidValue, "$LATEST version cannot be deleted without deleting the function.")
	}
	return nil, s.d.Store.Update(func(tx store.Tx) error {
		f, ok := functions.Get(tx, key)
		if !ok || f.at(q) == nil {
			return errNoFunction(wire.CallFrom(ctx), key, q)
		}
		if q == "" {
			functions.Delete(tx, key)
			return nil
		}
		f.Versions = slices.DeleteFunc(f.Versions, func(v config) bool { return v.Version == q })
		functions.Put(tx, key, f)
		return nil
	})
}

// statement is one permission of a function's policy.
type statement struct {
	Sid       string
	Effect    string
	Principal json.RawMessage
	Action    string
	Resource  string
	Condition map[string]map[string]string `json:",omitempty"`
}

// addPermission adds a statement to the function's policy.
// See https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html.
func (s *Service) addPermission(ctx context.Context, in *api.AddPermissionInput) (*api.AddPermissionOutput, error) {
	out := &api.AddPermissionOutput{}
	return out, s.edit(ctx, in.FunctionName, func(_ store.Tx, f *function) error {
		if slices.ContainsFunc(f.Statements, func(x statement) bool { return x.Sid == *in.StatementId }) {
			return wire.Errorf(409, "ResourceConflictException", "The statement id (%s) provided already exists. Please provide a new statement id, or remove the existing statement.", *in.StatementId)
		}
		who := map[string]string{"Service": *in.Principal}
		if len(*in.Principal) == 12 {
			who = map[string]string{"AWS": "arn:" + wire.Partition + ":iam::" + *in.Principal + ":root"}
		} else if len(*in.Principal) > 4 && (*in.Principal)[:4] == "arn:" {
			who = map[string]string{"AWS": *in.Principal}
		}
		principal, err := json.Marshal(who)
		if *in.Principal == "*" {
			principal, err = json.Marshal("*")
		}
		if err != nil {
			return err
		}
		x := statement{Sid: *in.StatementId, Effect: "Allow", Principal: principal, Action: *in.Action, Resource: f.arn(), Condition: map[string]map[string]string{}}
		if in.SourceArn != nil {
			x.Condition["ArnLike"] = map[string]string{"AWS:SourceArn": *in.SourceArn}
		}
		if in.SourceAccount != nil {
			x.Condition["StringEquals"] = map[string]string{"AWS:SourceAccount": *in.SourceAccount}
		}
		text, err := json.Marshal(x)
		if err != nil {
			return err
		}
		out.Statement = new(string(text))
		f.Statements = append(f.Statements, x)
		f.Revision = wire.NewRequestID()
		return nil
	})
}

func (s *Service) removePermission(ctx context.Context, in *api.RemovePermissionInput) (*api.RemovePermissionOutput, error) {
	return nil, s.edit(ctx, in.FunctionName, func(_ store.Tx, f *function) error {
		n := len(f.Statements)
		f.Statements = slices.DeleteFunc(f.Statements, func(x statement) bool { return x.Sid == *in.StatementId })
		if len(f.Statements) == n {
			return wire.Errorf(404, "ResourceNotFoundException", "Statement %s is not found in resource policy.", *in.StatementId)
		}
		f.Revision = wire.NewRequestID()
		return nil
	})
}

func (s *Service) getPolicy(ctx context.Context, in *api.GetPolicyInput) (*api.GetPolicyOutput, error) {
	f, _, err := s.view(ctx, in.FunctionName, nil)
	if err != nil {
		return nil, err
	}
	if len(f.Statements) == 0 {
		return nil, wire.Errorf(404, "ResourceNotFoundException", "The resource you requested does not exist.")
	}
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Id": "default", "Statement": f.Statements})
	return &api.GetPolicyOutput{Policy: new(string(text)), RevisionId: &f.Revision}, err
}

func (s *Service) putFunctionConcurrency(ctx context.Context, in *api.PutFunctionConcurrencyInput) (*api.PutFunctionConcurrencyOutput, error) {
	if n := *in.ReservedConcurrentExecutions; n < 0 || n > 900 {
		return nil, wire.Errorf(400, invalidValue, "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100].")
	}
	return &api.Concurrency{ReservedConcurrentExecutions: in.ReservedConcurrentExecutions}, s.edit(ctx, in.FunctionName, func(_ store.Tx, f *function) error {
		f.Reserved = in.ReservedConcurrentExecutions
		return nil
	})
}

func (s *Service) getFunctionConcurrency(ctx context.Context, in *api.GetFunctionConcurrencyInput) (*api.GetFunctionConcurrencyOutput, error) {
	f, _, err := s.view(ctx, in.FunctionName, nil)
	return &api.GetFunctionConcurrencyOutput{ReservedConcurrentExecutions: f.Reserved}, err
}

func (s *Service) deleteFunctionConcurrency(ctx context.Context, in *api.DeleteFunctionConcurrencyInput) (*api.DeleteFunctionConcurrencyOutput, error) {
	return nil, s.edit(ctx, in.FunctionName, func(_ store.Tx, f *function) error { f.Reserved = nil; return nil })
}

// asyncSettings rule over asynchronous invocations.
type asyncSettings struct {
	Modified  time.Time `json:"modified"`
	Age       *int64    `json:"age,omitempty"`     // seconds
	Retries   *int64    `json:"retries,omitempty"` // after the first attempt
	OnSuccess string    `json:"on_success,omitempty"`
	OnFailure string    `json:"on_failure,omitempty"`
}

func (f *function) asyncShape(q string) *api.FunctionEventInvokeConfig {
	a := f.Async[q]
	out := &api.FunctionEventInvokeConfig{FunctionArn: new(f.arn() + ":" + q), LastModified: &a.Modified, MaximumEventAgeInSeconds: a.Age, MaximumRetryAttempts: a.Retries, DestinationConfig: &api.DestinationConfig{OnSuccess: &api.OnSuccess{Destination: ptr.NonZero(a.OnSuccess)}, OnFailure: &api.OnFailure{Destination: ptr.NonZero(a.OnFailure)}}}
	return out
}

// setAsync writes settings over base and stores them.
func (s *Service) setAsync(ctx context.Context, in *api.PutFunctionEventInvokeConfigInput, keep bool) (out *api.FunctionEventInvokeConfig, err error) {
	q := ptr.Or(in.Qualifier, latest)
	if n := ptr.Val(in.MaximumRetryAttempts); n < 0 || n > 2 {
		return nil, wire.Errorf(400, invalidValue, "MaximumRetryAttempts must be between 0 and 2.")
	}
	if n := ptr.Or(in.MaximumEventAgeInSeconds, 60); n < 60 || n > 21600 {
		return nil, wire.Errorf(400, invalidValue, "MaximumEventAgeInSeconds must be between 60 and 21600.")
	}
	return out, s.edit(ctx, in.FunctionName, func(_ store.Tx, f *function) error {
		a, has := f.Async[q]
		switch {
		case f.at(q) == nil:
			return wire.Errorf(404, "ResourceNotFoundException", "The function %s has no version %s.", f.Name, q)
		case keep && !has:
			return wire.Errorf(404, "ResourceNotFoundException", "The function %s:%s doesn't have an EventInvokeConfig", f.arn(), q)
		case !keep:
			a = asyncSettings{}
		}
		a.Modified = s.d.Clock.Now()
		if in.MaximumEventAgeInSeconds != nil {
			a.Age = in.MaximumEventAgeInSeconds
		}
		if in.MaximumRetryAttempts != nil {
			a.Retries = in.MaximumRetryAttempts
		}
		if d := in.DestinationConfig; d != nil {
			if d.OnSuccess != nil {
				a.OnSuccess = ptr.Val(d.OnSuccess.Destination)
			}
			if d.OnFailure != nil {
				a.OnFailure = ptr.Val(d.OnFailure.Destination)
			}
		}
		f.Async = maps.Clone(f.Async)
		if f.Async == nil {
			f.Async = map[string]asyncSettings{}
		}
		f.Async[q] = a
		out = f.asyncShape(q)
		return nil
	})
}

func (s *Service) putFunctionEventInvokeConfig(ctx context.Context, in *api.PutFunctionEventInvokeConfigInput) (*api.PutFunctionEventInvokeConfigOutput, error) {
	return s.setAsync(ctx, in, false)
}

func (s *Service) updateFunctionEventInvokeConfig(ctx context.Context, in *api.UpdateFunctionEventInvokeConfigInput) (*api.UpdateFunctionEventInvokeConfigOutput, error) {
	return s.setAsync(ctx, (*api.PutFunctionEventInvokeConfigInput)(in), true)
}

func (s *Service) getFunctionEventInvokeConfig(ctx context.Context, in *api.GetFunctionEventInvokeConfigInput) (*api.GetFunctionEventInvokeConfigOutput, error) {
	f, _, err := s.view(ctx, in.FunctionName, nil)
	if err != nil {
		return nil, err
	}
	q := ptr.Or(in.Qualifier, latest)
	if _, ok := f.Async[q]; !ok {
		return nil, wire.Errorf(404, "ResourceNotFoundException", "The function %s:%s doesn't have an EventInvokeConfig", f.arn(), q)
	}
	return f.asyncShape(q), nil
}

func (s *Service) deleteFunctionEventInvokeConfig(ctx context.Context, in *api.DeleteFunctionEventInvokeConfigInput) (*api.DeleteFunctionEventInvokeConfigOutput, error) {
	return nil, s.edit(ctx, in.FunctionName, func(_ store.Tx, f *function) error {
		q := ptr.Or(in.Qualifier, latest)
		if _, ok := f.Async[q]; !ok {
			return wire.Errorf(404, "ResourceNotFoundException", "The function %s:%s doesn't have an EventInvokeConfig", f.arn(), q)
		}
		delete(f.Async, q)
		return nil
	})
}

func (s *Service) listFunctionEventInvokeConfigs(ctx context.Context, in *api.ListFunctionEventInvokeConfigsInput) (*api.ListFunctionEventInvokeConfigsOutput, error) {
	f, _, err := s.view(ctx, in.FunctionName, nil)
	if err != nil {
		return nil, err
	}
	out := &api.ListFunctionEventInvokeConfigsOutput{FunctionEventInvokeConfigs: []api.FunctionEventInvokeConfig{}}
	all, next, err := cut(slices.Sorted(maps.Keys(f.Async)), func(q string) string { return q }, in.Marker, in.MaxItems)
	out.NextMarker = next
	for _, q := range all {
		out.FunctionEventInvokeConfigs = append(out.FunctionEventInvokeConfigs, *f.asyncShape(q))
	}
	return out, err
}

func (s *Service) tagResource(ctx context.Context, in *api.TagResourceInput) (*api.TagResourceOutput, error) {
	return nil, s.edit(ctx, in.Resource, func(_ store.Tx, f *function) error {
		if f.Tags == nil {
			f.Tags = map[string]string{}
		}
		maps.Copy(f.Tags, in.Tags)
		return nil
	})
}

func (s *Service) untagResource(ctx context.Context, in *api.UntagResourceInput) (*api.UntagResourceOutput, error) {
	return nil, s.edit(ctx, in.Resource, func(_ store.Tx, f *function) error {
		for _, k := range in.TagKeys {
			delete(f.Tags, k)
		}
		return nil
	})
}

func (s *Service) listTags(ctx context.Context, in *api.ListTagsInput) (*api.ListTagsOutput, error) {
	f, _, err := s.view(ctx, in.Resource, nil)
	return &api.ListTagsOutput{Tags: f.Tags}, err
}
