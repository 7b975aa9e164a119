//go:build linux

package boot

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"os"
	"strings"
)

// request is what systemctl asks of the manager; reply is the answer.
type request struct{ Verb, Unit string }

type reply struct {
	Active bool
	Text   string
	Error  string
}

// listen serves systemctl.
func (m *manager) listen(ctx context.Context) error {
	if err := os.MkdirAll(RunDir, 0o755); err != nil {
		return err
	}
	ln, err := net.Listen("unix", socketPath)
	if err != nil {
		return err
	}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				var req request
				if err := json.NewDecoder(bufio.NewReader(c)).Decode(&req); err != nil {
					return
				}
				if err := json.NewEncoder(c).Encode(m.serve(ctx, req)); err != nil {
					log.Printf("answering systemctl: %v", err)
				}
			}()
		}
	}()
	return nil
}

func (m *manager) serve(ctx context.Context, req request) reply {
	s := m.services[req.Unit]
	var err error
	switch req.Verb {
	case "start":
		err = s.start(ctx)
	case "stop":
		err = s.stop()
	case "restart":
		if err = s.stop(); err == nil {
			err = s.start(ctx)
		}
	}
	pid, since, active := s.active()
	r := reply{Active: active}
	if active {
		r.Text = fmt.Sprintf("active (running) since %s; main process %d", since.UTC().Format("Mon 2006-01-02 15:04:05 MST"), pid)
	} else {
		r.Text = "inactive (dead)"
	}
	if err != nil {
		r.Error = err.Error()
	}
	return r
}

// ask sends one request to the manager.
func ask(req request) (reply, error) {
	var r reply
	c, err := net.Dial("unix", socketPath)
	if err != nil {
		return r, fmt.Errorf("the service manager does not answer: %w", err)
	}
	defer c.Close()
	if err := json.NewEncoder(c).Encode(req); err != nil {
		return r, err
	}
	return r, json.NewDecoder(c).Decode(&r)
}

// units maps the names people use to services. The engine brings its own
// containerd, so that one is as active as the engine.
var units = map[string]string{
	"docker": "docker", "containerd": "docker",
	"amazon-cloudwatch-agent": "amazon-cloudwatch-agent",
}

// Exit codes of systemctl, as systemd documents them for status.
const (
	exitFailure   = 1
	exitNotActive = 3
	exitNoUnit    = 4
	exitNotFound  = 5
)

// Systemctl is the part of systemctl that user data needs.
func Systemctl(args []string) int {
	var verb string
	var names []string
	var now, quiet bool
	for _, a := range args {
		switch {
		case a == "--now":
			now = true
		case a == "-q" || a == "--quiet":
			quiet = true
		case strings.HasPrefix(a, "-"):
			// Output options change nothing that a script can see here.
		case verb == "":
			verb = a
		default:
			names = append(names, a)
		}
	}
	switch verb {
	case "daemon-reload", "daemon-reexec", "reset-failed":
		return 0
	case "is-system-running":
		fmt.Println("running")
		return 0
	}
	if verb == "" || len(names) == 0 {
		fmt.Fprintln(os.Stderr, "systemctl: this instance has a small service manager: use start, stop, restart, reload-or-restart, enable [--now], disable [--now], is-active, is-enabled or status with docker, containerd or amazon-cloudwatch-agent")
		return exitFailure
	}
	code := 0
	for _, n := range names {
		if c := onUnit(verb, n, now, quiet); c != 0 {
			code = c
		}
	}
	return code
}

func onUnit(verb, name string, now, quiet bool) int {
	base := strings.TrimSuffix(strings.TrimSuffix(name, ".service"), ".socket")
	unit, ok := units[base]
	if !ok {
		return unknownUnit(verb, name)
	}
	say := func(text string) {
		if !quiet {
			fmt.Println(text)
		}
	}
	fail := func(err error) int {
		fmt.Fprintf(os.Stderr, "Job for %s.service failed: %v\n", base, err)
		return exitFailure
	}
	send := func(verb string) (reply, error) {
		r, err := ask(request{verb, unit})
		if err == nil && r.Error != "" {
			err = fmt.Errorf("%s", r.Error)
		}
		return r, err
	}
	switch verb {
	case "start", "stop", "restart":
		if _, err := send(verb); err != nil {
			return fail(err)
		}
	case "reload-or-restart", "try-restart", "reload":
		if _, err := send("restart"); err != nil {
			return fail(err)
		}
	case "enable", "disable":
		if err := setEnabled(unit, verb == "enable"); err != nil {
			return fail(err)
		}
		if now {
			if _, err := send(map[string]string{"enable": "start", "disable": "stop"}[verb]); err != nil {
				return fail(err)
			}
		}
	case "is-enabled":
		if !enabled(unit) {
			say("disabled")
			return exitFailure
		}
		say("enabled")
	case "is-active", "status":
		r, err := send("status")
		if err != nil {
			return fail(err)
		}
		switch {
		case verb == "status":
			say(fmt.Sprintf("● %s.service\n     Active: %s", base, r.Text))
		case r.Active:
			say("active")
		default:
			say("inactive")
		}
		if !r.Active {
			return exitNotActive
		}
	default:
		fmt.Fprintf(os.Stderr, "Unknown command verb %s.\n", verb)
		return exitFailure
	}
	return 0
}

func unknownUnit(verb, name string) int {
	if !strings.Contains(name, ".") {
		name += ".service"
	}
	switch verb {
	case "is-active":
		fmt.Println("inactive")
		return exitNoUnit
	case "status":
		fmt.Fprintf(os.Stderr, "Unit %s could not be found.\n", name)
		return exitNoUnit
	case "is-enabled", "enable", "disable":
		fmt.Fprintf(os.Stderr, "Failed to %s unit: Unit file %s does not exist.\n", verb, name)
		return exitFailure
	}
	fmt.Fprintf(os.Stderr, "Failed to %s %s: Unit %s not found.\n", verb, name, name)
	return exitNotFound
}
