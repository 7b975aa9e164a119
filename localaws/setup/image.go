package setup

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/build"
	"github.com/moby/moby/client"
)

// buildImages builds what is missing, side by side.
func (r *runner) buildImages(ctx context.Context, res *Result) error {
	engine, err := newEngine()
	if err != nil {
		return err
	}
	defer engine.Close()
	b := &imageBuilder{runner: r, engine: engine}

	var mu sync.Mutex
	errs := make([]error, 3)
	var wg sync.WaitGroup
	for i, image := range []struct {
		name string
		make func(context.Context) (tag, detail string, skipped bool, err error)
	}{
		{InstanceImage, b.instance}, {PostgresImage, b.postgres}, {NginxImage, b.nginx},
	} {
		wg.Go(func() {
			errs[i] = r.step("image "+image.name, func() (string, bool, error) {
				tag, detail, skipped, err := image.make(ctx)
				if err != nil {
					return "", false, err
				}
				mu.Lock()
				defer mu.Unlock()
				res.Images[image.name+":latest"] = tag
				if _, err := engine.ImageTag(ctx, client.ImageTagOptions{Source: tag, Target: image.name + ":latest"}); err != nil {
					return "", false, err
				}
				if !skipped {
					b.removeOld(ctx, image.name, tag)
				}
				return detail, skipped, nil
			})
		})
	}
	wg.Wait()
	res.ComposePlugin = r.composePath()
	return errors.Join(errs...)
}

type imageBuilder struct {
	*runner
	engine *client.Client
}

func (b *imageBuilder) exists(ctx context.Context, tag string) (bool, error) {
	_, err := b.engine.ImageInspect(ctx, tag)
	if errdefs.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// removeOld removes what earlier recipes of an image have left. What a
// container still uses stays until a later run.
func (b *imageBuilder) removeOld(ctx context.Context, name, keep string) {
	list, err := b.engine.ImageList(ctx, client.ImageListOptions{Filters: make(client.Filters).Add("reference", name)})
	if err != nil {
		return // nothing depends on it
	}
	for _, i := range list.Items {
		for _, tag := range i.RepoTags {
			if tag != keep && tag != name+":latest" {
				// In use: the engine refuses, which is right.
				_, _ = b.engine.ImageRemove(ctx, tag, client.ImageRemoveOptions{})
			}
		}
	}
}

// describe tells an image's size.
func (b *imageBuilder) describe(ctx context.Context, tag string) string {
	i, err := b.engine.ImageInspect(ctx, tag)
	if err != nil {
		return "built " + tag
	}
	return fmt.Sprintf("built %s, %d MB", tag, i.Size/1e6)
}

// instance is the base with our boot program, the compose plugin and the
// places where Amazon Linux keeps things.
func (b *imageBuilder) instance(ctx context.Context) (tag, detail string, skipped bool, err error) {
	base := instanceBase()
	baseTag := InstanceImage + "-base:" + digest(base)
	source, err := guestSource(b.o.Source)
	if err != nil {
		return "", "", false, err
	}
	compose, err := composeVersion(b.o.Source)
	if err != nil {
		return "", "", false, err
	}
	tag = InstanceImage + ":" + digest(base, source, compose, instanceDockerfile, instanceLinks)
	if ok, err := b.exists(ctx, tag); ok || err != nil {
		return tag, tag, true, err
	}
	b.note("image "+InstanceImage, "building (Debian %s, engine, compose plugin, AWS CLI)", suite)

	// The root file system comes from the network, the programs from the
	// compiler: side by side.
	var wg sync.WaitGroup
	var baseErr, pluginErr, guestErr error
	var guest, plugin []byte
	wg.Go(func() {
		if ok, err := b.exists(ctx, baseTag); ok || err != nil {
			baseErr = err
			return
		}
		baseErr = b.bootstrap(ctx, base, baseTag, nil)
	})
	wg.Go(func() {
		guest, guestErr = b.buildGuest(ctx)
		if guestErr == nil {
			plugin, pluginErr = b.buildCompose(ctx)
		}
	})
	wg.Wait()
	if err := errors.Join(baseErr, guestErr, pluginErr); err != nil {
		return "", "", false, err
	}
	files := []layerFile{
		{"usr/lib/localaws/guest", 0o755, guest, ""},
		{"usr/libexec/docker/cli-plugins/docker-compose", 0o755, plugin, ""},
	}
	for link, target := range instanceLinks {
		files = append(files, layerFile{link, 0o777, nil, target})
	}
	if err := b.layer(ctx, tag, strings.ReplaceAll(instanceDockerfile, "BASE", baseTag), files); err != nil {
		return "", "", false, err
	}
	return tag, b.describe(ctx, tag), false, nil
}

const instanceDockerfile = `FROM BASE
COPY root/ /
ENV PATH=` + systemPath + `
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/sbin/init"]
`

// instanceLinks are the names under which the guest program is found, and what
// a fresh machine has switched on.
var instanceLinks = map[string]string{
	"usr/sbin/init":                       "/usr/lib/localaws/guest",
	"usr/bin/systemctl":                   "/usr/lib/localaws/guest",
	"usr/bin/amazon-cloudwatch-agent-ctl": "/usr/lib/localaws/guest",
	"opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent":     "/usr/lib/localaws/guest",
	"opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl": "/usr/lib/localaws/guest",
	"etc/systemd/system/multi-user.target.wants/docker.service":       "/lib/systemd/system/docker.service",
}

func (b *imageBuilder) postgres(ctx context.Context) (tag, detail string, skipped bool, err error) {
	recipe := postgres()
	changes := []string{"ENV PATH=/usr/lib/postgresql/" + PostgresVersion + "/bin:" + systemPath}
	tag = PostgresImage + ":" + digest(recipe, changes)
	if ok, err := b.exists(ctx, tag); ok || err != nil {
		return tag, tag, true, err
	}
	b.note("image "+PostgresImage, "building (Debian %s, PostgreSQL %s)", suite, PostgresVersion)
	if err := b.bootstrap(ctx, recipe, tag, changes); err != nil {
		return "", "", false, err
	}
	return tag, b.describe(ctx, tag), false, nil
}

func (b *imageBuilder) nginx(ctx context.Context) (tag, detail string, skipped bool, err error) {
	recipe := nginx()
	tag = NginxImage + ":" + digest(recipe, nginxRules, nginxChanges)
	if ok, err := b.exists(ctx, tag); ok || err != nil {
		return tag, tag, true, err
	}
	b.note("image "+NginxImage, "building (nginx and busybox from Debian %s)", suite)
	var picked bytes.Buffer
	if err := b.debootstrap(ctx, recipe, func(root io.Reader) error { return pickNginx(root, &picked) }); err != nil {
		return "", "", false, err
	}
	if err := b.importTar(ctx, &picked, tag, nginxChanges); err != nil {
		return "", "", false, err
	}
	return tag, b.describe(ctx, tag), false, nil
}

// bootstrap makes a Debian root and imports it as an image.
func (b *imageBuilder) bootstrap(ctx context.Context, d debian, tag string, changes []string) error {
	return b.debootstrap(ctx, d, func(root io.Reader) error { return b.importTar(ctx, root, tag, changes) })
}

// debootstrap runs mmdebstrap and hands its archive to a reader as it is made.
func (b *imageBuilder) debootstrap(ctx context.Context, d debian, use func(io.Reader) error) error {
	args := []string{
		"--mode=root", "--quiet", "--format=tar", "--variant=" + d.Variant, "--include=" + strings.Join(d.Packages, ","),
		"--dpkgopt=force-unsafe-io", "--aptopt=Acquire::Languages none", "--aptopt=Acquire::Retries 3",
	}
	for _, x := range d.Exclude {
		args = append(args, "--dpkgopt=path-exclude="+x)
	}
	args = append(args, d.Hooks...)
	// Without a source mmdebstrap takes Debian's own archive, with updates and
	// security.
	args = append(args, suite, "-")
	if m := os.Getenv(mirrorEnv); m != "" {
		args = append(args, "deb "+m+" "+suite+" main", "deb "+m+" "+suite+"-updates main")
	}
	path, err := find("mmdebstrap")
	if err != nil {
		return err
	}
	for _, dir := range []string{os.TempDir(), "/var/lib/docker"} {
		if err := roomIn(dir); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8")
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	useErr := use(out)
	if useErr != nil {
		// Whoever reads has given up: the writer must not wait for it.
		_ = cmd.Process.Kill()
	}
	_, _ = io.Copy(io.Discard, out)
	if err := cmd.Wait(); err != nil && useErr == nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("mmdebstrap (%s names another mirror of Debian): %w: %s", mirrorEnv, err, lastLines(errOut.String(), 4))
	}
	return useErr
}

// enoughRoom is what building the images takes at its peak.
const enoughRoom = 3 << 30

// roomIn reports a disk that is too full before it is filled up.
func roomIn(dir string) error {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return nil // the folder may be elsewhere or come later
	}
	if free := st.Bavail * uint64(st.Bsize); free < enoughRoom {
		return fmt.Errorf("%s has %d MB left and building the images takes %d MB: free some space (docker system prune helps)", dir, free>>20, int64(enoughRoom)>>20)
	}
	return nil
}

// importTar makes an image of a root file system. The image gets its name only
// when all of it has arrived.
func (b *imageBuilder) importTar(ctx context.Context, root io.Reader, tag string, changes []string) error {
	res, err := b.engine.ImageImport(ctx, client.ImageImportSource{Source: root, SourceName: "-"}, tag, client.ImageImportOptions{Changes: changes})
	if err != nil {
		return fmt.Errorf("importing %s: %w", tag, err)
	}
	defer res.Close()
	return engineOutput(res, "importing "+tag)
}

// layerFile is a file or, with a target, a symbolic link.
type layerFile struct {
	path    string
	mode    int64
	content []byte
	target  string
}

// layer builds an image from a Dockerfile and files below root/.
func (b *imageBuilder) layer(ctx context.Context, tag, dockerfile string, files []layerFile) error {
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	write := func(h *tar.Header, content []byte) error {
		if err := tw.WriteHeader(h); err != nil {
			return err
		}
		_, err := tw.Write(content)
		return err
	}
	if err := write(&tar.Header{Name: "Dockerfile", Mode: 0o644, Size: int64(len(dockerfile))}, []byte(dockerfile)); err != nil {
		return err
	}
	for _, f := range files {
		h := &tar.Header{Name: "root/" + f.path, Mode: f.mode, Size: int64(len(f.content))}
		if f.target != "" {
			h.Typeflag, h.Linkname = tar.TypeSymlink, f.target
		}
		if err := write(h, f.content); err != nil {
			return err
		}
	}
	if err := tw.Close(); err != nil {
		return err
	}
	res, err := b.engine.ImageBuild(ctx, &buf, client.ImageBuildOptions{
		Tags: []string{tag}, Version: build.BuilderV1, Remove: true, ForceRemove: true, NetworkMode: "none",
	})
	if err != nil {
		return fmt.Errorf("building %s: %w", tag, err)
	}
	defer res.Body.Close()
	return engineOutput(res.Body, "building "+tag)
}

// engineOutput reads the engine's progress to its end; an error stands in it.
func engineOutput(rd io.Reader, doing string) error {
	for dec := json.NewDecoder(rd); ; {
		var line struct {
			Error string `json:"error"`
		}
		err := dec.Decode(&line)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
		if line.Error != "" {
			return fmt.Errorf("%s: %s", doing, line.Error)
		}
	}
}
