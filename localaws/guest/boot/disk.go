//go:build linux

package boot

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// DiskPath is where an instance finds its disk. Whoever runs the image puts a
// file system there; without one the container's own files are the root, and
// then "the disk" is the machine's.
const DiskPath = "/.disk"

// newRoot is where the instance's root is put together.
const newRoot = "/.root"

// rootOnDisk makes the disk the root: the image's files below, everything that
// is changed or added on the disk, the inner engine's folder too. From then on
// df, the agent and every program see the instance's own disk, of the size of
// its volume.
func rootOnDisk() error {
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	mounts := topMounts(string(table))
	at := slices.Index(mounts, DiskPath)
	if at < 0 {
		return nil
	}
	mounts = slices.Delete(mounts, at, at+1)
	const engine = "/var/lib/docker" // cannot lie on layered files
	for _, dir := range []string{DiskPath + "/files", DiskPath + "/work", DiskPath + "/docker", newRoot, engine} {
		if err := os.MkdirAll(dir, 0o711); err != nil {
			return err
		}
	}
	if err := os.Chmod(DiskPath+"/files", 0o755); err != nil { // it is what / looks like
		return err
	}
	options := "lowerdir=/,upperdir=" + DiskPath + "/files,workdir=" + DiskPath + "/work"
	if err := unix.Mount("overlay", newRoot, "overlay", 0, options); err != nil {
		return fmt.Errorf("layering the image's files and the disk: %w", err)
	}
	if err := unix.Mount(DiskPath+"/docker", newRoot+engine, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("the engine's folder: %w", err)
	}
	for _, m := range mounts {
		if err := unix.Mount(m, newRoot+m, "", unix.MS_MOVE, ""); err != nil {
			return fmt.Errorf("moving %s: %w", m, err)
		}
	}
	// With the same folder twice the old root ends up on top of the new one,
	// and is taken away; see pivot_root(2).
	if err := os.Chdir(newRoot); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot_root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("letting go of the old root: %w", err)
	}
	return os.Chdir("/")
}

// topMounts lists what is mounted directly on the root file system, from the
// kernel's table of mounts (proc(5), mountinfo).
func topMounts(table string) []string {
	root := ""
	var paths, parents []string
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) < 5 {
			continue
		}
		if f[4] == "/" {
			root = f[0]
			continue
		}
		paths, parents = append(paths, f[4]), append(parents, f[1])
	}
	var top []string
	for i, p := range paths {
		if parents[i] == root {
			top = append(top, p)
		}
	}
	return top
}
