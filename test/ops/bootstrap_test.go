package ops_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"grocery/ops"
)

// TestBootstrap goes the way of a state backend from its beginning to its end.
// Each part stands on the one before.
func TestBootstrap(t *testing.T) {
	if testing.Short() {
		t.Skip("applies the bootstrap, which takes most of a minute")
	}
	c := start(t)
	e, ev := environment(t, c)
	local, override := infra(e, "bootstrap", "terraform.tfstate"), infra(e, "bootstrap", "backend_override.tf")
	part := func(name string, f func(t *testing.T)) {
		t.Helper()
		if !t.Run(name, f) {
			t.FailNow()
		}
	}

	part("a destroy of what was never deployed says so", func(t *testing.T) {
		if err := e.Destroy(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		if state, details := ev.last(t); state != ops.Skipped || !strings.Contains(details, "nothing is deployed") {
			t.Errorf("%s %s", state, details)
		}
	})

	part("on an empty account it makes both halves and keeps its state there", func(t *testing.T) {
		if err := e.Bootstrap(t.Context()); err != nil {
			t.Fatal(err)
		}
		if state, _ := ev.last(t); state != ops.Done {
			t.Errorf("the step is %s", state)
		}
		if !strings.Contains(c.object(t, bootstrapKey), "aws_dynamodb_table") {
			t.Error("the bootstrap's state is not in the bucket")
		}
		for _, path := range []string{local, local + ".backup", override} {
			if exists(path) {
				t.Errorf("%s is left", filepath.Base(path))
			}
		}
		for _, root := range []string{infra(e, "bootstrap"), infra(e, "enviroments", "probe")} {
			if hcl := read(t, filepath.Join(root, "backend.hcl")); !strings.Contains(hcl, `"`+bucket+`"`) || !strings.Contains(hcl, `"`+ops.LockTable+`"`) {
				t.Errorf("%s", hcl)
			}
		}
	})

	part("done again it is skipped, and Terraform not started", func(t *testing.T) {
		if err := e.Bootstrap(t.Context()); err != nil {
			t.Fatal(err)
		}
		if state, details := ev.last(t); state != ops.Skipped || !strings.Contains(details, "are there") {
			t.Errorf("%s %s", state, details)
		}
	})

	state := c.object(t, bootstrapKey)
	part("half of it missing is an error that says what to do, and changes nothing", func(t *testing.T) {
		if _, err := c.ddb.DeleteTable(t.Context(), &dynamodb.DeleteTableInput{TableName: aws.String(ops.LockTable)}); err != nil {
			t.Fatal(err)
		}
		before := tree(t, e.Root)
		err := e.Bootstrap(t.Context())
		if err == nil {
			t.Fatal("no error")
		}
		for _, want := range []string{"bucket " + bucket + " exists", "table " + ops.LockTable + " does not", "Bring the missing one back", "run this again"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%v: lacks %q", err, want)
			}
		}
		if after := tree(t, e.Root); after != before {
			t.Errorf("files changed:\n%s\n%s", before, after)
		}
		if c.object(t, bootstrapKey) != state || c.tables(t) != 0 {
			t.Error("the account changed")
		}
		ev.last(t)
	})

	part("a local state that cannot be read is named, not ignored", func(t *testing.T) {
		write(t, local, state[:len(state)/2])
		if err := e.Bootstrap(t.Context()); err == nil || !strings.Contains(err.Error(), "terraform.tfstate cannot be read") {
			t.Errorf("%v", err)
		}
		ev.last(t)
	})

	part("an interrupted one continues where it ended", func(t *testing.T) {
		// As after a kill while the state moved into the bucket: the state is
		// here, the table is not made yet, and the move's lock file is left.
		write(t, local, state)
		write(t, override, "terraform {\n  backend \"local\" {}\n}\n")
		c.put(t, bootstrapKey+".tflock", lock(t, "5d0e7a3c-0000-4000-8000-000000000001", me(t), "migration destination state"))
		if err := e.Bootstrap(t.Context()); err != nil {
			t.Fatal(err)
		}
		if state, details := ev.last(t); state != ops.Done || !strings.Contains(details, "released the lock") {
			t.Errorf("%s %s", state, details)
		}
		if c.tables(t) != 1 || exists(local) || exists(override) {
			t.Error("it did not end")
		}
	})

	part("a destroy removes all of it", func(t *testing.T) {
		if err := e.Destroy(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		ev.last(t)
		buckets, err := c.s3.ListBuckets(t.Context(), &s3.ListBucketsInput{})
		if err != nil || len(buckets.Buckets) != 0 || c.tables(t) != 0 {
			t.Errorf("left: %v %v", buckets, err)
		}
		for _, path := range []string{local, override, infra(e, "bootstrap", "backend.hcl")} {
			if exists(path) {
				t.Errorf("%s is left", filepath.Base(path))
			}
		}
	})
}

func TestTheStateBackendOfAnAccountThatMattersIsNotDestroyed(t *testing.T) {
	e := &ops.Environment{Name: "probe"}
	if err := e.Destroy(t.Context(), true); err == nil || !strings.Contains(err.Error(), "may hold other environments") {
		t.Errorf("%v", err)
	}
}

func TestWrongCredentialsAreOneClearErrorAndChangeNothing(t *testing.T) {
	c := start(t)
	e, _ := environment(t, c)
	e.Access.SecretKey = "wrong"
	before := tree(t, e.Root)
	for name, do := range map[string]func() error{
		"bootstrap": func() error { return e.Bootstrap(t.Context()) },
		"deploy":    func() error { _, err := e.Deploy(t.Context()); return err },
		"destroy":   func() error { return e.Destroy(t.Context(), true) },
		"recover":   func() error { return e.Recover(t.Context()) },
		"status":    func() error { _, err := e.Status(t.Context()); return err },
	} {
		err := do()
		if err == nil || !strings.Contains(err.Error(), "AWS does not accept the credentials") || !strings.Contains(err.Error(), "SignatureDoesNotMatch") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after := tree(t, e.Root); after != before {
		t.Errorf("files changed:\n%s\n%s", before, after)
	}
}

// tables counts the account's tables.
func (c *cloud) tables(t *testing.T) int {
	t.Helper()
	out, err := c.ddb.ListTables(t.Context(), &dynamodb.ListTablesInput{})
	if err != nil {
		t.Fatal(err)
	}
	return len(out.TableNames)
}

// tree is a text that changes when a file below dir does.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && (d.Name() == ".git" || d.Name() == ".terraform") {
			if err == nil {
				err = filepath.SkipDir
			}
			return err
		}
		if d.Type().IsRegular() {
			sum := sha256.Sum256([]byte(read(t, path)))
			b.WriteString(strings.TrimPrefix(path, dir) + " " + hex.EncodeToString(sum[:4]) + "\n")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
