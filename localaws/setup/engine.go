package setup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/moby/moby/client"
)

const (
	engineStart = 60 * time.Second
	engineStop  = 30 * time.Second
)

// engineRecord remembers the engine that we started. A process id alone may
// belong to another process later; with its start time it does not.
type engineRecord struct {
	PID     int    `json:"pid"`
	Started string `json:"started"` // in clock ticks since boot, as /proc tells
}

func recordPath(home string) string { return filepath.Join(home, "dockerd.json") }

// newEngine returns a client for whatever DOCKER_HOST names.
func newEngine() (*client.Client, error) { return client.New(client.FromEnv) }

func (r *runner) engineAnswers(ctx context.Context) bool {
	c, err := newEngine()
	if err != nil {
		return false
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	_, err = c.Ping(ctx, client.PingOptions{})
	return err == nil
}

// startEngine starts dockerd where nothing answers.
func (r *runner) startEngine(ctx context.Context) (string, bool, error) {
	if r.engineAnswers(ctx) {
		return "one answers", true, nil
	}
	host := os.Getenv("DOCKER_HOST")
	if host != "" && !strings.HasPrefix(host, "unix://") {
		return "", false, fmt.Errorf("nothing answers at DOCKER_HOST=%s, and an engine elsewhere is not ours to start: start it, or unset DOCKER_HOST", host)
	}
	path, err := find("dockerd")
	if err != nil {
		return "", false, err
	}
	for file, program := range pidFiles {
		if err := dropStale(file, program); err != nil {
			return "", false, err
		}
	}
	logPath := filepath.Join(r.o.Home, "dockerd.log")
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return "", false, err
	}
	defer log.Close()
	cmd := exec.Command(path)
	if host != "" {
		cmd.Args = append(cmd.Args, "-H", host)
	}
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return "", false, fmt.Errorf("starting dockerd: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	if err := record(r.o.Home, cmd.Process.Pid); err != nil {
		return "", false, err
	}
	for deadline := time.Now().Add(engineStart); ; {
		if r.engineAnswers(ctx) {
			return "started dockerd, log in " + logPath, false, nil
		}
		select {
		case err := <-ended:
			tail, _ := os.ReadFile(logPath) // the error says where to look in any case
			return "", false, fmt.Errorf("dockerd ended (%v); see %s: %s", err, logPath, lastLines(string(tail), 3))
		case <-ctx.Done():
			return "", false, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return "", false, fmt.Errorf("dockerd does not answer after %s: see %s", engineStart, logPath)
		}
	}
}

// pidFiles are where the engine and its containerd keep their process ids.
var pidFiles = map[string]string{
	"/var/run/docker.pid":                       "dockerd",
	"/var/run/docker/containerd/containerd.pid": "containerd",
}

// dropStale removes a pid file that an engine left which was killed: its number
// may belong to another process by now, and a new engine would take that for
// a running one.
func dropStale(file, program string) error {
	raw, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	comm, err := os.ReadFile(filepath.Join("/proc", strings.TrimSpace(string(raw)), "comm"))
	if err == nil && strings.TrimSpace(string(comm)) == program {
		return nil // it is just starting, or hangs; the engine says so itself
	}
	return os.Remove(file)
}

func record(home string, pid int) error {
	started, err := startTime(pid)
	if err != nil {
		return err
	}
	b, err := json.Marshal(engineRecord{pid, started})
	if err != nil {
		return err
	}
	return os.WriteFile(recordPath(home), b, 0o644)
}

// startTime is field 22 of /proc/<pid>/stat.
func startTime(pid int) (string, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	// The second field is the command in parentheses and may hold anything.
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	if len(f) < 20 {
		return "", fmt.Errorf("/proc/%d/stat: %d fields", pid, len(f))
	}
	return f[19], nil
}

// ours returns the process id of the engine we started, if it still runs.
func ours(home string) (int, bool) {
	b, err := os.ReadFile(recordPath(home))
	if err != nil {
		return 0, false
	}
	var rec engineRecord
	if json.Unmarshal(b, &rec) != nil {
		return 0, false
	}
	started, err := startTime(rec.PID)
	return rec.PID, err == nil && started == rec.Started
}

func startedByUs(home string) bool { _, ok := ours(home); return ok }

// Stop stops the container engine if, and only if, a Run with this state
// folder has started it. It reports whether there was one to stop.
func Stop(ctx context.Context, home string) (bool, error) {
	pid, ok := ours(home)
	if !ok {
		return false, nil
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return false, fmt.Errorf("stopping the container engine: %w", err)
	}
	for deadline := time.Now().Add(engineStop); startedByUs(home); {
		if time.Now().After(deadline) {
			return false, fmt.Errorf("the container engine (process %d) does not stop: see %s", pid, filepath.Join(home, "dockerd.log"))
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return true, os.Remove(recordPath(home))
}
