package setup_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"grocery/localaws/runtime/linux"
	"grocery/localaws/setup"
)

const source = "../.."

func TestTheComposePluginHasOnePinnedVersion(t *testing.T) {
	v, err := setup.ComposeVersion(source)
	if err != nil || !strings.HasPrefix(v, "v2.") {
		t.Errorf("version %q, %v", v, err)
	}
	if _, err := setup.ComposeVersion(t.TempDir()); err == nil {
		t.Error("a tree without tools has a version")
	}
}

func TestTheGuestIsBuiltFromEverythingBelowItsFolder(t *testing.T) {
	files, err := setup.GuestSource(source)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"go", "github.com/aws/aws-sdk-go-v2/service/cloudwatch", "localaws/guest/main.go", "localaws/guest/boot/init.go", "localaws/guest/agent/run.go"} {
		if files[name] == "" {
			t.Errorf("%s does not count", name)
		}
	}
	for name := range files {
		if strings.HasSuffix(name, "_test.go") || strings.Contains(name, "terraform") {
			t.Errorf("%s counts: its change would rebuild the image", name)
		}
	}
}

func TestOnlyAnEngineOfOursIsStopped(t *testing.T) {
	home := t.TempDir()
	if stopped, err := setup.Stop(t.Context(), home); stopped || err != nil {
		t.Errorf("without a record: %t, %v", stopped, err)
	}
	sleeper := exec.Command("sleep", "60")
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { sleeper.Wait(); close(ended) }()
	defer sleeper.Process.Kill()

	// A process that has the recorded id by chance, but began at another time.
	record := fmt.Sprintf(`{"pid": %d, "started": "1"}`, sleeper.Process.Pid)
	if err := os.WriteFile(filepath.Join(home, "dockerd.json"), []byte(record), 0o644); err != nil {
		t.Fatal(err)
	}
	if stopped, err := setup.Stop(t.Context(), home); stopped || err != nil {
		t.Errorf("with another process of that id: %t, %v", stopped, err)
	}
	if err := setup.Record(home, sleeper.Process.Pid); err != nil {
		t.Fatal(err)
	}
	if stopped, err := setup.Stop(t.Context(), home); !stopped || err != nil {
		t.Errorf("with our own: %t, %v", stopped, err)
	}
	<-ended
	if setup.StartedByUs(home) {
		t.Error("it is still said to run")
	}
}

// rootWith archives a root file system of the given files.
func rootWith(t *testing.T, files map[string][]byte) *bytes.Buffer {
	t.Helper()
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	for name, content := range files {
		if err := tw.WriteHeader(&tar.Header{Name: "./" + name, Mode: 0o755, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		tw.Write(content)
	}
	tw.Close()
	return &buf
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTheNginxImageHoldsWhatItsProgramsNeedAndNoMore(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := read(t, self)
	root := map[string][]byte{
		"usr/sbin/nginx": program, "bin/busybox": program, "etc/nginx/mime.types": []byte("types {}"),
		"etc/nginx/sites-enabled/default": []byte("server {}"), "usr/bin/perl": []byte("perl"),
	}
	// What the program is linked to, if it is.
	var libraries []string
	ldd, _ := exec.Command("ldd", self).CombinedOutput() // fails for a static program
	for _, field := range strings.Fields(string(ldd)) {
		if strings.HasPrefix(field, "/") {
			libraries = append(libraries, field[1:])
			root[field[1:]] = read(t, field)
		}
	}
	var out bytes.Buffer
	if err := setup.PickNginx(rootWith(t, root), &out); err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for tr := tar.NewReader(&out); ; {
		h, err := tr.Next()
		if err != nil {
			break
		}
		names[h.Name] = true
	}
	for _, want := range append(libraries, "usr/sbin/nginx", "bin/busybox", "bin/sh", "etc/nginx/mime.types", "etc/nginx/nginx.conf", "etc/nginx/conf.d", "tmp") {
		if !names[want] {
			t.Errorf("%s is missing", want)
		}
	}
	for _, not := range []string{"etc/nginx/sites-enabled/default", "usr/bin/perl"} {
		if names[not] {
			t.Errorf("%s is there", not)
		}
	}
	delete(root, "usr/sbin/nginx")
	if err := setup.PickNginx(rootWith(t, root), &out); err == nil {
		t.Error("a package without nginx is taken")
	}
}

func TestASecondRunOnlyLooks(t *testing.T) {
	rt, err := linux.New(linux.Options{Cloud: "setup-test"})
	if err != nil {
		t.Fatal(err)
	}
	defer rt.Close()
	if err := rt.Check(t.Context()); err != nil {
		t.Skipf("SKIP-NEEDS-ENGINE: %v", err)
	}
	for _, image := range []string{setup.InstanceImage, setup.PostgresImage, setup.NginxImage} {
		if _, err := rt.ImageID(t.Context(), image+":latest"); err != nil {
			t.Skipf("SKIP-NEEDS-IMAGES: %v: run `grocery setup`", err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	var out strings.Builder
	res, err := setup.Run(ctx, setup.Options{Home: t.TempDir(), Source: source, Out: &out})
	if errors.Is(err, context.DeadlineExceeded) {
		t.Skipf("SKIP-OLD-IMAGES: the images here are of another recipe: run `grocery setup`\n%s", out.String())
	}
	if err != nil {
		t.Fatal(err)
	}
	if out.Len() > 0 {
		t.Errorf("it did something:\n%s", out.String())
	}
	if len(res.Images) != 3 || res.EngineStarted {
		t.Errorf("%+v", res)
	}
}
