package setup

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// need is a command that has to be on the machine, and the Debian package that
// brings it.
type need struct{ command, pkg string }

var needs = []need{
	{"nft", "nftables"},
	{"ip", "iproute2"},
	{"iptables", "iptables"},
	{"dockerd", "docker.io"},
	{"mmdebstrap", "mmdebstrap"},
	{"mkfs.ext4", "e2fsprogs"},
	{"mount", "mount"},
}

// installPackages installs what is missing.
func (r *runner) installPackages(ctx context.Context) (string, bool, error) {
	all := slices.Clone(needs)
	for _, command := range slices.Sorted(maps.Keys(r.o.Packages)) {
		all = append(all, need{command, r.o.Packages[command]})
	}
	var missing []string
	for _, n := range all {
		if n.command == "dockerd" && r.engineAnswers(ctx) {
			continue // whatever answers at DOCKER_HOST will do
		}
		if _, err := find(n.command); err != nil {
			missing = append(missing, n.pkg)
		}
	}
	if len(missing) == 0 {
		return "all there", true, nil
	}
	list := strings.Join(missing, " ")
	if _, err := find("apt-get"); err != nil {
		return "", false, fmt.Errorf("this is no Debian system: install these commands with its own package manager (Debian calls their packages: %s) and run this again", list)
	}
	r.note("packages", "installing %s with apt-get", list)
	install := append([]string{"install", "-y", "--no-install-recommends"}, missing...)
	env := []string{"DEBIAN_FRONTEND=noninteractive"}
	if err := run(ctx, env, "apt-get", install...); err != nil {
		// The package lists may be absent or old.
		if err := run(ctx, env, "apt-get", "update"); err != nil {
			return "", false, err
		}
		if err := run(ctx, env, "apt-get", install...); err != nil {
			return "", false, fmt.Errorf("installing %s: is a Debian mirror reachable, and named in /etc/apt/sources.list? %w", list, err)
		}
	}
	return "installed " + list, false, nil
}

// find looks for a command, also where PATH does not.
func find(command string) (string, error) {
	if p, err := exec.LookPath(command); err == nil {
		return p, nil
	}
	for _, dir := range []string{"/usr/sbin", "/sbin", "/usr/local/sbin"} {
		p := dir + "/" + command
		if st, err := os.Stat(p); err == nil && st.Mode()&0o111 != 0 {
			return p, nil
		}
	}
	return "", fmt.Errorf("command %s: %w", command, exec.ErrNotFound)
}

// run runs a command; its error carries the end of its output.
func run(ctx context.Context, env []string, command string, args ...string) error {
	path, err := find(command)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", command, args[0], err, lastLines(string(out), 5))
	}
	return nil
}

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "; ")
}
