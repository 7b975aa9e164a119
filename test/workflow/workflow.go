package workflow

import (
	"fmt"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Workflow is a workflow file.
type Workflow struct {
	Name        string            `yaml:"name"`
	On          Triggers          `yaml:"on"`
	Permissions map[string]string `yaml:"permissions"`
	Concurrency *Concurrency      `yaml:"concurrency"`
	Defaults    struct {
		Run struct {
			Shell string `yaml:"shell"`
		} `yaml:"run"`
	} `yaml:"defaults"`
	Env  map[string]string `yaml:"env"`
	Jobs map[string]*Job   `yaml:"jobs"`

	Text string `yaml:"-"` // the file as it stands
}

// Triggers are the events that start a workflow. A Node that is zero, and a
// nil pointer, stand for an event that is not there.
type Triggers struct {
	Push        *Filter   `yaml:"push"`
	PullRequest yaml.Node `yaml:"pull_request"`
	WorkflowRun *struct {
		Workflows []string `yaml:"workflows"`
		Types     []string `yaml:"types"`
		Branches  []string `yaml:"branches"`
	} `yaml:"workflow_run"`
	WorkflowDispatch yaml.Node `yaml:"workflow_dispatch"`
	Schedule         []struct {
		Cron string `yaml:"cron"`
	} `yaml:"schedule"`
}

// Filter limits an event to branches.
type Filter struct {
	Branches []string `yaml:"branches"`
}

// Input is a value that somebody who starts a workflow by hand may give.
type Input struct {
	Description string   `yaml:"description"`
	Type        string   `yaml:"type"`
	Options     []string `yaml:"options"`
	Default     string   `yaml:"default"`
}

// Inputs are the values that may be given by hand.
func (w *Workflow) Inputs() (map[string]Input, error) {
	var d struct {
		Inputs map[string]Input `yaml:"inputs"`
	}
	if w.On.WorkflowDispatch.IsZero() {
		return nil, nil
	}
	err := w.On.WorkflowDispatch.Decode(&d)
	return d.Inputs, err
}

// Concurrency says what may not run at the same time.
type Concurrency struct {
	Group            string `yaml:"group"`
	CancelInProgress string `yaml:"cancel-in-progress"`
}

// Job is one job of a workflow.
type Job struct {
	Name        string            `yaml:"name"`
	If          string            `yaml:"if"`
	RunsOn      string            `yaml:"runs-on"`
	Timeout     int               `yaml:"timeout-minutes"`
	Environment string            `yaml:"environment"`
	Permissions map[string]string `yaml:"permissions"`
	Concurrency *Concurrency      `yaml:"concurrency"`
	Env         map[string]string `yaml:"env"`
	Steps       []*Step           `yaml:"steps"`
}

// Step is one step of a job: it runs either an action or a script.
type Step struct {
	Name string            `yaml:"name"`
	ID   string            `yaml:"id"`
	If   string            `yaml:"if"`
	Uses string            `yaml:"uses"`
	With map[string]string `yaml:"with"`
	Env  map[string]string `yaml:"env"`
	Run  string            `yaml:"run"`
}

// Load reads a workflow file. A key that this package does not know is an error.
func Load(path string) (*Workflow, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	w, err := Parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return w, nil
}

// Parse reads the text of a workflow file.
func Parse(text string) (*Workflow, error) {
	w := &Workflow{Text: text}
	strict := yaml.NewDecoder(strings.NewReader(text))
	strict.KnownFields(true)
	if err := strict.Decode(w); err != nil {
		return nil, err
	}
	if len(w.Jobs) == 0 {
		return nil, fmt.Errorf("the workflow has no jobs")
	}
	for id, j := range w.Jobs {
		if len(j.Steps) == 0 {
			return nil, fmt.Errorf("job %s has no steps", id)
		}
		for i, s := range j.Steps {
			if (s.Run == "") == (s.Uses == "") {
				return nil, fmt.Errorf("job %s, step %d runs neither or both of an action and a script", id, i+1)
			}
		}
	}
	return w, nil
}
