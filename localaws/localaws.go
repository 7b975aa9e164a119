package localaws

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"

	"grocery/localaws/ca"
	"grocery/localaws/gateway"
	"grocery/localaws/guest/boot"
	"grocery/localaws/names"
	"grocery/localaws/reconcile"
	"grocery/localaws/runtime"
	"grocery/localaws/seal"
	"grocery/localaws/service/iam/access"
	"grocery/localaws/store"
	"grocery/localaws/wire"
)

// Cloud is a local AWS.
type Cloud struct {
	o        Options
	store    store.Store
	key      *seal.Key
	ca       *ca.CA
	gateway  *gateway.Gateway
	registry *wire.Registry
	chain    *wire.Chain
	access   *access.Access
	loops    []reconcile.Loop
}

// service is what every package below service offers. Those that also bring
// the world in line with the store have Loops() []reconcile.Loop.
type service interface{ Register(*wire.Registry) }

// New assembles a cloud over the state in o.Home; Run starts it. Close gives
// the state back.
func New(o Options) (*Cloud, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	c := &Cloud{o: o, registry: wire.NewRegistry(o.Log)}
	var err error
	if c.ca, err = ca.Open(o.Home); err != nil {
		return nil, err
	}
	if c.key, err = seal.Open(filepath.Join(o.Home, "seal.key")); err != nil {
		return nil, err
	}
	if c.store, err = store.Open(filepath.Join(o.Home, "store.db")); err != nil {
		return nil, err
	}
	api := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.chain.ServeHTTP(w, r) })
	c.gateway = gateway.Wrap(o.Runtime, gateway.Options{Lookup: c.lookup, API: api, TLS: c.ca.TLS(serves), Log: o.Log})
	if err := c.assemble(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Close ends what runs inside the networks and closes the state.
func (c *Cloud) Close() error {
	return errors.Join(c.gateway.Close(), c.store.Close())
}

// Actions lists the served API actions.
func (c *Cloud) Actions() []string { return c.registry.Actions() }

// add registers services and their loops.
func (c *Cloud) add(all ...service) {
	for _, s := range all {
		s.Register(c.registry)
		if l, ok := s.(interface{ Loops() []reconcile.Loop }); ok {
			c.loops = append(c.loops, l.Loops()...)
		}
	}
}

// lookup answers the resolvers from the private names.
func (c *Cloud) lookup(network, name string) (addrs []netip.Addr, ok bool) {
	err := c.store.View(func(tx store.Tx) error {
		addrs, ok = names.Lookup(tx, network, name)
		return nil
	})
	if err != nil {
		c.o.Log.Warn("resolve", "name", name, "error", err)
	}
	return addrs, ok && err == nil
}

// guestFiles is what makes an instance trust this cloud.
func (c *Cloud) guestFiles() []runtime.File {
	return []runtime.File{{Path: boot.CAFile, Mode: 0o644, Content: c.ca.PEM()}}
}

// trustStore is where AWS publishes the authorities of RDS's certificates.
const trustStore = "truststore.pki.rds" + wire.Suffix

// serveTrustStore serves the bundles of RDS's authorities: here, the one that
// signs the certificates of local databases.
func (c *Cloud) serveTrustStore(w http.ResponseWriter, r *http.Request) {
	region, file, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if region == "" || file != region+"-bundle.pem" {
		http.Error(w, fmt.Sprintf("There is no %s here: ask for /global/global-bundle.pem or /<region>/<region>-bundle.pem.", r.URL.Path), http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/x-pem-file")
	w.Write(c.ca.PEM()) // a client that went away is no error of ours
}
