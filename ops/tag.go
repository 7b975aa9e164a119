package ops

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// ImageTag is the tag of images made from the sources as they are: the last
// commit that touched them (12 digits), and for sources that differ from it a
// hash of the difference. So a tag always stands for one content, and a commit
// to anything else neither builds nor releases.
func (e *Environment) ImageTag(ctx context.Context) (string, error) {
	var all []string
	for _, half := range Halves {
		all = append(all, halfSources[half]...)
	}
	return e.sourceTag(ctx, all)
}

// sourceTag is the tag of what the paths hold.
func (e *Environment) sourceTag(ctx context.Context, sources []string) (string, error) {
	last, err := e.git(ctx, append([]string{"rev-list", "--max-count=1", "--abbrev-commit", "--abbrev=12", "HEAD", "--"}, sources...)...)
	if err != nil {
		return "", fmt.Errorf("the images are tagged with a commit, and there is none: %w", err)
	}
	tag := strings.TrimSpace(string(last))
	if tag == "" {
		return "", fmt.Errorf("the images are tagged with the commit of their sources, and no commit has %s", strings.Join(sources, ", "))
	}
	changed, err := e.git(ctx, append([]string{"diff", "-z", "--name-only", "--no-renames", "--relative", "HEAD", "--"}, sources...)...)
	if err != nil {
		return "", err
	}
	added, err := e.git(ctx, append([]string{"ls-files", "-z", "--others", "--exclude-standard", "--"}, sources...)...)
	if err != nil {
		return "", err
	}
	names := strings.FieldsFunc(string(changed)+string(added), func(r rune) bool { return r == 0 })
	if len(names) == 0 {
		return tag, nil
	}
	slices.Sort(names)
	h := sha256.New()
	for _, n := range slices.Compact(names) {
		content, err := os.ReadFile(filepath.Join(e.Root, n))
		switch {
		case err == nil:
			fmt.Fprintf(h, "%s\x00%d\x00", n, len(content))
			h.Write(content)
		case errors.Is(err, os.ErrNotExist):
			fmt.Fprintf(h, "%s\x00deleted\x00", n)
		default:
			return "", fmt.Errorf("the images' sources: %w", err)
		}
	}
	return tag + "-" + hex.EncodeToString(h.Sum(nil))[:8], nil
}

func (e *Environment) git(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", e.Root}, args...)...)
	var msg bytes.Buffer
	cmd.Stderr = &msg
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("git %s: %w: %s", args[0], err, bytes.TrimSpace(msg.Bytes()))
	}
	return out, nil
}
