package ssm

import (
	"context"
	"slices"
	"strings"
	"time"

	"grocery/localaws/service/internal/page"
	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ec2api"
	api "grocery/localaws/wire/api/ssmapi"
)

// publicFolder holds the parameters with which AWS names its latest images.
// See https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-public-parameters-ami.html.
const publicFolder = "/aws/service/ami-amazon-linux-latest/"

// publicImages says which images a public parameter means. The value is the
// newest of EC2's images whose name begins so, for the architecture.
var publicImages = map[string]struct{ prefix, architecture string }{
	"al2023-ami-kernel-default-x86_64":     {"al2023-ami-2023", "x86_64"},
	"al2023-ami-kernel-default-arm64":      {"al2023-ami-2023", "arm64"},
	"al2023-ami-kernel-6.1-x86_64":         {"al2023-ami-2023", "x86_64"},
	"al2023-ami-kernel-6.1-arm64":          {"al2023-ami-2023", "arm64"},
	"amzn2-ami-hvm-x86_64-gp2":             {"amzn2-ami-", "x86_64"},
	"amzn2-ami-hvm-arm64-gp2":              {"amzn2-ami-", "arm64"},
	"amzn2-ami-hvm-x86_64-ebs":             {"amzn2-ami-", "x86_64"},
	"amzn2-ami-kernel-5.10-hvm-x86_64-gp2": {"amzn2-ami-", "x86_64"},
	"amzn2-ami-kernel-5.10-hvm-arm64-gp2":  {"amzn2-ami-", "arm64"},
}

// images asks EC2 for Amazon's images, newest first.
func (s *Service) images(ctx context.Context) ([]ec2api.Image, error) {
	out, err := wire.Invoke(wire.AsService(ctx, "ssm.amazonaws.com", wire.CallFrom(ctx).Region), s.d.Calls, ec2api.DescribeImages, &ec2api.DescribeImagesInput{Owners: []string{"amazon"}})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(out.Images, func(a, b ec2api.Image) int {
		return strings.Compare(ptr.Val(b.CreationDate), ptr.Val(a.CreationDate))
	})
	return out.Images, nil
}

func (s *Service) public(ctx context.Context, name string) (*api.Parameter, error) {
	images, err := s.images(ctx)
	if err != nil {
		return nil, err
	}
	if p := publicParameter(ctx, name, images); p != nil {
		return p, nil
	}
	return nil, errNotFound
}

// publicParameter makes the public parameter of a name, nil when there is none.
func publicParameter(ctx context.Context, name string, images []ec2api.Image) *api.Parameter {
	short, ok := strings.CutPrefix(name, publicFolder)
	want, known := publicImages[short]
	if !ok || !known {
		return nil
	}
	i := slices.IndexFunc(images, func(i ec2api.Image) bool {
		return strings.HasPrefix(ptr.Val(i.Name), want.prefix) && ptr.Val(i.Architecture) == want.architecture
	})
	if i < 0 {
		return nil
	}
	p := &api.Parameter{ARN: new("arn:" + wire.Partition + ":ssm:" + wire.CallFrom(ctx).Region + "::parameter" + name),
		Name: &name, Type: new(plainText), Value: images[i].ImageId, Version: new(int64(1)), DataType: new("text")}
	if at, err := time.Parse(time.RFC3339, ptr.Val(images[i].CreationDate)); err == nil {
		p.LastModifiedDate = &at
	}
	return p
}

func (s *Service) publicByPath(ctx context.Context, path string, in *api.GetParametersByPathInput) (*api.GetParametersByPathOutput, error) {
	if len(in.ParameterFilters) > 0 {
		return nil, wire.Errorf(400, "InvalidFilterKey", "Local AWS does not filter public parameters.")
	}
	images, err := s.images(ctx)
	if err != nil {
		return nil, err
	}
	var all []api.Parameter
	if path == publicFolder || ptr.Val(in.Recursive) && strings.HasPrefix(publicFolder, path) {
		for short := range publicImages {
			if p := publicParameter(ctx, publicFolder+short, images); p != nil {
				all = append(all, *p)
			}
		}
	}
	slices.SortFunc(all, func(a, b api.Parameter) int { return strings.Compare(*a.Name, *b.Name) })
	all, next, err := page.Cut(all, func(p api.Parameter) string { return *p.Name }, in.NextToken, in.MaxResults, 10)
	if err != nil {
		return nil, wire.Errorf(400, "InvalidNextToken", "The specified token is not valid.")
	}
	return &api.GetParametersByPathOutput{Parameters: all, NextToken: next}, nil
}
