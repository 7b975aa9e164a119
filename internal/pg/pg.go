// Package pg finds PostgreSQL's programs on this machine and runs them as somebody
// who is not root, as PostgreSQL demands. It knows nothing of what is stored.
package pg

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"
)

// Programs are those of one installed PostgreSQL, 15 or newer.
type Programs struct {
	// Anywhere lets the programs into folders that only root may enter, such as those
	// below root's home.
	Anywhere bool

	bin  string
	cred *syscall.Credential // nil when we are not root
}

// capDACOverride is CAP_DAC_OVERRIDE of capabilities(7): the modes of files and folders
// do not count.
const capDACOverride = 1

// Find returns the programs of the newest installed PostgreSQL.
func Find() (*Programs, error) {
	p := &Programs{}
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.SortFunc(dirs, func(a, b string) int { return majorOf(b) - majorOf(a) })
	for _, dir := range dirs {
		if _, err := os.Stat(filepath.Join(dir, "initdb")); err == nil && majorOf(dir) >= 15 {
			p.bin = dir
			break
		}
	}
	if p.bin == "" {
		path, err := exec.LookPath("initdb")
		if err != nil {
			return nil, errors.New("PostgreSQL 15 or newer is not installed: install it (Debian: apt-get install postgresql) or run `make setup`")
		}
		p.bin = filepath.Dir(path)
	}
	if os.Geteuid() != 0 {
		return p, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
			gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
			p.cred = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
			return p, errors.Join(err1, err2)
		}
	}
	return nil, errors.New("neither user postgres nor nobody exists, and PostgreSQL does not run as root: create one of them")
}

func majorOf(bin string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(bin)))
	return n
}

// Owner is whom the programs run as; nil for ourselves.
func (p *Programs) Owner() *syscall.Credential { return p.cred }

// Give makes a file or folder the programs' own.
func (p *Programs) Give(path string) error {
	if p.cred == nil {
		return nil
	}
	return os.Chown(path, int(p.cred.Uid), int(p.cred.Gid))
}

// Path is where one of the programs is.
func (p *Programs) Path(name string) string { return filepath.Join(p.bin, name) }

// Command returns one of the programs, to be run in a folder. It ends with the thread
// that started it: keep that one (runtime.LockOSThread) as long as it is to run.
func (p *Programs) Command(dir, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(p.Path(name), args...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.cred, Pdeathsig: syscall.SIGQUIT}
	if p.cred != nil && p.Anywhere {
		cmd.SysProcAttr.AmbientCaps = []uintptr{capDACOverride}
		cmd.Dir = "/" // entered before the capability takes effect
	}
	return cmd
}

// Run runs one of the programs to its end. What it said is in the error.
func (p *Programs) Run(dir, name string, args ...string) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if out, err := p.Command(dir, name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, bytes.TrimSpace(out))
	}
	return nil
}
