//go:build linux

package linux

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

const namespaceDir = "/run/netns"

// ensureNamespace makes a named network namespace with its loopback up.
func ensureNamespace(name string) error {
	if h, err := netns.GetFromName(name); err == nil {
		return h.Close()
	}
	// The name of a namespace that is gone (after a reboot, or a crash between
	// creating the file and mounting over it) is an ordinary file.
	_ = os.Remove(filepath.Join(namespaceDir, name))
	return onNewThread(func() error {
		h, err := netns.NewNamed(name)
		if err != nil {
			return fmt.Errorf("creating network namespace %s: %w", name, err)
		}
		return h.Close()
	})
}

// removeNamespace removes a named namespace; an absent one is no error.
func removeNamespace(name string) error {
	path := filepath.Join(namespaceDir, name)
	if err := unix.Unmount(path, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("removing network namespace %s: %w", name, err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("removing network namespace %s: %w", name, err)
	}
	return nil
}

// namespaces lists the named namespaces with a prefix.
func namespaces(prefix string) ([]string, error) {
	entries, err := os.ReadDir(namespaceDir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// onNewThread runs f on an operating system thread that nobody uses
// afterwards, so f may change the thread's namespace.
func onNewThread(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		done <- f()
	}()
	return <-done
}

// inNamespace runs f inside a namespace. Sockets that f opens stay there.
func inNamespace(h netns.NsHandle, f func() error) error {
	return onNewThread(func() error {
		if err := netns.Set(h); err != nil {
			return fmt.Errorf("entering a network namespace: %w", err)
		}
		return f()
	})
}

// inNamed is inNamespace by name; an absent namespace is os.ErrNotExist.
func inNamed(name string, f func() error) error {
	h, err := netns.GetFromName(name)
	if err != nil {
		return err
	}
	defer h.Close()
	return inNamespace(h, f)
}

// nft loads a script into a namespace's packet filter, all of it or nothing.
func nft(namespace, script string) error {
	path, err := lookTool("nft")
	if err != nil {
		return err
	}
	return inNamed(namespace, func() error {
		cmd := exec.Command(path, "-f", "-")
		cmd.Stdin = strings.NewReader(script)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("loading the packet filter: %w: %s", err, firstLines(out.String(), 6))
		}
		return nil
	})
}

func firstLines(s string, n int) string {
	lines := strings.SplitN(strings.TrimSpace(s), "\n", n+1)
	if len(lines) > n {
		lines = lines[:n]
	}
	return strings.Join(lines, "; ")
}

// sysctl writes a kernel setting of the calling thread's namespace.
func sysctl(path, value string) error {
	return os.WriteFile("/proc/sys/"+path, []byte(value), 0o644)
}
