package ops_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
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

func TestAHalfKeepsItsTagWhileOnlyTheOtherChanges(t *testing.T) {
	for _, test := range []struct {
		name, file string
		changed    []string // halves
	}{
		{"a source of the backend", "backend/shop.go", []string{"backend"}},
		{"a requirement of the backend", "go.mod", []string{"backend"}},
		{"a source of the page", "frontend/src/app.tsx", []string{"frontend"}},
		{"what both are made from", "backend/postgres/catalogue.csv", ops.Halves},
		{"the notice that the page's image carries", "NOTICE", []string{"frontend"}},
		{"what neither is made from", "README.md", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRepository(t)
			half := func(name string) string {
				tag, err := (&ops.Environment{Root: r.dir}).HalfTag(t.Context(), name)
				if err != nil {
					t.Fatal(err)
				}
				return tag
			}
			before, whole := map[string]string{}, r.tag()
			for _, h := range ops.Halves {
				if before[h] = half(h); before[h] != whole {
					t.Errorf("%s is %s at first, all of it %s", h, before[h], whole)
				}
			}
			r.write(test.file, "second")
			r.git("add", ".")
			r.commit()
			for _, h := range ops.Halves {
				switch now := half(h); {
				case slices.Contains(test.changed, h) && now != r.tag():
					t.Errorf("%s changed and is %s, all of it %s", h, now, r.tag())
				case !slices.Contains(test.changed, h) && now != before[h]:
					t.Errorf("%s did not change, and went from %s to %s", h, before[h], now)
				}
			}
			if (r.tag() != whole) != (len(test.changed) > 0) {
				t.Errorf("the image tag went from %s to %s", whole, r.tag())
			}
		})
	}
}

// TestEveryFileOfAnImageIsAmongItsSources: a file that an image copies and no
// tag follows would be released by nothing.
func TestEveryFileOfAnImageIsAmongItsSources(t *testing.T) {
	made := []string{"bin/grocery-api", "frontend/dist"}
	for _, h := range ops.Halves {
		raw, err := os.ReadFile(filepath.Join("..", h, "Dockerfile"))
		if err != nil {
			t.Fatal(err)
		}
		copied := 0
		for _, line := range regexp.MustCompile(`(?m)^COPY (.*) \S+$`).FindAllStringSubmatch(string(raw), -1) {
			if strings.HasPrefix(line[1], "--from") {
				continue
			}
			for _, name := range strings.Fields(line[1]) {
				copied++
				if slices.Contains(made, name) {
					continue
				}
				r := newRepository(t)
				before, err := (&ops.Environment{Root: r.dir}).HalfTag(t.Context(), h)
				if err != nil {
					t.Fatal(err)
				}
				if filepath.Ext(name) == "" && name != "NOTICE" {
					name += "/new"
				}
				r.write(name, "new")
				if after, err := (&ops.Environment{Root: r.dir}).HalfTag(t.Context(), h); err != nil || after == before {
					t.Errorf("%s's image holds %s, and its tag does not follow it (%v)", h, name, err)
				}
			}
		}
		if copied < 3 {
			t.Errorf("%s/Dockerfile copies %d files: they are looked for in the wrong way", h, copied)
		}
	}
}
