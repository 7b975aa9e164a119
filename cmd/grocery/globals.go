package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"grocery/ops"
)

// globals are the flags every command has.
type globals struct {
	json bool
	home string
	root string
	env  string
	on   string

	tag    string // --image-tag, of the commands that have it
	offset int    // added to each port of the local AWS
}

// maxOffset keeps the highest port, that of a balancer's HTTPS listener, below 65536.
const maxOffset = 50000

// AddFlags adds the flags.
func (g *globals) AddFlags(f *pflag.FlagSet) {
	f.BoolVar(&g.json, "json", false, "print JSON, one object per line of progress and one result")
	f.StringVar(&g.home, "home", os.Getenv("GROCERY_HOME"), "folder of the local AWS's state (default <repository>/.grocery; GROCERY_HOME)")
	f.StringVar(&g.root, "repository", "", "the repository's root folder (default: found from the current folder)")
	f.StringVar(&g.env, "environment", envOr("GROCERY_ENVIRONMENT", "dev"), "environment, a folder below aws_infra/enviroments (GROCERY_ENVIRONMENT)")
	f.StringVar(&g.on, "on", envOr("GROCERY_ON", "local"), "where AWS is: local, or aws for the account of your credentials (GROCERY_ON)")
}

// addImageTag adds the flag of commands that work with one version.
func (g *globals) addImageTag(f *pflag.FlagSet) {
	f.StringVar(&g.tag, "image-tag", "", "version to work with; latest is what the rolling aliases name (default: TF_VAR_image_tag, else the tag of the sources)")
}

func envOr(name, or string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return or
}

// resolve fills in what the flags left open.
func (g *globals) resolve() error {
	if g.on != "local" && g.on != "aws" {
		return &exitError{exitUsage, fmt.Errorf("--on is local or aws, not %q", g.on)}
	}
	if g.root == "" {
		out, err := exec.Command("git", "rev-parse", "--show-toplevel").Output()
		if err != nil {
			return errors.New("this is not inside the repository: change into it, or name it with --repository")
		}
		g.root = strings.TrimSpace(string(out))
	}
	var err error
	if g.root, err = filepath.Abs(g.root); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(g.root, "aws_infra", "enviroments")); err != nil {
		return fmt.Errorf("%s is not the grocery repository (no aws_infra/enviroments)", g.root)
	}
	if g.home == "" {
		g.home = filepath.Join(g.root, ".grocery")
	}
	if g.home, err = filepath.Abs(g.home); err != nil {
		return err
	}
	if g.offset, err = strconv.Atoi(envOr("GROCERY_PORT_OFFSET", "0")); err != nil || g.offset < 0 || g.offset > maxOffset {
		return &exitError{exitUsage, fmt.Errorf("GROCERY_PORT_OFFSET is a number from 0 to %d that is added to each port of the local AWS, not %q", maxOffset, os.Getenv("GROCERY_PORT_OFFSET"))}
	}
	return os.MkdirAll(g.home, 0o700)
}

// environment makes the ops environment that the flags describe.
func (g *globals) environment(p *progress) (*ops.Environment, error) {
	if err := g.resolve(); err != nil {
		return nil, err
	}
	infra := os.Getenv("GROCERY_INFRA")
	if infra != "" {
		var err error
		if infra, err = filepath.Abs(infra); err != nil {
			return nil, err
		}
	}
	e := &ops.Environment{Root: g.root, Infra: infra, Name: g.env, Home: filepath.Join(g.home, "ops"), Report: p.report, Vars: ops.GivenVars(), URL: strings.TrimSuffix(os.Getenv("GROCERY_URL"), "/")}
	if e.Tag = g.tag; e.Tag == "" {
		e.Tag = e.Vars["image_tag"]
	}
	if g.on == "local" {
		if err := g.local().point(e); err != nil {
			return nil, err
		}
	}
	if err := buildArgs(e, os.Getenv("GROCERY_BUILD_ARGS")); err != nil {
		return nil, err
	}
	if g.on == "aws" {
		return e, nil
	}
	return e, g.local().serves(context.Background())
}

// buildArgs adds NAME=value,... to what docker build is given.
func buildArgs(e *ops.Environment, list string) error {
	for pair := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, ok := strings.Cut(strings.TrimSpace(pair), "=")
		if !ok || name == "" {
			return &exitError{exitUsage, fmt.Errorf("GROCERY_BUILD_ARGS is a list such as NGINX_IMAGE=nginx:1.28,NAME=value; %q is no NAME=value", pair)}
		}
		if e.Build == nil {
			e.Build = map[string]string{}
		}
		e.Build[name] = value
	}
	return nil
}

// printResult shows a verb's result: as JSON, or as the given text.
func (g *globals) printResult(p *progress, result any, text string) error {
	p.close()
	if g.json {
		return printJSON(result)
	}
	_, err := fmt.Println(text)
	return err
}

// printJSON writes one value as JSON.
func printJSON(v any) error {
	e := json.NewEncoder(os.Stdout)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
