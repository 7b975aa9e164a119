package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"grocery/localaws"
	"grocery/localaws/ca"
)

// output runs f and returns what it wrote to the standard output and error.
func output(t *testing.T, f func()) (stdout, stderr string) {
	t.Helper()
	o, e := os.Stdout, os.Stderr
	defer func() { os.Stdout, os.Stderr = o, e }()
	files := [2]*os.File{}
	for i := range files {
		f, err := os.Create(filepath.Join(t.TempDir(), "out"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files[i] = f
	}
	os.Stdout, os.Stderr = files[0], files[1]
	f()
	var text [2]string
	for i, f := range files {
		raw, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		text[i] = string(raw)
	}
	return text[0], text[1]
}

// place is a repository with nothing but an environment, and a home beside it.
// The commands of the test work there.
func place(t *testing.T) (root, home string) {
	t.Helper()
	root, home = filepath.Join(t.TempDir(), "it's a repository"), filepath.Join(t.TempDir(), "its home")
	for path, text := range map[string]string{
		filepath.Join(root, "aws_infra", "enviroments", "dev", "dev.tfvars"): "region = \"eu-central-1\"\n",
		filepath.Join(home, "credentials"):                                   "[default]\naws_access_key_id = AKIALOCAL\naws_secret_access_key = it's=secret\n",
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ca.Open(home); err != nil {
		t.Fatal(err)
	}
	for k, v := range map[string]string{"GROCERY_HOME": home, "GROCERY_ON": "", "GROCERY_INFRA": "", "GROCERY_PORT_OFFSET": ""} {
		t.Setenv(k, v)
	}
	return root, home
}

func TestExitCodeTellsWhoseFaultItIs(t *testing.T) {
	nowhere := t.TempDir()
	for _, test := range []struct {
		name, args string
		env        string // NAME=value
		code       int
		says       string // on the standard error; of code 0 on the standard output
	}{
		{name: "no command is a question for help", args: "", says: "Exit codes:"},
		{name: "help", args: "deploy --help", says: "continues when run again"},
		{name: "an unknown command", args: "deplyo", code: 2, says: `there is no command "deplyo" (is deploy meant?): see grocery --help`},
		{name: "an unknown command of a group", args: "localaws sevre", code: 2, says: `there is no command "sevre" (is serve meant?)`},
		{name: "an unknown flag", args: "status --colour", code: 2, says: "unknown flag: --colour"},
		{name: "a flag's value that is none", args: "status --json=perhaps", code: 2, says: "invalid argument"},
		{name: "an argument too many", args: "status now", code: 2, says: `grocery status takes no arguments, got "now"`},
		{name: "two names where one goes", args: "logs a b", code: 2, says: "logs takes one name, got 2"},
		{name: "a log of nothing", args: "logs web", code: 2, says: "neither localaws nor an instance's id"},
		{name: "a phase that is none", args: "apply --phase 3", code: 2, says: "--phase is 1 or 2, not 3"},
		{name: "a phase that is no number", args: "apply --phase all", code: 2, says: "invalid argument"},
		{name: "a scale to nowhere", args: "scale", code: 2, says: "scale takes one number, got 0 arguments"},
		{name: "a scale to a word", args: "scale more", code: 2, says: `"more" is no number of instances`},
		{name: "a rotation of nothing shows what there is", args: "rotate", says: "password"},
		{name: "a rotation of something else", args: "rotate pasword", code: 2, says: `there is no command "pasword" (is password meant?)`},
		{name: "arguments for docker build that are none", args: "images --on aws", env: "GROCERY_BUILD_ARGS=NGINX_IMAGE", code: 2, says: `"NGINX_IMAGE" is no NAME=value`},
		{name: "a reviewed plan that is not there", args: "apply --on aws --reviewed nowhere.json", code: 1, says: "the reviewed plan: open nowhere.json"},
		{name: "an AWS that is none", args: "status --on mars", code: 2, says: `--on is local or aws, not "mars"`},
		{name: "the same from the environment", args: "deploy", env: "GROCERY_ON=mars", code: 2, says: `--on is local or aws, not "mars"`},
		{name: "up on AWS", args: "up --on aws", code: 2, says: "grocery deploy --on aws"},
		{name: "env of AWS", args: "env --on aws", code: 2, says: "env leads to the local AWS"},
		{name: "a destroy on AWS that was not confirmed", args: "destroy --on aws", code: 2, says: "say so with --yes"},
		{name: "a runtime that is none", args: "localaws serve --runtime moon", code: 2, says: `--runtime is linux or none, not "moon"`},
		{name: "a port offset that is no number", args: "env", env: "GROCERY_PORT_OFFSET=high", code: 2, says: `not "high"`},
		{name: "a port offset beyond all ports", args: "env", env: "GROCERY_PORT_OFFSET=60000", code: 2, says: "from 0 to 50000"},
		{name: "a local AWS that was never started", args: "status", env: "GROCERY_HOME=" + filepath.Join(nowhere, "home"), code: 1, says: "grocery up starts one"},
		{name: "a log that is not there", args: "logs", code: 1, says: "there is no log of a local AWS"},
		{name: "a folder that is not the repository", args: "status --repository " + nowhere, code: 1, says: "is not the grocery repository"},
		{name: "an environment that is not there", args: "deploy --on aws --environment prod", code: 1, says: `there is no environment "prod"`},
		{name: "a local AWS that does not answer", args: "status", env: "GROCERY_PORT_OFFSET=49999", code: 1, says: "does not run: grocery up starts it"},
	} {
		t.Run(test.name, func(t *testing.T) {
			root, _ := place(t)
			t.Chdir(root)
			if k, v, ok := strings.Cut(test.env, "="); ok {
				t.Setenv(k, v)
			}
			args := strings.Fields(test.args)
			if !strings.Contains(test.args, "--repository") && len(args) > 0 {
				args = append(args, "--repository", ".")
			}
			var code int
			stdout, stderr := output(t, func() { code = run(args) })
			said := stderr
			if test.code == 0 {
				said = stdout
			}
			if code != test.code || !strings.Contains(said, test.says) {
				t.Errorf("exit code %d, want %d; said %q, want %q in it", code, test.code, said, test.says)
			}
			if test.code != 0 && (strings.Count(stderr, "grocery: ") != 1 || strings.Contains(stderr, "Usage:")) {
				t.Errorf("more than one clear error:\n%s", stderr)
			}
		})
	}
}

func TestInterruptedCommandSaysHowToContinue(t *testing.T) {
	root, home := place(t)
	offset, l := listen(t, localaws.ProxyPort) // a proxy that accepts, and never answers
	t.Setenv("GROCERY_PORT_OFFSET", strconv.Itoa(offset))
	endpoint, err := net.Listen("tcp", localaws.DefaultOptions(home, offset).Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	healthy := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(localaws.Health{Name: localaws.Name(home)})
	})}
	go healthy.Serve(endpoint)
	defer healthy.Close()
	go func() {
		if conn, err := l.Accept(); err == nil {
			defer conn.Close()
			syscall.Kill(os.Getpid(), syscall.SIGINT)
			io.Copy(io.Discard, conn)
		}
	}()
	var code int
	_, stderr := output(t, func() { code = run([]string{"status", "--repository", root}) })
	if code != 130 || !strings.Contains(stderr, "run the same command again to continue") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

// listen listens at port plus an offset for which the local AWS's other port is
// free too.
func listen(t *testing.T, port int) (offset int, l net.Listener) {
	t.Helper()
	for offset := 21000; offset < 21200; offset += 2 {
		if l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port+offset)); err == nil {
			t.Cleanup(func() { l.Close() })
			return offset, l
		}
	}
	t.Fatal("no port is free")
	return 0, nil
}

func TestEnvSurvivesAShellWithEverySignInIt(t *testing.T) {
	root, _ := place(t)
	home := filepath.Join(t.TempDir(), "it's $HOME `id` \"quoted\"")
	if err := os.Rename(os.Getenv("GROCERY_HOME"), home); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GROCERY_HOME", home)
	t.Setenv("AWS_PROFILE", "work")
	t.Setenv("AWS_ENDPOINT_URL_S3", "http://192.0.2.1")
	var code int
	stdout, stderr := output(t, func() { code = run([]string{"env", "--repository", root}) })
	if code != 0 {
		t.Fatal(code, stderr)
	}
	cmd := exec.Command("sh", "-c", `eval $1; printf '%s|' "$AWS_CA_BUNDLE" "$AWS_SECRET_ACCESS_KEY" "$AWS_REGION" "$HTTPS_PROXY" "${AWS_PROFILE-unset}" "${AWS_ENDPOINT_URL_S3-unset}"`, "sh", stdout)
	got, err := cmd.CombinedOutput()
	want := filepath.Join(home, "ca.pem") + "|it's=secret|eu-central-1|http://127.0.0.1:4567|unset|unset|"
	if err != nil || string(got) != want {
		t.Errorf("the shell has %s (%v), want %s", got, err, want)
	}

	stdout, _ = output(t, func() { code = run([]string{"env", "--json", "--repository", root}) })
	var vars map[string]*string
	if err := json.Unmarshal([]byte(stdout), &vars); err != nil || code != 0 {
		t.Fatal(code, err)
	}
	if v, ok := vars["AWS_PROFILE"]; !ok || v != nil || vars["AWS_SECRET_ACCESS_KEY"] == nil || *vars["AWS_SECRET_ACCESS_KEY"] != "it's=secret" {
		t.Errorf("%s", stdout)
	}
}

func TestActionsAreListedWithoutALocalAWS(t *testing.T) {
	root, home := place(t)
	stdout, _ := output(t, func() { run([]string{"localaws", "actions", "--json", "--repository", root}) })
	var actions []string
	if err := json.Unmarshal([]byte(stdout), &actions); err != nil || len(actions) < 100 {
		t.Errorf("%d actions, %v", len(actions), err)
	}
	if _, err := os.Stat(filepath.Join(home, "store.db")); err == nil {
		t.Error("a local AWS was made in the home folder")
	}
}

func TestLocalAWSServesUntilASignalAndIsKnownByItsHome(t *testing.T) {
	root, home := place(t)
	offset, l := listen(t, localaws.EndpointPort)
	l.Close()
	t.Setenv("GROCERY_PORT_OFFSET", strconv.Itoa(offset))
	if err := os.Remove(filepath.Join(home, "credentials")); err != nil { // it makes its own
		t.Fatal(err)
	}
	done := make(chan int, 1)
	_, log := output(t, func() {
		go func() { done <- run([]string{"localaws", "serve", "--runtime", "none", "--repository", root}) }()
		mine := &local{home: home, root: root, o: localaws.DefaultOptions(home, offset)}
		for deadline := time.Now().Add(readyWithin); mine.running(t.Context()) == nil; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) || len(done) > 0 {
				t.Error("it does not serve")
				return
			}
		}
		p := &progress{out: io.Discard}
		if err := mine.start(t.Context(), p); err != nil {
			t.Errorf("start again: %v", err)
		}
		other := &local{home: home + "2", root: root, o: mine.o}
		if err := other.start(context.Background(), p); err == nil || !strings.Contains(err.Error(), home) || !strings.Contains(err.Error(), "GROCERY_PORT_OFFSET") {
			t.Errorf("start of another at the same port: %v", err)
		}
		if err := other.stop(context.Background(), p); err != nil || mine.running(t.Context()) == nil {
			t.Errorf("the stop of another stopped this one (%v)", err)
		}
		syscall.Kill(os.Getpid(), syscall.SIGTERM)
		if code := <-done; code != 0 {
			t.Errorf("exit code %d after a signal", code)
		}
	})
	if t.Failed() {
		fmt.Println(log)
	}
}
