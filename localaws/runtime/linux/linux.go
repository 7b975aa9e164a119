//go:build linux

package linux

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"

	"github.com/moby/moby/client"

	"grocery/localaws/runtime"
)

// Options configure a Runtime.
type Options struct {
	// Cloud names the local cloud: 1 to 32 lower-case letters, digits and
	// hyphens. Two clouds on one machine need two names.
	Cloud string
	// Host is the address of the container engine; empty means DOCKER_HOST or
	// the engine's usual socket.
	Host string
	// Log receives repairs and refusals; nil discards them.
	Log *slog.Logger
}

// Runtime implements runtime.Runtime.
type Runtime struct {
	cloud  string
	engine *client.Client
	log    *slog.Logger

	locks    keyedLocks
	policies sync.Map // network id -> script in force, as far as this process knows

	mu    sync.Mutex
	socks map[string]map[io.Closer]struct{} // namespace name -> what listens there
}

var _ runtime.Runtime = (*Runtime)(nil)

var cloudName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// New returns the runtime of one cloud. It does not talk to the engine yet:
// Check says whether the machine can run it.
func New(o Options) (*Runtime, error) {
	if !cloudName.MatchString(o.Cloud) {
		return nil, fmt.Errorf("cloud name %q: use 1 to 32 lower-case letters, digits and hyphens", o.Cloud)
	}
	opts := []client.Opt{client.FromEnv}
	if o.Host != "" {
		opts = append(opts, client.WithHost(o.Host))
	}
	engine, err := client.New(opts...)
	if err != nil {
		return nil, fmt.Errorf("container engine address: %w", err)
	}
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Runtime{cloud: o.Cloud, engine: engine, log: log, socks: map[string]map[io.Closer]struct{}{}}, nil
}

// Check reports what this machine lacks.
func (r *Runtime) Check(ctx context.Context) error {
	if os.Geteuid() != 0 {
		return errors.New("networks need root: run this command as root (sudo)")
	}
	for _, tool := range []struct{ what, name, pkg string }{{"the packet filter", "nft", "nftables"}, {"instances' disks", "mkfs.ext4", "e2fsprogs"}, {"instances' disks", "mount", "mount"}} {
		if _, err := lookTool(tool.name); err != nil {
			return fmt.Errorf("%s: the command %s is missing: install the package %s", tool.what, tool.name, tool.pkg)
		}
	}
	if _, err := r.engine.Ping(ctx, client.PingOptions{}); err != nil {
		return fmt.Errorf("no container engine answers at %s: start one, or run `grocery setup`: %w", r.engine.DaemonHost(), err)
	}
	if err := r.probeNamespace(); err != nil {
		return fmt.Errorf("this machine does not let us build networks (network namespaces and nftables with connection tracking are needed): %w", err)
	}
	return nil
}

// probeNamespace builds and removes a namespace with the kind of filter rule
// everything rests on.
func (r *Runtime) probeNamespace() error {
	name := r.nsName("probe", fmt.Sprint(os.Getpid()))
	if err := ensureNamespace(name); err != nil {
		return err
	}
	defer func() {
		if err := removeNamespace(name); err != nil {
			r.log.Warn("removing the probe namespace", "error", err)
		}
	}()
	return nft(name, "table inet probe { chain forward { type filter hook forward priority 0; policy drop; ct state established accept; }; }\n")
}

// Purge removes everything of this cloud.
func (r *Runtime) Purge(ctx context.Context) error {
	return errors.Join(r.purgeContainers(ctx), r.purgeNetworks(), r.purgeDisks())
}

// Close closes the sockets this process holds inside the networks.
func (r *Runtime) Close() error {
	r.mu.Lock()
	var all []string
	for ns := range r.socks {
		all = append(all, ns)
	}
	r.mu.Unlock()
	for _, ns := range all {
		r.closeSockets(ns)
	}
	return r.engine.Close()
}

// lookTool finds a system tool also when PATH lacks the sbin folders.
func lookTool(name string) (string, error) {
	if p, err := exec.LookPath(name); err == nil {
		return p, nil
	}
	for _, dir := range []string{"/usr/sbin", "/sbin", "/usr/local/sbin"} {
		p := dir + "/" + name
		if st, err := os.Stat(p); err == nil && st.Mode()&0o111 != 0 {
			return p, nil
		}
	}
	return "", exec.ErrNotFound
}

// keyedLocks gives each key a mutex of its own.
type keyedLocks struct{ m sync.Map }

func (k *keyedLocks) lock(key string) (unlock func()) {
	v, _ := k.m.LoadOrStore(key, new(sync.Mutex))
	mu := v.(*sync.Mutex)
	mu.Lock()
	return mu.Unlock
}

func (r *Runtime) nsPrefix(kind string) string { return "localaws." + r.cloud + "." + kind + "." }

func (r *Runtime) nsName(kind, id string) string {
	return r.nsPrefix(kind) + strings.ReplaceAll(id, "/", "_")
}
