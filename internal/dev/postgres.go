package dev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"grocery/internal/pg"
)

const databaseUser = "grocery"

// postgres is a PostgreSQL of the developer's own. Its data outlives it.
type postgres struct {
	dir  string
	port int
	cmd  *exec.Cmd
	done chan struct{}
}

// startPostgres starts the server whose data is in dir, and makes it first when there
// is none. It listens on a port of 127.0.0.1 that is chosen anew each time.
func startPostgres(ctx context.Context, dir string, say io.Writer) (*postgres, error) {
	programs, err := pg.Find()
	if err != nil {
		return nil, err
	}
	programs.Anywhere = true // the repository may be below root's home
	if err := errors.Join(os.MkdirAll(dir, 0o755), programs.Give(dir)); err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	if _, err := os.Stat(filepath.Join(data, "PG_VERSION")); err != nil {
		fmt.Fprintln(say, "making a database in", dir)
		// Made aside, so that an interruption leaves no half of one.
		fresh := data + ".new"
		if err := os.RemoveAll(fresh); err != nil {
			return nil, err
		}
		if err := programs.Run(dir, "initdb", "-D", fresh, "-U", databaseUser, "-E", "UTF8", "--locale=C.UTF-8", "--auth=trust", "--no-instructions"); err != nil {
			return nil, err
		}
		if err := os.Rename(fresh, data); err != nil {
			return nil, err
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &postgres{dir: dir, port: l.Addr().(*net.TCPAddr).Port, done: make(chan struct{})}
	l.Close()
	s.cmd = programs.Command(dir, "postgres", "-D", data, "-p", strconv.Itoa(s.port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "log_min_messages=fatal")
	s.cmd.Stdout, s.cmd.Stderr = say, say
	s.cmd.SysProcAttr.Setpgid = true // Ctrl-C is ours to pass on
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // this thread's end would be the server's
		defer close(s.done)
		err := s.cmd.Start()
		started <- err
		if err == nil {
			s.cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	if err := s.ready(ctx); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// ready waits until the server answers and makes the shop's database.
func (s *postgres) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, fmt.Sprintf("host=127.0.0.1 port=%d user=%s dbname=postgres sslmode=disable", s.port, databaseUser))
		if err == nil {
			defer conn.Close(ctx)
			var there bool
			err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = 'grocery')").Scan(&there)
			if err == nil && !there {
				_, err = conn.Exec(ctx, "CREATE DATABASE grocery")
			}
			return err
		}
		select {
		case <-s.done:
			return fmt.Errorf("PostgreSQL ended at start: is another `make dev` using %s?", s.dir)
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL does not answer: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (s *postgres) environment() []string {
	return []string{
		"DB_HOST=127.0.0.1", "DB_PORT=" + strconv.Itoa(s.port), "DB_NAME=grocery", "DB_USER=" + databaseUser,
		"DB_PASSWORD=nobody-asks", "DB_SSLMODE=disable",
	}
}

// wait returns when ctx ends, or with an error when the server does.
func (s *postgres) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.done:
		return errors.New("PostgreSQL ended: its last lines say why")
	}
}

// stop ends the server; it breaks off what clients are doing and keeps all data.
func (s *postgres) stop() {
	s.cmd.Process.Signal(syscall.SIGINT)
	<-s.done
}
