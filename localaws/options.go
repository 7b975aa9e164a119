package localaws

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"grocery/localaws/oidc"
	"grocery/localaws/runtime"
	"grocery/localaws/store"
)

// Options configure a Cloud.
type Options struct {
	// Home is the folder of the cloud's state: store.db, blobs, ca.pem,
	// credentials, keys, mailbox.
	Home string
	// Endpoint and Proxy are the addresses (host:port) of the two ways in
	// from this machine. They must be loopback addresses.
	Endpoint, Proxy string
	// FrontDoor is the host and the base port of balancers: a listener at port
	// 80 is reached at base+80. Host "" offers none.
	FrontDoorHost string
	FrontDoorBase int
	// Runtime runs instances, databases and networks.
	Runtime runtime.Runtime
	// APIOnly says that Runtime runs nothing: what would wait for a program to
	// answer does not wait.
	APIOnly bool
	// Issuers are servers on this machine that stand in for OpenID Connect
	// issuers. Tokens are verified all the same, by the keys they publish.
	Issuers []oidc.StandIn
	Clock   store.Clock  // nil: the machine's
	Log     *slog.Logger // nil: discarded
}

// The addresses of a cloud on this machine, before the port offset.
const (
	EndpointPort  = 4566
	ProxyPort     = 4567
	FrontDoorBase = 8000
)

// DefaultOptions are the addresses of a cloud in home whose ports are moved by
// offset, so that a second cloud can run beside the first.
func DefaultOptions(home string, offset int) Options {
	at := func(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port+offset)) }
	return Options{Home: home, Endpoint: at(EndpointPort), Proxy: at(ProxyPort), FrontDoorHost: "127.0.0.1", FrontDoorBase: FrontDoorBase + offset}
}

// Name is the name of the cloud in home: containers, networks and volumes
// carry it, and two clouds on one machine never share one.
func Name(home string) string {
	abs, err := filepath.Abs(home)
	if err != nil {
		abs = home
	}
	sum := sha256.Sum256([]byte(abs))
	return "grocery-" + hex.EncodeToString(sum[:3])
}

// check refuses options that cannot work.
func (o *Options) check() error {
	if o.Home == "" {
		return errors.New("a local AWS needs a folder for its state")
	}
	if err := os.MkdirAll(o.Home, 0o700); err != nil {
		return fmt.Errorf("the state folder: %w", err)
	}
	for what, addr := range map[string]string{"endpoint": o.Endpoint, "proxy": o.Proxy} {
		if addr == "" {
			continue
		}
		host, _, err := net.SplitHostPort(addr)
		if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
			return fmt.Errorf("the %s's address is %q, and must be a loopback address with a port such as 127.0.0.1:%d: nobody else may reach a local AWS", what, addr, EndpointPort)
		}
	}
	if o.Runtime == nil {
		return errors.New("a local AWS needs a runtime")
	}
	if o.Clock == nil {
		o.Clock = store.System
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}
