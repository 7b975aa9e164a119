package rds

import (
	"context"
	"time"

	"grocery/localaws/store"
)

// halt stops an instance that is to stand still.
func (s *Service) halt(ctx context.Context, i *instance) error {
	if i.Status == stopped {
		return nil
	}
	if err := s.d.Runtime.StopContainer(ctx, i.container(), 30*time.Second); err != nil {
		return err
	}
	return s.put(i, func(i *instance) {
		if i.Stop {
			i.Status = stopped
		}
	})
}

// remove deletes an instance with everything it had, after its final snapshot.
func (s *Service) remove(ctx context.Context, i *instance) error {
	if i.Final != "" {
		var x snapshot
		var ok bool
		err := s.d.Store.View(func(tx store.Tx) error {
			x, ok = snapshots.Get(tx, store.Key(i.Region, i.Final))
			return nil
		})
		if err != nil {
			return err
		}
		if ok && x.Status != available {
			if _, err := s.run(ctx, i, nil); err != nil { // what is to be copied must run
				return err
			}
			return errWait
		}
	}
	if err := s.d.Runtime.StopContainer(ctx, i.container(), 10*time.Second); err != nil {
		return err
	}
	if err := s.d.Runtime.RemoveContainer(ctx, i.container()); err != nil {
		return err
	}
	if err := s.removeHelper(ctx, i.container()+"-restore"); err != nil {
		return err
	}
	if err := s.removeAddresses(ctx, i); err != nil {
		return err
	}
	if err := s.d.Runtime.RemoveVolume(ctx, i.volume()); err != nil {
		return err
	}
	s.mu.Lock()
	delete(s.attached, i.key())
	s.mu.Unlock()
	err := s.d.Store.Update(func(tx store.Tx) error {
		now, ok := instances.Get(tx, i.key())
		if !ok || now.Resource != i.Resource {
			return nil
		}
		instances.Delete(tx, i.key())
		logPositions.Delete(tx, i.key())
		s.event(tx, i, "deletion", "DB instance deleted")
		for _, x := range snapshots.List(tx, i.Region+"/") { // automated backups go with the instance
			if x.Type == automated && x.Resource == i.Resource {
				x.Delete = true
				snapshots.Put(tx, x.key(), x)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.dropInternal(ctx)
}
