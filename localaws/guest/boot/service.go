//go:build linux

package boot

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	readyTimeout = 60 * time.Second
	restartPause = time.Second
)

// service is a program that runs until it is stopped; if it ends by itself, it
// is started again.
type service struct {
	name        string
	argv        []string
	logFile     string
	ready       func(context.Context) bool // nil: ready when it runs
	stopTimeout time.Duration

	mu      sync.Mutex
	wanted  bool
	proc    *os.Process
	started time.Time
	ended   chan struct{} // closed when the present process has ended
}

// start starts the service, if it does not run, and waits until it is ready.
func (s *service) start(ctx context.Context) error {
	s.mu.Lock()
	s.wanted = true
	var err error
	if s.proc == nil {
		err = s.launch()
	}
	s.mu.Unlock()
	if err != nil || s.ready == nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	for !s.ready(ctx) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready after %s: see %s", s.name, readyTimeout, s.logFile)
		case <-time.After(100 * time.Millisecond):
		}
	}
	return nil
}

// launch starts the process; the caller holds the lock.
func (s *service) launch() error {
	if err := os.MkdirAll(filepath.Dir(s.logFile), 0o755); err != nil {
		return err
	}
	out, err := os.OpenFile(s.logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := exec.Command(s.argv[0], s.argv[1:]...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=" + systemPath, "LANG=C.UTF-8"}
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.proc, s.started, s.ended = cmd.Process, time.Now(), make(chan struct{})
	go s.watch(cmd, s.ended)
	return nil
}

// watch waits for the end of the process and starts it again if it should run.
func (s *service) watch(cmd *exec.Cmd, ended chan struct{}) {
	err := cmd.Wait()
	s.mu.Lock()
	s.proc = nil
	close(ended)
	again := s.wanted
	s.mu.Unlock()
	if !again {
		return
	}
	log.Printf("%s ended (%v), starting it again", s.name, err)
	time.Sleep(restartPause)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wanted && s.proc == nil {
		if err := s.launch(); err != nil {
			log.Printf("starting %s: %v", s.name, err)
		}
	}
}

// stop stops the service with SIGTERM, then SIGKILL.
func (s *service) stop() error {
	s.mu.Lock()
	s.wanted = false
	proc, ended := s.proc, s.ended
	s.mu.Unlock()
	if proc == nil {
		return nil
	}
	if err := proc.Signal(unix.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-ended:
		return nil
	case <-time.After(s.stopTimeout):
	}
	if err := proc.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-ended
	return nil
}

// active reports whether the process runs, since when and under which id.
func (s *service) active() (pid int, since time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc == nil {
		return 0, time.Time{}, false
	}
	return s.proc.Pid, s.started, true
}

var dockerClient = http.Client{
	Timeout: 2 * time.Second,
	Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", "/run/docker.sock")
	}},
}

// dockerAnswers asks the engine whether it serves.
func dockerAnswers(ctx context.Context) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://docker/_ping", nil)
	if err != nil {
		return false
	}
	res, err := dockerClient.Do(req)
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}
