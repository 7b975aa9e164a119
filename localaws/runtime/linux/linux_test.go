//go:build linux

package linux_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"grocery/localaws/runtime"
	"grocery/localaws/runtime/linux"
)

func TestGroups(t *testing.T) {
	rt := newCloud(t, cloudName("g"))
	v := newVPC(t, rt, "vpc-g")
	v.guest("web", "10.7.1.10", "sg-web")
	v.guest("db", "10.7.1.20", "sg-db")
	v.guest("odd", "10.7.1.30", "sg-odd")

	t.Run("without a policy nothing passes", func(t *testing.T) {
		v.t = t
		v.blocked("web", "10.7.1.20:5432")
	})
	web := runtime.Group{ID: "sg-web", Egress: allOut(), Ingress: []runtime.Rule{tcp(80, "0.0.0.0/0")}}
	db := runtime.Group{ID: "sg-db", Ingress: []runtime.Rule{tcp(5432, "sg-web")}}
	odd := runtime.Group{ID: "sg-odd", Egress: allOut()}
	t.Run("a rule that names a group admits its members, on that port only", func(t *testing.T) {
		v.t = t
		v.apply(web, db, odd)
		v.reaches("web", "10.7.1.20:5432")
		v.blocked("web", "10.7.1.20:80")
		v.blocked("odd", "10.7.1.20:5432")
	})
	t.Run("egress of the sender is a gate of its own", func(t *testing.T) {
		v.t = t
		v.blocked("db", "10.7.1.10:80") // web admits everybody, db may not send
		v.reaches("odd", "10.7.1.10:80")
		noOut := web
		noOut.Egress = []runtime.Rule{tcp(443, "0.0.0.0/0")}
		v.apply(noOut, db, odd)
		v.blocked("web", "10.7.1.20:5432")
		v.apply(web, db, odd)
	})
	t.Run("a new member of a group is admitted at once, and a former one no more", func(t *testing.T) {
		v.t = t
		v.set("odd").Groups = []string{"sg-odd", "sg-web"}
		v.apply()
		v.reaches("odd", "10.7.1.20:5432")
		v.set("odd").Groups = []string{"sg-odd"}
		v.apply()
		v.blocked("odd", "10.7.1.20:5432")
	})
	t.Run("a sender sees its own address at the other end", func(t *testing.T) {
		v.t = t
		if said, _ := v.dial("web", "10.7.1.20:5432"); said != "db 10.7.1.10" {
			t.Errorf("the server saw %q", said)
		}
	})
	t.Run("a guest reaches itself by its own address", func(t *testing.T) {
		v.t = t
		v.reaches("db", "10.7.1.20:80")
	})
	t.Run("a borrowed source address is dropped", func(t *testing.T) {
		v.t = t
		udp := db
		udp.Ingress = []runtime.Rule{{Protocol: runtime.UDP, FromPort: 5000, ToPort: 5500, Group: "sg-web"}}
		v.apply(web, udp, odd)
		for _, cmd := range [][]string{
			{"odd", "spoof", "10.7.1.10", "10.7.1.20:5432"},
			{"web", "send", "10.7.1.20:5432"},
		} {
			res, err := rt.Exec(t.Context(), cmd[0], runtime.ExecSpec{Cmd: append([]string{"/guest"}, cmd[1:]...)})
			if err != nil || res.ExitCode != 0 {
				t.Fatalf("%v: %v %s", cmd, err, res.Stderr)
			}
		}
		time.Sleep(200 * time.Millisecond)
		logs, err := rt.Logs(t.Context(), "db", 0)
		v.must(err)
		if n := strings.Count(string(logs), "datagram from 10.7.1.10"); n != 1 {
			t.Errorf("%d datagrams arrived under web's address, want the genuine one only:\n%s", n, logs)
		}
	})
	t.Run("a container that was restarted gets its interface back", func(t *testing.T) {
		v.t = t
		v.apply(web, db, odd)
		v.must(rt.StopContainer(t.Context(), "db", 0))
		st, err := rt.InspectContainer(t.Context(), "db")
		v.must(err)
		if st.State != runtime.Exited {
			t.Fatalf("state %s, want exited", st.State)
		}
		v.must(rt.StartContainer(t.Context(), "db"))
		v.blocked("web", "10.7.1.20:5432")
		v.must(rt.Attach(t.Context(), v.iface("db", "10.7.1.20")))
		v.reaches("web", "10.7.1.20:5432")
	})
	t.Run("a new process finds everything and carries on", func(t *testing.T) {
		v.t = t
		next, err := linux.New(linux.Options{Cloud: cloudName("g")})
		v.must(err)
		defer next.Close()
		v.must(next.EnsureNetwork(t.Context(), v.network()))
		v.must(next.Attach(t.Context(), v.iface("db", "10.7.1.20")))
		v.reaches("web", "10.7.1.20:5432")
		v.blocked("odd", "10.7.1.20:5432")
		list, err := next.ListContainers(t.Context())
		v.must(err)
		if len(list) != 3 || list[0].Name != "db" || list[0].State != runtime.Running {
			t.Errorf("containers found again: %+v", list)
		}
	})
	t.Run("a detached interface is cut off", func(t *testing.T) {
		v.t = t
		v.must(rt.Detach(t.Context(), v.id+"-eni-db"))
		v.blocked("web", "10.7.1.20:5432")
		v.must(rt.Detach(t.Context(), v.id+"-eni-db"))
	})
}

func TestServicesOfANetwork(t *testing.T) {
	rt := newCloud(t, cloudName("s"))
	v := newVPC(t, rt, "vpc-s")
	v.guest("web", "10.7.1.10", "sg-web")
	lb := v.node("lb", "10.7.1.50", "sg-lb")
	web := runtime.Group{ID: "sg-web", Ingress: []runtime.Rule{tcp(80, "sg-lb")}, Egress: []runtime.Rule{tcp(443, "0.0.0.0/0")}}
	balancer := runtime.Group{ID: "sg-lb", Ingress: []runtime.Rule{tcp(8080, "0.0.0.0/0")}, Egress: []runtime.Rule{tcp(80, "sg-web")}}
	v.apply(web, balancer)
	ctx := t.Context()

	answer := func(ln net.Listener, err error) net.Listener {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				fmt.Fprintf(c, "service %s", c.RemoteAddr())
				c.Close()
			}
		}()
		return ln
	}
	read := func(c net.Conn, err error) string {
		if err != nil {
			return "error: " + err.Error()
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(time.Second))
		b, _ := io.ReadAll(c)
		return string(b)
	}
	short, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()

	answer(rt.ListenNetwork(ctx, v.id, netip.AddrPortFrom(runtime.MetadataAddr, 80)))
	answer(rt.ListenNetwork(ctx, v.id, netip.MustParseAddrPort("10.7.0.2:53")))
	answer(rt.ListenNetwork(ctx, v.id, netip.AddrPortFrom(runtime.EndpointAddr, 443)))
	answer(rt.Listen(ctx, lb.ID, 8080))

	t.Run("metadata and resolver are there whatever the groups say", func(t *testing.T) {
		v.t = t
		v.reaches("web", "169.254.169.254:80")
		v.reaches("web", "10.7.0.2:53")
		if said, _ := v.dial("web", "169.254.169.254:80"); !strings.Contains(said, "10.7.1.10:") {
			t.Errorf("the metadata service saw %q", said)
		}
	})
	t.Run("the AWS endpoint needs a route and an egress rule", func(t *testing.T) {
		v.t = t
		v.blocked("web", "198.18.0.2:443")
		v.set("web").Endpoint = true
		v.apply()
		v.reaches("web", "198.18.0.2:443")
		closed := web
		closed.Egress = []runtime.Rule{tcp(443, "10.7.0.0/16")}
		v.apply(closed, balancer)
		v.blocked("web", "198.18.0.2:443")
		v.apply(web, balancer)
	})
	t.Run("a node listens and dials under its own address", func(t *testing.T) {
		if said := read(rt.Dial(short, lb.ID, "tcp", "10.7.1.10:80")); !strings.Contains(said, "web 10.7.1.50") {
			t.Errorf("dialling web from the balancer: %q", said)
		}
		v.t = t
		v.blocked("web", "10.7.1.50:8080") // web may only send to port 443
	})
	t.Run("from outside only what is open to the internet is reachable", func(t *testing.T) {
		v.t = t
		dial := func(addr string) string {
			c, cancel := context.WithTimeout(ctx, 400*time.Millisecond)
			defer cancel()
			return read(rt.DialNetwork(c, v.id, "tcp", addr))
		}
		if said := dial("10.7.1.50:8080"); !strings.HasPrefix(said, "error") {
			t.Errorf("a node without public address answered: %q", said)
		}
		v.set("lb").Inbound = true
		v.set("web").Inbound = true
		v.apply()
		if said := dial("10.7.1.50:8080"); !strings.HasPrefix(said, "service 198.18.0.1:") {
			t.Errorf("the open node said %q", said)
		}
		if said := dial("10.7.1.10:80"); !strings.HasPrefix(said, "error") {
			t.Errorf("web admits the balancer's group only, but answered the internet: %q", said)
		}
	})
	t.Run("the control plane's probe passes no filter", func(t *testing.T) {
		if said := read(rt.HostProbe(short, v.id, "tcp", "10.7.1.10:5432")); !strings.HasPrefix(said, "web ") {
			t.Errorf("probe: %q", said)
		}
	})
	t.Run("a datagram socket serves the resolver's address", func(t *testing.T) {
		pc, err := rt.ListenPacketNetwork(ctx, v.id, netip.MustParseAddrPort("10.7.0.2:53"))
		if err != nil {
			t.Fatal(err)
		}
		defer pc.Close()
		if res, err := rt.Exec(ctx, "web", runtime.ExecSpec{Cmd: []string{"/guest", "send", "10.7.0.2:53"}}); err != nil || res.ExitCode != 0 {
			t.Fatalf("%v %s", err, res.Stderr)
		}
		pc.SetReadDeadline(time.Now().Add(2 * time.Second))
		if _, from, err := pc.ReadFrom(make([]byte, 16)); err != nil || !strings.HasPrefix(from.String(), "10.7.1.10:") {
			t.Errorf("datagram from %v, error %v", from, err)
		}
	})
	t.Run("many connections at once", func(t *testing.T) {
		errs := make(chan string, 200)
		for range cap(errs) {
			go func() { errs <- read(rt.Dial(short, lb.ID, "tcp", "10.7.1.10:80")) }()
		}
		for range cap(errs) {
			if said := <-errs; !strings.HasPrefix(said, "web ") {
				t.Fatal(said)
			}
		}
	})
	t.Run("removing the network ends its listeners", func(t *testing.T) {
		ln, err := rt.Listen(ctx, lb.ID, 9090)
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { _, err := ln.Accept(); ended <- err }()
		if err := rt.RemoveNetwork(ctx, v.id); err != nil {
			t.Fatal(err)
		}
		select {
		case <-ended:
		case <-time.After(2 * time.Second):
			t.Error("a listener outlived its network")
		}
	})
}

func TestEveryKindOfRuleLoads(t *testing.T) {
	rt := newCloud(t, cloudName("r"))
	v := newVPC(t, rt, "vpc-r")
	v.node("a", "10.7.1.10", "sg-a", "sg-b", "sg-unknown")
	v.node("b", "10.7.1.11")
	var rules []runtime.Rule
	for _, proto := range []runtime.Protocol{"", "-1", "tcp", "udp", "icmp", "6", "17", "1", "50", "icmpv6", "58"} {
		for _, ports := range [][2]int{{0, 65535}, {-1, -1}, {22, 22}, {1000, 2000}, {8, -1}, {3, 4}} {
			for _, peer := range []string{"0.0.0.0/0", "10.7.3.9/16", "::/0", "sg-a", "sg-elsewhere"} {
				r := tcp(0, peer)
				r.Protocol, r.FromPort, r.ToPort = proto, ports[0], ports[1]
				rules = append(rules, r)
			}
		}
	}
	v.apply(runtime.Group{ID: "sg-a", Ingress: rules, Egress: rules}, runtime.Group{ID: "sg-b"}, runtime.Group{ID: "sg_b", Ingress: rules})
}

func TestTwoCloudsOnOneMachine(t *testing.T) {
	// The same ids and addresses in both: they must not meet.
	a, b := newCloud(t, cloudName("a")), newCloud(t, cloudName("b"))
	open := runtime.Group{ID: "sg", Egress: allOut(), Ingress: allOut()}
	va, vb := newVPC(t, a, "vpc-1"), newVPC(t, b, "vpc-1")
	va.guest("one", "10.7.1.10", "sg")
	vb.guest("one", "10.7.1.10", "sg")
	vb.guest("two", "10.7.1.20", "sg")
	va.apply(open)
	vb.apply(open)
	va.blocked("one", "10.7.1.20:80")
	vb.reaches("one", "10.7.1.20:80")
	if err := b.EnsureVolume(t.Context(), "data"); err != nil {
		t.Fatal(err)
	}

	if err := b.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := leftovers(t, cloudName("b")); left != "" {
		t.Errorf("after Purge there is still:\n%s", left)
	}
	if st, err := a.InspectContainer(t.Context(), "one"); err != nil || st.State != runtime.Running {
		t.Errorf("the other cloud's container: %s, %v", st.State, err)
	}
}

// leftovers lists what a cloud has on this machine.
func leftovers(t *testing.T, cloud string) string {
	t.Helper()
	out, err := exec.Command("sh", "-c", fmt.Sprintf(
		`docker ps -aq --filter label=localaws.cloud=%[1]s; docker volume ls -q --filter label=localaws.cloud=%[1]s; ls /run/netns | grep -F localaws.%[1]s. || true`, cloud)).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return strings.TrimSpace(string(out))
}

func TestContainers(t *testing.T) {
	rt := newCloud(t, cloudName("c"))
	ctx := t.Context()
	spec := runtime.ContainerSpec{
		Name: "box", Image: testImage, Hostname: "box", Entrypoint: []string{"/guest", "serve", "80"},
		Files:   []runtime.File{{Path: "/etc/deep/secret", Mode: 0o600, UID: 7, Content: []byte("hush")}},
		Volumes: map[string]string{"/data": "box-data"}, MemoryBytes: 64 << 20, CPUs: 0.5,
		Labels: map[string]string{"role": "test"},
	}
	t.Run("an image that is missing says so", func(t *testing.T) {
		bad := spec
		bad.Name, bad.Image = "bad", "localaws-no-such-image"
		if _, err := rt.EnsureContainer(ctx, bad); err == nil || !strings.Contains(err.Error(), "grocery setup") {
			t.Errorf("error %v", err)
		}
	})
	first, err := rt.EnsureContainer(ctx, spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("ensuring twice changes nothing", func(t *testing.T) {
		again, err := rt.EnsureContainer(ctx, spec)
		if err != nil || again.PID != first.PID || again.Labels["role"] != "test" {
			t.Errorf("second: %+v, %v; first: %+v", again, err, first)
		}
	})
	t.Run("files are in place", func(t *testing.T) {
		b, err := rt.ReadFile(ctx, "box", "/etc/deep/secret")
		if err != nil || string(b) != "hush" {
			t.Errorf("%q, %v", b, err)
		}
	})
	t.Run("meters read what the container uses", func(t *testing.T) {
		s, err := rt.Stats(ctx, "box")
		if err != nil || s.MemoryBytes == 0 || s.MemoryBytes > 64<<20 || s.MemoryLimitBytes != 64<<20 || s.CPUNanoseconds == 0 {
			t.Errorf("%+v, %v", s, err)
		}
	})
	t.Run("a command's exit code and streams come back", func(t *testing.T) {
		res, err := rt.Exec(ctx, "box", runtime.ExecSpec{Cmd: []string{"/guest", "nonsense"}})
		if err != nil || res.ExitCode != 1 || !strings.Contains(string(res.Stderr), "unknown command") {
			t.Errorf("%+v, %v", res, err)
		}
	})
	t.Run("waiting ends with the container", func(t *testing.T) {
		done := make(chan runtime.ContainerStatus, 1)
		go func() { st, _ := rt.WaitContainer(ctx, "box"); done <- st }()
		if err := rt.StopContainer(ctx, "box", 0); err != nil {
			t.Fatal(err)
		}
		if st := <-done; st.State != runtime.Exited || st.ExitCode == 0 {
			t.Errorf("%+v", st)
		}
	})
	t.Run("removing is final and may be repeated", func(t *testing.T) {
		for range 2 {
			if err := rt.RemoveContainer(ctx, "box"); err != nil {
				t.Fatal(err)
			}
		}
		if st, err := rt.InspectContainer(ctx, "box"); err != nil || st.State != runtime.Absent {
			t.Errorf("%+v, %v", st, err)
		}
	})
}
