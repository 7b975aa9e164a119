package ec2

import (
	"context"
	"encoding/base64"
	"reflect"
	"slices"
	"strconv"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ec2api"
)

// template is a launch template; its versions stand in a table of their own.
type template struct{ ec2api.LaunchTemplate }

var templates = newKind("launch-templates", "lt-", "launch-template", "InvalidLaunchTemplateId.NotFound", "specified launch template, with template ID",
	func(x *template) string { return *x.LaunchTemplateId })

var templateFields = fields[template]{
	"launch-template-name": func(x *template) []string { return one(*x.LaunchTemplateName) },
	"create-time":          func(x *template) []string { return one(x.CreateTime.Format("2006-01-02T15:04:05Z")) },
}

// templateVersions holds the versions by region, template and number.
var templateVersions = store.Table[ec2api.LaunchTemplateVersion]{Name: "ec2.launch-template-versions"}

func versionKey(region, id string, n int64) string {
	number := strconv.FormatInt(n, 10)
	return store.Key(region, id, "0000000000"[:10-len(number)]+number)
}

func (s *Service) registerTemplates(r *wire.Registry) {
	serve(r, ec2api.CreateLaunchTemplate, "ClientToken LaunchTemplateData LaunchTemplateName TagSpecifications VersionDescription", s.createLaunchTemplate)
	serve(r, ec2api.CreateLaunchTemplateVersion, "ClientToken LaunchTemplateData LaunchTemplateId LaunchTemplateName SourceVersion VersionDescription", s.createLaunchTemplateVersion)
	serve(r, ec2api.ModifyLaunchTemplate, "ClientToken DefaultVersion LaunchTemplateId LaunchTemplateName", s.modifyLaunchTemplate)
	serve(r, ec2api.DeleteLaunchTemplate, "LaunchTemplateId LaunchTemplateName", s.deleteLaunchTemplate)
	serve(r, ec2api.DeleteLaunchTemplateVersions, "LaunchTemplateId LaunchTemplateName Versions", s.deleteLaunchTemplateVersions)
	serve(r, ec2api.DescribeLaunchTemplates, "LaunchTemplateIds LaunchTemplateNames Filters MaxResults NextToken", s.describeLaunchTemplates)
	serve(r, ec2api.DescribeLaunchTemplateVersions, "LaunchTemplateId LaunchTemplateName Versions MinVersion MaxVersion Filters MaxResults NextToken ResolveAlias", s.describeLaunchTemplateVersions)
}

func (t *tx) templateByName(name string) (found template, ok bool) {
	ok = templates.any(t, func(x *template) bool { found = *x; return *x.LaunchTemplateName == name })
	return found, ok
}

// template finds a template by id or name.
func (t *tx) template(id, name *string) (template, error) {
	switch {
	case id != nil && name != nil:
		return template{}, wire.Errorf(400, "InvalidParameterCombination", "Either a launch template ID or a launch template name must be specified in the request, not both.")
	case id != nil:
		x, err := templates.get(t, *id)
		if err != nil {
			return x, wire.Errorf(400, "InvalidLaunchTemplateId.NotFound", "The specified launch template, with template ID %s, does not exist.", *id)
		}
		return x, nil
	case name != nil:
		x, ok := t.templateByName(*name)
		if !ok {
			return x, wire.Errorf(400, "InvalidLaunchTemplateName.NotFoundException", "The specified launch template, with template name %s, does not exist.", *name)
		}
		return x, nil
	}
	return template{}, wire.Errorf(400, "MissingParameter", "Either a launch template ID or a launch template name must be specified in the request.")
}

// version finds a version by number, $Latest or $Default; "" is $Default.
func (t *tx) version(x template, name string) (ec2api.LaunchTemplateVersion, error) {
	var n int64
	switch name {
	case "$Latest":
		n = *x.LatestVersionNumber
	case "", "$Default":
		n = *x.DefaultVersionNumber
	default:
		var err error
		if n, err = strconv.ParseInt(name, 10, 64); err != nil || n < 1 {
			return ec2api.LaunchTemplateVersion{}, wire.Errorf(400, "InvalidLaunchTemplateId.VersionNotFound", "Could not find launch template version %s", name)
		}
	}
	v, ok := templateVersions.Get(t.Tx, versionKey(t.region, *x.LaunchTemplateId, n))
	if !ok {
		return v, wire.Errorf(400, "InvalidLaunchTemplateId.VersionNotFound", "Could not find the specified version %d for the launch template with ID %s.", n, *x.LaunchTemplateId)
	}
	v.DefaultVersion = new(n == *x.DefaultVersionNumber)
	return v, nil
}

// addVersion checks and stores a new version.
func (t *tx) addVersion(x template, n int64, description *string, data *ec2api.ResponseLaunchTemplateData) (ec2api.LaunchTemplateVersion, error) {
	if data.UserData != nil {
		raw, err := base64.StdEncoding.DecodeString(*data.UserData)
		if err != nil {
			return ec2api.LaunchTemplateVersion{}, wire.Errorf(400, "InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.")
		}
		if len(raw) > maxUserData {
			return ec2api.LaunchTemplateVersion{}, tooMuchUserData
		}
	}
	if data.InstanceRequirements != nil {
		return ec2api.LaunchTemplateVersion{}, wire.Errorf(400, "UnsupportedOperation", "Local AWS wants an instance type, not instance requirements.")
	}
	if m := data.MetadataOptions; m != nil {
		m.State = nil // the provider's plan knows none
	}
	v := ec2api.LaunchTemplateVersion{
		LaunchTemplateId: x.LaunchTemplateId, LaunchTemplateName: x.LaunchTemplateName, VersionNumber: &n, VersionDescription: description,
		CreateTime: new(t.now), CreatedBy: new(t.Principal.ARN), LaunchTemplateData: data, DefaultVersion: new(n == *x.DefaultVersionNumber),
	}
	templateVersions.Put(t.Tx, versionKey(t.region, *x.LaunchTemplateId, n), v)
	return v, nil
}

func (s *Service) createLaunchTemplate(ctx context.Context, in *ec2api.CreateLaunchTemplateInput) (*ec2api.CreateLaunchTemplateOutput, error) {
	out := &ec2api.CreateLaunchTemplateOutput{}
	return out, s.update(ctx, func(t *tx) error {
		name := ptr.Val(in.LaunchTemplateName)
		if len(name) < 3 || len(name) > 128 {
			return wire.Errorf(400, "InvalidLaunchTemplateName.MalformedException", "A launch template name has 3 to 128 characters.")
		}
		if in.LaunchTemplateData == nil {
			return wire.Errorf(400, "MissingParameter", "The request must contain the parameter LaunchTemplateData")
		}
		if _, taken := t.templateByName(name); taken {
			return wire.Errorf(400, "InvalidLaunchTemplateName.AlreadyExistsException", "Launch template name already in use.")
		}
		x := template{ec2api.LaunchTemplate{
			LaunchTemplateId: new(templates.newID()), LaunchTemplateName: &name, CreateTime: new(t.now), CreatedBy: new(t.Principal.ARN),
			DefaultVersionNumber: new(int64(1)), LatestVersionNumber: new(int64(1)),
		}}
		templates.put(t, x)
		if _, err := t.addVersion(x, 1, in.VersionDescription, new(reshape[ec2api.ResponseLaunchTemplateData](in.LaunchTemplateData))); err != nil {
			return err
		}
		if err := t.specify(*x.LaunchTemplateId, templates.resource, in.TagSpecifications); err != nil {
			return err
		}
		x.Tags = t.tags(*x.LaunchTemplateId)
		out.LaunchTemplate = &x.LaunchTemplate
		return nil
	})
}

// createLaunchTemplateVersion makes the next version: the source version's
// data, if one is named, under the given data.
func (s *Service) createLaunchTemplateVersion(ctx context.Context, in *ec2api.CreateLaunchTemplateVersionInput) (*ec2api.CreateLaunchTemplateVersionOutput, error) {
	out := &ec2api.CreateLaunchTemplateVersionOutput{}
	return out, s.update(ctx, func(t *tx) error {
		x, err := t.template(in.LaunchTemplateId, in.LaunchTemplateName)
		if err != nil {
			return err
		}
		if in.LaunchTemplateData == nil {
			return wire.Errorf(400, "MissingParameter", "The request must contain the parameter LaunchTemplateData")
		}
		data := reshape[ec2api.ResponseLaunchTemplateData](in.LaunchTemplateData)
		if in.SourceVersion != nil {
			source, err := t.version(x, *in.SourceVersion)
			if err != nil {
				return err
			}
			underlay(&data, source.LaunchTemplateData)
		}
		n := *x.LatestVersionNumber + 1
		x.LatestVersionNumber = &n
		templates.put(t, x)
		v, err := t.addVersion(x, n, in.VersionDescription, &data)
		out.LaunchTemplateVersion = &v
		return err
	})
}

// underlay fills what is absent in *to from *from.
func underlay[T any](to, from *T) {
	a, b := reflect.ValueOf(to).Elem(), reflect.ValueOf(from).Elem()
	for i := range a.NumField() {
		if a.Field(i).IsZero() {
			a.Field(i).Set(b.Field(i))
		}
	}
}

func (s *Service) modifyLaunchTemplate(ctx context.Context, in *ec2api.ModifyLaunchTemplateInput) (*ec2api.ModifyLaunchTemplateOutput, error) {
	out := &ec2api.ModifyLaunchTemplateOutput{}
	return out, s.update(ctx, func(t *tx) error {
		x, err := t.template(in.LaunchTemplateId, in.LaunchTemplateName)
		if err != nil {
			return err
		}
		v, err := t.version(x, ptr.Val(in.DefaultVersion))
		if err != nil {
			return err
		}
		x.DefaultVersionNumber = v.VersionNumber
		templates.put(t, x)
		x.Tags = t.tags(*x.LaunchTemplateId)
		out.LaunchTemplate = &x.LaunchTemplate
		return nil
	})
}

func (s *Service) deleteLaunchTemplate(ctx context.Context, in *ec2api.DeleteLaunchTemplateInput) (*ec2api.DeleteLaunchTemplateOutput, error) {
	out := &ec2api.DeleteLaunchTemplateOutput{}
	return out, s.update(ctx, func(t *tx) error {
		x, err := t.template(in.LaunchTemplateId, in.LaunchTemplateName)
		if err != nil {
			return err
		}
		for n := range *x.LatestVersionNumber {
			templateVersions.Delete(t.Tx, versionKey(t.region, *x.LaunchTemplateId, n+1))
		}
		templates.remove(t, *x.LaunchTemplateId)
		out.LaunchTemplate = &x.LaunchTemplate
		return nil
	})
}

func (s *Service) deleteLaunchTemplateVersions(ctx context.Context, in *ec2api.DeleteLaunchTemplateVersionsInput) (*ec2api.DeleteLaunchTemplateVersionsOutput, error) {
	out := &ec2api.DeleteLaunchTemplateVersionsOutput{}
	return out, s.update(ctx, func(t *tx) error {
		x, err := t.template(in.LaunchTemplateId, in.LaunchTemplateName)
		if err != nil {
			return err
		}
		for _, name := range in.Versions {
			v, err := t.version(x, name)
			if err == nil && *v.DefaultVersion {
				err = wire.Errorf(400, "launchTemplateVersionStateInvalid", "The default version of a launch template cannot be deleted.")
			}
			if err != nil {
				n, _ := strconv.ParseInt(name, 10, 64)
				code := "launchTemplateVersionDoesNotExist"
				if wire.Code(err) == "launchTemplateVersionStateInvalid" {
					code = wire.Code(err)
				}
				out.UnsuccessfullyDeletedLaunchTemplateVersions = append(out.UnsuccessfullyDeletedLaunchTemplateVersions, ec2api.DeleteLaunchTemplateVersionsResponseErrorItem{
					LaunchTemplateId: x.LaunchTemplateId, LaunchTemplateName: x.LaunchTemplateName, VersionNumber: &n,
					ResponseError: &ec2api.ResponseError{Code: &code, Message: new(err.Error())},
				})
				continue
			}
			templateVersions.Delete(t.Tx, versionKey(t.region, *x.LaunchTemplateId, *v.VersionNumber))
			out.SuccessfullyDeletedLaunchTemplateVersions = append(out.SuccessfullyDeletedLaunchTemplateVersions, ec2api.DeleteLaunchTemplateVersionsResponseSuccessItem{
				LaunchTemplateId: x.LaunchTemplateId, LaunchTemplateName: x.LaunchTemplateName, VersionNumber: v.VersionNumber,
			})
		}
		return nil
	})
}

func (s *Service) describeLaunchTemplates(ctx context.Context, in *ec2api.DescribeLaunchTemplatesInput) (*ec2api.DescribeLaunchTemplatesOutput, error) {
	out := &ec2api.DescribeLaunchTemplatesOutput{}
	return out, s.view(ctx, func(t *tx) error {
		var ids []string
		for _, id := range in.LaunchTemplateIds {
			if _, err := t.template(&id, nil); err != nil {
				return err
			}
			ids = append(ids, id)
		}
		for _, name := range in.LaunchTemplateNames {
			x, err := t.template(nil, &name)
			if err != nil {
				return err
			}
			ids = append(ids, *x.LaunchTemplateId)
		}
		some, err := templates.find(t, ids, in.Filters, templateFields)
		if err != nil {
			return err
		}
		for _, x := range some {
			x.Tags = t.tags(*x.LaunchTemplateId)
			out.LaunchTemplates = append(out.LaunchTemplates, x.LaunchTemplate)
		}
		out.LaunchTemplates, out.NextToken, err = page(out.LaunchTemplates, in.MaxResults, in.NextToken)
		return err
	})
}

func (s *Service) describeLaunchTemplateVersions(ctx context.Context, in *ec2api.DescribeLaunchTemplateVersionsInput) (*ec2api.DescribeLaunchTemplateVersionsOutput, error) {
	out := &ec2api.DescribeLaunchTemplateVersionsOutput{}
	return out, s.view(ctx, func(t *tx) error {
		var of []template
		if in.LaunchTemplateId != nil || in.LaunchTemplateName != nil {
			x, err := t.template(in.LaunchTemplateId, in.LaunchTemplateName)
			if err != nil {
				return err
			}
			of = []template{x}
		} else {
			for _, v := range in.Versions {
				if v != "$Latest" && v != "$Default" {
					return wire.Errorf(400, "InvalidParameterCombination", "Without a launch template, versions are $Latest or $Default.")
				}
			}
			of = templates.all(t)
		}
		low, _ := strconv.ParseInt(ptr.Val(in.MinVersion), 10, 64)
		high, _ := strconv.ParseInt(ptr.Val(in.MaxVersion), 10, 64)
		for _, x := range of {
			if len(in.Versions) > 0 {
				for _, name := range in.Versions {
					v, err := t.version(x, name)
					if err != nil {
						return err
					}
					out.LaunchTemplateVersions = append(out.LaunchTemplateVersions, v)
				}
				continue
			}
			all := templateVersions.List(t.Tx, store.Key(t.region, *x.LaunchTemplateId)+"/")
			slices.Reverse(all) // newest first
			for _, v := range all {
				if *v.VersionNumber >= low && (high == 0 || *v.VersionNumber <= high) {
					v.DefaultVersion = new(*v.VersionNumber == *x.DefaultVersionNumber)
					out.LaunchTemplateVersions = append(out.LaunchTemplateVersions, v)
				}
			}
		}
		known := map[string]func(ec2api.LaunchTemplateVersion) string{
			"is-default-version": func(v ec2api.LaunchTemplateVersion) string { return strconv.FormatBool(*v.DefaultVersion) },
			"image-id":           func(v ec2api.LaunchTemplateVersion) string { return ptr.Val(v.LaunchTemplateData.ImageId) },
			"instance-type":      func(v ec2api.LaunchTemplateVersion) string { return ptr.Val(v.LaunchTemplateData.InstanceType) },
			"iam-instance-profile": func(v ec2api.LaunchTemplateVersion) string {
				p := ptr.Val(v.LaunchTemplateData.IamInstanceProfile)
				return ptr.Val(or(p.Arn, ptr.Val(p.Name)))
			},
		}
		for _, f := range in.Filters {
			value, ok := known[ptr.Val(f.Name)]
			if !ok {
				return wire.Errorf(400, "InvalidParameterValue", "The filter '%s' is invalid", ptr.Val(f.Name))
			}
			out.LaunchTemplateVersions = slices.DeleteFunc(out.LaunchTemplateVersions, func(v ec2api.LaunchTemplateVersion) bool {
				return !matchAny(f.Values, []string{value(v)})
			})
		}
		var err error
		out.LaunchTemplateVersions, out.NextToken, err = page(out.LaunchTemplateVersions, in.MaxResults, in.NextToken)
		return err
	})
}
