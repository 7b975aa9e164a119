//go:build linux

package linux

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"

	"grocery/localaws/runtime"
)

// Labels by which a cloud finds its own.
const (
	labelCloud = "localaws.cloud"
	labelName  = "localaws.name"
)

func (r *Runtime) containerName(name string) string { return r.cloud + "-" + name }

func (r *Runtime) labels(name string, more map[string]string) map[string]string {
	l := map[string]string{labelCloud: r.cloud, labelName: name}
	for k, v := range more {
		l[k] = v
	}
	return l
}

func (r *Runtime) ours() client.Filters {
	return make(client.Filters).Add("label", labelCloud+"="+r.cloud)
}

// EnsureContainer creates and starts a container.
func (r *Runtime) EnsureContainer(ctx context.Context, spec runtime.ContainerSpec) (runtime.ContainerStatus, error) {
	defer r.locks.lock("container/" + spec.Name)()
	st, err := r.InspectContainer(ctx, spec.Name)
	if err != nil {
		return st, err
	}
	if st.State == runtime.Running {
		return st, nil
	}
	if st.State == runtime.Created {
		// Created but never started: a crash came between, perhaps before the
		// files were in place.
		if err := r.remove(ctx, spec.Name); err != nil {
			return st, err
		}
		st.State = runtime.Absent
	}
	if st.State == runtime.Absent {
		if err := r.create(ctx, spec); err != nil {
			return st, fmt.Errorf("creating container %s: %w", spec.Name, err)
		}
	}
	if err := r.start(ctx, spec.Name); err != nil {
		return st, err
	}
	return r.InspectContainer(ctx, spec.Name)
}

func (r *Runtime) create(ctx context.Context, spec runtime.ContainerSpec) error {
	name := r.containerName(spec.Name)
	config, host, err := r.containerConfig(spec)
	if err != nil {
		return err
	}
	for _, v := range spec.Volumes {
		if err := r.EnsureVolume(ctx, v); err != nil {
			return err
		}
	}
	if spec.Disk.Bytes > 0 {
		if err := r.makeDisk(ctx, spec.Name, spec.Disk); err != nil {
			return err
		}
	}
	_, err = r.engine.ContainerCreate(ctx, client.ContainerCreateOptions{Name: name, Config: config, HostConfig: host})
	if errdefs.IsNotFound(err) {
		return fmt.Errorf("image %s: %w (run `grocery setup` to build the images)", spec.Image, runtime.ErrImageNotFound)
	}
	if err != nil {
		return err
	}
	if err := r.copyTo(ctx, name, spec.Files); err != nil {
		return errors.Join(err, r.remove(context.WithoutCancel(ctx), spec.Name))
	}
	return nil
}

// containerConfig translates a specification into the engine's words.
func (r *Runtime) containerConfig(spec runtime.ContainerSpec) (*container.Config, *container.HostConfig, error) {
	config := &container.Config{
		Image:      spec.Image,
		Hostname:   spec.Hostname,
		Entrypoint: spec.Entrypoint,
		Cmd:        spec.Cmd,
		Env:        spec.Env,
		WorkingDir: spec.WorkingDir,
		User:       spec.User,
		StopSignal: spec.StopSignal,
		Labels:     r.labels(spec.Name, spec.Labels),
	}
	host := &container.HostConfig{
		NetworkMode:  "none",
		CgroupnsMode: container.CgroupnsModePrivate,
		ShmSize:      spec.SharedBytes,
		LogConfig:    container.LogConfig{Type: "json-file", Config: map[string]string{"max-size": "10m", "max-file": "2"}},
	}
	host.Memory = spec.MemoryBytes
	host.MemorySwap = spec.MemoryBytes // no swap beyond the limit, as on an instance
	host.NanoCPUs = int64(spec.CPUs * 1e9)
	if spec.DNS.IsValid() {
		host.DNS = []netip.Addr{spec.DNS}
	}
	if spec.Search != "" {
		host.DNSSearch = []string{spec.Search}
	}
	for _, path := range sortedKeys(spec.Volumes) {
		host.Mounts = append(host.Mounts, mount.Mount{
			Type: mount.TypeVolume, Source: r.containerName(spec.Volumes[path]), Target: path,
		})
	}
	anonymous := slices.Clone(spec.AnonymousVolumes)
	if spec.Disk.Bytes > 0 {
		host.Mounts = append(host.Mounts, mount.Mount{
			Type: mount.TypeBind, Source: r.diskMount(spec.Name), Target: spec.Disk.Path, BindOptions: &mount.BindOptions{Propagation: mount.PropagationRPrivate},
		})
	}
	if spec.NestedEngine {
		if spec.Disk.Bytes == 0 {
			anonymous = append(anonymous, "/var/lib/docker")
		}
		missing, err := missingCapabilities()
		if err != nil {
			return nil, nil, err
		}
		host.CapAdd, host.CapDrop = []string{"ALL"}, missing
		host.SecurityOpt = []string{"seccomp=unconfined", "apparmor=unconfined"}
		// Empty, not absent: /proc and /sys are all there for the inner engine.
		host.MaskedPaths, host.ReadonlyPaths = []string{}, []string{}
	}
	for _, path := range anonymous {
		host.Mounts = append(host.Mounts, mount.Mount{
			Type: mount.TypeVolume, Target: path,
			VolumeOptions: &mount.VolumeOptions{Labels: r.labels("", nil)},
		})
	}
	return config, host, nil
}

// InspectContainer returns a container's state.
func (r *Runtime) InspectContainer(ctx context.Context, name string) (runtime.ContainerStatus, error) {
	res, err := r.engine.ContainerInspect(ctx, r.containerName(name), client.ContainerInspectOptions{})
	if errdefs.IsNotFound(err) {
		return runtime.ContainerStatus{Name: name, State: runtime.Absent}, nil
	}
	if err != nil {
		return runtime.ContainerStatus{Name: name}, fmt.Errorf("inspecting container %s: %w", name, err)
	}
	return statusOf(name, res.Container), nil
}

func statusOf(name string, c container.InspectResponse) runtime.ContainerStatus {
	st := runtime.ContainerStatus{Name: name, State: runtime.Exited}
	if c.Config != nil {
		st.Image, st.Labels = c.Config.Image, c.Config.Labels
	}
	if c.State == nil {
		return st
	}
	switch {
	case c.State.Running:
		st.State, st.PID = runtime.Running, c.State.Pid
	case c.State.Status == container.StateCreated:
		st.State = runtime.Created
	}
	st.ExitCode, st.OOMKilled = c.State.ExitCode, c.State.OOMKilled
	st.StartedAt, _ = time.Parse(time.RFC3339Nano, c.State.StartedAt) // the zero time where the engine has none
	st.FinishedAt, _ = time.Parse(time.RFC3339Nano, c.State.FinishedAt)
	return st
}

// ListContainers returns this cloud's containers.
func (r *Runtime) ListContainers(ctx context.Context) ([]runtime.ContainerStatus, error) {
	list, err := r.engine.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: r.ours()})
	if err != nil {
		return nil, fmt.Errorf("listing containers: %w", err)
	}
	var out []runtime.ContainerStatus
	for _, c := range list.Items {
		st, err := r.InspectContainer(ctx, c.Labels[labelName])
		if err != nil {
			return nil, err
		}
		if st.State != runtime.Absent { // it may have gone meanwhile
			out = append(out, st)
		}
	}
	slices.SortFunc(out, func(a, b runtime.ContainerStatus) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// StartContainer starts a stopped container.
func (r *Runtime) StartContainer(ctx context.Context, name string) error {
	defer r.locks.lock("container/" + name)()
	return r.start(ctx, name)
}

func (r *Runtime) start(ctx context.Context, name string) error {
	return r.withDisk(ctx, name, func() error {
		_, err := r.engine.ContainerStart(ctx, r.containerName(name), client.ContainerStartOptions{})
		return r.wrap(err, "starting container", name)
	})
}

// StopContainer stops a container.
func (r *Runtime) StopContainer(ctx context.Context, name string, grace time.Duration) error {
	secs := int(grace.Round(time.Second) / time.Second)
	_, err := r.engine.ContainerStop(ctx, r.containerName(name), client.ContainerStopOptions{Timeout: &secs})
	if errdefs.IsNotFound(err) {
		return nil
	}
	return r.wrap(err, "stopping container", name)
}

// RemoveContainer removes a container and its anonymous volumes.
func (r *Runtime) RemoveContainer(ctx context.Context, name string) error {
	defer r.locks.lock("container/" + name)()
	return r.remove(ctx, name)
}

func (r *Runtime) remove(ctx context.Context, name string) error {
	full := r.containerName(name)
	_, err := r.engine.ContainerRemove(ctx, full, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	if errdefs.IsConflict(err) {
		// Somebody else is removing it at this moment: wait for that.
		err = r.waitRemoved(ctx, full)
	}
	if err != nil && !errdefs.IsNotFound(err) {
		return r.wrap(err, "removing container", name)
	}
	return r.removeDisk(name)
}

func (r *Runtime) waitRemoved(ctx context.Context, full string) error {
	w := r.engine.ContainerWait(ctx, full, client.ContainerWaitOptions{Condition: container.WaitConditionRemoved})
	select {
	case <-w.Result:
		return nil
	case err := <-w.Error:
		if errdefs.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("waiting until container %s is removed: %w", full, err)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// WaitContainer waits until a container has ended.
func (r *Runtime) WaitContainer(ctx context.Context, name string) (runtime.ContainerStatus, error) {
	w := r.engine.ContainerWait(ctx, r.containerName(name), client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
	select {
	case <-w.Result:
	case err := <-w.Error:
		if !errdefs.IsNotFound(err) {
			return runtime.ContainerStatus{Name: name}, fmt.Errorf("waiting for container %s: %w", name, err)
		}
	case <-ctx.Done():
		return runtime.ContainerStatus{Name: name}, ctx.Err()
	}
	return r.InspectContainer(ctx, name)
}

// EnsureVolume creates a named volume.
func (r *Runtime) EnsureVolume(ctx context.Context, name string) error {
	_, err := r.engine.VolumeCreate(ctx, client.VolumeCreateOptions{Name: r.containerName(name), Labels: r.labels(name, nil)})
	return r.wrap(err, "creating volume", name)
}

// RemoveVolume removes a named volume.
func (r *Runtime) RemoveVolume(ctx context.Context, name string) error {
	_, err := r.engine.VolumeRemove(ctx, r.containerName(name), client.VolumeRemoveOptions{Force: true})
	if errdefs.IsNotFound(err) {
		return nil
	}
	return r.wrap(err, "removing volume", name)
}

// ImageID returns an image's content address.
func (r *Runtime) ImageID(ctx context.Context, image string) (string, error) {
	res, err := r.engine.ImageInspect(ctx, image)
	if errdefs.IsNotFound(err) {
		return "", fmt.Errorf("image %s: %w", image, runtime.ErrImageNotFound)
	}
	return res.ID, r.wrap(err, "inspecting image", image)
}

// purgeContainers removes this cloud's containers and volumes.
func (r *Runtime) purgeContainers(ctx context.Context) error {
	list, err := r.engine.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: r.ours()})
	if err != nil {
		return fmt.Errorf("listing containers: %w", err)
	}
	errs := make([]error, len(list.Items))
	done := make(chan struct{})
	for i, c := range list.Items {
		go func() {
			errs[i] = r.RemoveContainer(ctx, c.Labels[labelName])
			done <- struct{}{}
		}()
	}
	for range list.Items {
		<-done
	}
	vols, err := r.engine.VolumeList(ctx, client.VolumeListOptions{Filters: r.ours()})
	errs = append(errs, err)
	for _, v := range vols.Items {
		if _, err := r.engine.VolumeRemove(ctx, v.Name, client.VolumeRemoveOptions{Force: true}); err != nil && !errdefs.IsNotFound(err) {
			errs = append(errs, fmt.Errorf("removing volume %s: %w", v.Name, err))
		}
	}
	return errors.Join(errs...)
}

// wrap says what was being done, in this package's errors.
func (r *Runtime) wrap(err error, doing, name string) error {
	switch {
	case err == nil:
		return nil
	case errdefs.IsNotFound(err):
		return fmt.Errorf("%s %s: %w", doing, name, runtime.ErrNotFound)
	default:
		return fmt.Errorf("%s %s: %w", doing, name, err)
	}
}
