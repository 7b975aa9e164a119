package ops

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-exec/tfexec"
	tfjson "github.com/hashicorp/terraform-json"
)

// Plan is what an apply would do, for people and for the review gate of Apply.
// It holds addresses and actions only, no value of anything.
type Plan struct {
	Commit    string   `json:"commit"`    // of the sources that were planned, 40 digits
	ImageTag  string   `json:"image_tag"` // version that was planned
	Serial    int64    `json:"serial"`    // of the state that was planned on; 0 before the first apply
	Lineage   string   `json:"lineage"`   // of that state; "" before the first apply
	Terraform string   `json:"terraform"` // version
	Provider  string   `json:"provider"`  // version of hashicorp/aws
	Changes   []Change `json:"changes"`   // in the order of addresses; what stays is left out
	Summary   Summary  `json:"summary"`

	Changed bool   `json:"-"` // whether an apply would change anything, outputs included
	Text    string `json:"-"` // for people, as terraform show writes it: sensitive values are left out
}

// Change is what happens to one resource.
type Change struct {
	Address string   `json:"address"`
	Actions []string `json:"actions"` // Terraform's: create, update, delete, forget; two for a replacement
}

// Summary counts changes; a replacement is neither an addition nor a destruction.
type Summary struct {
	Add     int `json:"add"`
	Change  int `json:"change"`
	Replace int `json:"replace"`
	Destroy int `json:"destroy"`
}

// String tells the counts in words.
func (s Summary) String() string {
	return fmt.Sprintf("%d to add, %d to change, %d to replace, %d to destroy", s.Add, s.Change, s.Replace, s.Destroy)
}

// PlanOptions say how to plan.
type PlanOptions struct {
	// Out is the folder that plan.txt and plan.json are written to; "" for none.
	Out string
	// ReadOnly does not look at resources again, only at the state: for a role
	// that may not read secrets, which looking at their versions does.
	ReadOnly bool
}

// Plan plans the whole environment and changes nothing: it takes no lock, and
// leaves what an interrupted run left.
func (e *Environment) Plan(ctx context.Context, o PlanOptions) (*Plan, error) {
	r, err := e.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer r.done()
	if err := r.open(ctx, true); err != nil {
		return nil, err
	}
	if err := r.artifacts(ctx); err != nil {
		return nil, err
	}
	var p *Plan
	return p, r.step(ctx, "plan", func(ctx context.Context, info func(string, ...any)) error {
		file, remove := r.planFile()
		var err error
		if p, err = r.plan(ctx, r.whole(), file, info, tfexec.Lock(false), tfexec.Refresh(!o.ReadOnly)); err == nil {
			p.Text, err = r.tf.ShowPlanFileRaw(ctx, file)
		}
		if err = errors.Join(err, remove()); err != nil {
			return err
		}
		if o.Out == "" {
			return nil
		}
		raw, err := json.MarshalIndent(p, "", "  ")
		if err != nil {
			return err
		}
		return errors.Join(
			writeFile(filepath.Join(o.Out, "plan.txt"), []byte(p.Text), 0o644),
			writeFile(filepath.Join(o.Out, "plan.json"), append(raw, '\n'), 0o644))
	})
}

// ReadPlan reads a plan.json.
func ReadPlan(path string) (*Plan, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the reviewed plan: %w", err)
	}
	p := &Plan{}
	if err := json.Unmarshal(raw, p); err != nil {
		return nil, fmt.Errorf("the reviewed plan %s cannot be read: %w", path, err)
	}
	if p.Commit == "" || p.Changes == nil {
		return nil, fmt.Errorf("%s is no plan of grocery plan --out: it has no commit or no changes", path)
	}
	return p, nil
}

// whole is what an apply of everything is given.
func (r *run) whole() applyOptions {
	return applyOptions{dir: r.dir(), varFile: r.varFile(), vars: map[string]string{"image_tag": r.tag}}
}

// planFile is where Terraform's own plan stands until remove. It is binary and
// holds all values that are planned, so it never leaves Home.
func (r *run) planFile() (path string, remove func() error) {
	path = filepath.Join(r.Home, r.Name+".tfplan")
	return path, func() error { return removeIfThere(path) }
}

// plan makes Terraform's plan and reads it.
func (r *run) plan(ctx context.Context, o applyOptions, file string, info func(string, ...any), more ...tfexec.PlanOption) (p *Plan, err error) {
	common, done, err := r.options(o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	opts := append([]tfexec.PlanOption{tfexec.Out(file)}, more...)
	for _, c := range common {
		opts = append(opts, c)
	}
	for _, a := range o.replace {
		opts = append(opts, tfexec.Replace(a))
	}
	p = &Plan{ImageTag: r.tag}
	if err := follow(info, func(w io.Writer) (err error) {
		p.Changed, err = r.tf.PlanJSON(ctx, w, opts...)
		return err
	}); err != nil {
		return nil, err
	}
	r.tf.SetStdout(io.Discard) // it would go on writing to the pipe
	made, err := r.tf.ShowPlanFile(ctx, file)
	if err != nil {
		return nil, err
	}
	p.changes(made.ResourceChanges)
	return p, r.circumstances(ctx, p)
}

// circumstances fills in what a plan holds for.
func (r *run) circumstances(ctx context.Context, p *Plan) error {
	head, err := r.git(ctx, "rev-parse", "HEAD")
	if err != nil {
		return fmt.Errorf("a plan is bound to a commit, and there is none: %w", err)
	}
	p.Commit = strings.TrimSpace(string(head))
	state, err := r.state(ctx)
	if err != nil {
		return err
	}
	if len(state) > 0 {
		if err := json.Unmarshal(state, &struct {
			Serial  *int64
			Lineage *string
		}{&p.Serial, &p.Lineage}); err != nil {
			return fmt.Errorf("the state cannot be read: %w", err)
		}
	}
	terraform, providers, err := r.tf.Version(ctx, false)
	if err != nil {
		return err
	}
	p.Terraform = terraform.String()
	for _, name := range slices.Sorted(maps.Keys(providers)) {
		if strings.HasSuffix(name, "/hashicorp/aws") {
			p.Provider = providers[name].String()
		}
	}
	return nil
}

// changes takes over what Terraform plans for resources.
func (p *Plan) changes(all []*tfjson.ResourceChange) {
	p.Changes = []Change{}
	for _, c := range all {
		a := c.Change.Actions
		if a.NoOp() || a.Read() {
			continue
		}
		x := Change{Address: c.Address}
		if c.DeposedKey != "" {
			x.Address += " (deposed " + c.DeposedKey + ")"
		}
		for _, action := range a {
			x.Actions = append(x.Actions, string(action))
		}
		p.Changes = append(p.Changes, x)
		switch x.harm() {
		case harmReplace:
			p.Summary.Replace++
		case harmDestroy:
			p.Summary.Destroy++
		default:
			if a.Create() {
				p.Summary.Add++
			} else {
				p.Summary.Change++
			}
		}
	}
	slices.SortFunc(p.Changes, func(a, b Change) int { return cmp.Compare(a.Address, b.Address) })
}
