// Package names is the private DNS of a local cloud: which names the resolvers
// of its networks answer, and with which addresses. Services write it, the
// resolver reads it.
package names

import (
	"net/netip"
	"strings"

	"grocery/localaws/store"
)

// Table is the store table that holds the records, by lower-case name.
const Table = "names"

// Record is one name. A name with no Network is answered in every network.
type Record struct {
	Name    string       `json:"name"`
	Network string       `json:"network,omitempty"`
	Addrs   []netip.Addr `json:"addrs"`
}

var table = store.Table[Record]{Name: Table}

// Put writes a record; it replaces one of the same name.
func Put(tx store.Tx, r Record) { r.Name = canonical(r.Name); table.Put(tx, r.Name, r) }

// Delete removes a name; an absent one is no error.
func Delete(tx store.Tx, name string) { table.Delete(tx, canonical(name)) }

// Lookup returns the addresses of a name as seen from a network. ok is false
// for a name nobody wrote.
func Lookup(tx store.Tx, network, name string) (addrs []netip.Addr, ok bool) {
	r, ok := table.Get(tx, canonical(name))
	if !ok || (r.Network != "" && r.Network != network) {
		return nil, false
	}
	return r.Addrs, true
}

func canonical(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }
