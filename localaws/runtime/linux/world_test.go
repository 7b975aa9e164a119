//go:build linux

package linux_test

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/moby/moby/client"

	"grocery/localaws/runtime"
	"grocery/localaws/runtime/linux"
)

var testImage = fmt.Sprintf("localaws-testguest:%d", os.Getpid())

// newCloud returns a runtime that works here, or skips and says why. The
// cloud is gone when the test ends.
func newCloud(t *testing.T, name string) *linux.Runtime {
	t.Helper()
	rt, err := linux.New(linux.Options{Cloud: name})
	if err != nil {
		t.Fatal(err)
	}
	if err := rt.Check(t.Context()); err != nil {
		t.Skipf("SKIP-NEEDS-ENGINE: %v", err)
	}
	if err := testImageOnce(); err != nil {
		t.Fatalf("the test guest's image: %v", err)
	}
	t.Cleanup(func() {
		if err := rt.Purge(context.Background()); err != nil {
			t.Errorf("Purge: %v", err)
		}
		rt.Close()
	})
	return rt
}

func cloudName(suffix string) string { return fmt.Sprintf("t%d%s", os.Getpid(), suffix) }

var testImageOnce = sync.OnceValue(buildTestImage)

func TestMain(m *testing.M) {
	code := m.Run()
	if engine, err := client.New(client.FromEnv); err == nil {
		// Absent where no test ran.
		_, _ = engine.ImageRemove(context.Background(), testImage, client.ImageRemoveOptions{})
		engine.Close()
	}
	os.Exit(code)
}

// buildTestImage makes an image of one static binary.
func buildTestImage() error {
	dir, err := os.MkdirTemp("", "testguest")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	bin := filepath.Join(dir, "guest")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", bin, "./testguest")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building it: %w\n%s", err, out)
	}
	content, err := os.ReadFile(bin)
	if err != nil {
		return err
	}
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	if err := tw.WriteHeader(&tar.Header{Name: "guest", Mode: 0o755, Size: int64(len(content))}); err != nil {
		return err
	}
	if _, err := tw.Write(content); err != nil {
		return err
	}
	if err := tw.Close(); err != nil {
		return err
	}
	engine, err := client.New(client.FromEnv)
	if err != nil {
		return err
	}
	defer engine.Close()
	res, err := engine.ImageImport(context.Background(), client.ImageImportSource{Source: &buf, SourceName: "-"}, testImage, client.ImageImportOptions{})
	if err != nil {
		return err
	}
	defer res.Close()
	_, err = io.Copy(io.Discard, res)
	return err
}

// vpc is a network with guests for one test.
type vpc struct {
	t  *testing.T
	rt *linux.Runtime
	id string
	p  runtime.Policy
}

var subnet = netip.MustParsePrefix("10.7.1.0/24")

func newVPC(t *testing.T, rt *linux.Runtime, id string) *vpc {
	t.Helper()
	v := &vpc{t: t, rt: rt, id: id}
	v.must(rt.EnsureNetwork(t.Context(), v.network()))
	return v
}

func (v *vpc) network() runtime.Network {
	return runtime.Network{ID: v.id, CIDRs: []netip.Prefix{netip.MustParsePrefix("10.7.0.0/16")}}
}

func (v *vpc) must(err error) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
}

func (v *vpc) iface(name, addr string) runtime.Interface {
	return runtime.Interface{ID: v.id + "-eni-" + name, Network: v.id, Addr: netip.MustParseAddr(addr), Subnet: subnet, Container: name}
}

// guest runs a container that serves port 80 and 5432 and attaches it.
func (v *vpc) guest(name, addr string, groups ...string) {
	v.t.Helper()
	_, err := v.rt.EnsureContainer(v.t.Context(), runtime.ContainerSpec{
		Name: name, Image: testImage, Hostname: name, Entrypoint: []string{"/guest", "serve", "80", "5432"},
		DNS: netip.MustParseAddr("10.7.0.2"), NestedEngine: true,
	})
	v.must(err)
	i := v.iface(name, addr)
	v.must(v.rt.Attach(v.t.Context(), i))
	v.p.Interfaces = append(v.p.Interfaces, runtime.PolicyInterface{ID: i.ID, Addr: i.Addr, Groups: groups})
}

// node attaches an interface without container.
func (v *vpc) node(name, addr string, groups ...string) runtime.Interface {
	v.t.Helper()
	i := v.iface(name, addr)
	i.Container = ""
	v.must(v.rt.Attach(v.t.Context(), i))
	v.p.Interfaces = append(v.p.Interfaces, runtime.PolicyInterface{ID: i.ID, Addr: i.Addr, Groups: groups})
	return i
}

func (v *vpc) set(name string) *runtime.PolicyInterface {
	for i := range v.p.Interfaces {
		if v.p.Interfaces[i].ID == v.id+"-eni-"+name {
			return &v.p.Interfaces[i]
		}
	}
	v.t.Fatalf("no interface %s", name)
	return nil
}

func (v *vpc) apply(groups ...runtime.Group) {
	v.t.Helper()
	if groups != nil {
		v.p.Groups = groups
	}
	v.must(v.rt.SetPolicy(v.t.Context(), v.id, v.p))
}

// dial runs a client in a guest and returns what the server said.
func (v *vpc) dial(from, to string) (string, bool) {
	v.t.Helper()
	res, err := v.rt.Exec(v.t.Context(), from, runtime.ExecSpec{Cmd: []string{"/guest", "dial", to}})
	v.must(err)
	return strings.TrimSpace(string(res.Stdout)), res.ExitCode == 0
}

func (v *vpc) reaches(from, to string) {
	v.t.Helper()
	if _, ok := v.dial(from, to); !ok {
		v.t.Errorf("%s does not reach %s, but may", from, to)
	}
}

func (v *vpc) blocked(from, to string) {
	v.t.Helper()
	if said, ok := v.dial(from, to); ok {
		v.t.Errorf("%s reaches %s (%q), but must not", from, to, said)
	}
}

var anywhere = netip.MustParsePrefix("0.0.0.0/0")

func allOut() []runtime.Rule { return []runtime.Rule{{Protocol: runtime.AllProtocols, CIDR: anywhere}} }

func tcp(port int, peer string) runtime.Rule {
	r := runtime.Rule{Protocol: runtime.TCP, FromPort: port, ToPort: port}
	if c, err := netip.ParsePrefix(peer); err == nil {
		r.CIDR = c
	} else {
		r.Group = peer
	}
	return r
}
