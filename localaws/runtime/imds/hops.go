//go:build unix

package imds

import (
	"net"
	"syscall"
)

// limitHops sets how many routers the answers on a connection pass: one more
// than none lets the instance itself have them, each further one a container
// network inside it.
func limitHops(c net.Conn, hops int) error {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return err
	}
	var set error
	if err := raw.Control(func(fd uintptr) {
		set = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, syscall.IP_TTL, hops)
	}); err != nil {
		return err
	}
	return set
}
