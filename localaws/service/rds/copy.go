package rds

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"grocery/localaws/runtime"
	"grocery/localaws/store"
)

// restore fills the volume of a new instance from its snapshot.
func (s *Service) restore(ctx context.Context, i *instance) error {
	if s.d.APIOnly {
		return nil
	}
	st, err := s.d.Runtime.InspectContainer(ctx, i.container())
	if err != nil || st.State != runtime.Absent {
		return err // the volume was filled before
	}
	var x snapshot
	err = s.d.Store.View(func(tx store.Tx) error {
		var ok bool
		if x, ok = snapshots.Get(tx, store.Key(i.Region, i.Snapshot)); !ok {
			return fmt.Errorf("the snapshot %s does not exist any more", i.Snapshot)
		}
		return nil
	})
	if err != nil {
		return err
	}
	done, err := s.help(ctx, runtime.ContainerSpec{Name: i.container() + "-restore", Env: []string{"WORK=restore"}, Volumes: map[string]string{"/snapshot": x.Volume, "/rds": i.volume()}}, netip.Addr{})
	if err == nil && !done {
		err = errWait
	}
	return err
}

// help runs a container that copies data, and reports whether it is done. A
// failed one is removed, to be tried again.
func (s *Service) help(ctx context.Context, spec runtime.ContainerSpec, internal netip.Addr) (done bool, err error) {
	st, err := s.d.Runtime.InspectContainer(ctx, spec.Name)
	if err != nil {
		return false, err
	}
	if st.State == runtime.Exited {
		said, err := s.d.Runtime.Logs(ctx, spec.Name, 5)
		if err != nil {
			return false, err
		}
		if err := s.removeHelper(ctx, spec.Name); err != nil {
			return false, err
		}
		if st.ExitCode != 0 {
			return false, fmt.Errorf("copying data failed (exit code %d): %s", st.ExitCode, strings.TrimSpace(string(said)))
		}
		return true, nil
	}
	if st.State != runtime.Running {
		for _, v := range spec.Volumes {
			if err := s.d.Runtime.EnsureVolume(ctx, v); err != nil {
				return false, err
			}
		}
		spec.Image, spec.Entrypoint, spec.MemoryBytes = s.d.Image, []string{"/bin/sh", "/etc/rds/snapshot.sh"}, 512<<20
		spec.Files = append(spec.Files, runtime.File{Path: "/etc/rds/snapshot.sh", Mode: 0o755, Content: snapshotScript})
		if _, err := s.d.Runtime.EnsureContainer(ctx, spec); err != nil {
			return false, err
		}
	}
	if !internal.IsValid() {
		return false, nil
	}
	return false, s.attachInternal(ctx, spec.Name, internal)
}

func (s *Service) removeHelper(ctx context.Context, name string) error {
	if err := s.d.Runtime.RemoveContainer(ctx, name); err != nil {
		return err
	}
	return s.d.Runtime.Detach(ctx, name)
}
