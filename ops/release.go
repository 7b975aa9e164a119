package ops

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

// pollEvery is the pause between two looks at something AWS works on.
const pollEvery = 3 * time.Second

// release brings the group's instances to the launch template version that the
// last apply made, through an instance refresh with rollback, and waits for
// its end. Terraform makes the version and leaves the group's alone, so that
// apply never replaces instances behind the release's back.
func (e *Environment) release(ctx context.Context, cfg aws.Config, o Output, info func(string, ...any)) error {
	c := autoscaling.NewFromConfig(cfg)
	want := string(o.LaunchTemplateVersion)
	groups, err := c.DescribeAutoScalingGroups(ctx, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{o.ASGName}})
	if err != nil {
		return fmt.Errorf("describe the group %s: %w", o.ASGName, err)
	}
	if len(groups.AutoScalingGroups) == 0 {
		return fmt.Errorf("there is no Auto Scaling group %s", o.ASGName)
	}
	current := true
	for _, i := range groups.AutoScalingGroups[0].Instances {
		current = current && i.LaunchTemplate != nil && aws.ToString(i.LaunchTemplate.Version) == want
	}
	if current {
		return errSkip("the instances run launch template version " + want)
	}
	started, err := c.StartInstanceRefresh(ctx, &autoscaling.StartInstanceRefreshInput{
		AutoScalingGroupName: &o.ASGName,
		DesiredConfiguration: &types.DesiredConfiguration{LaunchTemplate: &types.LaunchTemplateSpecification{LaunchTemplateId: &o.LaunchTemplateID, Version: &want}},
		Preferences: &types.RefreshPreferences{
			MinHealthyPercentage: aws.Int32(100), MaxHealthyPercentage: aws.Int32(150),
			AutoRollback: aws.Bool(true), SkipMatching: aws.Bool(true),
		},
	})
	if err != nil {
		return fmt.Errorf("start the instance refresh of %s: %w", o.ASGName, err)
	}
	last := ""
	for {
		out, err := c.DescribeInstanceRefreshes(ctx, &autoscaling.DescribeInstanceRefreshesInput{AutoScalingGroupName: &o.ASGName, InstanceRefreshIds: []string{*started.InstanceRefreshId}})
		if err != nil {
			return fmt.Errorf("follow the instance refresh: %w", err)
		}
		if len(out.InstanceRefreshes) == 0 {
			return fmt.Errorf("the instance refresh %s is gone", *started.InstanceRefreshId)
		}
		r := out.InstanceRefreshes[0]
		now := fmt.Sprintf("%s, %d %%", r.Status, aws.ToInt32(r.PercentageComplete))
		if now != last {
			info("version %s: %s", want, now)
			last = now
		}
		switch r.Status {
		case types.InstanceRefreshStatusSuccessful:
			return nil
		case types.InstanceRefreshStatusFailed, types.InstanceRefreshStatusCancelled, types.InstanceRefreshStatusRollbackFailed, types.InstanceRefreshStatusRollbackSuccessful:
			return fmt.Errorf("launch template version %s was not released: %s: %s", want, r.Status, aws.ToString(r.StatusReason))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pollEvery):
		}
	}
}
