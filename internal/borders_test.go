package internal_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

// TestBorders holds the borders between the rooms: who may import whom. The
// rules stand in docs/architecture.md.
func TestBorders(t *testing.T) {
	// A rule forbids packages at or below From to import packages at or below
	// To; Only lists what is allowed after all.
	rules := []struct {
		why, from, to string
		only          []string
	}{
		{"the shop does not know where it runs", "grocery/backend", "grocery/localaws", nil},
		{"local AWS does not know what runs on it", "grocery/localaws", "grocery/backend", nil},
		{"to ops AWS is AWS, wherever it runs", "grocery/ops", "grocery/localaws", nil},
		{"of the shop, ops knows the dumps alone", "grocery/ops", "grocery/backend", []string{"grocery/backend/dump"}},
		{"commands are the outermost layer", "grocery", "grocery/cmd", nil},
		{"helpers know no room", "grocery/internal", "grocery/backend", nil},
		{"helpers know no room", "grocery/internal", "grocery/localaws", nil},
		{"helpers know no room", "grocery/internal", "grocery/ops", nil},
		{"wire knows no service", "grocery/localaws/wire", "grocery/localaws/service", nil},
		{"wire knows no runtime", "grocery/localaws/wire", "grocery/localaws/runtime", nil},
		{"the store knows neither AWS nor containers", "grocery/localaws/store", "grocery/localaws", []string{"grocery/localaws/store"}},
		{"runtime knows containers and packets, no API shapes", "grocery/localaws/runtime", "grocery/localaws/wire", nil},
		{"runtime knows no service", "grocery/localaws/runtime", "grocery/localaws/service", nil},
		{"a guest is alone in its instance", "grocery/localaws/guest", "grocery/localaws", []string{"grocery/localaws/guest"}},
	}
	for _, p := range list(t) {
		for _, imp := range p.Imports {
			for _, r := range rules {
				if !below(p.ImportPath, r.from) || !below(imp, r.to) || below(p.ImportPath, r.to) {
					continue
				}
				allowed := false
				for _, o := range r.only {
					allowed = allowed || below(imp, o)
				}
				if !allowed {
					t.Errorf("%s imports %s: %s", p.ImportPath, imp, r.why)
				}
			}
			if p.ImportPath == "grocery/backend" && strings.Contains(strings.Split(imp, "/")[0], ".") {
				t.Errorf("%s imports %s: the domain imports the standard library only", p.ImportPath, imp)
			}
			if below(p.ImportPath, "grocery/localaws/service") && imp == "net/http" && !allowedHTTP[p.ImportPath] {
				t.Errorf("%s imports net/http: a service knows typed requests only", p.ImportPath)
			}
		}
	}
}

// allowedHTTP are the packages of services whose data plane is HTTP itself.
var allowedHTTP = map[string]bool{
	"grocery/localaws/service/ecr":         true, // the OCI registry
	"grocery/localaws/service/elbv2":       true, // the balancer's listeners
	"grocery/localaws/service/elbv2/proxy": true,
	"grocery/localaws/service/lambda":      true, // the runtime API
}

func below(path, root string) bool { return path == root || strings.HasPrefix(path, root+"/") }

type pkg struct {
	ImportPath string
	Imports    []string
}

func list(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Imports", "grocery/...")
	out, err := cmd.Output() // a package that does not build is another test's business
	if err != nil {
		t.Fatal(err)
	}
	var all []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 10 {
		t.Fatalf("only %d packages found", len(all))
	}
	return all
}
