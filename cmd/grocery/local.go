package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"grocery/localaws"
	"grocery/ops"
)

// region is where a local AWS is, unless the tfvars file says otherwise.
const region = "eu-central-1"

// local is the local AWS of one home folder, run as a process of its own that
// outlives the command that started it.
type local struct {
	home string
	root string
	o    localaws.Options
}

// local returns the local AWS that the flags name, once they are resolved.
func (g *globals) local() *local {
	return &local{home: g.home, root: g.root, o: localaws.DefaultOptions(g.home, g.offset)}
}

// point makes e work on the local AWS.
func (l *local) point(e *ops.Environment) error {
	id, secret, err := l.credentials()
	if err != nil {
		return err
	}
	e.Access = ops.Access{Region: region, Proxy: "http://" + l.o.Proxy, CABundle: filepath.Join(l.home, "ca.pem"), AccessKeyID: id, SecretKey: secret}
	e.ThrowAway = true
	e.PublicURL = func(dns string) string { return "http://" + net.JoinHostPort(dns, strconv.Itoa(l.o.FrontDoorBase+80)) }
	e.Build = map[string]string{"NGINX_IMAGE": "grocery/nginx"}
	return nil
}

// credentials reads the key of the local administrator.
func (l *local) credentials() (id, secret string, err error) {
	raw, err := os.ReadFile(filepath.Join(l.home, "credentials"))
	if errors.Is(err, os.ErrNotExist) {
		return "", "", fmt.Errorf("there is no local AWS in %s: grocery up starts one", l.home)
	}
	if err != nil {
		return "", "", err
	}
	for line := range strings.Lines(string(raw)) {
		k, v, _ := strings.Cut(line, "=")
		switch strings.TrimSpace(k) {
		case "aws_access_key_id":
			id = strings.TrimSpace(v)
		case "aws_secret_access_key":
			secret = strings.TrimSpace(v)
		}
	}
	if id == "" || secret == "" {
		return "", "", fmt.Errorf("%s holds no key", filepath.Join(l.home, "credentials"))
	}
	return id, secret, nil
}

// deployed reports whether there is any state to work on.
func (l *local) deployed() bool {
	_, err := os.Stat(filepath.Join(l.home, "store.db"))
	return err == nil
}

// health asks who answers at the endpoint; nil when nobody does.
func (l *local) health(ctx context.Context) *localaws.Health {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+l.o.Endpoint+localaws.HealthPath, nil)
	if err != nil {
		return nil
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	var h localaws.Health
	if json.NewDecoder(resp.Body).Decode(&h) != nil {
		return nil
	}
	return &h
}

// running returns the process of this home's local AWS, or nil.
func (l *local) running(ctx context.Context) *localaws.Health {
	if h := l.health(ctx); h != nil && h.Name == localaws.Name(l.home) {
		return h
	}
	return nil
}

// serves refuses to work on a local AWS that does not run, before a retry of
// each call finds out.
func (l *local) serves(ctx context.Context) error {
	switch h := l.health(ctx); {
	case h == nil:
		return fmt.Errorf("the local AWS of %s does not run: grocery up starts it", l.home)
	case h.Name != localaws.Name(l.home):
		return l.another(h)
	}
	return nil
}

// another says that somebody else's local AWS has this one's ports.
func (l *local) another(h *localaws.Health) error {
	return fmt.Errorf("another local AWS answers at %s (its state is in %s): stop it with grocery down --home %s, or move this one with GROCERY_PORT_OFFSET=1000", l.o.Endpoint, h.Home, h.Home)
}

// readyWithin is how long a local AWS may take until it serves.
const readyWithin = 15 * time.Second

// start starts the local AWS unless it runs.
func (l *local) start(ctx context.Context, p *progress) error {
	return p.step("start local AWS", func() (skip string, err error) {
		if h := l.running(ctx); h != nil {
			return "it runs (process " + strconv.Itoa(h.PID) + ")", nil
		}
		if h := l.health(ctx); h != nil {
			return "", l.another(h)
		}
		self, err := os.Executable()
		if err != nil {
			return "", err
		}
		logPath := filepath.Join(l.home, "localaws.log")
		log, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return "", err
		}
		defer log.Close()
		cmd := exec.Command(self, "localaws", "serve", "--home", l.home, "--repository", l.root)
		cmd.Stdout, cmd.Stderr = log, log
		cmd.Dir = l.home
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := cmd.Start(); err != nil {
			return "", err
		}
		exited := make(chan error, 1)
		go func() { exited <- cmd.Wait() }()
		deadline := time.After(readyWithin)
		for {
			select {
			case <-ctx.Done():
				return "", ctx.Err()
			case <-exited:
				return "", fmt.Errorf("local AWS did not start: %s", lastLine(logPath))
			case <-deadline:
				return "", fmt.Errorf("local AWS does not serve after %s: see %s", readyWithin, logPath)
			case <-time.After(20 * time.Millisecond):
				if l.running(ctx) != nil {
					return "", nil
				}
			}
		}
	})
}

// stop stops the process; its containers and networks go on.
func (l *local) stop(ctx context.Context, p *progress) error {
	return p.step("stop local AWS", func() (skip string, err error) {
		h := l.running(ctx)
		if h == nil {
			return "it does not run", nil
		}
		if err := syscall.Kill(h.PID, syscall.SIGTERM); err != nil {
			return "", err
		}
		for range 200 {
			if syscall.Kill(h.PID, 0) != nil {
				return "", nil
			}
			time.Sleep(50 * time.Millisecond)
		}
		return "", fmt.Errorf("process %d does not end", h.PID)
	})
}

// lastLine returns the last line of a log that says something.
func lastLine(path string) string {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	return strings.TrimPrefix(lines[len(lines)-1], "grocery: ")
}
