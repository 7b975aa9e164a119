// Package none is a runtime that runs nothing: containers and networks exist
// in memory only, listeners and connections go over loopback. It serves tests
// of the API alone, and machines that cannot run the real thing. It enforces no
// packet filter, but remembers the last policy so that tests can read it.
package none

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"grocery/localaws/runtime"
)

// Runtime implements runtime.Runtime in memory.
type Runtime struct {
	// Commands, when set, answers Exec; otherwise every command succeeds
	// without output. Set it before use.
	Commands func(container string, spec runtime.ExecSpec) (runtime.ExecResult, error)

	mu         sync.Mutex
	pid        int
	containers map[string]*box
	volumes    map[string]bool
	networks   map[string]runtime.Network
	interfaces map[string]runtime.Interface
	policies   map[string]runtime.Policy
	listeners  map[string]string // network/address -> loopback address
	open       map[net.Listener]struct{}
}

var _ runtime.Runtime = (*Runtime)(nil)

type box struct {
	status runtime.ContainerStatus
	files  map[string][]byte
	ended  chan struct{} // closed when it does not run
}

// New returns an empty runtime.
func New() *Runtime {
	r := &Runtime{open: map[net.Listener]struct{}{}}
	r.reset()
	return r
}

func (r *Runtime) reset() {
	r.containers = map[string]*box{}
	r.volumes = map[string]bool{}
	r.networks = map[string]runtime.Network{}
	r.interfaces = map[string]runtime.Interface{}
	r.policies = map[string]runtime.Policy{}
	r.listeners = map[string]string{}
}

// Check always succeeds.
func (r *Runtime) Check(context.Context) error { return nil }

// Purge forgets everything and closes all listeners.
func (r *Runtime) Purge(context.Context) error {
	err := r.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, b := range r.containers {
		b.end(137)
	}
	r.reset()
	return err
}

// Close closes all listeners.
func (r *Runtime) Close() error {
	r.mu.Lock()
	open := slices.Collect(maps.Keys(r.open))
	clear(r.open)
	r.mu.Unlock()
	var errs []error
	for _, ln := range open {
		if err := ln.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// EnsureContainer records a container as running.
func (r *Runtime) EnsureContainer(_ context.Context, spec runtime.ContainerSpec) (runtime.ContainerStatus, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b, ok := r.containers[spec.Name]
	if !ok {
		b = &box{
			status: runtime.ContainerStatus{Name: spec.Name, Image: spec.Image, State: runtime.Created, Labels: spec.Labels},
			files:  map[string][]byte{},
		}
		b.put(spec.Files)
		r.containers[spec.Name] = b
	}
	r.start(b)
	return b.status, nil
}

func (r *Runtime) start(b *box) {
	if b.status.State == runtime.Running {
		return
	}
	r.pid++
	b.status.State, b.status.PID, b.status.ExitCode = runtime.Running, r.pid, 0
	b.status.StartedAt = time.Now()
	b.ended = make(chan struct{})
}

func (b *box) end(code int) {
	if b.status.State != runtime.Running {
		return
	}
	b.status.State, b.status.PID, b.status.ExitCode = runtime.Exited, 0, code
	b.status.FinishedAt = time.Now()
	close(b.ended)
}

func (b *box) put(files []runtime.File) {
	for _, f := range files {
		b.files[f.Path] = f.Content
	}
}

// Kill ends a container as if its program had exited with a code.
func (r *Runtime) Kill(name string, code int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if b := r.containers[name]; b != nil {
		b.end(code)
	}
}

// InspectContainer returns a container's state.
func (r *Runtime) InspectContainer(_ context.Context, name string) (runtime.ContainerStatus, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if b := r.containers[name]; b != nil {
		return b.status, nil
	}
	return runtime.ContainerStatus{Name: name, State: runtime.Absent}, nil
}

// ListContainers returns all containers by name.
func (r *Runtime) ListContainers(context.Context) ([]runtime.ContainerStatus, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []runtime.ContainerStatus
	for _, name := range slices.Sorted(maps.Keys(r.containers)) {
		out = append(out, r.containers[name].status)
	}
	return out, nil
}

// existing runs f on a container under the lock.
func (r *Runtime) existing(name string, f func(*box) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.containers[name]
	if b == nil {
		return fmt.Errorf("container %s: %w", name, runtime.ErrNotFound)
	}
	return f(b)
}

// StartContainer starts a stopped container.
func (r *Runtime) StartContainer(_ context.Context, name string) error {
	return r.existing(name, func(b *box) error { r.start(b); return nil })
}

// StopContainer stops a container.
func (r *Runtime) StopContainer(_ context.Context, name string, _ time.Duration) error {
	r.Kill(name, 143)
	return nil
}

// RemoveContainer forgets a container.
func (r *Runtime) RemoveContainer(_ context.Context, name string) error {
	r.Kill(name, 137)
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.containers, name)
	return nil
}

// WaitContainer waits until a container does not run.
func (r *Runtime) WaitContainer(ctx context.Context, name string) (runtime.ContainerStatus, error) {
	r.mu.Lock()
	var ended chan struct{}
	if b := r.containers[name]; b != nil {
		ended = b.ended
	}
	r.mu.Unlock()
	if ended != nil {
		select {
		case <-ended:
		case <-ctx.Done():
			return runtime.ContainerStatus{Name: name}, ctx.Err()
		}
	}
	return r.InspectContainer(ctx, name)
}

// Exec answers by Commands.
func (r *Runtime) Exec(_ context.Context, name string, spec runtime.ExecSpec) (runtime.ExecResult, error) {
	err := r.existing(name, func(b *box) error {
		if b.status.State != runtime.Running {
			return fmt.Errorf("container %s: %w", name, runtime.ErrNotRunning)
		}
		return nil
	})
	if err != nil || r.Commands == nil {
		return runtime.ExecResult{}, err
	}
	return r.Commands(name, spec)
}

// CopyTo remembers files.
func (r *Runtime) CopyTo(_ context.Context, name string, files []runtime.File) error {
	return r.existing(name, func(b *box) error { b.put(files); return nil })
}

// ReadFile returns what was copied to a path.
func (r *Runtime) ReadFile(_ context.Context, name, path string) (content []byte, err error) {
	err = r.existing(name, func(b *box) error {
		c, ok := b.files[path]
		if !ok {
			return fmt.Errorf("file %s of container %s: %w", path, name, runtime.ErrNotFound)
		}
		content = c
		return nil
	})
	return content, err
}

// Logs returns nothing: nothing runs.
func (r *Runtime) Logs(_ context.Context, name string, _ int) ([]byte, error) {
	return nil, r.existing(name, func(*box) error { return nil })
}

// Stats reads zero.
func (r *Runtime) Stats(_ context.Context, name string) (runtime.Stats, error) {
	return runtime.Stats{At: time.Now(), OnlineCPUs: 1}, r.existing(name, func(*box) error { return nil })
}

// EnsureVolume records a volume.
func (r *Runtime) EnsureVolume(_ context.Context, name string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.volumes[name] = true
	return nil
}

// RemoveVolume forgets a volume.
func (r *Runtime) RemoveVolume(_ context.Context, name string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.volumes, name)
	return nil
}

// ImageID invents an address: every image exists.
func (r *Runtime) ImageID(_ context.Context, image string) (string, error) {
	return "none:" + image, nil
}

// EnsureNetwork records a network.
func (r *Runtime) EnsureNetwork(_ context.Context, n runtime.Network) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.networks[n.ID] = n
	return nil
}

// RemoveNetwork forgets a network and its interfaces.
func (r *Runtime) RemoveNetwork(_ context.Context, id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.networks, id)
	delete(r.policies, id)
	maps.DeleteFunc(r.interfaces, func(_ string, i runtime.Interface) bool { return i.Network == id })
	maps.DeleteFunc(r.listeners, func(key, _ string) bool { return strings.HasPrefix(key, id+"/") })
	return nil
}

// Attach records an interface of a known network.
func (r *Runtime) Attach(_ context.Context, i runtime.Interface) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.networks[i.Network]; !ok {
		return fmt.Errorf("network %s: %w", i.Network, runtime.ErrNotFound)
	}
	if i.Container != "" {
		if b := r.containers[i.Container]; b == nil || b.status.State != runtime.Running {
			return fmt.Errorf("container %s: %w", i.Container, runtime.ErrNotRunning)
		}
	}
	r.interfaces[i.ID] = i
	return nil
}

// Detach forgets an interface.
func (r *Runtime) Detach(_ context.Context, id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.interfaces, id)
	return nil
}

// SetPolicy remembers a policy.
func (r *Runtime) SetPolicy(_ context.Context, networkID string, p runtime.Policy) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.networks[networkID]; !ok {
		return fmt.Errorf("network %s: %w", networkID, runtime.ErrNotFound)
	}
	r.policies[networkID] = p
	return nil
}

// Policy returns the policy last set for a network.
func (r *Runtime) Policy(networkID string) runtime.Policy {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.policies[networkID]
}

// Interfaces returns all attached interfaces by id.
func (r *Runtime) Interfaces() []runtime.Interface {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []runtime.Interface
	for _, id := range slices.Sorted(maps.Keys(r.interfaces)) {
		out = append(out, r.interfaces[id])
	}
	return out
}

// Serve lets connections to an address of a network reach a server of the
// test's own, as if a guest listened there.
func (r *Runtime) Serve(networkID string, addr netip.AddrPort, server net.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.listeners[networkID+"/"+addr.String()] = server.String()
}

// Listen listens on loopback for the interface's address.
func (r *Runtime) Listen(ctx context.Context, interfaceID string, port int) (net.Listener, error) {
	r.mu.Lock()
	i, ok := r.interfaces[interfaceID]
	r.mu.Unlock()
	if !ok {
		return nil, fmt.Errorf("interface %s: %w", interfaceID, runtime.ErrNotFound)
	}
	return r.ListenNetwork(ctx, i.Network, netip.AddrPortFrom(i.Addr, uint16(port)))
}

// Dial connects to what listens at an address of the interface's network.
func (r *Runtime) Dial(ctx context.Context, interfaceID, network, address string) (net.Conn, error) {
	r.mu.Lock()
	i, ok := r.interfaces[interfaceID]
	r.mu.Unlock()
	if !ok {
		return nil, fmt.Errorf("interface %s: %w", interfaceID, runtime.ErrNotFound)
	}
	return r.DialNetwork(ctx, i.Network, network, address)
}

// ListenNetwork listens on loopback for an address of a network.
func (r *Runtime) ListenNetwork(ctx context.Context, networkID string, addr netip.AddrPort) (net.Listener, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r.Serve(networkID, addr, ln.Addr())
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open[ln] = struct{}{}
	return ln, nil
}

// ListenPacketNetwork listens on loopback.
func (r *Runtime) ListenPacketNetwork(ctx context.Context, _ string, _ netip.AddrPort) (net.PacketConn, error) {
	var lc net.ListenConfig
	return lc.ListenPacket(ctx, "udp4", "127.0.0.1:0")
}

// DialNetwork connects to what listens at an address of a network.
func (r *Runtime) DialNetwork(ctx context.Context, networkID, network, address string) (net.Conn, error) {
	r.mu.Lock()
	to, ok := r.listeners[networkID+"/"+address]
	r.mu.Unlock()
	if !ok {
		return nil, fmt.Errorf("dialling %s in %s: connection refused: nothing listens there", address, networkID)
	}
	var d net.Dialer
	return d.DialContext(ctx, network, to)
}

// HostProbe is DialNetwork: there is no filter.
func (r *Runtime) HostProbe(ctx context.Context, networkID, network, address string) (net.Conn, error) {
	return r.DialNetwork(ctx, networkID, network, address)
}
