package ec2

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"grocery/localaws/reconcile"
	"grocery/localaws/runtime"
	"grocery/localaws/store"
	"grocery/localaws/wire"
)

const (
	// watchEvery is how often the loop looks for containers that died.
	watchEvery = 2 * time.Second
	// shutdownGrace is how long an instance may take to shut down.
	shutdownGrace = 10 * time.Second
	// launchTries is how often starting a container may fail before the launch
	// counts as failed.
	launchTries = 8
	// diskPath is where the instance image looks for its disk.
	diskPath = "/.disk"
	// kindLabel marks the containers of instances.
	kindLabel = "localaws.ec2"
)

// machines gives every instance its container. Each instance that needs
// something is worked on by one goroutine at a time, so that a slow shutdown
// holds up nobody else.
type machines struct {
	s    *Service
	wake chan struct{}
	work sync.WaitGroup

	mu       sync.Mutex
	busy     map[string]bool
	tries    map[string]int
	attached map[string]attachment // by interface id
	adopted  bool                  // the first look at what an earlier process left is done
}

// attachment is where this process has attached an interface.
type attachment struct {
	instance string
	pid      int
}

func newMachines(s *Service) *machines {
	return &machines{s: s, wake: make(chan struct{}, 1), busy: map[string]bool{}, tries: map[string]int{}, attached: map[string]attachment{}}
}

func (m *machines) loop() reconcile.Loop {
	return reconcile.Loop{Name: "ec2 machines", Tables: []string{instances.table.Name, interfaces.table.Name}, Wake: m.wake, Every: watchEvery, Run: m.run}
}

// found is an instance with what is real about it.
type found struct {
	instance
	region   string
	real     runtime.ContainerStatus
	attached []networkInterface
	subnets  map[string]netip.Prefix
	image    image
	rootGiB  int64
}

func (m *machines) run(ctx context.Context) error {
	list, err := m.s.d.Runtime.ListContainers(ctx)
	if err != nil {
		return err
	}
	real := map[string]runtime.ContainerStatus{}
	for _, c := range list {
		if c.Labels[kindLabel] != "" {
			real[c.Name] = c
		}
	}
	var all []found
	if err := m.s.d.Store.View(func(st store.Tx) error {
		for _, region := range instances.regions(st) {
			t := &tx{Tx: st, region: region}
			for _, i := range instances.all(t) {
				x := found{instance: i, region: region, real: real[i.ID], attached: t.interfacesOf(i.ID), subnets: map[string]netip.Prefix{}}
				for _, n := range x.attached {
					if sub, err := subnets.get(t, n.Subnet); err == nil {
						x.subnets[n.Subnet] = netip.MustParsePrefix(*sub.CidrBlock)
					}
				}
				x.image, _ = images.get(t, i.Image)
				for _, v := range t.volumesOf(i.ID) {
					if v.device() == rootDevice {
						x.rootGiB = *v.Size
					}
				}
				delete(real, i.ID)
				all = append(all, x)
			}
		}
		return nil
	}); err != nil {
		return err
	}
	m.mu.Lock()
	first := !m.adopted
	m.adopted = true
	m.mu.Unlock()
	now := m.s.d.Clock.Now()
	for _, x := range all {
		if step := m.step(x, first, now); step != nil {
			m.start(ctx, x, step)
		}
	}
	for name := range real { // containers of instances nobody knows
		if err := m.s.d.Runtime.RemoveContainer(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// step chooses what to do for an instance now; nil when all is as it should be.
func (m *machines) step(x found, first bool, now time.Time) func(context.Context, found) error {
	switch x.State {
	case pending:
		return m.launch
	case running:
		switch {
		case x.real.State == runtime.Running && x.Reboot:
			return m.reboot
		case x.real.State == runtime.Running:
			if m.misattached(x) {
				return m.attach
			}
		case first && x.real.State == runtime.Exited:
			return m.reboot // the machine under us went down: come back with it
		default:
			return m.died
		}
	case stopping:
		return m.halt
	case shuttingDown:
		return m.remove
	case terminated:
		if now.Sub(x.Since) > shownDeleted {
			return m.forget
		}
	}
	return nil
}

// start runs a step in the background, unless one is running for the instance.
func (m *machines) start(ctx context.Context, x found, step func(context.Context, found) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.busy[x.ID] {
		return
	}
	m.busy[x.ID] = true
	ctx = wire.AsService(ctx, service, x.region)
	m.work.Go(func() {
		err := step(ctx, x)
		if err != nil && ctx.Err() == nil {
			m.s.d.Log.Warn("instance", "instance", x.ID, "state", x.State, "error", err)
			select { // let what failed rest a little
			case <-ctx.Done():
			case <-m.s.d.Clock.After(watchEvery):
			}
		}
		m.mu.Lock()
		delete(m.busy, x.ID)
		m.mu.Unlock()
		select {
		case m.wake <- struct{}{}:
		default:
		}
	})
}

// update changes an instance if it still is in the state the step began with.
func (m *machines) update(ctx context.Context, x found, f func(t *tx, i *instance) error) error {
	return m.s.update(ctx, func(t *tx) error {
		i, err := instances.get(t, x.ID)
		if err != nil || i.State != x.State {
			return nil
		}
		return f(t, &i)
	})
}

func (m *machines) spec(x found) runtime.ContainerSpec {
	spec := runtime.ContainerSpec{
		Name: x.ID, Image: x.image.Content, NestedEngine: true, MemoryBytes: instanceTypes[x.Type].mib << 20,
		DNS: runtime.ResolverAddr, Search: internalDomain(x.region), Labels: map[string]string{kindLabel: "instance"},
		Disk: runtime.Disk{Path: diskPath, Bytes: x.rootGiB << 30},
	}
	if len(x.attached) > 0 {
		spec.Hostname = privateName(x.attached[0].Addr, x.region)
	}
	if m.s.d.Guest != nil {
		spec.Files = m.s.d.Guest()
	}
	return spec
}

// launch makes the container and connects it. An image that is gone, or a
// start that fails again and again, ends the instance as AWS does when a host fails.
func (m *machines) launch(ctx context.Context, x found) error {
	c, err := m.s.d.Runtime.EnsureContainer(ctx, m.spec(x))
	if err == nil {
		x.real = c
		err = m.attach(ctx, x)
	}
	if err != nil {
		m.mu.Lock()
		m.tries[x.ID]++
		tries := m.tries[x.ID]
		m.mu.Unlock()
		if !errors.Is(err, runtime.ErrImageNotFound) && tries < launchTries || ctx.Err() != nil {
			return fmt.Errorf("launch: %w", err)
		}
		m.s.d.Log.Error("instance could not be launched", "instance", x.ID, "error", err)
		return m.update(ctx, x, func(t *tx, i *instance) error {
			t.turn(i, shuttingDown, "Server.InternalError", "Internal error on launch")
			return nil
		})
	}
	m.mu.Lock()
	delete(m.tries, x.ID)
	m.mu.Unlock()
	return m.update(ctx, x, func(t *tx, i *instance) error { t.turn(i, running, "", ""); return nil })
}

// misattached reports whether an interface is not where this process has to have it.
func (m *machines) misattached(x found) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, n := range x.attached {
		if m.attached[n.ID] != (attachment{x.ID, x.real.PID}) {
			return true
		}
	}
	count := 0
	for _, a := range m.attached {
		if a.instance == x.ID {
			count++
		}
	}
	return count != len(x.attached)
}

// attach connects the instance's interfaces and removes those it no longer has.
func (m *machines) attach(ctx context.Context, x found) error {
	own := map[string]bool{}
	for _, n := range x.attached {
		own[n.ID] = true
		if err := m.s.d.Runtime.Attach(ctx, runtime.Interface{
			ID: n.ID, Network: n.VPC, Addr: n.Addr, Subnet: x.subnets[n.Subnet], MAC: n.mac(), Container: x.ID, Device: fmt.Sprintf("eth%d", n.Device),
		}); err != nil {
			return fmt.Errorf("attach %s: %w", n.ID, err)
		}
		m.mu.Lock()
		m.attached[n.ID] = attachment{x.ID, x.real.PID}
		m.mu.Unlock()
	}
	return m.detach(ctx, x.ID, own)
}

// detach removes the interfaces of an instance but those to keep.
func (m *machines) detach(ctx context.Context, id string, keep map[string]bool) error {
	m.mu.Lock()
	var gone []string
	for n, a := range m.attached {
		if a.instance == id && !keep[n] {
			gone = append(gone, n)
		}
	}
	m.mu.Unlock()
	for _, n := range gone {
		if err := m.s.d.Runtime.Detach(ctx, n); err != nil {
			return err
		}
		m.mu.Lock()
		delete(m.attached, n)
		m.mu.Unlock()
	}
	return nil
}

// reboot stops the container, if it runs, and starts it again.
func (m *machines) reboot(ctx context.Context, x found) error {
	rt := m.s.d.Runtime
	if err := rt.StopContainer(ctx, x.ID, shutdownGrace); err != nil {
		return err
	}
	c, err := rt.EnsureContainer(ctx, m.spec(x))
	if err != nil {
		return err
	}
	x.real = c
	if err := m.attach(ctx, x); err != nil {
		return err
	}
	return m.update(ctx, x, func(t *tx, i *instance) error { i.Reboot = false; instances.put(t, *i); return nil })
}

// died is the end of an instance from inside or below: one that shut itself
// down stops or terminates as it was told to; one whose container is gone
// cannot come back.
func (m *machines) died(ctx context.Context, x found) error {
	return m.update(ctx, x, func(t *tx, i *instance) error {
		switch {
		case x.real.State == "" || x.real.State == runtime.Absent:
			t.turn(i, shuttingDown, "Server.InternalError", "Internal error: the instance's host failed")
		case i.OnShutdown == "terminate":
			t.turn(i, shuttingDown, "Client.InstanceInitiatedShutdown", "Instance initiated shutdown")
		default:
			t.turn(i, stopping, "Client.InstanceInitiatedShutdown", "Instance initiated shutdown")
		}
		return nil
	})
}

func (m *machines) halt(ctx context.Context, x found) error {
	if err := m.s.d.Runtime.StopContainer(ctx, x.ID, shutdownGrace); err != nil {
		return err
	}
	if err := m.detach(ctx, x.ID, nil); err != nil {
		return err
	}
	return m.update(ctx, x, func(t *tx, i *instance) error {
		i.State, i.Since = stopped, t.now // the reason stays
		instances.put(t, *i)
		return t.renewPublicAddress(i, false)
	})
}

func (m *machines) remove(ctx context.Context, x found) error {
	rt := m.s.d.Runtime
	if err := rt.StopContainer(ctx, x.ID, shutdownGrace); err != nil {
		return err
	}
	for _, n := range x.attached {
		if err := rt.Detach(ctx, n.ID); err != nil {
			return err
		}
	}
	if err := m.detach(ctx, x.ID, nil); err != nil {
		return err
	}
	if err := rt.RemoveContainer(ctx, x.ID); err != nil {
		return err
	}
	return m.update(ctx, x, func(t *tx, i *instance) error {
		for _, n := range t.interfacesOf(i.ID) {
			if n.DeleteOnTermination {
				t.dropInterface(n.ID)
				continue
			}
			n.Instance, n.Attachment, n.Device, n.PublicIP = "", "", 0, ""
			interfaces.put(t, n)
			if a, ok := t.elastic(n.ID); ok {
				a.InstanceId = nil
				addresses.put(t, a)
			}
		}
		t.dropVolumes(i.ID)
		i.State, i.Since = terminated, t.now // the reason stays
		instances.put(t, *i)
		return nil
	})
}

// forget drops what is left of an instance that terminated long ago.
func (m *machines) forget(ctx context.Context, x found) error {
	return m.update(ctx, x, func(t *tx, i *instance) error { instances.remove(t, i.ID); return nil })
}
