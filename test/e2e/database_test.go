//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// database is a database of the deployment, reached from within its container.
type database struct {
	container, dsn, password string
}

// databaseOf finds the database with that identifier.
func databaseOf(t *testing.T, id string) *database {
	t.Helper()
	resource, err := shared.aws(t, nil, "rds", "describe-db-instances", "--db-instance-identifier", id, "--query", "DBInstances[0].DbiResourceId", "--output", "text")
	if err != nil {
		t.Fatal(err, resource)
	}
	raw, err := shared.aws(t, nil, "secretsmanager", "get-secret-value", "--secret-id", "grocery-dev/db", "--query", "SecretString", "--output", "text")
	var secret struct{ Username, Password string }
	if err != nil || json.Unmarshal([]byte(raw), &secret) != nil {
		t.Fatal(err, "the database's secret cannot be read")
	}
	return &database{container: "rds-" + strings.ToLower(resource), dsn: "host=127.0.0.1 user=" + secret.Username + " dbname=grocery sslmode=require", password: secret.Password}
}

// psql runs psql in the database's container, whichever that is at present.
func (d *database) psql(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	id := containers(t)[d.container]
	return exec.CommandContext(t.Context(), "docker", append([]string{"exec", "-i", "-e", "PGPASSWORD=" + d.password, id, "psql", d.dsn, "-AtqX", "-v", "ON_ERROR_STOP=1"}, args...)...)
}

// query returns what a statement answers.
func (d *database) query(t *testing.T, sql string) (string, error) {
	t.Helper()
	out, err := d.psql(t, "-c", sql).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// must is query for what cannot fail.
func (d *database) must(t *testing.T, sql string) string {
	t.Helper()
	out, err := d.query(t, sql)
	if err != nil {
		t.Fatalf("%s: %v %s", sql, err, out)
	}
	return out
}

// until waits within the database, so that a moment is not missed, until a condition
// holds.
func (d *database) until(t *testing.T, condition string) {
	t.Helper()
	d.must(t, waiting(condition))
}

// waiting is a statement that ends when a condition holds, and fails after 30 s.
func waiting(condition string) string {
	return fmt.Sprintf(`DO $$ BEGIN
		FOR i IN 1..6000 LOOP
			PERFORM pg_stat_clear_snapshot();
			IF (%s) THEN RETURN; END IF;
			PERFORM pg_sleep(0.005);
		END LOOP;
		RAISE 'it never came to this';
	END $$`, condition)
}

// session is a connection that keeps what it locks.
type session struct {
	in    io.WriteCloser
	lines chan string
}

func (d *database) session(t *testing.T) *session {
	t.Helper()
	cmd := d.psql(t)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	s := &session{in: in, lines: make(chan string, 100)}
	go func() {
		for sc := bufio.NewScanner(out); sc.Scan(); {
			s.lines <- sc.Text()
		}
		cmd.Wait() // it may have been killed with the database
		close(s.lines)
	}()
	t.Cleanup(s.end)
	return s
}

// send sends statements without waiting for them.
func (s *session) send(sql string) { fmt.Fprintf(s.in, "%s\n\\echo done\n", sql) }

// done waits until what was sent is done.
func (s *session) done(t *testing.T) {
	t.Helper()
	select {
	case line, ok := <-s.lines:
		if !ok || line != "done" {
			t.Fatalf("psql said %q", line)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the database does not come to an end with a statement")
	}
}

// end gives back what the session has locked.
func (s *session) end() { s.in.Close() }
