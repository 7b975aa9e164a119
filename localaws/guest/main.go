//go:build linux

// Command guest is what an instance image has instead of systemd, cloud-init
// and the CloudWatch agent. It is one program under several names: init
// (process 1), boot (the service manager init starts), systemctl,
// amazon-cloudwatch-agent-ctl and amazon-cloudwatch-agent. It knows local AWS
// only as AWS: by metadata service, host names and SDKs.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"grocery/localaws/guest/agent"
	"grocery/localaws/guest/boot"
)

var programs = map[string]func(args []string) int{
	"init":                        boot.Init,
	"boot":                        boot.Manage,
	"systemctl":                   boot.Systemctl,
	"amazon-cloudwatch-agent":     agent.Run,
	"amazon-cloudwatch-agent-ctl": agent.Control,
}

func main() {
	name, args := filepath.Base(os.Args[0]), os.Args[1:]
	// Under a name of its own (guest, or /proc/self/exe) the first argument
	// tells the program.
	if _, ok := programs[name]; !ok && len(args) > 0 {
		name, args = args[0], args[1:]
	}
	program, ok := programs[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "guest: no program %q\n", name)
		os.Exit(2)
	}
	os.Exit(program(args))
}
