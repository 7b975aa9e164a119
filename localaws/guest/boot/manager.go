//go:build linux

package boot

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Places the manager uses.
const (
	RunDir     = "/run/localaws"
	socketPath = RunDir + "/manager.sock"
	wantsDir   = "/etc/systemd/system/multi-user.target.wants"
)

// stopOrder is the reverse of what depends on what.
var stopOrder = []string{"amazon-cloudwatch-agent", "docker"}

// Manage runs the instance until SIGTERM.
func Manage([]string) int {
	log.SetFlags(log.Ltime)
	log.SetPrefix("boot: ")
	ctx, cancel := signal.NotifyContext(context.Background(), unix.SIGTERM)
	defer cancel()
	// The manager adopts what its services leave behind until they are gone.
	m := &manager{services: map[string]*service{
		"docker": {
			name: "docker", argv: []string{"dockerd", "--log-level", "warn"}, logFile: "/var/log/docker.log",
			ready: dockerAnswers, stopTimeout: 20 * time.Second,
		},
		"amazon-cloudwatch-agent": {
			name: "amazon-cloudwatch-agent", argv: []string{"/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent"},
			logFile: "/opt/aws/amazon-cloudwatch-agent/logs/amazon-cloudwatch-agent.log", stopTimeout: 5 * time.Second,
		},
	}}
	if err := m.listen(ctx); err != nil {
		log.Printf("listening for systemctl: %v", err)
		return 1
	}
	for name, s := range m.services {
		if enabled(name) {
			go func() {
				if err := s.start(ctx); err != nil {
					log.Printf("starting %s: %v", name, err)
				}
			}()
		}
	}
	var userData sync.WaitGroup
	userData.Go(func() {
		if err := runUserData(ctx); err != nil && ctx.Err() == nil {
			log.Printf("user data: %v", err)
		}
	})
	<-ctx.Done()
	log.Print("stopping")
	userData.Wait()
	for _, name := range stopOrder {
		if err := m.services[name].stop(); err != nil {
			log.Printf("stopping %s: %v", name, err)
		}
	}
	unix.Sync()
	return 0
}

// manager knows the services.
type manager struct{ services map[string]*service }

func enabled(name string) bool {
	_, err := os.Lstat(wantsDir + "/" + name + ".service")
	return err == nil
}

// setEnabled records whether a service starts at boot, where systemd would.
func setEnabled(name string, on bool) error {
	path := wantsDir + "/" + name + ".service"
	if !on {
		if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}
	if err := os.MkdirAll(wantsDir, 0o755); err != nil {
		return err
	}
	if enabled(name) {
		return nil
	}
	return os.Symlink(fmt.Sprintf("/lib/systemd/system/%s.service", name), path)
}
