package pgtest

import (
	"os/exec"
	"strconv"
	"testing"
)

// Dump returns what pg_dump writes about the database, given its further arguments.
func (d *Database) Dump(t testing.TB, args ...string) []byte {
	t.Helper()
	s := d.Server
	args = append([]string{"-h", s.dir, "-p", strconv.Itoa(s.Port), "-U", User, "-d", d.Name}, args...)
	out, err := exec.Command(s.programs.Path("pg_dump"), args...).Output()
	if err != nil {
		t.Fatalf("pgtest: pg_dump: %v", err)
	}
	return out
}

// Load runs a file, which everyone must be able to read, with psql and stops at the first error.
func (d *Database) Load(t testing.TB, file string) {
	t.Helper()
	s := d.Server
	if err := s.run("psql", "-h", s.dir, "-p", strconv.Itoa(s.Port), "-U", User, "-d", d.Name, "-qX", "-v", "ON_ERROR_STOP=1", "-f", file); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
}
