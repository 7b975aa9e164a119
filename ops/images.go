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
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// Halves are the two images; their names prefix the tags in the one
// repository.
var Halves = []string{"backend", "frontend"}

// missingImages returns the halves whose tag is not in the repository. A
// repository that does not exist yet has none.
func missingImages(ctx context.Context, cfg aws.Config, repository, tag string) ([]string, error) {
	var missing []string
	for _, half := range Halves {
		_, err := ecr.NewFromConfig(cfg).DescribeImages(ctx, &ecr.DescribeImagesInput{RepositoryName: &repository, ImageIds: []types.ImageIdentifier{{ImageTag: new(half + "-" + tag)}}})
		_, noImage := errors.AsType[*types.ImageNotFoundException](err)
		_, noRepository := errors.AsType[*types.RepositoryNotFoundException](err)
		switch {
		case noImage, noRepository:
			missing = append(missing, half)
		case err != nil:
			return nil, fmt.Errorf("look for the image %s-%s: %w", half, tag, err)
		}
	}
	return missing, nil
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

// pushImage pushes a saved image and, once it is there, forgets the file. A tag
// that is there already is never written again.
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
