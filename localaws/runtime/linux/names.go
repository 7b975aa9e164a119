//go:build linux

package linux

import (
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/netip"
	"strings"
)

// linkName is the name of an interface's router side. Kernel names have at
// most 15 characters, ids are longer.
func linkName(interfaceID string) string {
	sum := sha256.Sum256([]byte(interfaceID))
	return "i" + hex.EncodeToString(sum[:6])
}

// macOf derives a locally administered hardware address from an IPv4 address,
// as AWS's addresses begin with 02 or 06.
func macOf(addr netip.Addr) net.HardwareAddr {
	a := addr.As4()
	return net.HardwareAddr{0x06, 0x1a, a[0], a[1], a[2], a[3]}
}

// chainName turns an id into a name that nft takes. It ends in a hash, since
// ids that differ in odd characters only must not share a name.
func chainName(prefix, id string) string {
	clean := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
			return c
		}
		return '_'
	}, id)
	sum := sha256.Sum256([]byte(id))
	return prefix + clean[:min(len(clean), 40)] + "_" + hex.EncodeToString(sum[:4])
}
