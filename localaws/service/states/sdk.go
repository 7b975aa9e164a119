package states

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"grocery/localaws/service/states/asl"
	"grocery/localaws/service/states/internal/javanames"
	"grocery/localaws/wire"
)

// sdkService is a service as SDK integrations know it.
type sdkService struct {
	name   string // localaws's name
	client string // the Java SDK's, in the names of errors and in causes
}

// sdkServices are the services that tasks may call, by their name in an ARN.
var sdkServices = map[string]sdkService{
	"autoscaling":            {"autoscaling", "AutoScaling"},
	"cloudwatch":             {"cloudwatch", "CloudWatch"},
	"cloudwatchlogs":         {"logs", "CloudWatchLogs"},
	"dynamodb":               {"dynamodb", "DynamoDb"},
	"ec2":                    {"ec2", "Ec2"},
	"ecr":                    {"ecr", "Ecr"},
	"elasticloadbalancingv2": {"elbv2", "ElasticLoadBalancingV2"},
	"eventbridge":            {"events", "EventBridge"},
	"iam":                    {"iam", "Iam"},
	"lambda":                 {"lambda", "Lambda"},
	"rds":                    {"rds", "Rds"},
	"s3":                     {"s3", "S3"},
	"s3control":              {"s3control", "S3Control"},
	"secretsmanager":         {"secretsmanager", "SecretsManager"},
	"sfn":                    {"states", "Sfn"},
	"sns":                    {"sns", "Sns"},
	"sqs":                    {"sqs", "Sqs"},
	"ssm":                    {"ssm", "Ssm"},
	"sts":                    {"sts", "Sts"},
}

// operation finds what an SDK integration calls.
func (s *Service) operation(r *asl.Resource) (sdkService, *wire.Operation, error) {
	svc, ok := sdkServices[r.Service]
	if !ok {
		return svc, nil, fmt.Errorf("local AWS serves no aws-sdk service %q to state machines: it serves %s", r.Service, strings.Join(slices.Sorted(maps.Keys(sdkServices)), ", "))
	}
	op, ok := s.d.Calls.Lookup(svc.name, strings.ToUpper(r.Action[:1])+r.Action[1:])
	if !ok {
		return svc, nil, fmt.Errorf("local AWS does not serve %s:%s", r.Service, r.Action)
	}
	return svc, op, nil
}

// callSDK makes the call of an aws-sdk integration, whose members have the
// names of AWS's Java SDK.
// See https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html.
func (s *Service) callSDK(ctx context.Context, r *asl.Resource, input any) (any, error) {
	svc, op, err := s.operation(r)
	if err != nil {
		return nil, err
	}
	in, err := toModel(input, op.Input(), op.Name)
	if err != nil {
		return nil, err
	}
	m, ok := in.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("the parameters of %s must be an object", op.Name)
	}
	out, err := s.d.Calls.InvokeJSON(ctx, svc.name, op.Name, m)
	if err != nil {
		return nil, sdkError(ctx, svc, r, err)
	}
	return fromModel(out, op.Output())
}

// toModel renames members as the model has them.
func toModel(v any, t reflect.Type, at string) (any, error) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == reflect.TypeFor[[]byte]() {
		if s, ok := v.(string); ok {
			return []byte(s), nil
		}
		return asl.JSON(v), nil
	}
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			name, of := k, t
			switch {
			case t.Kind() == reflect.Map:
				of = t.Elem()
			case t.Kind() == reflect.Struct && t != reflect.TypeFor[time.Time]():
				f, ok := member(t, k)
				if !ok {
					return nil, &asl.Error{Name: asl.Runtime, Cause: fmt.Sprintf("The field '%s' is not supported by Step Functions in %s", k, at)}
				}
				name, of = f.Tag.Get("name"), f.Type
			}
			y, err := toModel(x, of, at+"."+k)
			if err != nil {
				return nil, err
			}
			out[name] = y
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			of := t
			if t.Kind() == reflect.Slice {
				of = t.Elem()
			}
			y, err := toModel(x, of, fmt.Sprintf("%s[%d]", at, i))
			if err != nil {
				return nil, err
			}
			out[i] = y
		}
		return out, nil
	}
	return v, nil
}

// member finds the member of a shape that Step Functions calls name.
func member(t reflect.Type, name string) (reflect.StructField, bool) {
	for i := range t.NumField() {
		if f := t.Field(i); javanames.Member(f.Tag.Get("name")) == name {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

// fromModel renames members as Step Functions has them; timestamps, blobs and
// streams become text.
func fromModel(v any, t reflect.Type) (any, error) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for i := 0; t.Kind() == reflect.Struct && i < t.NumField(); i++ {
			f := t.Field(i)
			x, ok := v[f.Tag.Get("name")]
			if !ok {
				continue
			}
			y, err := fromModel(x, f.Type)
			if err != nil {
				return nil, err
			}
			out[javanames.Member(f.Tag.Get("name"))] = y
		}
		for k, x := range v {
			if t.Kind() != reflect.Map {
				break
			}
			y, err := fromModel(x, t.Elem())
			if err != nil {
				return nil, err
			}
			out[k] = y
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			y, err := fromModel(x, t.Elem())
			if err != nil {
				return nil, err
			}
			out[i] = y
		}
		return out, nil
	case time.Time:
		return asl.Time(v), nil
	case []byte:
		return string(v), nil
	case io.ReadCloser:
		defer v.Close()
		raw, err := io.ReadAll(io.LimitReader(v, maxData+1))
		return string(raw), err
	case int64:
		return asl.Number(v), nil
	}
	return v, nil
}

// sdkError names a service's error as the Java SDK does: by the class of an
// error that AWS's model knows, and by the service's own otherwise.
func sdkError(ctx context.Context, svc sdkService, r *asl.Resource, err error) error {
	name := svc.client + "Exception"
	if e, ok := errors.AsType[*wire.Error](err); ok {
		switch modelled := exceptions[svc.name][e.Code]; {
		case svc.name == "s3" && e.Status == 404 && r.Action == "headObject":
			name = "NoSuchKeyException" // the answer to HEAD has no body that would say more
		case svc.name == "s3" && e.Status == 404 && r.Action == "headBucket":
			name = "NoSuchBucketException"
		case modelled != "":
			name = modelled
		}
	}
	return &asl.Error{Name: svc.client + "." + name, Cause: cause(ctx, svc.client, err)}
}

// cause writes an error as the Java SDK does. What went wrong inside is in the
// log and is not shown.
func cause(ctx context.Context, client string, err error) string {
	message, status := "An internal error occurred; local AWS wrote the cause to its log.", 500
	if e, ok := errors.AsType[*wire.Error](err); ok {
		message, status = e.Message, e.Status
	}
	return fmt.Sprintf("%s (Service: %s, Status Code: %d, Request ID: %s)", message, client, status, wire.CallFrom(ctx).RequestID)
}
