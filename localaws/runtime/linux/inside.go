//go:build linux

package linux

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"

	"grocery/localaws/runtime"
)

// Exec runs a command in a container.
func (r *Runtime) Exec(ctx context.Context, name string, spec runtime.ExecSpec) (runtime.ExecResult, error) {
	res, err := r.exec(ctx, name, spec)
	if errdefs.IsConflict(err) {
		err = runtime.ErrNotRunning
	}
	return res, r.wrap(err, "running a command in container", name)
}

func (r *Runtime) exec(ctx context.Context, name string, spec runtime.ExecSpec) (runtime.ExecResult, error) {
	var res runtime.ExecResult
	created, err := r.engine.ExecCreate(ctx, r.containerName(name), client.ExecCreateOptions{
		Cmd: spec.Cmd, Env: spec.Env, User: spec.User, WorkingDir: spec.WorkingDir,
		AttachStdin: spec.Stdin != nil, AttachStdout: true, AttachStderr: true,
	})
	if err != nil {
		return res, err
	}
	conn, err := r.engine.ExecAttach(ctx, created.ID, client.ExecAttachOptions{})
	if err != nil {
		return res, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()

	if spec.Stdin != nil {
		go func() {
			// A command that does not read its input closes the stream; its
			// exit code tells the rest.
			_, _ = conn.Conn.Write(spec.Stdin)
			_ = conn.CloseWrite()
		}()
	}
	var out, errOut bytes.Buffer
	if _, err := stdcopy.StdCopy(&out, &errOut, conn.Reader); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return res, err
	}
	state, err := r.engine.ExecInspect(ctx, created.ID, client.ExecInspectOptions{})
	if err != nil {
		return res, err
	}
	return runtime.ExecResult{ExitCode: state.ExitCode, Stdout: out.Bytes(), Stderr: errOut.Bytes()}, nil
}

// Logs returns the last lines of a container's output.
func (r *Runtime) Logs(ctx context.Context, name string, tail int) ([]byte, error) {
	lines := "all"
	if tail > 0 {
		lines = strconv.Itoa(tail)
	}
	rd, err := r.engine.ContainerLogs(ctx, r.containerName(name), client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Tail: lines})
	if err != nil {
		return nil, r.wrap(err, "reading the log of container", name)
	}
	defer rd.Close()
	var out bytes.Buffer
	if _, err := stdcopy.StdCopy(&out, &out, rd); err != nil {
		return nil, r.wrap(err, "reading the log of container", name)
	}
	return out.Bytes(), nil
}

// CopyTo puts files into a container.
func (r *Runtime) CopyTo(ctx context.Context, name string, files []runtime.File) error {
	return r.wrap(r.copyTo(ctx, r.containerName(name), files), "copying files into container", name)
}

func (r *Runtime) copyTo(ctx context.Context, full string, files []runtime.File) error {
	if len(files) == 0 {
		return nil
	}
	archive, err := archiveOf(files)
	if err != nil {
		return err
	}
	_, err = r.engine.CopyToContainer(ctx, full, client.CopyToContainerOptions{DestinationPath: "/", Content: bytes.NewReader(archive)})
	return err
}

// archiveOf packs files as the engine takes them. The engine makes missing
// folders.
func archiveOf(files []runtime.File) ([]byte, error) {
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	for _, f := range files {
		if !strings.HasPrefix(f.Path, "/") {
			return nil, fmt.Errorf("file %q: its path must be absolute", f.Path)
		}
		mode := int64(f.Mode)
		if mode == 0 {
			mode = 0o644
		}
		err := tw.WriteHeader(&tar.Header{
			Typeflag: tar.TypeReg, Name: strings.TrimPrefix(path.Clean(f.Path), "/"),
			Mode: mode, Uid: f.UID, Gid: f.GID, Size: int64(len(f.Content)),
		})
		if err != nil {
			return nil, err
		}
		if _, err := tw.Write(f.Content); err != nil {
			return nil, err
		}
	}
	return buf.Bytes(), tw.Close()
}

// ReadFile returns one file of a container.
func (r *Runtime) ReadFile(ctx context.Context, name, file string) ([]byte, error) {
	res, err := r.engine.CopyFromContainer(ctx, r.containerName(name), client.CopyFromContainerOptions{SourcePath: file})
	if err != nil {
		return nil, r.wrap(err, "reading "+file+" of container", name)
	}
	defer res.Content.Close()
	tr := tar.NewReader(res.Content)
	h, err := tr.Next()
	if err != nil {
		return nil, r.wrap(err, "reading "+file+" of container", name)
	}
	if h.Typeflag != tar.TypeReg {
		return nil, fmt.Errorf("reading %s of container %s: not a regular file", file, name)
	}
	return io.ReadAll(tr)
}

// capabilityNames are the kernel's capabilities by number, as the engine calls them.
var capabilityNames = []string{
	"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
	"LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
	"SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
	"SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
	"MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
	"CHECKPOINT_RESTORE",
}

// missingCapabilities lists the capabilities that nobody on this machine can
// get: asking the engine for all of them would fail on the first it lacks.
func missingCapabilities() ([]string, error) {
	bounding, err := boundingSet()
	if err != nil {
		return nil, err
	}
	var missing []string
	for bit, name := range capabilityNames {
		if bounding&(1<<bit) == 0 {
			missing = append(missing, name)
		}
	}
	return missing, nil
}
