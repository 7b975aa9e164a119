package ssm

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"

	"grocery/localaws/service/internal/page"
	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/ssmapi"
)

// read returns the parameter a request names, AWS's public ones included.
func (s *Service) read(ctx context.Context, id string, decrypt bool) (*api.Parameter, error) {
	c := wire.CallFrom(ctx)
	name, selector := split(id)
	if strings.HasPrefix(name, "/aws/") {
		return s.public(ctx, name)
	}
	var out *api.Parameter
	return out, s.d.Store.View(func(tx store.Tx) error {
		p, ok := parameters.Get(tx, store.Key(c.Region, name))
		if !ok {
			return errNotFound
		}
		v, err := p.pick(selector)
		if err != nil {
			return err
		}
		out, err = s.shape(c, &p, v, decrypt)
		out.Selector = ptr.NonZero(selector)
		return err
	})
}

func (s *Service) shape(c *wire.Call, p *parameter, v *version, decrypt bool) (*api.Parameter, error) {
	value, err := s.value(p, v, decrypt)
	return &api.Parameter{ARN: new(arn(c, p.Name)), Name: &p.Name, Type: &v.Type, Value: &value, Version: &v.Number, DataType: &v.DataType, LastModifiedDate: &v.Modified}, err
}

// value is a version's value. A secure string that is not to be decrypted is
// shown sealed, as on AWS.
func (s *Service) value(p *parameter, v *version, decrypt bool) (string, error) {
	switch {
	case v.Type != secure:
		return v.Value, nil
	case !decrypt:
		return base64.StdEncoding.EncodeToString(v.Sealed), nil
	}
	plain, err := s.d.Key.Open(v.Sealed, p.place(v.Number))
	return string(plain), err
}

func (s *Service) getParameter(ctx context.Context, in *api.GetParameterInput) (*api.GetParameterOutput, error) {
	p, err := s.read(ctx, *in.Name, ptr.Val(in.WithDecryption))
	if err != nil {
		return nil, err
	}
	return &api.GetParameterOutput{Parameter: p}, nil
}

func (s *Service) getParameters(ctx context.Context, in *api.GetParametersInput) (*api.GetParametersOutput, error) {
	if len(in.Names) > 10 {
		return nil, wire.Errorf(400, "ValidationException", "GetParameters takes at most 10 names.")
	}
	out := &api.GetParametersOutput{}
	for _, n := range in.Names {
		p, err := s.read(ctx, n, ptr.Val(in.WithDecryption))
		switch {
		case err == nil:
			out.Parameters = append(out.Parameters, *p)
		case strings.HasPrefix(wire.Code(err), "Parameter"):
			out.InvalidParameters = append(out.InvalidParameters, n)
		default:
			return nil, err
		}
	}
	return out, nil
}

func (s *Service) getParametersByPath(ctx context.Context, in *api.GetParametersByPathInput) (*api.GetParametersByPathOutput, error) {
	c := wire.CallFrom(ctx)
	path := strings.TrimSuffix(*in.Path, "/") + "/"
	if path[0] != '/' {
		return nil, wire.Errorf(400, "ValidationException", "The parameter path must begin with a slash.")
	}
	if strings.HasPrefix(path, "/aws/") {
		return s.publicByPath(ctx, path, in)
	}
	match, err := filters(in.ParameterFilters)
	if err != nil {
		return nil, err
	}
	out := &api.GetParametersByPathOutput{}
	return out, s.d.Store.View(func(tx store.Tx) (err error) {
		found := slices.DeleteFunc(parameters.List(tx, store.Key(c.Region, path)), func(p parameter) bool {
			return !ptr.Val(in.Recursive) && strings.Contains(p.Name[len(path):], "/") || !match(&p)
		})
		if found, out.NextToken, err = cut(found, in.NextToken, in.MaxResults, 10); err != nil {
			return err
		}
		for _, p := range found {
			x, err := s.shape(c, &p, p.latest(), ptr.Val(in.WithDecryption))
			if err != nil {
				return err
			}
			out.Parameters = append(out.Parameters, *x)
		}
		return nil
	})
}

func cut(all []parameter, token *string, limit *int64, def int) ([]parameter, *string, error) {
	found, next, err := page.Cut(all, func(p parameter) string { return p.Name }, token, limit, def)
	if err != nil {
		return nil, nil, wire.Errorf(400, "InvalidNextToken", "The specified token is not valid.")
	}
	return found, next, nil
}

func (s *Service) describeParameters(ctx context.Context, in *api.DescribeParametersInput) (*api.DescribeParametersOutput, error) {
	c := wire.CallFrom(ctx)
	all := in.ParameterFilters
	for _, f := range in.Filters { // the older form
		all = append(all, api.ParameterStringFilter{Key: f.Key, Values: f.Values})
	}
	match, err := filters(all)
	if err != nil {
		return nil, err
	}
	out := &api.DescribeParametersOutput{}
	return out, s.d.Store.View(func(tx store.Tx) (err error) {
		found := slices.DeleteFunc(parameters.List(tx, c.Region+"/"), func(p parameter) bool { return !match(&p) })
		if found, out.NextToken, err = cut(found, in.NextToken, in.MaxResults, 50); err != nil {
			return err
		}
		for _, p := range found {
			v := p.latest()
			out.Parameters = append(out.Parameters, api.ParameterMetadata{ARN: new(arn(c, p.Name)), Name: &p.Name, Type: &v.Type, KeyId: ptr.NonZero(v.Key), DataType: &v.DataType, Tier: &v.Tier,
				Description: ptr.NonZero(v.Description), AllowedPattern: ptr.NonZero(v.Pattern), Version: &v.Number, LastModifiedDate: &v.Modified, LastModifiedUser: &v.By})
		}
		return nil
	})
}

// filters turns a request's filters into one function.
// See https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ParameterStringFilter.html.
func filters(all []api.ParameterStringFilter) (match func(*parameter) bool, err error) {
	var tests []func(*parameter) bool
	for _, f := range all {
		key, option, values := ptr.Val(f.Key), ptr.Or(f.Option, "Equals"), f.Values
		is := func(have string) bool {
			return slices.ContainsFunc(values, func(want string) bool {
				switch option {
				case "BeginsWith":
					return strings.HasPrefix(have, want)
				case "Contains":
					return strings.Contains(have, want)
				}
				return have == want
			})
		}
		known := slices.Contains([]string{"Equals", "BeginsWith"}, option)
		switch {
		case key == "Name" && (known || option == "Contains"):
			tests = append(tests, func(p *parameter) bool { return is(p.Name) || is("/"+p.Name) })
		case key == "Path" && (option == "Equals" || option == "OneLevel" || option == "Recursive"):
			tests = append(tests, func(p *parameter) bool {
				return slices.ContainsFunc(values, func(path string) bool {
					rest, ok := strings.CutPrefix(p.Name, strings.TrimSuffix(path, "/")+"/")
					return ok && (option == "Recursive" || !strings.Contains(rest, "/"))
				})
			})
		case key == "Type" && known:
			tests = append(tests, func(p *parameter) bool { return is(p.latest().Type) })
		case key == "KeyId" && known:
			tests = append(tests, func(p *parameter) bool { return is(p.latest().Key) })
		case key == "Tier" && known:
			tests = append(tests, func(p *parameter) bool { return is(p.latest().Tier) })
		case key == "DataType" && known:
			tests = append(tests, func(p *parameter) bool { return is(p.latest().DataType) })
		case key == "Label" && option == "Equals":
			tests = append(tests, func(p *parameter) bool { return slices.ContainsFunc(p.latest().Labels, is) })
		case strings.HasPrefix(key, "tag:") && known:
			tests = append(tests, func(p *parameter) bool {
				v, ok := p.Tags[key[len("tag:"):]]
				return ok && (len(values) == 0 || is(v))
			})
		case !slices.Contains([]string{"Name", "Path", "Type", "KeyId", "Tier", "DataType", "Label"}, key):
			return nil, wire.Errorf(400, "InvalidFilterKey", "The filter key %s is not valid.", key)
		default:
			return nil, wire.Errorf(400, "InvalidFilterOption", "The filter option %s is not valid for %s.", option, key)
		}
	}
	return func(p *parameter) bool {
		return !slices.ContainsFunc(tests, func(t func(*parameter) bool) bool { return !t(p) })
	}, nil
}

func (s *Service) getParameterHistory(ctx context.Context, in *api.GetParameterHistoryInput) (*api.GetParameterHistoryOutput, error) {
	out := &api.GetParameterHistoryOutput{}
	return out, s.d.Store.View(func(tx store.Tx) error {
		name, _ := split(*in.Name)
		p, ok := parameters.Get(tx, store.Key(wire.CallFrom(ctx).Region, name))
		if !ok {
			return errNotFound
		}
		all, next, err := page.Cut(p.Versions, func(v version) string { return string(rune(v.Number)) }, in.NextToken, in.MaxResults, 50)
		if err != nil {
			return wire.Errorf(400, "InvalidNextToken", "The specified token is not valid.")
		}
		out.NextToken = next
		for _, v := range all {
			value, err := s.value(&p, &v, ptr.Val(in.WithDecryption))
			if err != nil {
				return err
			}
			out.Parameters = append(out.Parameters, api.ParameterHistory{Name: &p.Name, Type: &v.Type, KeyId: ptr.NonZero(v.Key), DataType: &v.DataType, Tier: &v.Tier, Description: ptr.NonZero(v.Description),
				AllowedPattern: ptr.NonZero(v.Pattern), Labels: v.Labels, Value: &value, Version: &v.Number, LastModifiedDate: &v.Modified, LastModifiedUser: &v.By})
		}
		return nil
	})
}
