package dns_test

import (
	"net"
	"net/netip"
	"testing"

	mdns "github.com/miekg/dns"

	"grocery/localaws/runtime"
	"grocery/localaws/runtime/dns"
	"grocery/localaws/runtime/none"
)

func lookup(network, name string) ([]netip.Addr, bool) {
	if network == "vpc-1" && name == "db.abc.eu-central-1.rds.amazonaws.com" {
		return []netip.Addr{netip.MustParseAddr("10.0.2.9")}, true
	}
	return nil, false
}

// recorder keeps the answer a handler writes.
type recorder struct {
	mdns.ResponseWriter
	m *mdns.Msg
}

func (r *recorder) WriteMsg(m *mdns.Msg) error { r.m = m; return nil }
func (r *recorder) RemoteAddr() net.Addr       { return &net.UDPAddr{} }

func TestAnswers(t *testing.T) {
	r := dns.New(dns.Options{Lookup: lookup})
	for _, c := range []struct {
		rule, network, name string
		qtype               uint16
		rcode               int
		addr                string
	}{
		{"a private name wins over AWS's", "vpc-1", "db.abc.eu-central-1.rds.amazonaws.com.", mdns.TypeA, mdns.RcodeSuccess, "10.0.2.9"},
		{"case does not matter", "vpc-1", "DB.abc.eu-central-1.RDS.amazonaws.com.", mdns.TypeA, mdns.RcodeSuccess, "10.0.2.9"},
		{"another network does not see it", "vpc-2", "db.abc.eu-central-1.rds.amazonaws.com.", mdns.TypeA, mdns.RcodeNameError, ""},
		{"a balancer that is gone is no AWS service", "vpc-1", "grocery-1.eu-central-1.elb.amazonaws.com.", mdns.TypeA, mdns.RcodeNameError, ""},
		{"a service leads to the endpoint", "vpc-1", "secretsmanager.eu-central-1.amazonaws.com.", mdns.TypeA, mdns.RcodeSuccess, runtime.EndpointAddr.String()},
		{"so do buckets", "vpc-1", "my.bucket.s3.eu-central-1.amazonaws.com.", mdns.TypeA, mdns.RcodeSuccess, runtime.EndpointAddr.String()},
		{"and registries", "vpc-1", "123456789012.dkr.ecr.eu-central-1.amazonaws.com.", mdns.TypeA, mdns.RcodeSuccess, runtime.EndpointAddr.String()},
		{"and the database trust store", "vpc-1", "truststore.pki.rds.amazonaws.com.", mdns.TypeA, mdns.RcodeSuccess, runtime.EndpointAddr.String()},
		{"a name without IPv6 address has an empty answer", "vpc-1", "sts.amazonaws.com.", mdns.TypeAAAA, mdns.RcodeSuccess, ""},
		{"other names do not exist", "vpc-1", "example.com.", mdns.TypeA, mdns.RcodeNameError, ""},
		{"a name that only looks like AWS's does not exist", "vpc-1", "evilamazonaws.com.", mdns.TypeA, mdns.RcodeNameError, ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			var w recorder
			r.Handler(c.network).ServeDNS(&w, new(mdns.Msg).SetQuestion(c.name, c.qtype))
			if w.m.Rcode != c.rcode {
				t.Fatalf("code %s, want %s", mdns.RcodeToString[w.m.Rcode], mdns.RcodeToString[c.rcode])
			}
			got := ""
			if len(w.m.Answer) > 0 {
				got = w.m.Answer[0].(*mdns.A).A.String()
			}
			if got != c.addr {
				t.Errorf("address %q, want %q", got, c.addr)
			}
		})
	}
}

func TestOtherNamesGoUpstreamWhenThereIsOne(t *testing.T) {
	pc, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	up := &mdns.Server{PacketConn: pc, Handler: mdns.HandlerFunc(func(w mdns.ResponseWriter, q *mdns.Msg) {
		m := new(mdns.Msg).SetReply(q)
		rr, _ := mdns.NewRR("example.com. 1 IN A 192.0.2.1")
		m.Answer = append(m.Answer, rr)
		w.WriteMsg(m)
	})}
	go up.ActivateAndServe()
	defer up.Shutdown()

	r := dns.New(dns.Options{Upstream: pc.LocalAddr().String()})
	var w recorder
	r.Handler("vpc-1").ServeDNS(&w, new(mdns.Msg).SetQuestion("example.com.", mdns.TypeA))
	if len(w.m.Answer) != 1 {
		t.Errorf("answer %v", w.m)
	}
}

func TestServeStops(t *testing.T) {
	r := dns.New(dns.Options{Lookup: lookup})
	rt := none.New()
	defer rt.Close()
	stop, err := r.Serve(t.Context(), rt, runtime.Network{ID: "vpc-1", CIDRs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")}})
	if err != nil {
		t.Fatal(err)
	}
	c := mdns.Client{Net: "tcp"}
	conn, err := rt.DialNetwork(t.Context(), "vpc-1", "tcp", "10.0.0.2:53")
	if err != nil {
		t.Fatal(err)
	}
	m, _, err := c.ExchangeWithConn(new(mdns.Msg).SetQuestion("sts.amazonaws.com.", mdns.TypeA), &mdns.Conn{Conn: conn})
	if err != nil || len(m.Answer) != 1 {
		t.Errorf("%v, %v", m, err)
	}
	stop()
	stop()
}
