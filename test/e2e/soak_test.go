//go:build e2e && soak

package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestSoakDeploymentConverges ends the local AWS with SIGKILL, or interrupts the
// deployment itself, while phase 2 of a first deployment creates things.
// Whatever the interrupted deployment makes of that, the next one must bring
// all of it to its end, and leave nothing to plan. Each case deploys twice:
//
//	go test -tags 'e2e soak' -count=1 -timeout 2h -run TestSoak -v ./test/e2e
func TestSoakDeploymentConverges(t *testing.T) {
	for _, test := range []struct {
		name   string
		signal syscall.Signal
		victim func(t *testing.T, d *deployment) int // its process
		away   time.Duration                         // of the local AWS
	}{
		{"after the local AWS was away for 10 s", syscall.SIGKILL, localAWS, 10 * time.Second},
		{"after the local AWS was away for 120 s", syscall.SIGKILL, localAWS, 120 * time.Second},
		{"after the deployment was interrupted", syscall.SIGTERM, func(_ *testing.T, d *deployment) int { return d.cmd.Process.Pid }, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			shared.output(t, "destroy")
			d := deploying(t)
			d.wait(t, 15*time.Minute, "phase 2", "Creation complete") // some things are made, the databases are not
			time.Sleep(5 * time.Second)
			if err := syscall.Kill(test.victim(t, d), test.signal); err != nil {
				t.Fatal(err)
			}
			if test.away > 0 {
				time.Sleep(test.away)
				serve(t)
			}
			begin := time.Now()
			err := d.end(t, 20*time.Minute)
			t.Logf("the deployment that was hit ended %s later: %v", time.Since(begin).Round(time.Second), err)
			if exit, ok := errors.AsType[*exec.ExitError](err); test.away == 0 && (!ok || exit.ExitCode() != 130) {
				t.Errorf("it was interrupted and ended with %v, want exit code 130", err)
			}
			converges(t)
		})
	}
	if !t.Failed() { // else somebody wants to look at it
		shared.output(t, "destroy")
	}
}

// converges deploys and holds that nothing is left to do.
func converges(t *testing.T) {
	t.Helper()
	begin := time.Now()
	shared.output(t, "deploy")
	t.Logf("the next deployment took %s", time.Since(begin).Round(time.Second))
	var s struct {
		URL, Page string
		Instances []struct{ Lifecycle, Health string }
		Databases []struct{ Status string }
	}
	if err := json.Unmarshal([]byte(shared.output(t, "status", "--json")), &s); err != nil {
		t.Fatal(err)
	}
	if s.Page != "ok" || len(s.Instances) != 2 || len(s.Databases) != 2 {
		t.Errorf("%+v", s)
	}
	shared.url = s.URL // another balancer than that of the deployment before
	t.Run("second plan is empty", TestSecondPlanIsEmpty)
	t.Run("page and catalogue answer", TestPageAndCatalogueAnswerThroughTheBalancer)
	for _, left := range []string{"errored.tfstate", ".terraform.tfstate.lock.info"} {
		if _, err := os.Stat(filepath.Join(shared.infra, "enviroments", "dev", left)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left (%v)", left, err)
		}
	}
	if out, err := shared.aws(t, nil, "s3api", "list-objects-v2", "--bucket", "grocery-tfstate-123456789012-eu-central-1", "--query", "Contents[?ends_with(Key, `.tflock`)].Key", "--output", "text"); err != nil || out != "" && out != "None" {
		t.Errorf("a lock is left: %v %s", err, out)
	}
	for what, query := range map[string][]string{ // nothing was made twice
		"balancers": {"elbv2", "describe-load-balancers", "--query", "length(LoadBalancers)"},
		"databases": {"rds", "describe-db-instances", "--query", "length(DBInstances)"},
		"networks":  {"ec2", "describe-vpcs", "--filters", "Name=tag:Project,Values=grocery", "--query", "length(Vpcs)"},
	} {
		want := map[string]string{"balancers": "1", "databases": "2", "networks": "1"}[what]
		if out, err := shared.aws(t, nil, append(query, "--output", "text")...); err != nil || out != want {
			t.Errorf("%s %s, want %s (%v)", out, what, want, err)
		}
	}
}

// localAWS is the process of the test's local AWS.
func localAWS(t *testing.T, _ *deployment) int { t.Helper(); return health(t).PID }

// deployment is a `grocery up` under way.
type deployment struct {
	cmd  *exec.Cmd
	done chan error

	mu     sync.Mutex
	events []struct{ Step, State, Detail, Error string }
	said   bytes.Buffer
}

// deploying starts a first deployment.
func deploying(t *testing.T) *deployment {
	t.Helper()
	d := &deployment{done: make(chan error, 1)}
	d.cmd = exec.Command(filepath.Join(shared.root, "bin", "grocery"), "up", "--json")
	d.cmd.Dir, d.cmd.Env = shared.root, shared.env()
	r, w := io.Pipe()
	d.cmd.Stdout, d.cmd.Stderr = w, w
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			d.mu.Lock()
			d.said.WriteString(lines.Text() + "\n")
			var e struct{ Step, State, Detail, Error string }
			if json.Unmarshal(lines.Bytes(), &e) == nil && e.Step != "" {
				d.events = append(d.events, e)
			}
			d.mu.Unlock()
		}
		io.Copy(io.Discard, r) // a line beyond the buffer must not stop the deployment
	}()
	ended := make(chan struct{})
	go func() {
		err := d.cmd.Wait()
		w.Close()
		close(ended)
		d.done <- err
	}()
	t.Cleanup(func() {
		select {
		case <-ended:
		default:
			d.cmd.Process.Kill()
			<-ended
		}
	})
	return d
}

// wait waits until a step tells of something.
func (d *deployment) wait(t *testing.T, within time.Duration, step, detail string) {
	t.Helper()
	for begin := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		d.mu.Lock()
		for _, e := range d.events {
			if e.Step == step && strings.Contains(e.Detail, detail) {
				d.mu.Unlock()
				t.Logf("%s: %s", step, e.Detail)
				return
			}
		}
		said := d.said.String()
		d.mu.Unlock()
		select {
		case err := <-d.done:
			t.Fatalf("the deployment ended before %q of %s: %v\n%s", detail, step, err, said)
		default:
		}
		if time.Since(begin) > within {
			t.Fatalf("no %q of %s within %s:\n%s", detail, step, within, said)
		}
	}
}

// end waits for the deployment's end.
func (d *deployment) end(t *testing.T, within time.Duration) error {
	t.Helper()
	select {
	case err := <-d.done:
		d.mu.Lock()
		defer d.mu.Unlock()
		if err != nil {
			lines := strings.Split(strings.TrimSpace(d.said.String()), "\n")
			err = fmt.Errorf("%w: %s", err, strings.Join(lines[max(0, len(lines)-3):], " / "))
		}
		return err
	case <-time.After(within):
		t.Fatalf("the interrupted deployment does not end within %s", within)
		return nil
	}
}

// TestSoakCrashesDuringRestores kills each victim at each point.
func TestSoakCrashesDuringRestores(t *testing.T) {
	for _, victim := range slices.Sorted(maps.Keys(victims)) {
		for _, point := range slices.Sorted(maps.Keys(points)) {
			crash(t, victim, point)
		}
	}
}
