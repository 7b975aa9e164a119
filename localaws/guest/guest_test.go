//go:build linux

package main_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"grocery/localaws/guest/boot"
	"grocery/localaws/runtime"
	"grocery/localaws/runtime/dns"
	"grocery/localaws/runtime/imds"
	"grocery/localaws/runtime/linux"
)

const image = "grocery/instance:latest"

// userData is what a deployment's user data does, in small: it starts the
// engine, makes an image, writes a compose file, starts it, starts the agent.
const userData = `#!/bin/bash
set -euo pipefail
echo run >> /var/log/runs
systemctl enable --now docker
tar -c -C /opt app | docker import - app >/dev/null
mkdir -p /opt/grocery
cat > /opt/grocery/docker-compose.yml <<'YAML'
services:
  app:
    image: app
    command: ["/app", "serve", "80"]
    ports: ["80:80"]
    restart: unless-stopped
YAML
docker compose -f /opt/grocery/docker-compose.yml up -d --quiet-pull
cat > /tmp/agent.json <<'JSON'
{"agent": {"metrics_collection_interval": 1},
 "metrics": {"append_dimensions": {"InstanceId": "${aws:InstanceId}"},
  "metrics_collected": {"mem": {"measurement": ["mem_used_percent"]}, "disk": {"measurement": ["used_percent"], "resources": ["/"]}}},
 "logs": {"logs_collected": {"files": {"collect_list": [
  {"file_path": "/var/log/runs", "log_group_name": "/grocery/test", "log_stream_name": "{instance_id}"}]}}}}
JSON
amazon-cloudwatch-agent-ctl -a fetch-config -m ec2 -s -c file:/tmp/agent.json
exit 3
`

type source struct{}

func (source) Instance(_ context.Context, _ string, a netip.Addr) (imds.Instance, bool, error) {
	i := imds.Instance{ID: "i-first", ImageID: "ami-1", Type: "t3.micro", Region: "eu-central-1", Zone: "eu-central-1a", LocalIPv4: a.String(), Role: "role", HopLimit: 2}
	switch a.String() {
	case "10.8.1.10":
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		w.Write([]byte(userData))
		w.Close()
		i.UserData = z.Bytes()
	case "10.8.1.20":
		i.ID, i.HopLimit = "i-second", 1
		i.UserData = []byte("#!/bin/sh\nsystemctl start docker\ntar -c -C /opt app | docker import - app\n")
	default:
		return i, false, nil
	}
	return i, true, nil
}

func (source) Credentials(context.Context, string) (imds.Credentials, error) {
	now := time.Now()
	return imds.Credentials{AccessKeyID: "ASIATEST", SecretAccessKey: "secret", SessionToken: "token", UpdatedAt: now, ExpiresAt: now.Add(time.Hour)}, nil
}

// fakeAWS notes what the agent sends. Its certificate is the local CA's.
type fakeAWS struct {
	mu    sync.Mutex
	seen  bytes.Buffer
	calls map[string]int
}

func (f *fakeAWS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		if z, err := gzip.NewReader(r.Body); err == nil {
			body = z
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	host, _, _ := strings.Cut(r.Host, ".")
	f.calls[host]++
	io.Copy(&f.seen, body)
	fmt.Fprint(&f.seen, r.Header.Get("X-Amz-Target"), r.URL.Path)
	w.Header().Set("Smithy-Protocol", r.Header.Get("Smithy-Protocol"))
	w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
	if strings.Contains(r.Header.Get("Content-Type"), "json") {
		io.WriteString(w, "{}")
	}
}

func (f *fakeAWS) saw(s string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Contains(f.seen.String(), s)
}

// certificate makes a CA and a server certificate.
func certificate(t *testing.T) (caPEM []byte, server tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		DNSNames: []string{"*.eu-central-1.amazonaws.com"},
	}
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func buildApp(t *testing.T) []byte {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "app")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", bin, "../runtime/linux/testguest")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	b, err := os.ReadFile(bin)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// freeOf is the free space of the machine, in bytes.
func freeOf(t *testing.T) int64 {
	t.Helper()
	var s unix.Statfs_t
	if err := unix.Statfs("/var/lib", &s); err != nil {
		t.Fatal(err)
	}
	return int64(s.Bavail) * s.Bsize
}

// bench is a network with two instances.
type bench struct {
	*testing.T
	rt     *linux.Runtime
	policy runtime.Policy
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bench) iface(name, addr string) runtime.Interface {
	return runtime.Interface{ID: "eni-" + name, Network: "vpc-1", Addr: netip.MustParseAddr(addr), Subnet: netip.MustParsePrefix("10.8.1.0/24"), Container: name}
}

func (b *bench) sh(name, script string) (string, int) {
	b.Helper()
	res, err := b.rt.Exec(b.Context(), name, runtime.ExecSpec{Cmd: []string{"sh", "-c", script}})
	b.must(err)
	return strings.TrimSpace(string(res.Stdout) + string(res.Stderr)), res.ExitCode
}

// eventually waits for a condition of the instance.
func (b *bench) eventually(what string, f func() bool) {
	b.Helper()
	for deadline := time.Now().Add(40 * time.Second); !f(); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(deadline) {
			logs, _ := b.rt.Logs(context.Background(), "first", 40)
			b.Fatalf("not so: %s\n%s", what, logs)
		}
	}
}

func TestAnInstanceBootsRunsItsUserDataOnceAndComesBack(t *testing.T) {
	rt, err := linux.New(linux.Options{Cloud: fmt.Sprintf("guest%d", os.Getpid())})
	if err != nil {
		t.Fatal(err)
	}
	if err := rt.Check(t.Context()); err != nil {
		t.Skipf("SKIP-NEEDS-ENGINE: %v", err)
	}
	if _, err := rt.ImageID(t.Context(), image); errors.Is(err, runtime.ErrImageNotFound) {
		t.Skipf("SKIP-NEEDS-IMAGES: %v: run `grocery setup`", err)
	}
	t.Cleanup(func() {
		if err := rt.Purge(context.Background()); err != nil {
			t.Errorf("Purge: %v", err)
		}
		if left, _ := filepath.Glob("/var/lib/localaws/disks/guest" + fmt.Sprint(os.Getpid()) + "*"); len(left) > 0 {
			t.Errorf("disks left: %v", left)
		}
		rt.Close()
	})
	b := &bench{T: t, rt: rt}
	ctx := t.Context()
	network := runtime.Network{ID: "vpc-1", CIDRs: []netip.Prefix{netip.MustParsePrefix("10.8.0.0/16")}}
	b.must(rt.EnsureNetwork(ctx, network))
	stopDNS, err := dns.New(dns.Options{}).Serve(ctx, rt, network)
	b.must(err)
	defer stopDNS()
	stopIMDS, err := imds.New(imds.Options{Source: source{}}).Serve(ctx, rt, network.ID)
	b.must(err)
	defer stopIMDS()
	caPEM, cert := certificate(t)
	ln, err := rt.ListenNetwork(ctx, network.ID, netip.AddrPortFrom(runtime.EndpointAddr, 443))
	b.must(err)
	aws := &fakeAWS{calls: map[string]int{}}
	server := http.Server{Handler: aws}
	go server.Serve(tls.NewListener(ln, &tls.Config{Certificates: []tls.Certificate{cert}}))
	defer server.Close()

	app := buildApp(t)
	launch := func(name, addr, group string) {
		t.Helper()
		_, err := rt.EnsureContainer(ctx, runtime.ContainerSpec{
			Name: name, Image: image, Hostname: name, NestedEngine: true, DNS: netip.MustParseAddr("10.8.0.2"), MemoryBytes: 1 << 30,
			Disk:  runtime.Disk{Path: boot.DiskPath, Bytes: 8 << 30},
			Files: []runtime.File{{Path: "/opt/app", Mode: 0o755, Content: app}, {Path: "/etc/localaws/ca.pem", Content: caPEM}},
		})
		b.must(err)
		i := b.iface(name, addr)
		b.must(rt.Attach(ctx, i))
		b.policy.Interfaces = append(b.policy.Interfaces, runtime.PolicyInterface{ID: i.ID, Addr: i.Addr, Groups: []string{group}, Endpoint: true})
	}
	start := time.Now()
	launch("first", "10.8.1.10", "sg-app")
	launch("second", "10.8.1.20", "sg-other")
	all := []runtime.Rule{{Protocol: runtime.AllProtocols, CIDR: netip.MustParsePrefix("0.0.0.0/0")}}
	closed := []runtime.Group{{ID: "sg-app", Egress: all}, {ID: "sg-other", Egress: all}}
	open := []runtime.Group{
		{ID: "sg-app", Egress: all, Ingress: []runtime.Rule{{Protocol: runtime.TCP, FromPort: 80, ToPort: 80, Group: "sg-other"}}},
		{ID: "sg-other", Egress: all},
	}
	policy := func(g []runtime.Group) {
		t.Helper()
		b.policy.Groups = g
		b.must(rt.SetPolicy(ctx, network.ID, b.policy))
	}
	policy(closed)

	exitCode := ""
	b.eventually("the user data of the first has run", func() bool {
		out, code := b.sh("first", "cat /var/lib/cloud/data/user-data-exit-code")
		exitCode = out
		return code == 0
	})
	t.Logf("from launch to the end of user data: %.1f s", time.Since(start).Seconds())
	if exitCode != "3" {
		logs, _ := rt.Logs(ctx, "first", 50)
		t.Fatalf("user data ended with %q, want its own exit code 3:\n%s", exitCode, logs)
	}
	if out, _ := b.sh("first", "cat /var/log/cloud-init-output.log"); !strings.Contains(out, "Configuration validation succeeded") {
		t.Errorf("what user data printed: %q", out)
	}

	const dial = "/opt/app dial 10.8.1.10:80"
	if out, code := b.sh("second", dial); code == 0 {
		t.Errorf("without a rule the published port is reachable: %s", out)
	}
	policy(open)
	b.eventually("with a rule the published port of the nested container is reachable", func() bool { _, code := b.sh("second", dial); return code == 0 })
	if out, code := b.sh("first", dial); code != 0 {
		t.Errorf("the instance does not reach its own published port: %s", out)
	}

	for name, c := range map[string]struct{ in, script, want string }{
		"names of services lead to the endpoint":   {"first", "getent hosts sts.eu-central-1.amazonaws.com", "198.18.0.2"},
		"the local authority is trusted":           {"first", "curl -sS -o /dev/null -w %{http_code} https://sts.eu-central-1.amazonaws.com/", "200"},
		"so it is by the AWS CLI":                  {"first", "ls -l $(find /usr/lib/python3 -name cacert.pem)", "/etc/ssl/certs/ca-certificates.crt"},
		"docker is a service":                      {"first", "systemctl is-active docker && systemctl is-enabled docker.service", "active\nenabled"},
		"an unknown service is an error":           {"first", "systemctl start nginx 2>&1 || echo code $?", "Unit nginx.service not found.\ncode 5"},
		"the agent runs":                           {"first", "amazon-cloudwatch-agent-ctl -a status", `"status": "running"`},
		"the compose plugin is there":              {"first", "docker compose version", "v2."},
		"containers get credentials with two hops": {"first", "docker run --rm app /app token", "200 OK"},
		"and none with one hop":                    {"second", "until docker image inspect app >/dev/null 2>&1; do sleep 0.2; done; docker run --rm app /app token", "deadline exceeded"},
		"while the instance itself does":           {"second", "/opt/app token", "200 OK"},
	} {
		t.Run(name, func(t *testing.T) {
			if out, _ := b.sh(c.in, c.script); !strings.Contains(out, c.want) {
				t.Errorf("%s: %q, want %q", c.script, out, c.want)
			}
		})
	}
	t.Run("the disk is the instance's own: filling it shows, making room too", func(t *testing.T) {
		fstypes, _ := b.sh("first", "stat -f -c %T / /var/lib/docker | sort -u; df --output=size -B1 / | tail -1")
		var size int64
		if kinds, last, _ := strings.Cut(fstypes, "\n"); !strings.Contains(kinds, "ext") {
			t.Errorf("file systems: %s", fstypes)
		} else if _, err := fmt.Sscan(last[strings.LastIndex(last, "\n")+1:], &size); err != nil || size > 8<<30 || size < 7<<30 {
			t.Errorf("a disk of 8 GiB shows as %d bytes: %s", size, fstypes)
		}
		free := freeOf(t)
		usage := func() (percent int) {
			out, _ := b.sh("first", "df --output=pcent / | tail -1 | tr -d ' %'")
			if _, err := fmt.Sscan(out, &percent); err != nil {
				t.Fatal(out)
			}
			return percent
		}
		before := usage()
		if out, code := b.sh("first", "fallocate -l 6G /var/tmp/fill"); code != 0 {
			t.Fatal(out)
		}
		if full := usage(); full < before+70 {
			t.Errorf("filled with 6 GiB of 8 the disk shows %d %%, %d %% before", full, before)
		}
		if out, code := b.sh("first", "fallocate -l 6G /var/tmp/more"); code == 0 || !strings.Contains(out, "No space left") {
			t.Errorf("more than the disk holds: %s", out)
		}
		if used := free - freeOf(t); used > 1<<30 {
			t.Errorf("space that an instance only reserves takes %d MB of the machine", used>>20)
		}
		b.sh("first", "rm /var/tmp/fill /var/tmp/more")
		if after := usage(); after > before+1 {
			t.Errorf("emptied again the disk shows %d %%, %d %% before", after, before)
		}
	})
	b.eventually("the agent publishes memory, disk and the log file", func() bool {
		return aws.saw("mem_used_percent") && aws.saw("disk_used_percent") && aws.saw("nvme0n1p1") && aws.saw("/grocery/test")
	})

	stopped := time.Now()
	b.must(rt.StopContainer(ctx, "first", 20*time.Second))
	t.Logf("stopping in order: %.1f s", time.Since(stopped).Seconds())
	st, err := rt.InspectContainer(ctx, "first")
	b.must(err)
	if st.ExitCode != 0 {
		t.Errorf("the instance was killed (exit code %d) rather than stopped", st.ExitCode)
	}
	b.must(rt.StartContainer(ctx, "first"))
	b.must(rt.Attach(ctx, b.iface("first", "10.8.1.10")))
	b.eventually("after a reboot the container serves again", func() bool { _, code := b.sh("second", dial); return code == 0 })
	if out, _ := b.sh("first", "cat /var/log/runs"); out != "run" {
		t.Errorf("user data has run more than once: %q", out)
	}
	b.must(rt.StopContainer(ctx, "first", 0)) // as if the power went
	b.must(rt.StartContainer(ctx, "first"))
	b.must(rt.Attach(ctx, b.iface("first", "10.8.1.10")))
	b.eventually("after a power cut the container serves again", func() bool { _, code := b.sh("second", dial); return code == 0 })
	b.eventually("the agent comes back too", func() bool { _, code := b.sh("first", "systemctl is-active amazon-cloudwatch-agent"); return code == 0 })
}
