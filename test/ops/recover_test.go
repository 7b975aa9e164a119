package ops_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"grocery/internal/tfcli"
	"grocery/ops"
)

const lockID = "4b8e6a1e-0000-4000-8000-000000000001"

// lock is a lock as Terraform writes it, taken an hour ago.
func lock(t *testing.T, id, who, operation string) string {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"ID": id, "Operation": operation, "Info": "", "Who": who, "Version": "1.11.4", "Created": time.Now().Add(-time.Hour).UTC(), "Path": bucket + "/" + stateKey})
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// me is the holder of a lock that this user's Terraform takes on this machine.
func me(t *testing.T) string {
	t.Helper()
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	return u.Username + "@" + host
}

// state is a state with one output, named after its serial.
func state(lineage string, serial int) string {
	return fmt.Sprintf(`{"version":4,"terraform_version":"1.11.0","serial":%d,"lineage":%q,"outputs":{"n":{"value":"%d","type":"string"}},"resources":[],"check_results":null}`, serial, lineage, serial)
}

func digest(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}

func TestRecover(t *testing.T) {
	if testing.Short() {
		t.Skip("runs Terraform a dozen times, which takes half a minute")
	}
	const ours, other = "11111111-0000-4000-8000-000000000000", "22222222-0000-4000-8000-000000000000"
	c := start(t)
	c.makeBackend(t)
	e, ev := environment(t, c)
	file := infra(e, "enviroments", "probe", "errored.tfstate")
	held := func(t *testing.T) (inBucket, inTable bool) {
		return c.object(t, stateKey+".tflock") != "", c.item(t, stateKey, "Info") != ""
	}
	content := func(t *testing.T) (n string) { // Terraform counts serials of its own on a push; the output tells which state it is
		var s struct {
			Outputs map[string]struct{ Value string }
		}
		if raw := c.object(t, stateKey); json.Unmarshal([]byte(raw), &s) != nil {
			t.Fatal(raw)
		}
		return s.Outputs["n"].Value
	}

	for _, test := range []struct {
		name    string
		prepare func(t *testing.T)
		errs    []string // parts of the error; none: no error
		details string   // part of what is reported
		state   string   // which one is in the bucket afterwards
		locked  bool     // afterwards
		after   func(t *testing.T)
	}{
		{name: "nothing to do is nothing done", prepare: func(*testing.T) {}, state: "5"},
		{name: "a dead lock of ours is released in the bucket and in the table", details: "released the lock", state: "5", prepare: func(t *testing.T) {
			c.put(t, stateKey+".tflock", lock(t, lockID, me(t), "OperationTypeApply"))
			c.putItem(t, stateKey, "Info", lock(t, lockID, me(t), "OperationTypeApply"))
		}},
		{name: "half a lock, in the table alone, is released", details: "released the lock", state: "5", prepare: func(t *testing.T) {
			c.putItem(t, stateKey, "Info", lock(t, lockID, me(t), "OperationTypeApply"))
		}},
		{name: "half a lock, in the bucket alone, is released", details: "released the lock", state: "5", prepare: func(t *testing.T) {
			c.put(t, stateKey+".tflock", lock(t, lockID, me(t), "OperationTypeApply"))
		}},
		{name: "somebody else's lock stays and is reported with holder, age and the way out", state: "5", locked: true,
			errs: []string{"locked by somebody@else since 1h0m", "OperationTypeApply", "wait for that to end", "terraform force-unlock " + lockID},
			prepare: func(t *testing.T) {
				c.put(t, stateKey+".tflock", lock(t, lockID, "somebody@else", "OperationTypeApply"))
				c.putItem(t, stateKey, "Info", lock(t, lockID, "somebody@else", "OperationTypeApply"))
			}},
		{name: "a state whose digest an interruption kept from being written is read again", details: "put right", state: "6", prepare: func(t *testing.T) {
			c.put(t, stateKey, state(ours, 6))
			c.put(t, stateKey+".tflock", lock(t, lockID, me(t), "OperationTypeApply"))
		}},
		{name: "a newer errored.tfstate of the same lineage is pushed", details: "pushed the state", state: "7", prepare: func(t *testing.T) { write(t, file, state(ours, 7)) },
			after: func(t *testing.T) {
				if exists(file) || c.item(t, stateKey+"-md5", "Digest") != digest(c.object(t, stateKey)) {
					t.Error("the file is left, or the digest is another's")
				}
			}},
		{name: "one that was written to the bucket, but whose digest and lock were not, is both", details: "put right", state: "7", prepare: func(t *testing.T) {
			c.put(t, stateKey, state(ours, 7))
			write(t, file, state(ours, 7))
		}, after: func(t *testing.T) {
			if exists(file) || !exists(file+".old") {
				t.Error("the file was not set aside")
			}
		}},
		{name: "an older one is set aside", details: "errored.tfstate.old", state: "5", prepare: func(t *testing.T) { write(t, file, state(ours, 4)) },
			after: func(t *testing.T) {
				if exists(file) || read(t, file+".old") != state(ours, 4) {
					t.Error("the file was not set aside")
				}
			}},
		{name: "one of another lineage is refused and stays", errs: []string{"errored.tfstate belongs to another state", other, ours, "move it away"}, state: "5",
			prepare: func(t *testing.T) { write(t, file, state(other, 9)) },
			after: func(t *testing.T) {
				if read(t, file) != state(other, 9) {
					t.Error("the file changed")
				}
			}},
		{name: "one that cannot be read is refused and stays", errs: []string{"errored.tfstate cannot be read", "look at it"}, state: "5",
			prepare: func(t *testing.T) { write(t, file, `{"version":4,`) },
			after: func(t *testing.T) {
				if !exists(file) {
					t.Error("the file is gone")
				}
			}},
		{name: "where no state was ever written, the saved one becomes the first", details: "pushed the state", state: "3", prepare: func(t *testing.T) {
			c.remove(t, stateKey)
			c.putItem(t, stateKey+"-md5", "Digest", "")
			write(t, file, state(other, 3))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c.remove(t, stateKey+".tflock")
			c.putItem(t, stateKey, "none", "none") // an item without Info is no lock
			c.put(t, stateKey, state(ours, 5))
			c.putItem(t, stateKey+"-md5", "Digest", digest(state(ours, 5)))
			for _, f := range []string{file, file + ".old"} {
				if err := os.RemoveAll(f); err != nil {
					t.Fatal(err)
				}
			}
			test.prepare(t)
			err := e.Recover(t.Context())
			if (err != nil) != (test.errs != nil) {
				t.Fatalf("error %v, want one: %v", err, test.errs != nil)
			}
			for _, want := range test.errs {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v: lacks %q", err, want)
				}
			}
			if _, details := ev.last(t); !strings.Contains(details, test.details) {
				t.Errorf("reported %q, want %q in it", details, test.details)
			}
			if inBucket, inTable := held(t); inBucket != test.locked || inTable != test.locked {
				t.Errorf("lock in the bucket %v, in the table %v, want %v", inBucket, inTable, test.locked)
			}
			if got := content(t); got != test.state {
				t.Errorf("the bucket has state %s, want %s", got, test.state)
			}
			if test.after != nil {
				test.after(t)
			}
		})
	}
}

func TestALockOfARealTerraformIsKeptWhileItLivesAndReleasedWhenItDied(t *testing.T) {
	if testing.Short() {
		t.Skip("runs Terraform, which takes seconds")
	}
	c := start(t)
	c.makeBackend(t)
	e, ev := environment(t, c)
	if err := e.Recover(t.Context()); err != nil { // writes backend.hcl and initializes
		t.Fatal(err)
	}
	cmd := terraform(t, e, "apply", "-auto-approve", "-input=false", "-no-color", "-var-file=probe.tfvars", "-var=pause=20")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	defer func() { cmd.Process.Kill() }() // ended already when all went well
	c.awaitLock(t)

	err := e.Recover(t.Context())
	if err == nil || !strings.Contains(err.Error(), "may still run (process "+strconv.Itoa(cmd.Process.Pid)+")") {
		t.Errorf("while it runs: %v", err)
	}
	if c.object(t, stateKey+".tflock") == "" {
		t.Error("the lock of a running Terraform was released")
	}

	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-done
	ev.last(t)
	if err := e.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, details := ev.last(t); !strings.Contains(details, "released the lock") {
		t.Errorf("reported %q", details)
	}
	if c.object(t, stateKey+".tflock") != "" || c.item(t, stateKey, "Info") != "" {
		t.Error("the lock of a dead Terraform is left")
	}
}

func TestAnInterruptedTerraformEndsInOrder(t *testing.T) {
	if testing.Short() {
		t.Skip("runs Terraform, which takes seconds")
	}
	c := start(t)
	c.makeBackend(t)
	e, _ := environment(t, c)
	write(t, infra(e, "enviroments", "probe", "slow.tf"), `
resource "terraform_data" "slow" {
  provisioner "local-exec" {
    when    = destroy
    command = "touch begun; exec sleep 30"
  }
}
resource "terraform_data" "quick" {
  depends_on = [terraform_data.slow] # so it is destroyed first
}
`)
	if err := e.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if out, err := terraform(t, e, "apply", "-auto-approve", "-input=false", "-no-color", "-var-file=probe.tfvars").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.Destroy(ctx, false) }()
	for deadline := time.Now().Add(time.Minute); !exists(infra(e, "enviroments", "probe", "begun")); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing is destroyed")
		}
	}
	c.awaitLock(t)
	begin := time.Now()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
	if took := time.Since(begin); took > 15*time.Second {
		t.Errorf("it took %s to end", took)
	}
	if c.object(t, stateKey+".tflock") != "" || c.item(t, stateKey, "Info") != "" {
		t.Error("it left its lock")
	}
	if now := c.object(t, stateKey); !strings.Contains(now, `"slow"`) || strings.Contains(now, `"quick"`) {
		t.Errorf("the state does not tell what is left: %s", now)
	}
}

// terraform is a command of Terraform's in the environment's root module.
func terraform(t *testing.T, e *ops.Environment, args ...string) *exec.Cmd {
	t.Helper()
	cli, err := tfcli.New(filepath.Join(e.Home, "terraform"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(cli.Path, args...)
	cmd.Dir = infra(e, "enviroments", "probe")
	cmd.Env = os.Environ()
	for k, v := range e.Access.Vars() {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	for k, v := range cli.Vars() {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	return cmd
}

// awaitLock waits until a Terraform holds both halves of the lock.
func (c *cloud) awaitLock(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); c.object(t, stateKey+".tflock") == "" || c.item(t, stateKey, "Info") == ""; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("Terraform takes no lock")
		}
	}
}

func TestTwoOfUsDoNotWorkOnOneEnvironment(t *testing.T) {
	c := start(t)
	e, _ := environment(t, c)
	busy := make(chan struct{})
	release := make(chan struct{})
	e.Report = func(ev ops.Event) {
		if ev.State == ops.Started {
			close(busy)
			<-release
		}
	}
	first := make(chan error, 1)
	go func() { first <- e.Destroy(t.Context(), false) }()
	<-busy
	second := &ops.Environment{Root: e.Root, Name: e.Name, Home: e.Home, Access: e.Access}
	if err := second.Recover(t.Context()); err == nil || !strings.Contains(err.Error(), "another grocery works on probe (process "+strconv.Itoa(os.Getpid())+")") {
		t.Errorf("%v", err)
	}
	close(release)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if err := second.Recover(t.Context()); err != nil {
		t.Errorf("after it ended: %v", err)
	}
}

func (c *cloud) remove(t *testing.T, key string) {
	t.Helper()
	if _, err := c.s3.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: &key}); err != nil {
		t.Fatal(err)
	}
}
