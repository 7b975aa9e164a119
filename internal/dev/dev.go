package dev

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// Options say what runs where.
type Options struct {
	Root     string // the repository
	Home     string // where database, pictures and the built server are kept
	APIPort  int    // of the backend, on 127.0.0.1
	PagePort int    // of the page, on 127.0.0.1
	Out      io.Writer
}

// Run runs everything until ctx ends or a part cannot go on. A backend that does not
// compile is reported, and the one before goes on.
func Run(ctx context.Context, o Options) error {
	if err := os.MkdirAll(o.Home, 0o755); err != nil {
		return err
	}
	for what, port := range map[string]int{"backend": o.APIPort, "page": o.PagePort} {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			return fmt.Errorf("port %d, where the %s would be, is taken: stop what has it, or choose another", port, what)
		}
		l.Close()
	}
	say := &lines{out: o.Out}
	env, err := o.environment()
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	if os.Getenv("DB_HOST") == "" {
		db, err := startPostgres(ctx, filepath.Join(o.Home, "postgres"), say.from("db  "))
		if err != nil {
			return err
		}
		defer db.stop()
		env = append(env, db.environment()...)
		g.Go(func() error { return db.wait(ctx) })
	}
	g.Go(func() error { return o.backend(ctx, env, say.from("api ")) })
	g.Go(func() error { return o.page(ctx, say.from("page")) })
	g.Go(func() error { return o.announce(ctx, say.from("dev ")) })
	err = g.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// environment is the backend's, apart from the database.
func (o Options) environment() ([]string, error) {
	key := filepath.Join(o.Home, "jwt-secret") // sessions outlive a restart
	secret, err := os.ReadFile(key)
	if errors.Is(err, os.ErrNotExist) {
		secret = []byte(randomText())
		err = os.WriteFile(key, secret, 0o600)
	}
	if err != nil {
		return nil, err
	}
	pictures := filepath.Join(o.Home, "avatars")
	if err := os.MkdirAll(pictures, 0o755); err != nil {
		return nil, err
	}
	return []string{
		"GROCERY_ADDR=127.0.0.1:" + strconv.Itoa(o.APIPort), "JWT_SECRET=" + string(secret),
		"AVATAR_DIR=" + pictures, "PAYMENT_PROVIDER=test", "GROCERY_DRAIN=0s",
	}, nil
}

// backend builds and runs the backend, again and again.
func (o Options) backend(ctx context.Context, env []string, say io.Writer) error {
	binary := filepath.Join(o.Home, "grocery-api")
	var running *process
	defer func() { running.stop() }()
	return watch(ctx, o.Root, []string{"backend", "cmd/grocery-api", "internal", "go.mod"}, func() error {
		start := time.Now()
		build := exec.CommandContext(ctx, "go", "build", "-o", binary+".new", "./cmd/grocery-api")
		build.Dir = o.Root
		if out, err := build.CombinedOutput(); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			fmt.Fprintf(say, "does not compile; the server before goes on\n%s", bytes.TrimSpace(out))
			return nil
		}
		fmt.Fprintf(say, "built in %s\n", time.Since(start).Round(10*time.Millisecond))
		running.stop()
		if err := os.Rename(binary+".new", binary); err != nil {
			return err
		}
		var err error
		running, err = startProcess(o.Root, append(os.Environ(), env...), say, binary)
		return err
	})
}

// page runs Vite, which replaces changed modules in the browser.
func (o Options) page(ctx context.Context, say io.Writer) error {
	dir := filepath.Join(o.Root, "frontend")
	if _, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json")); err != nil {
		fmt.Fprintln(say, "installing what the page is made with")
		install := exec.CommandContext(ctx, "npm", "ci", "--no-audit", "--no-fund", "--loglevel=error")
		install.Dir = dir
		if out, err := install.CombinedOutput(); err != nil {
			return fmt.Errorf("npm ci: %w\n%s", err, bytes.TrimSpace(out))
		}
	}
	env := append(os.Environ(), "GROCERY_BACKEND=http://127.0.0.1:"+strconv.Itoa(o.APIPort))
	p, err := startProcess(dir, env, say, "node", filepath.Join("node_modules", "vite", "bin", "vite.js"), "--host", "127.0.0.1", "--port", strconv.Itoa(o.PagePort), "--strictPort")
	if err != nil {
		return err
	}
	defer p.stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-p.done:
		return errors.New("the page's server ended: its last lines say why")
	}
}

// announce says where the shop is once it sells.
func (o Options) announce(ctx context.Context, say io.Writer) error {
	for ctx.Err() == nil {
		resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/ready", o.APIPort))
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				fmt.Fprintf(say, "the shop is at http://127.0.0.1:%d  (API: http://127.0.0.1:%d, end with Ctrl-C)\n", o.PagePort, o.APIPort)
				return nil
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
	return ctx.Err()
}

// process is a running program in a group of its own.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}
}

func startProcess(dir string, env []string, out io.Writer, name string, args ...string) (*process, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, env, out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is ours to pass on
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd, make(chan struct{})}
	go func() {
		cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// stop ends the program and waits for it; after ten seconds by force. Stopping no
// process is fine.
func (p *process) stop() {
	if p == nil {
		return
	}
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(10 * time.Second):
		syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.done
	}
}

// lines merges the output of several programs, line by line.
type lines struct {
	mu  sync.Mutex
	out io.Writer
}

func (l *lines) from(name string) io.Writer { return &labelled{lines: l, name: name} }

type labelled struct {
	*lines
	name string
	part []byte
}

func (l *labelled) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.part = append(l.part, b...)
	for {
		i := bytes.IndexByte(l.part, '\n')
		if i < 0 {
			return len(b), nil
		}
		if line := strings.TrimRight(string(l.part[:i]), " \r"); line != "" {
			fmt.Fprintf(l.out, "%s | %s\n", l.name, line)
		}
		l.part = l.part[i+1:]
	}
}
