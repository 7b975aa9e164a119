package ssm

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/ssmapi"
)

// The types of parameters.
const (
	plainText  = "String"
	stringList = "StringList"
	secure     = "SecureString"
)

// The tiers of parameters. Local AWS asks no price for the second.
const (
	standard    = "Standard"
	advanced    = "Advanced"
	intelligent = "Intelligent-Tiering"
)

// defaultKey is the key AWS seals secure strings with unless told another.
const defaultKey = "alias/aws/ssm"

// parameter is one parameter with its versions, oldest first.
type parameter struct {
	Name     string            `json:"name"`
	Region   string            `json:"region"`
	Tags     map[string]string `json:"tags,omitempty"`
	Versions []version         `json:"versions"`
}

type version struct {
	Number      int64     `json:"number"`
	Type        string    `json:"type"`
	Value       string    `json:"value,omitempty"`
	Sealed      []byte    `json:"sealed,omitempty"` // instead of Value for secure strings
	DataType    string    `json:"data_type"`
	Tier        string    `json:"tier"`
	Description string    `json:"description,omitempty"`
	Pattern     string    `json:"pattern,omitempty"`
	Key         string    `json:"key,omitempty"`
	Labels      []string  `json:"labels,omitempty"`
	Modified    time.Time `json:"modified"`
	By          string    `json:"by"`
}

var parameters = store.Table[parameter]{Name: "ssm_parameters"}

func (p *parameter) key() string      { return store.Key(p.Region, p.Name) }
func (p *parameter) latest() *version { return &p.Versions[len(p.Versions)-1] }

func (p *parameter) place(number int64) string {
	return "parameter " + p.key() + " " + strconv.FormatInt(number, 10)
}

// arn is the parameter's ARN; the slash before the name is there once.
func arn(c *wire.Call, name string) string {
	return c.ARN("ssm", "parameter/"+strings.TrimPrefix(name, "/"))
}

var (
	validName   = regexp.MustCompile(`^[A-Za-z0-9_.\-/]+$`)
	errNotFound = wire.Errorf(400, "ParameterNotFound", "The parameter does not exist.")
)

// split takes a request's name apart: an ARN or a name, and after a colon the
// version or label.
func split(id string) (name, selector string) {
	if strings.HasPrefix(id, "arn:") {
		part := strings.SplitN(id, ":", 7)
		if len(part) < 6 {
			return id, ""
		}
		if len(part) == 7 {
			selector = ":" + part[6]
		}
		name = strings.TrimPrefix(part[5], "parameter")
		if !strings.Contains(name[min(1, len(name)):], "/") { // a name without path has no slash of its own
			name = strings.TrimPrefix(name, "/")
		}
		return name, selector
	}
	name, selector, ok := strings.Cut(id, ":")
	if ok {
		selector = ":" + selector
	}
	return name, selector
}

// pick returns the version a selector names, the latest without one.
func (p *parameter) pick(selector string) (*version, error) {
	want := strings.TrimPrefix(selector, ":")
	if want == "" {
		return p.latest(), nil
	}
	n, err := strconv.ParseInt(want, 10, 64)
	for i := range p.Versions {
		v := &p.Versions[i]
		if err == nil && v.Number == n || slices.Contains(v.Labels, want) {
			return v, nil
		}
	}
	return nil, wire.Errorf(400, "ParameterVersionNotFound", "Systems Manager could not find version %s of %s. Verify the version and try again.", want, p.Name)
}

// putParameter writes a parameter or its next version.
// See https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html.
func (s *Service) putParameter(ctx context.Context, in *api.PutParameterInput) (*api.PutParameterOutput, error) {
	c := wire.CallFrom(ctx)
	if err := checkPut(in); err != nil {
		return nil, err
	}
	out := &api.PutParameterOutput{}
	return out, s.d.Store.Update(func(tx store.Tx) error {
		p, exists := parameters.Get(tx, store.Key(c.Region, *in.Name))
		switch {
		case exists && !ptr.Val(in.Overwrite):
			return wire.Errorf(400, "ParameterAlreadyExists", "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")
		case exists && len(in.Tags) > 0:
			return wire.Errorf(400, "ValidationException", "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.")
		case !exists && in.Type == nil:
			return wire.Errorf(400, "ValidationException", "A parameter type is required when you create a parameter.")
		}
		v := version{Number: 1, DataType: "text", Tier: standard, Modified: s.d.Clock.Now(), By: c.Principal.String()}
		if exists {
			old := *p.latest()
			v.Number, v.Type, v.DataType, v.Tier, v.Key = old.Number+1, old.Type, old.DataType, old.Tier, old.Key
			v.Description, v.Pattern = old.Description, old.Pattern
		} else {
			p = parameter{Name: *in.Name, Region: c.Region, Tags: tagMap(nil, in.Tags)}
		}
		ptr.Set(&v.Type, in.Type)
		ptr.Set(&v.DataType, in.DataType)
		ptr.Set(&v.Description, in.Description)
		ptr.Set(&v.Pattern, in.AllowedPattern)
		ptr.Set(&v.Tier, in.Tier)
		if v.Tier == intelligent {
			v.Tier = standard
			if len(*in.Value) > 4096 {
				v.Tier = advanced
			}
		}
		if limit := map[string]int{standard: 4096, advanced: 8192}[v.Tier]; len(*in.Value) > limit {
			return wire.Errorf(400, "ValidationException", "%s tier parameters support a maximum parameter value of %d characters.", v.Tier, limit)
		}
		if v.Pattern != "" {
			if ok, err := regexp.MatchString("^(?:"+v.Pattern+")$", *in.Value); err != nil {
				return wire.Errorf(400, "InvalidAllowedPatternException", "The pattern %s cannot be read: %v.", v.Pattern, err)
			} else if !ok {
				return wire.Errorf(400, "ParameterPatternMismatchException", "Parameter value, cannot be validated against allowedPattern: %s", v.Pattern)
			}
		}
		v.Value, v.Key = *in.Value, ""
		if v.Type == secure {
			v.Key = ptr.Or(in.KeyId, defaultKey)
			v.Value, v.Sealed = "", s.d.Key.Seal([]byte(*in.Value), p.place(v.Number))
		}
		p.Versions = append(p.Versions, v)
		if over := len(p.Versions) - 100; over > 0 {
			if len(p.Versions[0].Labels) > 0 {
				return wire.Errorf(400, "ParameterMaxVersionLimitExceeded", "You attempted to create a new version of %s, but the oldest of its 100 versions has a label. Move the label to a newer version and try again.", p.Name)
			}
			p.Versions = p.Versions[over:]
		}
		parameters.Put(tx, p.key(), p)
		out.Version, out.Tier = &v.Number, &v.Tier
		return nil
	})
}

func checkPut(in *api.PutParameterInput) error {
	name := *in.Name
	lower := strings.ToLower(strings.TrimPrefix(name, "/"))
	switch {
	case len(name) > 1011 || !validName.MatchString(name) || strings.HasSuffix(name, "/") || strings.Contains(name, "//"):
		return wire.Errorf(400, "ValidationException", "Invalid parameter name. Please use alphanumeric characters, periods, hyphens, underscores and slashes.")
	case strings.HasPrefix(lower, "aws") || strings.HasPrefix(lower, "ssm"):
		return wire.Errorf(400, "AccessDeniedException", "No access to reserved parameter name: %s.", name)
	case strings.Contains(name, "/") && name[0] != '/':
		return wire.Errorf(400, "ValidationException", "Parameter name must be a fully qualified name: it begins with a slash when it contains one.")
	case strings.Count(name, "/") > 15:
		return wire.Errorf(400, "HierarchyLevelLimitExceededException", "A parameter name can have at most 15 levels.")
	case in.Type != nil && !slices.Contains([]string{plainText, stringList, secure}, *in.Type):
		return wire.Errorf(400, "ValidationException", "The parameter type %s is not supported: use String, StringList or SecureString.", *in.Type)
	case in.DataType != nil && *in.DataType != "text" && *in.DataType != "aws:ec2:image":
		return wire.Errorf(400, "ValidationException", "The data type %s is not supported: use text or aws:ec2:image.", *in.DataType)
	case in.Tier != nil && !slices.Contains([]string{standard, advanced, intelligent}, *in.Tier):
		return wire.Errorf(400, "ValidationException", "The tier %s does not exist.", *in.Tier)
	case in.KeyId != nil && in.Type != nil && *in.Type != secure:
		return wire.Errorf(400, "ValidationException", "KeyId is required for SecureString type parameter only.")
	case *in.Value == "":
		return wire.Errorf(400, "ValidationException", "The parameter value must not be empty.")
	}
	return nil
}

func (s *Service) deleteParameter(ctx context.Context, in *api.DeleteParameterInput) (*api.DeleteParameterOutput, error) {
	gone, err := s.remove(ctx, []string{*in.Name})
	if err == nil && len(gone) == 0 {
		err = errNotFound
	}
	return nil, err
}

func (s *Service) deleteParameters(ctx context.Context, in *api.DeleteParametersInput) (*api.DeleteParametersOutput, error) {
	gone, err := s.remove(ctx, in.Names)
	out := &api.DeleteParametersOutput{DeletedParameters: gone}
	for _, n := range in.Names {
		if !slices.Contains(gone, n) {
			out.InvalidParameters = append(out.InvalidParameters, n)
		}
	}
	return out, err
}

func (s *Service) remove(ctx context.Context, ids []string) (gone []string, err error) {
	return gone, s.d.Store.Update(func(tx store.Tx) error {
		for _, id := range ids {
			name, _ := split(id)
			key := store.Key(wire.CallFrom(ctx).Region, name)
			if _, ok := parameters.Get(tx, key); ok {
				parameters.Delete(tx, key)
				gone = append(gone, id)
			}
		}
		return nil
	})
}
