//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// portOffset moves the test's cloud away from one that make up started.
var portOffset = 10000

// cloud is the one deployment all tests of this package share.
type cloud struct {
	root, home, infra string
	url               string
}

var shared cloud

func TestMain(m *testing.M) { os.Exit(runMain(m)) }

func runMain(m *testing.M) int {
	root, err := filepath.Abs("../..")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	shared = cloud{root: root, home: filepath.Join(root, ".grocery", "e2e"), infra: filepath.Join(root, ".grocery", "e2e-infra")}
	if os.Getenv("E2E_DEPLOYED") != "" { // to work on a test: on the deployment that these name, as it is
		shared.home, shared.infra = os.Getenv("GROCERY_HOME"), os.Getenv("GROCERY_INFRA")
		if portOffset, err = strconv.Atoi(os.Getenv("GROCERY_PORT_OFFSET")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		var out bytes.Buffer
		var s struct{ URL string }
		err := shared.grocery(context.Background(), &out, "status", "--json")
		if err == nil {
			err = json.Unmarshal(out.Bytes(), &s)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err, out.String())
			return 1
		}
		shared.url = s.URL
		return m.Run()
	}
	// A copy of the Terraform, so that a deployment made by hand and the
	// test's do not share working folders.
	if err := errors.Join(shared.copyInfra(), shared.writeSettings(), shared.trustRepository()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	shared.grocery(context.Background(), io.Discard, "destroy") // what an interrupted run left
	start := time.Now()
	var out bytes.Buffer
	err = shared.grocery(context.Background(), io.MultiWriter(&out, os.Stderr), "up")
	if err != nil {
		fmt.Fprintln(os.Stderr, "grocery up:", err)
		shared.grocery(context.Background(), os.Stderr, "logs")
		return 1
	}
	fmt.Printf("deployed in %s\n", time.Since(start).Round(time.Second))
	if _, rest, ok := strings.Cut(out.String(), "The shop is at "); ok {
		shared.url, _, _ = strings.Cut(rest, " ")
	}
	return m.Run()
}

func (c *cloud) copyInfra() error {
	if err := os.RemoveAll(c.infra); err != nil {
		return err
	}
	if err := os.MkdirAll(c.infra, 0o755); err != nil {
		return err
	}
	files, err := exec.Command("git", "-C", c.root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "aws_infra").Output()
	if err != nil {
		return err
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(files), "\x00"), "\x00") {
		raw, err := os.ReadFile(filepath.Join(c.root, name))
		if err != nil {
			return err
		}
		to := filepath.Join(c.infra, strings.TrimPrefix(name, "aws_infra/"))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(to, raw, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// env is the environment of every command against the test's cloud.
func (c *cloud) env() []string {
	return append(os.Environ(), "GROCERY_HOME="+c.home, "GROCERY_INFRA="+c.infra, fmt.Sprintf("GROCERY_PORT_OFFSET=%d", portOffset), "GROCERY_ISSUERS="+issuerHost+"="+issuerAddr())
}

// grocery runs the CLI; its output goes to out.
func (c *cloud) grocery(ctx context.Context, out io.Writer, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(c.root, "bin", "grocery"), args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = c.root, c.env(), out, out
	return cmd.Run()
}

// output runs the CLI and returns what it printed; a failure ends the test.
func (c *cloud) output(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	if err := c.grocery(t.Context(), &out, args...); err != nil {
		t.Fatalf("grocery %s: %v\n%s", strings.Join(args, " "), err, out.String())
	}
	return out.String()
}

// awsEnv is the environment that `grocery env` makes.
func (c *cloud) awsEnv(t *testing.T) []string {
	t.Helper()
	var vars map[string]*string // null: must not be set
	if err := json.Unmarshal([]byte(c.output(t, "env", "--json")), &vars); err != nil {
		t.Fatal(err)
	}
	env := slices.DeleteFunc(os.Environ(), func(kv string) bool {
		k, _, _ := strings.Cut(kv, "=")
		_, ours := vars[k]
		return ours
	})
	for k, v := range vars {
		if v != nil {
			env = append(env, k+"="+*v)
		}
	}
	return env
}

// aws runs the AWS CLI with extra variables and returns its output.
func (c *cloud) aws(t *testing.T, extra []string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "aws", args...)
	cmd.Env = append(c.awsEnv(t), extra...)
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// client reaches *.elb.localhost as a browser does.
var client = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
	DisableKeepAlives: true,
	DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		_, port, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		return (&net.Dialer{}).DialContext(ctx, network, "127.0.0.1:"+port)
	},
}}

// get fetches a path of the shop.
func (c *cloud) get(path string) (int, string, error) {
	resp, err := client.Get(c.url + path)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

// eventually repeats f until it succeeds or the time is over.
func eventually(t *testing.T, within time.Duration, what string, f func() error) {
	t.Helper()
	start := time.Now()
	for {
		err := f()
		if err == nil {
			t.Logf("%s after %s", what, time.Since(start).Round(100*time.Millisecond))
			return
		}
		if time.Since(start) > within {
			t.Fatalf("%s: not within %s: %v", what, within, err)
		}
		time.Sleep(500 * time.Millisecond)
	}
}
