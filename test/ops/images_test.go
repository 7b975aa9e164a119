package ops_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"grocery/ops"
)

// shelf is a registry, and an environment whose images were built before.
type shelf struct {
	*cloud
	*ops.Environment
	t   *testing.T
	ev  *events
	ecr *ecr.Client
}

const repository = "grocery-app"

func newShelf(t *testing.T) *shelf {
	t.Helper()
	c := start(t)
	e, ev := environment(t, c)
	s := &shelf{c, e, t, ev, ecr.NewFromConfig(c.cfg)}
	if _, err := s.ecr.CreateRepository(t.Context(), &ecr.CreateRepositoryInput{RepositoryName: new(repository), ImageTagMutability: types.ImageTagMutabilityImmutable}); err != nil {
		t.Fatal(err)
	}
	return s
}

// change changes the sources of one half, commits, and returns the image tag.
func (s *shelf) change(half string) string {
	s.t.Helper()
	path := filepath.Join(s.Root, half, "source")
	old, _ := os.ReadFile(path) // absent at first
	write(s.t, path, string(old)+"x")
	for _, args := range [][]string{{"add", "."}, {"-c", "user.name=probe", "-c", "user.email=probe@example.org", "commit", "-q", "-m", half}} {
		cmd := exec.Command("git", args...)
		cmd.Dir = s.Root
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull)
		if out, err := cmd.CombinedOutput(); err != nil {
			s.t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	tag, err := s.ImageTag(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return tag
}

// built leaves an image of the half where a build would.
func (s *shelf) built(half, tag string) {
	s.t.Helper()
	img, err := random.Image(64, 1)
	if err == nil {
		err = os.MkdirAll(filepath.Join(s.Home, "images"), 0o755)
	}
	if err == nil {
		ref, _ := name.NewTag("grocery/" + half + ":" + tag) // the pattern is constant
		err = tarball.WriteToFile(filepath.Join(s.Home, "images", half+"-"+tag+".tar"), ref, img)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// tags are the tags of the image that has one of them.
func (s *shelf) tags(tag string) []string {
	s.t.Helper()
	out, err := s.ecr.DescribeImages(s.t.Context(), &ecr.DescribeImagesInput{RepositoryName: new(repository), ImageIds: []types.ImageIdentifier{{ImageTag: &tag}}})
	if err != nil {
		s.t.Fatal(err)
	}
	return slices.Sorted(slices.Values(out.ImageDetails[0].ImageTags))
}

func (s *shelf) images() (*ops.Images, string) {
	s.t.Helper()
	out, err := s.Images(s.t.Context(), false)
	if err != nil {
		s.t.Fatal(err)
	}
	_, details := s.ev.last(s.t)
	return out, details
}

// bothBuilt changes both halves, one after the other, builds their images and returns
// their tags.
func (s *shelf) bothBuilt() (backend, frontend string) {
	s.t.Helper()
	s.change("backend")
	frontend = s.change("frontend")
	backend, err := s.HalfTag(s.t.Context(), "backend")
	if err != nil {
		s.t.Fatal(err)
	}
	s.built("backend", backend)
	s.built("frontend", frontend)
	return backend, frontend
}

func TestImagesArePushedOnceAndTheAliasesFollow(t *testing.T) {
	s := newShelf(t)
	_, first := s.bothBuilt()
	s.images()
	if got := s.tags("frontend-" + first); !slices.Equal(got, []string{"frontend-" + first, "frontend-latest"}) {
		t.Errorf("frontend has %v", got)
	}
	if !slices.Contains(s.tags("backend-"+first), "backend-latest") {
		t.Errorf("backend has %v", s.tags("backend-"+first))
	}
	if exists(filepath.Join(s.Home, "images", "frontend-"+first+".tar")) {
		t.Error("the pushed image is still in its file")
	}

	if out, details := s.images(); len(out.Built) != 0 || !strings.Contains(details, "the registry has both images") || !strings.Contains(details, "they name "+first) {
		t.Errorf("the second time: %v, %s", out.Built, details)
	}

	second := s.change("frontend") // the backend stays
	s.built("frontend", second)
	s.images()
	if got := s.tags("frontend-" + first); slices.Contains(got, "frontend-latest") || len(got) != 1 {
		t.Errorf("the first frontend has %v", got)
	}
	if got := s.tags("backend-" + second); !slices.Contains(got, "backend-"+first) || !slices.Contains(got, "backend-latest") {
		t.Errorf("the unchanged backend has %v", got)
	}

	t.Run("an alias whose move was interrupted is given by the next run", func(t *testing.T) {
		s.t = t
		for _, half := range ops.Halves { // what a crash between taking and giving leaves
			if _, err := s.ecr.BatchDeleteImage(t.Context(), &ecr.BatchDeleteImageInput{RepositoryName: new(repository), ImageIds: []types.ImageIdentifier{{ImageTag: new(half + "-latest")}}}); err != nil {
				t.Fatal(err)
			}
		}
		s.images()
		if !slices.Contains(s.tags("backend-latest"), "backend-"+second) || !slices.Contains(s.tags("frontend-latest"), "frontend-"+second) {
			t.Errorf("%v %v", s.tags("backend-latest"), s.tags("frontend-latest"))
		}
	})
	t.Run("aliases go back to a tag that is there, and nothing is built", func(t *testing.T) {
		s.t, s.Tag = t, first
		defer func() { s.Tag = "" }()
		if out, _ := s.images(); len(out.Built) != 0 || !slices.Contains(s.tags("frontend-latest"), "frontend-"+first) {
			t.Errorf("%v %v", out.Built, s.tags("frontend-latest"))
		}
	})
	t.Run("a half typed tag is refused, with the one that is meant", func(t *testing.T) {
		s.t, s.Tag = t, first[:6]
		defer func() { s.Tag = "" }()
		if _, err := s.Images(t.Context(), false); err == nil || !strings.Contains(err.Error(), "no image backend-"+first[:6]) || !strings.Contains(err.Error(), "is "+first+" meant?") {
			t.Errorf("%v", err)
		}
	})
	t.Run("a tag of nobody is refused, with what there is", func(t *testing.T) {
		s.t, s.Tag = t, "nobodys"
		defer func() { s.Tag = "" }()
		if _, err := s.Images(t.Context(), false); err == nil || !strings.Contains(err.Error(), "the newest there: "+second+", "+first) {
			t.Errorf("%v", err)
		}
	})
}

func TestImagesWithoutARepositoryAreBuiltAndKept(t *testing.T) {
	s := newShelf(t)
	if _, err := s.ecr.DeleteRepository(t.Context(), &ecr.DeleteRepositoryInput{RepositoryName: new(repository)}); err != nil {
		t.Fatal(err)
	}
	_, tag := s.bothBuilt()
	out, err := s.Images(t.Context(), true)
	if err != nil || !slices.Equal(out.Built, ops.Halves) || !exists(filepath.Join(s.Home, "images", "frontend-"+tag+".tar")) {
		t.Errorf("%v %v", out, err)
	}
	if _, err := s.Images(t.Context(), false); err == nil || !strings.Contains(err.Error(), "grocery apply --phase 1") {
		t.Errorf("%v", err)
	}
}

func TestThePushGoesTheWayOfTheEnvironment(t *testing.T) {
	s := newShelf(t)
	_, tag := s.bothBuilt()
	cmd := exec.Command(os.Args[0], "-test.run=TestImagesFromTheEnvironment", "-test.v") // Go reads a proxy once a process
	cmd.Env = append(os.Environ(), "IMAGES_ROOT="+s.Root, "IMAGES_HOME="+s.Home)
	for k, v := range s.access.Vars() {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestImagesFromTheEnvironment") {
		t.Fatalf("%v\n%s", err, out)
	}
	if !slices.Contains(s.tags("frontend-latest"), "frontend-"+tag) {
		t.Error("nothing was pushed")
	}
}

// TestImagesFromTheEnvironment pushes with what the process's environment says
// alone. The test above runs it in a process of its own.
func TestImagesFromTheEnvironment(t *testing.T) {
	root := os.Getenv("IMAGES_ROOT")
	if root == "" {
		return
	}
	e := &ops.Environment{Root: root, Name: "probe", Home: os.Getenv("IMAGES_HOME")}
	if _, err := e.Images(t.Context(), false); err != nil {
		t.Fatal(err)
	}
}
