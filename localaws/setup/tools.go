package setup

import (
	"bufio"
	"context"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

const composeModule = "github.com/docker/compose/v2"

// goTool finds the Go compiler.
func goTool() (string, error) {
	if p, err := exec.LookPath("go"); err == nil {
		return p, nil
	}
	if p := "/usr/local/go/bin/go"; fileExists(p) {
		return p, nil
	}
	return "", fmt.Errorf("the Go compiler builds the programs of the instance image: install Go (https://go.dev/doc/install): %w", exec.ErrNotFound)
}

func fileExists(path string) bool { _, err := os.Stat(path); return err == nil }

// goBuild builds a static program for the containers.
func (r *runner) goBuild(ctx context.Context, dir, pkg, output string, ldflags string) error {
	tool, err := goTool()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(output), 0o755); err != nil {
		return err
	}
	partial := output + ".new"
	cmd := exec.CommandContext(ctx, tool, "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w "+ldflags, "-o", partial, pkg)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+runtime.GOARCH)
	if out, err := cmd.CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("building %s: %w: %s", pkg, err, lastLines(string(out), 5))
	}
	return os.Rename(partial, output)
}

// buildGuest builds the boot program of instances.
func (r *runner) buildGuest(ctx context.Context) ([]byte, error) {
	output := filepath.Join(r.o.Home, "cache", "guest")
	if err := r.goBuild(ctx, r.o.Source, "./localaws/guest", output, ""); err != nil {
		return nil, err
	}
	return os.ReadFile(output)
}

// composePath is where the built plugin is kept, named by its version.
func (r *runner) composePath() string {
	version, err := composeVersion(r.o.Source)
	if err != nil {
		return ""
	}
	return filepath.Join(r.o.Home, "cache", "docker-compose-"+version+"-"+runtime.GOARCH)
}

// buildCompose builds the compose plugin, or takes the one built before.
func (r *runner) buildCompose(ctx context.Context) ([]byte, error) {
	output := r.composePath()
	if b, err := os.ReadFile(output); err == nil {
		return b, nil
	}
	version, err := composeVersion(r.o.Source)
	if err != nil {
		return nil, err
	}
	r.note("image "+InstanceImage, "building the compose plugin %s from its source", version)
	err = r.goBuild(ctx, filepath.Join(r.o.Source, "tools"), composeModule+"/cmd", output, "-X "+composeModule+"/internal.Version="+version)
	if err != nil {
		return nil, err
	}
	return os.ReadFile(output)
}

// composeVersion reads the plugin's version where it is pinned.
func composeVersion(source string) (string, error) {
	path := filepath.Join(source, "tools", "go.mod")
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("the version of the compose plugin: %w", err)
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		fields := strings.Fields(strings.TrimPrefix(strings.TrimSpace(sc.Text()), "require "))
		if len(fields) >= 2 && fields[0] == composeModule {
			return fields[1], nil
		}
	}
	return "", fmt.Errorf("%s does not require %s", path, composeModule)
}

// guestSource is all that the boot program is built from: its files and the
// versions of the libraries they import.
func guestSource(source string) (map[string]string, error) {
	parts := map[string]string{}
	imports := map[string]bool{}
	err := filepath.WalkDir(filepath.Join(source, "localaws", "guest"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, b, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, i := range file.Imports {
			imports[strings.Trim(i.Path.Value, `"`)] = true
		}
		name, err := filepath.Rel(source, path)
		parts[name] = digest(string(b))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("the source of the instance's boot program: %w", err)
	}
	mod, err := os.ReadFile(filepath.Join(source, "go.mod"))
	if err != nil {
		return nil, fmt.Errorf("the versions of the boot program's libraries: %w", err)
	}
	for line := range strings.Lines(string(mod)) {
		f := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require "))
		if len(f) < 2 {
			continue
		}
		for i := range imports {
			if f[0] == "go" || i == f[0] || strings.HasPrefix(i, f[0]+"/") {
				parts[f[0]] = f[1]
			}
		}
	}
	return parts, nil
}
