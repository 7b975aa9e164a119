package states

import (
	"context"
	"fmt"
	"slices"
	"time"

	"grocery/localaws/service/internal/page"
	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/statesapi"
)

// publish keeps the machine's current revision as a version, unless the last
// one is that revision already.
func (m *machine) publish(description string, now time.Time) *version {
	if n := len(m.Versions); n > 0 && m.Versions[n-1].revision == m.revision {
		return &m.Versions[n-1]
	}
	m.Last++
	m.Versions = append(m.Versions, version{m.Last, description, now, m.revision})
	return &m.Versions[len(m.Versions)-1]
}

func (s *Service) publishStateMachineVersion(ctx context.Context, in *api.PublishStateMachineVersionInput) (*api.PublishStateMachineVersionOutput, error) {
	out := &api.PublishStateMachineVersionOutput{}
	return out, s.d.Store.Update(func(tx store.Tx) error {
		m, n, err := find(ctx, tx, *in.StateMachineArn)
		if err != nil {
			return err
		}
		if n != 0 {
			return wire.Errorf(400, refused, "Name the state machine without a version.")
		}
		if want := in.RevisionId; want != nil && *want != m.ID && (*want != "INITIAL" || m.ID != "") {
			return wire.Errorf(400, "ConflictException", "The state machine's revision is not %s any more.", *want)
		}
		v := m.publish(ptr.Val(in.Description), s.d.Clock.Now())
		out.CreationDate, out.StateMachineVersionArn = &v.Created, m.versionARN(v.Number)
		machines.Put(tx, m.key(), m)
		return nil
	})
}

func (s *Service) listStateMachineVersions(ctx context.Context, in *api.ListStateMachineVersionsInput) (*api.ListStateMachineVersionsOutput, error) {
	out := &api.ListStateMachineVersionsOutput{StateMachineVersions: []api.StateMachineVersionListItem{}}
	return out, s.d.Store.View(func(tx store.Tx) error {
		m, _, err := find(ctx, tx, *in.StateMachineArn)
		if err != nil {
			return err
		}
		slices.Reverse(m.Versions) // newest first
		all, next, err := page.Cut(m.Versions, func(v version) string { return fmt.Sprintf("%019d", 1<<62-v.Number) }, in.NextToken, in.MaxResults, 1000)
		if err != nil {
			return invalidToken()
		}
		for _, v := range all {
			out.StateMachineVersions = append(out.StateMachineVersions, api.StateMachineVersionListItem{CreationDate: &v.Created, StateMachineVersionArn: m.versionARN(v.Number)})
		}
		out.NextToken = next
		return nil
	})
}

func (s *Service) deleteStateMachineVersion(ctx context.Context, in *api.DeleteStateMachineVersionInput) (*api.DeleteStateMachineVersionOutput, error) {
	return nil, s.d.Store.Update(func(tx store.Tx) error {
		m, n, err := find(ctx, tx, *in.StateMachineVersionArn)
		if wire.Code(err) == "StateMachineDoesNotExist" {
			return nil
		}
		if err != nil {
			return err
		}
		if n == 0 {
			return wire.Errorf(400, refused, "Name a version of the state machine.")
		}
		m.Versions = slices.DeleteFunc(m.Versions, func(v version) bool { return v.Number == n })
		machines.Put(tx, m.key(), m)
		return nil
	})
}
