package userdata_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The password has characters that shells, YAML and env files read in their own way.
const (
	dbPassword = `pa$$w0rd#"\` + "`{}%&*:!"
	jwtSecret  = "jwt-secret-0123456789-0123456789-0123456789"
)

// world is one instance: a folder for a disk, and commands that note their calls.
type world struct {
	t   *testing.T
	dir string
}

// faked are the commands that exist on the images this repository makes. Others
// of the fakes appear when they are installed.
var faked = []string{"aws", "curl", "docker", "sleep", "systemctl", "uname"}

// genuine are the commands that the script may really run.
var genuine = []string{"bash", "cat", "chmod", "cp", "date", "grep", "install", "ln", "mkdir", "mv", "python3", "rm", "sha256sum", "touch"}

// moved are the places of an instance that lie in the world's folder instead.
var moved = []string{
	"/opt/grocery", "/opt/aws", "/var/log", "/usr/local/lib/docker", "/etc/ssl/certs", "/etc/pki", "/root", "/tmp/amazon",
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	fake, err := os.ReadFile("testdata/fake.sh")
	if err != nil {
		t.Fatal(err)
	}
	w.write("fake.sh", string(fake), 0o755)
	for _, name := range genuine {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatalf("the tests need %s on PATH: %v", name, err)
		}
		// pyenv and the like look at their own name; a link to the program does not.
		if name == "python3" {
			if path, err = pythonPath(path); err != nil {
				t.Fatal(err)
			}
		}
		w.link(path, "bin/"+name)
	}
	w.have(faked...)
	w.link(filepath.Join(w.dir, "fake.sh"), "opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl")
	w.write("etc/ssl/certs/ca-certificates.crt", "-----BEGIN CERTIFICATE-----\n", 0o644)
	w.write("images", "", 0o644)
	w.write("secrets/grocery-test/db", `{"username":"grocery","password":`+strconv.Quote(dbPassword)+`}`+"\n", 0o644)
	w.write("secrets/grocery-test/app", `{"jwt_secret":"`+jwtSecret+`"}`+"\n", 0o644)
	w.mkdir("var/log")
	w.mkdir("root")
	w.mkdir("tmp")
	return w
}

func pythonPath(path string) (string, error) {
	out, err := exec.Command(path, "-c", "import sys; print(sys.executable)").Output()
	return strings.TrimSpace(string(out)), err
}

func (w *world) mkdir(name string) {
	w.t.Helper()
	if err := os.MkdirAll(filepath.Join(w.dir, name), 0o755); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) write(name, text string, mode fs.FileMode) {
	w.t.Helper()
	w.mkdir(filepath.Dir(name))
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), mode); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) link(target, name string) {
	w.t.Helper()
	w.mkdir(filepath.Dir(name))
	if err := os.Symlink(target, filepath.Join(w.dir, name)); err != nil {
		w.t.Fatal(err)
	}
}

// have puts fakes on PATH.
func (w *world) have(names ...string) {
	for _, name := range names {
		w.link(filepath.Join(w.dir, "fake.sh"), "bin/"+name)
	}
}

func (w *world) lack(names ...string) {
	w.t.Helper()
	for _, name := range names {
		if err := os.Remove(filepath.Join(w.dir, name)); err != nil {
			w.t.Fatal(err)
		}
	}
}

// fail lets the next calls of one kind fail.
func (w *world) fail(kind string, times int) {
	w.write("fail."+kind, strconv.Itoa(times), 0o644)
}

// boot runs the script and returns its exit status.
func (w *world) boot(script string) int {
	w.t.Helper()
	for _, place := range moved {
		script = strings.ReplaceAll(script, place, w.dir+place)
	}
	w.write("script.sh", script, 0o755)
	for _, name := range []string{"calls", "reports"} {
		w.write(name, "", 0o644)
	}
	cmd := exec.CommandContext(w.t.Context(), "bash", filepath.Join(w.dir, "script.sh"))
	cmd.Env = []string{"PATH=" + filepath.Join(w.dir, "bin"), "WORLD=" + w.dir}
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if len(out) > 0 {
		w.t.Errorf("output went past the log: %s", out)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return 0
}

func (w *world) read(name string) string {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(w.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

func (w *world) calls() string   { return w.read("calls") }
func (w *world) reports() string { return strings.TrimSpace(w.read("reports")) }
func (w *world) log() string     { return w.read("var/log/user-data.log") }
