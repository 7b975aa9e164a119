package oidc

import (
	"fmt"
	"net"
	"strings"
)

// StandIn is a server on this machine that is asked, over plain HTTP, in place
// of an issuer's host.
type StandIn struct {
	Host string // the issuer's, such as token.actions.githubusercontent.com
	Addr string // host:port of the server, a loopback address
}

// ParseStandIns reads stand-ins as HOST=ADDRESS, several with commas between.
func ParseStandIns(text string) ([]StandIn, error) {
	var all []StandIn
	for one := range strings.SplitSeq(text, ",") {
		if one = strings.TrimSpace(one); one == "" {
			continue
		}
		host, addr, ok := strings.Cut(one, "=")
		ip, _, err := net.SplitHostPort(addr)
		if !ok || host == "" || strings.ContainsAny(host, "/:") || err != nil || !net.ParseIP(ip).IsLoopback() {
			return nil, fmt.Errorf("a stand-in for an issuer is HOST=ADDRESS with a loopback address, such as token.actions.githubusercontent.com=127.0.0.1:4570, not %q", one)
		}
		all = append(all, StandIn{Host: strings.ToLower(host), Addr: addr})
	}
	return all, nil
}
