package dynamodb

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/dynamodbapi"
)

func (s *Service) describeTimeToLive(ctx context.Context, in *api.DescribeTimeToLiveInput) (*api.DescribeTimeToLiveOutput, error) {
	d := &api.TimeToLiveDescription{TimeToLiveStatus: new("DISABLED")}
	return &api.DescribeTimeToLiveOutput{TimeToLiveDescription: d}, s.view(ctx, in.TableName, func(_ store.Tx, t *table) error {
		if t.TTL != "" {
			d.TimeToLiveStatus, d.AttributeName = new("ENABLED"), &t.TTL
		}
		return nil
	})
}

func (s *Service) updateTimeToLive(ctx context.Context, in *api.UpdateTimeToLiveInput) (*api.UpdateTimeToLiveOutput, error) {
	spec := in.TimeToLiveSpecification
	return &api.UpdateTimeToLiveOutput{TimeToLiveSpecification: spec}, s.change(ctx, in.TableName, func(_ store.Tx, t *table) error {
		switch on := ptr.Val(spec.Enabled); {
		case on && t.TTL != "":
			return invalid("TimeToLive is already enabled")
		case !on && t.TTL == "":
			return invalid("TimeToLive is already disabled")
		case on && ptr.Val(spec.AttributeName) == "":
			return invalid("TimeToLiveSpecification needs an AttributeName")
		case on:
			t.TTL = *spec.AttributeName
		default:
			t.TTL = ""
		}
		return nil
	})
}

// expire removes the items whose time to live is over; DynamoDB leaves those
// alone that expired more than five years ago.
func (s *Service) expire(context.Context) error {
	now := s.d.Clock.Now()
	return s.d.Store.Update(func(tx store.Tx) error {
		for _, t := range tables.List(tx, "") {
			if t.TTL == "" {
				continue
			}
			var rows []string
			items.Each(tx, t.ID+"/", func(row string, i item) bool {
				n, err := strconv.ParseInt(ptr.Val(i[t.TTL].N), 10, 64)
				if at := time.Unix(n, 0); err == nil && at.Before(now) && at.After(now.AddDate(-5, 0, 0)) {
					rows = append(rows, row)
				}
				return true
			})
			for _, row := range rows {
				items.Delete(tx, row)
			}
		}
		return nil
	})
}

const recoveryDays = 35

func (t *table) backups(now time.Time) *api.ContinuousBackupsDescription {
	p := &api.PointInTimeRecoveryDescription{PointInTimeRecoveryStatus: new("DISABLED")}
	if t.Recovery {
		earliest := t.RecoverySince
		if limit := now.AddDate(0, 0, -int(t.RecoveryDays)); limit.After(earliest) {
			earliest = limit
		}
		p = &api.PointInTimeRecoveryDescription{PointInTimeRecoveryStatus: new("ENABLED"), RecoveryPeriodInDays: &t.RecoveryDays, EarliestRestorableDateTime: &earliest, LatestRestorableDateTime: &now}
	}
	return &api.ContinuousBackupsDescription{ContinuousBackupsStatus: new("ENABLED"), PointInTimeRecoveryDescription: p}
}

func (s *Service) describeContinuousBackups(ctx context.Context, in *api.DescribeContinuousBackupsInput) (*api.DescribeContinuousBackupsOutput, error) {
	out := &api.DescribeContinuousBackupsOutput{}
	return out, tableGone(s.view(ctx, in.TableName, func(_ store.Tx, t *table) error {
		out.ContinuousBackupsDescription = t.backups(s.d.Clock.Now())
		return nil
	}))
}

func (s *Service) updateContinuousBackups(ctx context.Context, in *api.UpdateContinuousBackupsInput) (*api.UpdateContinuousBackupsOutput, error) {
	out := &api.UpdateContinuousBackupsOutput{}
	spec := in.PointInTimeRecoverySpecification
	return out, tableGone(s.change(ctx, in.TableName, func(_ store.Tx, t *table) error {
		now := s.d.Clock.Now()
		if on := ptr.Val(spec.PointInTimeRecoveryEnabled); on && !t.Recovery {
			t.RecoverySince = now
		}
		t.Recovery, t.RecoveryDays = ptr.Val(spec.PointInTimeRecoveryEnabled), ptr.Or(spec.RecoveryPeriodInDays, recoveryDays)
		if t.RecoveryDays < 1 || t.RecoveryDays > recoveryDays {
			return invalid("RecoveryPeriodInDays must be between 1 and %d", recoveryDays)
		}
		out.ContinuousBackupsDescription = t.backups(now)
		return nil
	}))
}

// tableGone gives an absent table the code that backup operations have for it.
func tableGone(err error) error {
	if wire.Code(err) == "ResourceNotFoundException" {
		return wire.Errorf(400, "TableNotFoundException", "%s", err.(*wire.Error).Message)
	}
	return err
}

func (s *Service) listTags(ctx context.Context, in *api.ListTagsOfResourceInput) (*api.ListTagsOfResourceOutput, error) {
	out := &api.ListTagsOfResourceOutput{}
	return out, s.view(ctx, in.ResourceArn, func(_ store.Tx, t *table) error { out.Tags = t.Tags; return nil })
}

func (s *Service) tag(ctx context.Context, in *api.TagResourceInput) (*api.TagResourceOutput, error) {
	return nil, s.change(ctx, in.ResourceArn, func(_ store.Tx, t *table) error {
		for _, x := range in.Tags {
			if strings.HasPrefix(strings.ToLower(ptr.Val(x.Key)), "aws:") || ptr.Val(x.Key) == "" {
				return invalid("One or more parameter values were invalid: Invalid tag key %q", ptr.Val(x.Key))
			}
			t.Tags = append(slices.DeleteFunc(t.Tags, func(y api.Tag) bool { return *y.Key == *x.Key }), x)
		}
		if len(t.Tags) > 50 {
			return invalid("One or more parameter values were invalid: Too many tags: a table has at most 50")
		}
		return nil
	})
}

func (s *Service) untag(ctx context.Context, in *api.UntagResourceInput) (*api.UntagResourceOutput, error) {
	return nil, s.change(ctx, in.ResourceArn, func(_ store.Tx, t *table) error {
		t.Tags = slices.DeleteFunc(t.Tags, func(x api.Tag) bool { return slices.Contains(in.TagKeys, *x.Key) })
		return nil
	})
}

// getResourcePolicy answers for tables, none of which has a policy of its own.
func (s *Service) getResourcePolicy(ctx context.Context, in *api.GetResourcePolicyInput) (*api.GetResourcePolicyOutput, error) {
	return nil, s.view(ctx, in.ResourceArn, func(_ store.Tx, t *table) error {
		return wire.Errorf(400, "PolicyNotFoundException", "Resource-based policy not found for the provided ResourceArn: %s", t.arn())
	})
}
