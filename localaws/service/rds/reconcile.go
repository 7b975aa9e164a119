package rds

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"grocery/localaws/runtime"
	"grocery/localaws/store"
)

// errGone says that the record a step works on is no longer there.
var errGone = errors.New("the record is gone")

// errWait says that a step must wait for something that takes its time.
var errWait = errors.New("not yet")

// reconcile takes each instance and snapshot a step further, side by side.
func (s *Service) reconcile(ctx context.Context) error {
	var all []instance
	var snaps []snapshot
	err := s.d.Store.View(func(tx store.Tx) error {
		all, snaps = instances.List(tx, ""), snapshots.List(tx, "")
		return nil
	})
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	errs := make([]error, len(all)+len(snaps))
	for n := range all {
		i := &all[n]
		wg.Go(func() {
			if err := s.step(ctx, i); err != nil && !errors.Is(err, errGone) && !errors.Is(err, errWait) {
				errs[n] = fmt.Errorf("instance %s: %w", i.ID, err)
				if text := err.Error(); text != i.LastError {
					s.put(i, func(i *instance) { i.LastError = text })
				}
			}
		})
	}
	for n := range snaps {
		x := &snaps[n]
		wg.Go(func() {
			if err := s.stepSnapshot(ctx, x); err != nil && !errors.Is(err, errGone) && !errors.Is(err, errWait) {
				errs[len(all)+n] = fmt.Errorf("snapshot %s: %w", x.ID, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// step brings one instance nearer to what is wanted of it. It returns soon, and
// is called again after every change and every other second.
func (s *Service) step(ctx context.Context, i *instance) error {
	if i.Delete {
		return s.remove(ctx, i)
	}
	if err := s.ensureAddresses(ctx, i); err != nil {
		return err
	}
	if i.Stop {
		return s.halt(ctx, i)
	}
	source, err := s.sourceOf(i)
	if err != nil {
		return err
	}
	if i.Snapshot != "" && !i.Ready {
		if err := s.restore(ctx, i); err != nil {
			return err
		}
	}
	if err := s.settle(i); err != nil {
		return err
	}
	if i.Ready && (i.Reboot || i.ClassInForce != i.Class || i.PortInForce != i.Port) {
		if err := s.restart(ctx, i); err != nil {
			return err
		}
	}
	fresh, err := s.run(ctx, i, source)
	if err != nil {
		return err
	}
	if s.d.APIOnly {
		if i.Promote {
			if err := s.leave(i); err != nil {
				return err
			}
		}
		return s.available(i, nil)
	}
	return s.serve(ctx, i, source, fresh)
}

// sourceOf returns the instance that i replicates, nil for a primary. The
// replica of an instance that is not ready waits.
func (s *Service) sourceOf(i *instance) (source *instance, err error) {
	if i.Source == "" {
		return nil, nil
	}
	err = s.d.Store.View(func(tx store.Tx) error {
		if x, ok := instances.Get(tx, store.Key(i.Region, i.Source)); ok {
			source = &x
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case source == nil && !i.Promote:
		return nil, fmt.Errorf("the source %s does not exist any more", i.Source)
	case source != nil && !i.Ready && !source.Ready:
		return nil, errWait
	}
	return source, nil
}

// settle decides which parameters are in force: all of the group's at the first
// start, and later those that may change at any time.
func (s *Service) settle(i *instance) error {
	var g parameterGroup
	err := s.d.Store.View(func(tx store.Tx) (err error) {
		g, err = group(tx, i.Region, i.Settings.ParameterGroup)
		return err
	})
	if err != nil {
		return err
	}
	all := map[string]string{}
	for name, v := range g.Values {
		all[name] = v.Value
	}
	next, pending := map[string]string{}, false
	known := settingsOnce()
	names := map[string]bool{}
	for name := range all {
		names[name] = true
	}
	for name := range i.Params {
		names[name] = true
	}
	first, moved := !i.Ready, i.ParamsOf != g.Name && i.ParamsOf != ""
	for name := range names {
		want, has := all[name]
		now, had := i.Params[name]
		p := known[name]
		v, set := g.Values[name]
		atOnce := first || !p.Static && !moved && (!set || v.Method == immediate)
		switch {
		case has == had && want == now, atOnce:
			if has {
				next[name] = want
			}
		default: // waits for a reboot
			pending = true
			if had {
				next[name] = now
			}
		}
	}
	of := g.Name
	if moved && pending {
		of = i.ParamsOf
	}
	if hashMap(next) == hashMap(i.Params) && pending == i.PendingReboot && of == i.ParamsOf {
		return nil
	}
	return s.put(i, func(i *instance) { i.Params, i.PendingReboot, i.ParamsOf = next, pending, of })
}

// restart stops the server and forgets its container; its data stays. The next
// start takes over everything that waited for it.
func (s *Service) restart(ctx context.Context, i *instance) error {
	var g parameterGroup
	err := s.d.Store.Update(func(tx store.Tx) (err error) {
		g, err = group(tx, i.Region, i.Settings.ParameterGroup)
		if err == nil {
			s.event(tx, i, "availability", "DB instance restarted")
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := s.d.Runtime.StopContainer(ctx, i.container(), 30*time.Second); err != nil {
		return err
	}
	if err := s.d.Runtime.RemoveContainer(ctx, i.container()); err != nil {
		return err
	}
	return s.put(i, func(i *instance) {
		i.Params = map[string]string{}
		for name, v := range g.Values {
			i.Params[name] = v.Value
		}
		i.Reboot, i.PendingReboot, i.ParamsOf, i.ClassInForce, i.PortInForce = false, false, g.Name, i.Class, i.Port
		if i.Status == available {
			i.Status = rebooting
		}
	})
}

// run makes the container run with its interfaces. fresh says that it was
// started since the instance was last known to serve.
func (s *Service) run(ctx context.Context, i, source *instance) (fresh bool, err error) {
	st, err := s.d.Runtime.InspectContainer(ctx, i.container())
	if err != nil {
		return false, err
	}
	if st.State != runtime.Running {
		if i.Ready && i.Status == available { // it died: say so until it serves again
			s.d.Log.Warn("database is not running, starting it", "instance", i.ID, "state", st.State, "exit_code", st.ExitCode, "out_of_memory", st.OOMKilled)
			if err := s.d.Store.Update(func(tx store.Tx) error {
				s.event(tx, i, "recovery", "Recovery of the DB instance has started")
				return nil
			}); err != nil {
				return false, err
			}
			if err := s.put(i, func(i *instance) { i.Status = rebooting }); err != nil {
				return false, err
			}
		}
		if err := s.d.Runtime.EnsureVolume(ctx, i.volume()); err != nil {
			return false, err
		}
		spec, err := s.spec(i, source)
		if err != nil {
			return false, err
		}
		if st, err = s.d.Runtime.EnsureContainer(ctx, spec); err != nil {
			return false, err
		}
	}
	s.mu.Lock()
	seen, ok := s.attached[i.key()]
	s.mu.Unlock()
	if !ok || !seen.Equal(st.StartedAt) {
		fresh = true
		if err := s.d.Runtime.Attach(ctx, runtime.Interface{ID: i.Interface, Network: i.VPC, Addr: i.Addr, Subnet: i.Prefix, Container: i.container(), Device: "eth0"}); err != nil {
			return false, err
		}
		if err := s.attachInternal(ctx, i.container(), i.Internal); err != nil {
			return false, err
		}
		s.mu.Lock()
		s.attached[i.key()] = st.StartedAt
		s.mu.Unlock()
	}
	return fresh, nil
}

// serve finishes what needs the server itself, and then declares the instance
// available.
func (s *Service) serve(ctx context.Context, i, source *instance, fresh bool) error {
	conf, hba := i.configuration(source)
	config := hash(conf, hba)
	slots, err := s.wantedSlots(i)
	if err != nil {
		return err
	}
	if i.Status == available && !fresh && i.Ready && config == i.ConfigInForce && i.Verifier == i.VerifierInForce && !i.Promote && slices.Equal(slots, i.SlotsInForce) {
		return nil
	}
	db, err := s.await(ctx, i)
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
	if !i.Ready && i.Source == "" && i.Snapshot == "" {
		if err := s.bootstrap(ctx, db, i); err != nil {
			return err
		}
	}
	if i.Source != "" && !i.Promote {
		if ok, err := streaming(ctx, db); err != nil {
			return err
		} else if !ok && !i.Ready {
			return errWait
		}
	}
	if i.Promote && i.Source != "" {
		if err := s.promote(ctx, db, i); err != nil {
			return err
		}
		conf, hba = i.configuration(nil)
		config = hash(conf, hba)
	}
	if i.Ready && i.Source == "" && i.Verifier != i.VerifierInForce {
		if _, err := db.Exec(ctx, "ALTER ROLE "+quote(i.User)+" PASSWORD "+literal(i.Verifier)); err != nil {
			return fmt.Errorf("change the master password: %w", err)
		}
	}
	if config != i.ConfigInForce {
		if err := s.d.Runtime.CopyTo(ctx, i.container(), []runtime.File{
			{Path: "/etc/rds/postgresql.conf", Mode: 0o644, Content: []byte(conf)}, {Path: "/etc/rds/pg_hba.conf", Mode: 0o644, Content: []byte(hba)},
		}); err != nil {
			return err
		}
		if _, err := db.Exec(ctx, "SELECT pg_reload_conf()"); err != nil {
			return err
		}
	}
	if i.Source == "" {
		if err := setSlots(ctx, db, slots); err != nil {
			return err
		}
	}
	done := *i
	return s.available(i, func(i *instance) {
		i.ConfigInForce, i.SlotsInForce, i.VerifierInForce = config, slots, done.Verifier
	})
}

// await connects, waiting a moment for a server that is about to accept.
func (s *Service) await(ctx context.Context, i *instance) (*pgx.Conn, error) {
	deadline := time.Now().Add(2 * time.Second)
	for {
		db, err := s.connect(ctx, i)
		if err == nil {
			return db, nil
		}
		s.d.Log.Debug("database does not accept logins yet", "instance", i.ID, "error", err)
		if time.Now().After(deadline) || ctx.Err() != nil {
			return nil, errWait
		}
		time.Sleep(150 * time.Millisecond)
	}
}

// available records that everything wanted when i was read is in force.
func (s *Service) available(i *instance, more func(i *instance)) error {
	seen := *i
	err := s.put(i, func(i *instance) {
		if more != nil {
			more(i)
		} else {
			i.VerifierInForce = seen.Verifier
		}
		if !i.Ready {
			i.Ready, i.Created = true, new(s.d.Clock.Now())
			i.ClassInForce, i.PortInForce = seen.Class, seen.Port
		}
		i.LastError = ""
		settled := !i.Reboot && !i.Stop && !i.Delete && !i.Promote && i.Class == i.ClassInForce && i.Port == i.PortInForce && i.Verifier == i.VerifierInForce && slices.Equal(i.Settings.Groups, i.GroupsInForce)
		if settled {
			i.Status = available
		}
	})
	if err == nil && i.Status == available && seen.Status != available {
		message := map[string]string{creating: "DB instance created", rebooting: "Recovery of the DB instance is complete", modifying: "Finished applying modification to the DB instance"}[seen.Status]
		if message != "" {
			err = s.d.Store.Update(func(tx store.Tx) error { s.event(tx, i, "notification", message); return nil })
		}
	}
	return err
}

// promote ends the replication of i.
func (s *Service) promote(ctx context.Context, db *pgx.Conn, i *instance) error {
	var replica, done bool
	if err := db.QueryRow(ctx, "SELECT pg_is_in_recovery()").Scan(&replica); err != nil {
		return err
	}
	if replica {
		if err := db.QueryRow(ctx, "SELECT pg_promote(true, 60)").Scan(&done); err != nil {
			return fmt.Errorf("promote: %w", err)
		}
		if !done {
			return errWait
		}
	}
	return s.leave(i)
}

// leave notes that i replicates nobody any more.
func (s *Service) leave(i *instance) error {
	return s.put(i, func(i *instance) { i.Source, i.Promote, i.Verifier, i.VerifierInForce = "", false, "", "" })
}
