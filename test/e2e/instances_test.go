//go:build e2e

package e2e

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"grocery/localaws"
)

// containers lists the cloud's running containers by the name localaws gave
// them, with their ids.
func containers(t *testing.T) map[string]string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "docker", "ps", "--no-trunc", "--filter", "label=localaws.cloud="+localaws.Name(shared.home), "--format", `{{.Label "localaws.name"}} {{.ID}}`).Output()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if name, id, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			all[name] = id
		}
	}
	return all
}

// inside runs a shell script in a container.
func inside(t *testing.T, id, script string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "docker", "exec", id, "bash", "-c", script).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// instances returns the ids of the containers of the group's instances by
// instance id, and their addresses.
func instances(t *testing.T) (ids map[string]string, addrs map[string]string) {
	t.Helper()
	ids, addrs = map[string]string{}, map[string]string{}
	out, err := shared.aws(t, nil, "ec2", "describe-instances", "--filters", "Name=instance-state-name,Values=running", "--query", "Reservations[].Instances[].[InstanceId,PrivateIpAddress]", "--output", "text")
	if err != nil {
		t.Fatal(err, out)
	}
	all := containers(t)
	for line := range strings.Lines(out) {
		if f := strings.Fields(line); len(f) == 2 {
			ids[f[0]], addrs[f[0]] = all[f[0]], f[1]
		}
	}
	return ids, addrs
}
