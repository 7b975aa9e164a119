//go:build linux

package linux

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"grocery/localaws/runtime"
)

// A container's own disk is a file system in a sparse file, mounted by a loop
// device. This machine mounts it only while the container starts: afterwards
// the container alone holds it, so that file system and loop device are gone
// with the container's last process, whatever becomes of us.

// disksFolder holds the disks of all clouds of this machine.
const disksFolder = "/var/lib/localaws/disks"

func (r *Runtime) disks() string               { return filepath.Join(disksFolder, r.cloud) }
func (r *Runtime) diskFile(name string) string { return filepath.Join(r.disks(), name+".ext4") }
func (r *Runtime) diskMount(name string) string {
	return filepath.Join(r.disks(), name)
}

// makeDisk makes a container's disk, an empty one, and the place it is mounted at.
func (r *Runtime) makeDisk(ctx context.Context, name string, d runtime.Disk) error {
	if err := r.removeDisk(name); err != nil { // what a crash has left
		return err
	}
	if err := os.MkdirAll(r.diskMount(name), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(r.diskFile(name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = f.Truncate(d.Bytes)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	// Nothing is written that is zero in a new file anyway.
	return tool(ctx, "mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard", r.diskFile(name))
}

// withDisk runs start while the container's disk, if it has one, is mounted.
func (r *Runtime) withDisk(ctx context.Context, name string, start func() error) error {
	if _, err := os.Stat(r.diskFile(name)); errors.Is(err, fs.ErrNotExist) {
		return start()
	}
	if err := unmount(r.diskMount(name)); err != nil {
		return err
	}
	// What is deleted inside becomes free outside, and nobody fills tables of
	// zeros in the background.
	if err := tool(ctx, "mount", "-t", "ext4", "-o", "loop,discard,noinit_itable", r.diskFile(name), r.diskMount(name)); err != nil {
		return fmt.Errorf("the disk of container %s: %w", name, err)
	}
	return errors.Join(start(), unmount(r.diskMount(name)))
}

// removeDisk removes a container's disk; an absent one is no error.
func (r *Runtime) removeDisk(name string) error {
	if err := unmount(r.diskMount(name)); err != nil {
		return err
	}
	for _, path := range []string{r.diskFile(name), r.diskMount(name)} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("the disk of container %s: %w", name, err)
		}
	}
	return nil
}

// purgeDisks removes every disk of this cloud.
func (r *Runtime) purgeDisks() error {
	entries, err := os.ReadDir(r.disks())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	errs := []error{err}
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".ext4"); ok || e.IsDir() {
			errs = append(errs, r.removeDisk(name))
		}
	}
	return errors.Join(append(errs, os.Remove(r.disks()))...)
}

// unmount takes away what is mounted at a path, if anything is.
func unmount(path string) error {
	for {
		err := unix.Unmount(path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
		switch {
		case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOENT): // nothing is mounted there
			return nil
		case err != nil:
			return fmt.Errorf("unmounting %s: %w", path, err)
		}
	}
}

// tool runs a command of the system; its error carries what it printed.
func tool(ctx context.Context, name string, args ...string) error {
	path, err := lookTool(name)
	if err != nil {
		return fmt.Errorf("command %s: %w", name, err)
	}
	if out, err := exec.CommandContext(ctx, path, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(string(out)))
	}
	return nil
}
