package ssm_test

import (
	"context"
	"log/slog"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"grocery/localaws/seal"
	"grocery/localaws/service/internal/apitest"
	service "grocery/localaws/service/ssm"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ec2api"
)

func newClient(t *testing.T) *ssm.Client {
	r := apitest.Registry()
	wire.Handle(r, ec2api.DescribeImages, func(_ context.Context, in *ec2api.DescribeImagesInput) (*ec2api.DescribeImagesOutput, error) {
		return &ec2api.DescribeImagesOutput{Images: []ec2api.Image{
			{ImageId: new("ami-old"), Name: new("al2023-ami-2023.1-kernel-6.1-x86_64"), Architecture: new("x86_64"), CreationDate: new("2025-01-01T00:00:00.000Z")},
			{ImageId: new("ami-new"), Name: new("al2023-ami-2023.2-kernel-6.1-x86_64"), Architecture: new("x86_64"), CreationDate: new("2026-01-01T00:00:00.000Z")},
			{ImageId: new("ami-two"), Name: new("amzn2-ami-hvm-2.0.1-x86_64-gp2"), Architecture: new("x86_64"), CreationDate: new("2026-02-01T00:00:00.000Z")},
		}}, nil
	})
	service.New(service.Deps{Store: store.NewMemory(), Clock: apitest.NewClock(), Key: seal.New(), Calls: r, Log: slog.New(slog.DiscardHandler)}).Register(r)
	return ssm.NewFromConfig(apitest.Serve(t, r))
}

func put(t *testing.T, c *ssm.Client, in *ssm.PutParameterInput) *ssm.PutParameterOutput {
	t.Helper()
	out, err := c.PutParameter(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func get(t *testing.T, c *ssm.Client, name string, decrypt bool) string {
	t.Helper()
	out, err := c.GetParameter(t.Context(), &ssm.GetParameterInput{Name: &name, WithDecryption: &decrypt})
	if err != nil {
		return apitest.Code(err)
	}
	return *out.Parameter.Value
}

func TestOverwritingMakesAVersionAndOldOnesStayReadable(t *testing.T) {
	c := newClient(t)
	put(t, c, &ssm.PutParameterInput{Name: new("/app/url"), Value: new("one"), Type: types.ParameterTypeString})
	if _, err := c.PutParameter(t.Context(), &ssm.PutParameterInput{Name: new("/app/url"), Value: new("two")}); apitest.Code(err) != "ParameterAlreadyExists" {
		t.Fatalf("overwritten without being told: %v", err)
	}
	if v := put(t, c, &ssm.PutParameterInput{Name: new("/app/url"), Value: new("two"), Overwrite: new(true)}).Version; v != 2 {
		t.Fatalf("version %d", v)
	}
	if _, err := c.LabelParameterVersion(t.Context(), &ssm.LabelParameterVersionInput{Name: new("/app/url"), ParameterVersion: new(int64(1)), Labels: []string{"good"}}); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{
		"/app/url": "two", "/app/url:1": "one", "/app/url:good": "one", "/app/url:9": "ParameterVersionNotFound", "/app/none": "ParameterNotFound",
		"arn:aws:ssm:eu-central-1:123456789012:parameter/app/url": "two",
	} {
		if got := get(t, c, id, false); got != want {
			t.Errorf("%s: %s, want %s", id, got, want)
		}
	}
}

func TestASecureStringShowsOnlyWhenDecrypted(t *testing.T) {
	c := newClient(t)
	put(t, c, &ssm.PutParameterInput{Name: new("pw"), Value: new("hunter2"), Type: types.ParameterTypeSecureString})
	if got := get(t, c, "pw", true); got != "hunter2" {
		t.Fatal(got)
	}
	if got := get(t, c, "pw", false); got == "hunter2" || got == "" {
		t.Fatalf("shown without decryption: %q", got)
	}
}

func TestPublicParametersNameTheNewestImage(t *testing.T) {
	c := newClient(t)
	const folder = "/aws/service/ami-amazon-linux-latest/"
	for name, want := range map[string]string{
		"al2023-ami-kernel-default-x86_64": "ami-new", "amzn2-ami-hvm-x86_64-gp2": "ami-two", "al2023-ami-kernel-default-arm64": "ParameterNotFound", "nothing": "ParameterNotFound",
	} {
		if got := get(t, c, folder+name, false); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	out, err := c.GetParametersByPath(t.Context(), &ssm.GetParametersByPathInput{Path: new(folder)})
	if err != nil || len(out.Parameters) != 5 {
		t.Fatalf("%d public parameters, %v", len(out.Parameters), err)
	}
	if _, err := c.PutParameter(t.Context(), &ssm.PutParameterInput{Name: new("/aws/x"), Value: new("v"), Type: types.ParameterTypeString}); apitest.Code(err) != "AccessDeniedException" {
		t.Fatalf("a reserved name was taken: %v", err)
	}
}

func TestByPathDescendsOnlyWhenToldAndPages(t *testing.T) {
	c := newClient(t)
	for _, n := range []string{"/app/a", "/app/b", "/app/deep/c", "/other/d"} {
		put(t, c, &ssm.PutParameterInput{Name: &n, Value: new("v"), Type: types.ParameterTypeString, Tags: []types.Tag{{Key: new("of"), Value: &n}}})
	}
	for recursive, want := range map[bool][]string{false: {"/app/a", "/app/b"}, true: {"/app/a", "/app/b", "/app/deep/c"}} {
		var got []string
		p := ssm.NewGetParametersByPathPaginator(c, &ssm.GetParametersByPathInput{Path: new("/app"), Recursive: &recursive, MaxResults: new(int32(1))})
		for p.HasMorePages() {
			out, err := p.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range out.Parameters {
				got = append(got, *x.Name)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("recursive %v: %v", recursive, got)
		}
	}
	d, err := c.DescribeParameters(t.Context(), &ssm.DescribeParametersInput{ParameterFilters: []types.ParameterStringFilter{{Key: new("Name"), Option: new("Equals"), Values: []string{"/app/a"}}}})
	if err != nil || len(d.Parameters) != 1 {
		t.Fatalf("%+v, %v", d, err)
	}
	if _, err := c.DescribeParameters(t.Context(), &ssm.DescribeParametersInput{ParameterFilters: []types.ParameterStringFilter{{Key: new("Colour")}}}); apitest.Code(err) != "InvalidFilterKey" {
		t.Fatalf("an unknown filter: %v", err)
	}
	tags, err := c.ListTagsForResource(t.Context(), &ssm.ListTagsForResourceInput{ResourceId: new("/app/a"), ResourceType: types.ResourceTypeForTaggingParameter})
	if err != nil || len(tags.TagList) != 1 || *tags.TagList[0].Value != "/app/a" {
		t.Fatalf("%+v, %v", tags, err)
	}
}

func TestBadParametersAreRefused(t *testing.T) {
	c := newClient(t)
	for name, x := range map[string]struct {
		in   ssm.PutParameterInput
		code string
	}{
		"a value its pattern excludes": {ssm.PutParameterInput{Name: new("n"), Value: new("x"), Type: types.ParameterTypeString, AllowedPattern: new("[0-9]+")}, "ParameterPatternMismatchException"},
		"no type":                      {ssm.PutParameterInput{Name: new("n"), Value: new("x")}, "ValidationException"},
		"a path without leading slash": {ssm.PutParameterInput{Name: new("a/b"), Value: new("x"), Type: types.ParameterTypeString}, "ValidationException"},
		"a policy":                     {ssm.PutParameterInput{Name: new("n"), Value: new("x"), Type: types.ParameterTypeString, Policies: new("[]")}, "ValidationException"},
	} {
		if _, err := c.PutParameter(t.Context(), &x.in); apitest.Code(err) != x.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	out, err := c.DeleteParameters(t.Context(), &ssm.DeleteParametersInput{Names: []string{"n"}})
	if err != nil || len(out.InvalidParameters) != 1 {
		t.Fatalf("%+v, %v", out, err)
	}
}
