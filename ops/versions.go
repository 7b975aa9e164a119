package ops

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
)

// templateVersion is a version of the launch template.
type templateVersion struct {
	Number int64
	Tag    string // image tag that its instances run; "" where the version does not say
}

// versionPrefix begins the description of a launch template version, which
// modules/ec2 writes; the image tag follows.
const versionPrefix = "image tag "

// templateVersions are the versions of the launch template, the newest first.
func (r *run) templateVersions(ctx context.Context, o Output) ([]templateVersion, error) {
	var all []templateVersion
	pages := ec2.NewDescribeLaunchTemplateVersionsPaginator(ec2.NewFromConfig(r.cfg), &ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: &o.LaunchTemplateID})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the versions of %s: %w", o.LaunchTemplateID, err)
		}
		for _, v := range page.LaunchTemplateVersions {
			tag, ok := strings.CutPrefix(aws.ToString(v.VersionDescription), versionPrefix)
			if !ok {
				tag = ""
			}
			all = append(all, templateVersion{aws.ToInt64(v.VersionNumber), tag})
		}
	}
	slices.SortFunc(all, func(a, b templateVersion) int { return cmp.Compare(b.Number, a.Number) })
	return all, nil
}

// errNoGroup says that there are no instances yet.
var errNoGroup = errors.New("there is no group of instances yet: grocery deploy makes it")

// group reads the Auto Scaling group.
func (r *run) group(ctx context.Context, o Output) (*types.AutoScalingGroup, error) {
	if o.ASGName == "" || o.LaunchTemplateID == "" {
		return nil, errNoGroup
	}
	out, err := autoscaling.NewFromConfig(r.cfg).DescribeAutoScalingGroups(ctx, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{o.ASGName}})
	if err != nil {
		return nil, fmt.Errorf("describe the group %s: %w", o.ASGName, err)
	}
	if len(out.AutoScalingGroups) == 0 {
		return nil, fmt.Errorf("there is no Auto Scaling group %s any more: grocery deploy makes it again", o.ASGName)
	}
	return &out.AutoScalingGroups[0], nil
}

// runs returns the version of the launch template that the group launches now,
// and all versions, the newest first.
func (r *run) runs(ctx context.Context, o Output) (now templateVersion, all []templateVersion, err error) {
	g, err := r.group(ctx, o)
	if err != nil {
		return now, nil, err
	}
	if all, err = r.templateVersions(ctx, o); err != nil {
		return now, nil, err
	}
	if g.LaunchTemplate != nil {
		for _, v := range all {
			if strconv.FormatInt(v.Number, 10) == aws.ToString(g.LaunchTemplate.Version) {
				return v, all, nil
			}
		}
	}
	return now, nil, fmt.Errorf("the group %s launches no numbered version of %s: grocery release sets one", o.ASGName, o.LaunchTemplateID)
}

// stay makes the run work with the image tag that runs now, so that what it
// applies releases no other version, unless one was asked for.
func (r *run) stay(ctx context.Context, o Output) error {
	if r.Environment.Tag != "" {
		return nil
	}
	now, _, err := r.runs(ctx, o)
	if err != nil {
		return err
	}
	if now.Tag == "" {
		return fmt.Errorf("launch template version %d does not say which image tag it runs: name it with --image-tag, or deploy once", now.Number)
	}
	r.tag, err = r.pushedAs(ctx, now.Tag)
	return err
}

// pushedAs is the tag in the registry of what a launch template version names:
// itself, or, for images that were "latest" once and are named by digest, the
// tag that they were pushed with.
func (r *run) pushedAs(ctx context.Context, tag string) (string, error) {
	digest, ok := strings.CutPrefix(tag, latest+"-")
	if !ok {
		return tag, nil
	}
	all, err := r.versions(ctx)
	if err != nil {
		return "", err
	}
	for _, v := range all {
		if strings.HasPrefix(v.backend, "sha256:"+digest) {
			return v.tag, nil
		}
	}
	return "", fmt.Errorf("the registry %s has no tag for the images with digest %s any more", r.set.repository, digest)
}
