package bench

import (
	"os"
	"testing"

	"grocery/internal/pgtest"
)

// scratch is a folder for the whole run.
var scratch string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if settings := os.Getenv(bareVariable); settings != "" {
		return serveBare(settings)
	}
	var err error
	if scratch, err = os.MkdirTemp("", "grocery-bench-"); err != nil {
		panic(err)
	}
	defer os.RemoveAll(scratch)
	if err := os.Chmod(scratch, 0o755); err != nil { // nginx serves from it as somebody else
		panic(err)
	}
	return pgtest.Main(m)
}
