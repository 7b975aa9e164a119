package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"grocery/internal/pg"
)

// User is the superuser of the servers and Password its password over TCP.
const (
	User     = "grocery"
	Password = "a password for tests"
)

// Server is one running PostgreSQL server.
type Server struct {
	Port int    // on 127.0.0.1
	CA   string // file with the authority that signed its certificate, made out to localhost and 127.0.0.1

	programs *pg.Programs
	dir      string
	cmd      *exec.Cmd
	done     chan struct{} // closed when the process has ended
}

// Start starts a new empty server in a new folder. Stop it with Stop; should the
// process of the test die before, the kernel ends the server.
func Start() (*Server, error) {
	s, err := newServer()
	if err != nil {
		return nil, err
	}
	pw := filepath.Join(s.dir, "password")
	err = errors.Join(
		os.WriteFile(pw, []byte(Password), 0o644),
		s.run("initdb", "-D", s.data(), "-U", User, "--pwfile", pw, "-E", "UTF8", "--locale=C.UTF-8",
			"--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync", "--no-instructions"))
	if err == nil {
		err = s.startOnFreePort()
	}
	if err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

// Replica starts a server that streams from s, as RDS does for a read replica.
func (s *Server) Replica() (*Server, error) {
	r, err := newServer()
	if err != nil {
		return nil, err
	}
	err = r.run("pg_basebackup", "-D", r.data(), "-R", "-X", "stream", "-c", "fast", "--no-sync",
		"-d", fmt.Sprintf("host=%s port=%d user=%s", s.dir, s.Port, User))
	if err == nil {
		err = r.startOnFreePort()
	}
	if err != nil {
		r.Stop()
		return nil, err
	}
	return r, nil
}

// CatchUp waits, at most a minute, until the replica s has replayed what primary has
// written so far. It looks at positions in the log alone: a question about a table can
// wait for a lock that the replay holds while the replay waits for the question's
// snapshot, until max_standby_streaming_delay (30 s) cancels it.
func (s *Server) CatchUp(primary *Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	from, err := pgx.Connect(ctx, primary.socketDSN("postgres"))
	if err != nil {
		return err
	}
	defer from.Close(ctx)
	to, err := pgx.Connect(ctx, s.socketDSN("postgres"))
	if err != nil {
		return err
	}
	defer to.Close(ctx)
	// A commit that waits for the disk takes all those before it along.
	if _, err := from.Exec(ctx, "SET synchronous_commit = on; SELECT pg_logical_emit_message(true, 'pgtest', 'catch up')"); err != nil {
		return err
	}
	var written string
	if err := from.QueryRow(ctx, "SELECT pg_current_wal_flush_lsn()::text").Scan(&written); err != nil {
		return err
	}
	for {
		var replayed string
		var reached bool
		err := to.QueryRow(ctx, "SELECT coalesce(pg_last_wal_replay_lsn(), '0/0')::text, coalesce(pg_last_wal_replay_lsn(), '0/0') >= $1::text::pg_lsn", written).Scan(&replayed, &reached)
		if err != nil {
			return fmt.Errorf("the replica was last seen at %s, the primary at %s: %w", replayed, written, err)
		}
		if reached {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the replica is at %s, the primary at %s: %w", replayed, written, ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func newServer() (*Server, error) {
	programs, err := pg.Find()
	if err != nil {
		return nil, err
	}
	s := &Server{programs: programs}
	if s.dir, err = os.MkdirTemp("", "pgtest-"); err != nil {
		return nil, err
	}
	return s, errors.Join(programs.Give(s.dir), os.Chmod(s.dir, 0o755))
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) run(name string, args ...string) error { return s.programs.Run(s.dir, name, args...) }

// startOnFreePort starts the server on a port of its own. Another process may take the
// port in between: then it tries another.
func (s *Server) startOnFreePort() error {
	var err error
	for range 3 {
		if s.Port, err = freePort(); err != nil {
			return err
		}
		if err = s.start(); err == nil || !strings.Contains(err.Error(), "TCP/IP socket") {
			return err
		}
	}
	return err
}

// start starts the server on its port and waits until it answers.
func (s *Server) start() error {
	var err error
	if s.CA == "" {
		if s.CA, err = writeCertificates(s.dir, s.programs.Owner()); err != nil {
			return err
		}
	}
	args := []string{"-D", s.data(), "-k", s.dir, "-p", strconv.Itoa(s.Port)}
	for _, setting := range []string{
		"listen_addresses=127.0.0.1", "max_connections=200", "shared_buffers=32MB",
		"fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off",
		"wal_level=replica", "max_wal_senders=4", "hot_standby=on", "wal_retrieve_retry_interval=100ms",
		"ssl=on", "ssl_cert_file=" + filepath.Join(s.dir, "server.crt"), "ssl_key_file=" + filepath.Join(s.dir, "server.key"),
	} {
		args = append(args, "-c", setting)
	}
	var out bytes.Buffer
	s.cmd = s.programs.Command(s.dir, "postgres", args...)
	s.cmd.Stdout, s.cmd.Stderr = &out, &out
	s.done = make(chan struct{})
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // this thread's end would be the server's: keep it waiting
		defer close(s.done)
		err := s.cmd.Start()
		started <- err
		if err == nil {
			s.cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, s.socketDSN("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-s.done:
			return fmt.Errorf("PostgreSQL ended at start: %s", bytes.TrimSpace(out.Bytes()))
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL does not answer: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Pause ends the server's process; Resume starts it again on the same port with the
// same data.
func (s *Server) Pause() {
	s.cmd.Process.Signal(syscall.SIGQUIT) // immediate shutdown
	<-s.done
}

// Resume starts a server that Pause has ended.
func (s *Server) Resume() error { return s.start() }

// Stop ends the server and removes its data.
func (s *Server) Stop() {
	if s.cmd != nil && s.cmd.Process != nil {
		s.Pause()
	}
	os.RemoveAll(s.dir)
}

// socketDSN reaches a database as superuser through the unix socket.
func (s *Server) socketDSN(database string) string {
	return fmt.Sprintf("host=%s port=%d user=%s dbname=%s sslmode=disable", s.dir, s.Port, User, database)
}

// freePort returns a port of 127.0.0.1 that was free a moment ago.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
