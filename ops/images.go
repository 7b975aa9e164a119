package ops

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// Images is what the verb Images achieved.
type Images struct {
	ImageTag   string            `json:"image_tag"`
	Repository string            `json:"repository,omitempty"` // address to pull from; "" where nothing was pushed
	Built      []string          `json:"built"`                // halves that were missing
	Digests    map[string]string `json:"digests,omitempty"`    // half -> digest of its image in the registry
}

// Images builds and pushes the images that the registry lacks, and points the
// rolling aliases at the tag, also when nothing had to be pushed. With
// buildOnly it stops before the push; what it built is pushed by the next Images.
func (e *Environment) Images(ctx context.Context, buildOnly bool) (*Images, error) {
	r, err := e.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer r.done()
	out := &Images{ImageTag: r.tag}
	if out.Built, err = r.missingImages(ctx); err != nil {
		return nil, err
	}
	if err := r.build(ctx, out.Built); err != nil || buildOnly {
		return out, err
	}
	if err := r.push(ctx, out.Built); err != nil {
		return nil, err
	}
	if err := r.aliases(ctx); err != nil {
		return nil, err
	}
	if out.Repository, err = r.repositoryURL(ctx); err != nil {
		return nil, err
	}
	out.Digests, err = r.digests(ctx, r.tag)
	return out, err
}

// build builds the halves that are missing, but for those that the registry
// has under the tag of their own sources.
func (r *run) build(ctx context.Context, missing []string) error {
	for _, half := range Halves {
		if err := r.step(ctx, "build "+half, func(ctx context.Context, info func(string, ...any)) error {
			if !slices.Contains(missing, half) {
				return errSkip("the registry has " + half + "-" + r.tag)
			}
			from, err := r.supply(ctx, half)
			if err != nil {
				return err
			}
			if from.there {
				return errSkip("unchanged since " + half + "-" + from.own + ", which the registry has")
			}
			return r.buildImage(ctx, half, from.own, r.set.arch, info)
		}); err != nil {
			return err
		}
	}
	return nil
}

// push brings the halves that are missing into the registry: from their files,
// or, where they have not changed, as another name of what is there.
func (r *run) push(ctx context.Context, missing []string) error {
	return r.step(ctx, "push", func(ctx context.Context, info func(string, ...any)) error {
		if len(missing) == 0 {
			return errSkip("the registry has both images")
		}
		url, err := r.repositoryURL(ctx)
		if err != nil {
			return err
		}
		var files []string
		for _, half := range missing {
			from, err := r.supply(ctx, half)
			if err != nil {
				return err
			}
			if !from.there {
				if err := r.pushImage(ctx, r.cfg, url, half, from.own); err != nil {
					return err
				}
				files = append(files, r.imageFile(half, from.own))
			}
			if from.own != r.tag {
				if err := r.retag(ctx, half+"-"+from.own, half+"-"+r.tag); err != nil {
					return err
				}
				info("%s-%s is %s-%s", half, r.tag, half, from.own)
				continue
			}
			info("%s:%s-%s", url, half, r.tag)
		}
		for _, file := range files { // all pushed: the files have served
			if err := removeIfThere(file); err != nil {
				return err
			}
		}
		return nil
	})
}

// imageFile is where the image of a half waits to be pushed.
func (e *Environment) imageFile(half, tag string) string {
	return filepath.Join(e.Home, "images", half+"-"+tag+".tar")
}

// buildImage builds one half with its Dockerfile and saves it as a file. What
// goes into the image is built on this machine first (BUILD=host), so that no
// compiler image is needed.
func (e *Environment) buildImage(ctx context.Context, half, tag, arch string, info func(string, ...any)) error {
	file := e.imageFile(half, tag)
	if exists(file) {
		return errSkip("built before")
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	switch half {
	case "backend":
		if err := e.goBuild(ctx, filepath.Join(e.Root, "bin", "grocery-api"), "./cmd/grocery-api", arch, "netgo"); err != nil {
			return err
		}
	case "frontend":
		if err := e.buildPage(ctx, info); err != nil {
			return err
		}
	}
	docker, err := dockerCLI(ctx)
	if err != nil {
		return err
	}
	ref := Project + "/" + half + ":" + tag
	args := []string{"build", "-q", "-f", filepath.Join(half, "Dockerfile"), "-t", ref, "--build-arg", "BUILD=host", "--build-arg", "VERSION=" + tag}
	for k, v := range e.Build {
		args = append(args, "--build-arg", k+"="+v)
	}
	if err := e.run(ctx, e.Root, []string{"DOCKER_BUILDKIT=1"}, docker, append(args, ".")...); err != nil {
		return err
	}
	if err := e.run(ctx, e.Root, nil, docker, "save", "-o", file+".new", ref); err != nil {
		return err
	}
	if err := os.Rename(file+".new", file); err != nil {
		return err
	}
	info("%s-%s", half, tag)
	return e.run(ctx, e.Root, nil, docker, "rmi", ref) // the file has it; the engine needs it no more
}

// buildPage builds the page into frontend/dist.
func (e *Environment) buildPage(ctx context.Context, info func(string, ...any)) error {
	dir := filepath.Join(e.Root, "frontend")
	if stale(filepath.Join(dir, "node_modules", ".package-lock.json"), filepath.Join(dir, "package-lock.json")) {
		info("npm ci")
		if err := e.run(ctx, dir, nil, "npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"); err != nil {
			return err
		}
	}
	return e.run(ctx, dir, nil, "npm", "run", "--silent", "build")
}

// stale reports whether a made file is absent or older than what it is made from.
func stale(made, from string) bool {
	m, err := os.Stat(made)
	f, err2 := os.Stat(from)
	return err != nil || err2 == nil && m.ModTime().Before(f.ModTime())
}

// run runs a command and keeps what it said for the error.
func (e *Environment) run(ctx context.Context, dir string, env []string, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		if len(out) > 4000 {
			out = append([]byte("..."), out[len(out)-4000:]...)
		}
		return fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), args[0], err, bytes.TrimSpace(out))
	}
	return nil
}

// dockerCLI finds a docker client that can build with BuildKit: one with the
// buildx plugin, or one older than 23, which has BuildKit built in.
func dockerCLI(ctx context.Context) (string, error) {
	var found []string
	for _, c := range []string{"docker", "/usr/bin/docker"} {
		path, err := exec.LookPath(c)
		if err != nil {
			continue
		}
		found = append(found, path)
		if exec.CommandContext(ctx, path, "buildx", "version").Run() == nil {
			return path, nil
		}
		v, err := exec.CommandContext(ctx, path, "version", "--format", "{{.Client.Version}}").Output()
		var major int
		if _, scanErr := fmt.Sscanf(string(v), "%d.", &major); err == nil && scanErr == nil && major < 23 {
			return path, nil
		}
	}
	if len(found) == 0 {
		return "", errors.New("there is no docker client: install Docker Engine (on Debian: apt-get install docker.io), or run make setup")
	}
	return "", fmt.Errorf("none of %s can build with BuildKit, or no engine answers: install the buildx plugin or Debian's docker.io", strings.Join(found, ", "))
}

// pushImage pushes a saved image.
func (e *Environment) pushImage(ctx context.Context, cfg aws.Config, repositoryURL, half, tag string) error {
	out, err := ecr.NewFromConfig(cfg).GetAuthorizationToken(ctx, nil)
	if err != nil {
		return fmt.Errorf("log in to the registry: %w", err)
	}
	raw, err := base64.StdEncoding.DecodeString(*out.AuthorizationData[0].AuthorizationToken)
	user, password, ok := strings.Cut(string(raw), ":")
	if err != nil || !ok {
		return errors.New("log in to the registry: the token is not user:password in base64")
	}
	ref, err := name.NewTag(repositoryURL + ":" + half + "-" + tag)
	if err != nil {
		return err
	}
	t, err := e.Access.transport()
	if err != nil {
		return err
	}
	img, err := tarball.ImageFromPath(e.imageFile(half, tag), nil)
	if err != nil {
		return fmt.Errorf("read the built image: %w", err)
	}
	var rt http.RoundTripper = t
	if err := remote.Write(ref, img, remote.WithContext(ctx), remote.WithAuth(&authn.Basic{Username: user, Password: password}), remote.WithTransport(rt)); err != nil {
		return fmt.Errorf("push %s: %w", ref, err)
	}
	return nil
}
