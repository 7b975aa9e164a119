//go:build linux

package boot

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Init is process 1 of an instance.
func Init([]string) int {
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"making the disk the root", rootOnDisk},
		{"making cgroups writable", writableCgroups},
		{"clearing /run", clearRun},
		{"trusting the local certificate authority", trustLocalCA},
	} {
		if err := step.do(); err != nil {
			fmt.Fprintf(os.Stderr, "init: %s: %v\n", step.name, err)
		}
	}

	signals := make(chan os.Signal, 16)
	signal.Notify(signals, unix.SIGTERM, unix.SIGINT, unix.SIGPWR, unix.SIGCHLD)
	manager := exec.Command("/proc/self/exe", "boot")
	manager.Stdout, manager.Stderr = os.Stdout, os.Stderr
	manager.SysProcAttr = &unix.SysProcAttr{Setsid: true}
	if err := manager.Start(); err != nil {
		fmt.Fprintf(os.Stderr, "init: starting the manager: %v\n", err)
		return 1
	}
	for s := range signals {
		if s != unix.SIGCHLD {
			if err := manager.Process.Signal(unix.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
				fmt.Fprintf(os.Stderr, "init: %v\n", err)
			}
			continue
		}
		// Orphans become children of process 1; the manager's end is ours.
		for {
			var st unix.WaitStatus
			pid, err := unix.Wait4(-1, &st, unix.WNOHANG, nil)
			if pid <= 0 || err != nil {
				break
			}
			if pid == manager.Process.Pid {
				return st.ExitStatus()
			}
		}
	}
	return 0
}

// writableCgroups lets the inner engine make cgroups: the outer engine mounts
// them read-only. With cgroup v2 the processes have to leave the root group
// before controllers can be handed down.
func writableCgroups() error {
	const root, flags = "/sys/fs/cgroup", unix.MS_REMOUNT | unix.MS_BIND | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	if controllers, err := os.ReadFile(root + "/cgroup.controllers"); err == nil {
		if err := unix.Mount("", root, "", flags, ""); err != nil {
			return err
		}
		return delegateCgroups(root, strings.Fields(string(controllers)))
	}
	dirs, err := filepath.Glob(root + "/*")
	if err != nil {
		return err
	}
	var errs []error
	for _, d := range dirs {
		if fi, err := os.Lstat(d); err != nil || !fi.IsDir() {
			continue
		}
		if err := unix.Mount("", d, "", flags, ""); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", d, err))
		}
	}
	return errors.Join(errs...)
}

func delegateCgroups(root string, controllers []string) error {
	if err := os.MkdirAll(root+"/init", 0o755); err != nil {
		return err
	}
	procs, err := os.ReadFile(root + "/cgroup.procs")
	if err != nil {
		return err
	}
	for _, pid := range strings.Fields(string(procs)) {
		// A process that has ended meanwhile cannot be moved, and need not be.
		if err := os.WriteFile(root+"/init/cgroup.procs", []byte(pid), 0); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
	}
	return os.WriteFile(root+"/cgroup.subtree_control", []byte("+"+strings.Join(controllers, " +")), 0)
}

// clearRun removes what an earlier life of the instance left in /run, which is
// an ordinary folder here and would keep stale sockets and process ids.
func clearRun() error {
	entries, err := os.ReadDir("/run")
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if e.Name() != "lock" && e.Name() != "shm" && e.Name() != "secrets" {
			errs = append(errs, os.RemoveAll("/run/"+e.Name()))
		}
	}
	return errors.Join(append(errs, os.MkdirAll(RunDir, 0o755))...)
}
