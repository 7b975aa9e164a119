package ops

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

// pollEvery is the pause between two looks at something AWS works on.
const pollEvery = 3 * time.Second

// Released is what Release achieved.
type Released struct {
	Version string `json:"launch_template_version"`
}

// RollbackError says that a release failed and what the instances run now.
type RollbackError struct {
	Version string // of the launch template, that was to be released
	Status  string // of the instance refresh, as AWS names it
	Reason  string // AWS's words
}

func (e *RollbackError) Error() string {
	now := "look at the group with grocery status before you go on"
	if e.Status == string(types.InstanceRefreshStatusRollbackSuccessful) {
		now = "the instances run the version before"
	}
	return fmt.Sprintf("launch template version %s was not released (%s): %s; %s", e.Version, e.Status, e.Reason, now)
}

// Release brings the group's instances to a version of the launch template, ""
// for the newest that an apply made, and waits for the end. Where instances do
// not come up or an alarm of the output release_alarm_names starts, AWS takes
// the group back to the version before, and the error is a RollbackError.
func (e *Environment) Release(ctx context.Context, version string) (*Released, error) {
	r, err := e.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer r.done()
	o, err := r.stateOutputs(ctx, r.cfg)
	if err != nil {
		return nil, err
	}
	if version == "" {
		version = string(o.LaunchTemplateVersion)
	}
	return &Released{version}, r.release(ctx, o, releaseOptions{version: version})
}

// releaseOptions say what to release.
type releaseOptions struct {
	version string // of the launch template; "" for the newest
	all     bool   // replace also the instances that run it already
}

// release is Release with the outputs at hand. Terraform makes launch template
// versions and leaves the group's alone, so that apply never replaces instances
// behind the release's back.
func (r *run) release(ctx context.Context, o Output, what releaseOptions) error {
	return r.step(ctx, "release", func(ctx context.Context, info func(string, ...any)) error {
		if o.ASGName == "" || o.LaunchTemplateID == "" {
			return errNoGroup
		}
		if what.version == "" {
			what.version = string(o.LaunchTemplateVersion)
		}
		if err := r.hasVersion(ctx, o, what.version); err != nil {
			return err
		}
		c := autoscaling.NewFromConfig(r.cfg)
		id, err := r.underWay(ctx, c, o.ASGName, what.version, info)
		if err != nil {
			return err
		}
		if id == "" {
			if id, err = r.startRefresh(ctx, c, o, what); err != nil {
				return err
			}
		}
		return r.followRefresh(ctx, c, o.ASGName, id, what.version, info)
	})
}

// hasVersion refuses a version that the launch template does not have.
func (r *run) hasVersion(ctx context.Context, o Output, version string) error {
	all, err := r.templateVersions(ctx, o)
	if err != nil {
		return err
	}
	var there []string
	for _, v := range all {
		there = append(there, strconv.FormatInt(v.Number, 10))
	}
	if !slices.Contains(there, version) {
		return fmt.Errorf("the launch template %s has no version %q; the newest it has: %s", o.LaunchTemplateID, version, strings.Join(there[:min(5, len(there))], ", "))
	}
	return nil
}

// underWay returns the refresh that brings the group to the version already, of
// a release that was interrupted. One to another version is waited for.
func (r *run) underWay(ctx context.Context, c *autoscaling.Client, group, want string, info func(string, ...any)) (id string, err error) {
	out, err := c.DescribeInstanceRefreshes(ctx, &autoscaling.DescribeInstanceRefreshesInput{AutoScalingGroupName: &group})
	if err != nil {
		return "", fmt.Errorf("look for a release under way: %w", err)
	}
	for _, x := range out.InstanceRefreshes {
		if ended(x.Status) {
			continue
		}
		version := ""
		if d := x.DesiredConfiguration; d != nil && d.LaunchTemplate != nil {
			version = aws.ToString(d.LaunchTemplate.Version)
		}
		if version == want {
			info("version %s is being released already", want)
			return *x.InstanceRefreshId, nil
		}
		info("waiting for the end of another release (version %s)", version)
		if err := r.followRefresh(ctx, c, group, *x.InstanceRefreshId, version, info); err != nil {
			if _, rolledBack := errors.AsType[*RollbackError](err); !rolledBack { // its failure is its own
				return "", err
			}
		}
	}
	return "", nil
}

// startRefresh starts the instance refresh, unless all runs the version.
func (r *run) startRefresh(ctx context.Context, c *autoscaling.Client, o Output, what releaseOptions) (id string, err error) {
	g, err := r.group(ctx, o)
	if err != nil {
		return "", err
	}
	want := what.version
	current := g.LaunchTemplate != nil && aws.ToString(g.LaunchTemplate.Version) == want // what replaces a dead one
	for _, i := range g.Instances {
		current = current && i.LaunchTemplate != nil && aws.ToString(i.LaunchTemplate.Version) == want
	}
	if current && !what.all {
		return "", errSkip("the instances run launch template version " + want)
	}
	p := &types.RefreshPreferences{
		MinHealthyPercentage: aws.Int32(100), MaxHealthyPercentage: aws.Int32(200),
		AutoRollback: aws.Bool(true), SkipMatching: aws.Bool(!what.all),
	}
	if len(o.ReleaseAlarmNames) > 0 {
		p.AlarmSpecification = &types.AlarmSpecification{Alarms: o.ReleaseAlarmNames}
	}
	started, err := c.StartInstanceRefresh(ctx, &autoscaling.StartInstanceRefreshInput{
		AutoScalingGroupName: &o.ASGName, Preferences: p,
		DesiredConfiguration: &types.DesiredConfiguration{LaunchTemplate: &types.LaunchTemplateSpecification{LaunchTemplateId: &o.LaunchTemplateID, Version: &want}},
	})
	if err != nil {
		return "", fmt.Errorf("start the instance refresh of %s: %w", o.ASGName, err)
	}
	return *started.InstanceRefreshId, nil
}

// followRefresh waits for the end of a refresh.
func (r *run) followRefresh(ctx context.Context, c *autoscaling.Client, group, id, version string, info func(string, ...any)) error {
	last := ""
	for {
		out, err := c.DescribeInstanceRefreshes(ctx, &autoscaling.DescribeInstanceRefreshesInput{AutoScalingGroupName: &group, InstanceRefreshIds: []string{id}})
		if err != nil {
			return fmt.Errorf("follow the instance refresh: %w", err)
		}
		if len(out.InstanceRefreshes) == 0 {
			return fmt.Errorf("the instance refresh %s is gone", id)
		}
		x := out.InstanceRefreshes[0]
		now := fmt.Sprintf("%s, %d %%", x.Status, aws.ToInt32(x.PercentageComplete))
		if now != last {
			info("version %s: %s", version, now)
			last = now
		}
		if x.Status == types.InstanceRefreshStatusSuccessful {
			return nil
		}
		if ended(x.Status) {
			return &RollbackError{version, string(x.Status), refreshReason(x)}
		}
		if err := pause(ctx, pollEvery); err != nil {
			return err
		}
	}
}

// ended reports whether a refresh is over.
// See https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_InstanceRefresh.html.
func ended(s types.InstanceRefreshStatus) bool {
	switch s {
	case types.InstanceRefreshStatusSuccessful, types.InstanceRefreshStatusFailed, types.InstanceRefreshStatusCancelled,
		types.InstanceRefreshStatusRollbackFailed, types.InstanceRefreshStatusRollbackSuccessful:
		return true
	}
	return false
}
