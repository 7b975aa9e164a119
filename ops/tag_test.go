package ops_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"grocery/ops"
)

// repository is a scratch git repository with one commit.
type repository struct {
	t   *testing.T
	dir string
}

func newRepository(t *testing.T) *repository {
	t.Helper()
	r := &repository{t, t.TempDir()}
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	t.Setenv("GIT_CONFIG_SYSTEM", os.DevNull)
	r.git("init", "-q")
	for _, f := range []string{"go.mod", "backend/shop.go", "backend/old.go", "frontend/src/app.tsx", "README.md", "aws_infra/main.tf"} {
		r.write(f, "first content of "+f)
	}
	r.write(".gitignore", "/frontend/dist/\n")
	r.git("add", ".")
	r.commit()
	return r
}

func (r *repository) git(args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", append([]string{"-C", r.dir, "-c", "user.name=n", "-c", "user.email=n@example.org"}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (r *repository) commit() { r.t.Helper(); r.git("commit", "-q", "-m", "content", "--allow-empty") }

func (r *repository) write(name, text string) {
	r.t.Helper()
	path := filepath.Join(r.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

func (r *repository) remove(name string) {
	r.t.Helper()
	if err := os.Remove(filepath.Join(r.dir, filepath.FromSlash(name))); err != nil {
		r.t.Fatal(err)
	}
}

func (r *repository) tag() string {
	r.t.Helper()
	tag, err := (&ops.Environment{Root: r.dir}).ImageTag(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return tag
}

func TestTagOfACleanCommitIsTheCommit(t *testing.T) {
	r := newRepository(t)
	if tag, head := r.tag(), r.git("rev-parse", "--short=12", "HEAD"); tag != head {
		t.Errorf("tag %s, commit %s", tag, head)
	}
}

func TestACommitToAnythingElseKeepsTheTag(t *testing.T) {
	r := newRepository(t)
	before := r.tag()
	r.write("README.md", "second")
	r.git("add", ".")
	r.git("commit", "-q", "-m", "words only")
	if after := r.tag(); after != before {
		t.Errorf("%s, then %s", before, after)
	}
	r.write("backend/shop.go", "second")
	r.git("add", ".")
	r.git("commit", "-q", "-m", "the shop")
	if after, head := r.tag(), r.git("rev-parse", "--short=12", "HEAD"); after != head {
		t.Errorf("tag %s, commit %s", after, head)
	}
}

func TestTagChangesWithTheSourcesOfTheImagesAlone(t *testing.T) {
	for _, test := range []struct {
		name    string
		change  func(r *repository)
		changes bool
	}{
		{"a modified source", func(r *repository) { r.write("backend/shop.go", "second") }, true},
		{"a deleted source", func(r *repository) { r.remove("backend/old.go") }, true},
		{"a source that is not in git yet", func(r *repository) { r.write("frontend/src/new.tsx", "new") }, true},
		{"a staged modification", func(r *repository) { r.write("backend/shop.go", "second"); r.git("add", ".") }, true},
		{"a staged new source", func(r *repository) { r.write("backend/new.go", "new"); r.git("add", ".") }, true},
		{"a staged deletion", func(r *repository) { r.git("rm", "-q", "backend/old.go") }, true},
		{"a renamed source", func(r *repository) { r.git("mv", "backend/old.go", "backend/older.go") }, true},
		{"a name that needs quotes", func(r *repository) { r.write("backend/ü \"x\"\n.go", "new") }, true},
		{"a file written with the content it has", func(r *repository) { r.write("backend/shop.go", "first content of backend/shop.go") }, false},
		{"a change that was staged and taken back", func(r *repository) {
			r.write("backend/shop.go", "second")
			r.git("add", ".")
			r.write("backend/shop.go", "first content of backend/shop.go")
		}, false},
		{"what git ignores", func(r *repository) { r.write("frontend/dist/index.html", "built") }, false},
		{"a modified file that is in no image", func(r *repository) { r.write("README.md", "second") }, false},
		{"a new file that is in no image", func(r *repository) { r.write("docs/new.md", "new") }, false},
		{"changed Terraform", func(r *repository) { r.write("aws_infra/main.tf", "second"); r.git("add", ".") }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRepository(t)
			before := r.tag()
			test.change(r)
			after := r.tag()
			if (before != after) != test.changes {
				t.Fatalf("%s, then %s", before, after)
			}
			if test.changes && !regexp.MustCompile(`^`+before+`-[0-9a-f]{8}$`).MatchString(after) {
				t.Errorf("%q is not %s and a hash", after, before)
			}
			if again := r.tag(); again != after {
				t.Errorf("%s, then %s without a change", after, again)
			}
		})
	}
}

func TestTagIsTheSameForTheSameContentHoweverGitKnowsIt(t *testing.T) {
	r := newRepository(t)
	r.write("backend/shop.go", "second")
	r.write("backend/new.go", "new")
	r.remove("backend/old.go")
	loose := r.tag()
	r.git("add", "-A")
	if staged := r.tag(); staged != loose {
		t.Errorf("%s, and %s once staged", loose, staged)
	}
	r.write("backend/new.go", "newer")
	if other := r.tag(); other == loose {
		t.Error("other content has the same tag")
	}
	r.write("backend/new.go", "new")
	if again := r.tag(); again != loose {
		t.Errorf("%s, and %s when the content is back", loose, again)
	}
}

func TestTagTellsADeletedFileFromOneThatSaysSo(t *testing.T) {
	r := newRepository(t)
	r.write("backend/old.go", "deleted")
	says := r.tag()
	r.remove("backend/old.go")
	if r.tag() == says {
		t.Error("the same tag for two contents")
	}
}

func TestTagNeedsACommit(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("GIT_CEILING_DIRECTORIES", filepath.Dir(dir))
	if _, err := (&ops.Environment{Root: dir}).ImageTag(t.Context()); err == nil || !strings.Contains(err.Error(), "tagged with a commit") {
		t.Errorf("%v", err)
	}
}
