package elbv2_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"grocery/localaws/names"
	"grocery/localaws/service/internal/apitest"
	"grocery/localaws/store"
)

func body(t testing.TB, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// one is a world with a balancer, a group and a guest that is healthy.
func one(t testing.TB, h http.HandlerFunc) (*world, types.LoadBalancer, string) {
	w := newWorld(t)
	lb := w.balancer("shop")
	g := w.group("web")
	w.listener(lb, forward(g))
	w.guest("10.0.0.50", h)
	w.target(g, "10.0.0.50")
	w.until("the target is healthy", func() bool { return w.health(g) == "healthy" })
	return w, lb, g
}

func TestABalancerForwardsToAHealthyTargetAndTellsWhoAsked(t *testing.T) {
	w, lb, _ := one(t, func(rw http.ResponseWriter, r *http.Request) {
		for _, h := range []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Amzn-Trace-Id", "X-Custom"} {
			fmt.Fprintf(rw, "%s=%s\n", h, r.Header.Get(h))
		}
		fmt.Fprintf(rw, "host=%s\nuri=%s\n", r.Host, r.RequestURI)
	})
	got := body(t, w.get(lb, "/a%2Fb?x=1;2", func(r *http.Request) {
		r.Host += ":8080"
		r.Header.Set("X-Custom", "yes")
		r.Header.Set("X-Forwarded-For", "203.0.113.9")
	}))
	for _, want := range []string{"X-Forwarded-For=203.0.113.9, 127.0.0.1", "X-Forwarded-Proto=http\n", "X-Forwarded-Port=80\n", "X-Amzn-Trace-Id=Root=1-", "X-Custom=yes", "host=" + *lb.DNSName + ":8080\n", "uri=/a%2Fb?x=1;2\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("the target saw no %q in:\n%s", want, got)
		}
	}
}

func TestABalancersNameIsKnownInItsNetwork(t *testing.T) {
	w, lb, _ := one(t, func(http.ResponseWriter, *http.Request) {})
	w.store.View(func(tx store.Tx) error {
		if a, ok := names.Lookup(tx, vpc, *lb.DNSName); !ok || len(a) != 2 {
			t.Errorf("the name has addresses %v, known %v; want one a subnet", a, ok)
		}
		return nil
	})
}

func TestHealthHasAWSsReasons(t *testing.T) {
	status := 200
	w := newWorld(t)
	lb := w.balancer("shop")
	g := w.group("web")
	w.guest("10.0.0.50", func(rw http.ResponseWriter, r *http.Request) { rw.WriteHeader(status) })
	w.target(g, "10.0.0.50")
	check := func(want string) {
		t.Helper()
		w.until(want, func() bool { return w.health(g, "10.0.0.50") == want })
	}
	check("unused Target.NotInUse")
	if got := w.health(g, "10.0.0.99"); got != "unused Target.NotRegistered" {
		t.Errorf("an unknown target is %q", got)
	}
	l := w.listener(lb, forward(g))
	if got := w.health(g); got != "initial Elb.RegistrationInProgress" {
		t.Errorf("a new target is %q", got)
	}
	check("healthy")
	status = 503
	check("unhealthy Target.ResponseCodeMismatch")
	status = 200
	check("healthy")
	w.target(g, "10.0.0.51") // nothing listens there
	w.until("refused", func() bool { return w.health(g, "10.0.0.51") == "unhealthy Target.FailedHealthChecks" })
	must(w.DeleteListener(t.Context(), &elb.DeleteListenerInput{ListenerArn: &l}))(t)
	check("unused Target.NotInUse")
}

func TestTheAnswersOfABalancerItself(t *testing.T) {
	w := newWorld(t)
	lb := w.balancer("shop")
	empty, broken := w.group("empty"), w.group("broken")
	l := w.listener(lb, forward(empty))
	w.target(broken, "10.0.0.51") // refuses
	rule := func(priority int, path string, a types.Action) {
		must(w.CreateRule(t.Context(), &elb.CreateRuleInput{ListenerArn: &l, Priority: new(int32(priority)), Actions: []types.Action{a},
			Conditions: []types.RuleCondition{{Field: new("path-pattern"), Values: []string{path}}}}))(t)
	}
	rule(1, "/broken", forward(broken)[0])
	rule(2, "/fixed", types.Action{Type: types.ActionTypeEnumFixedResponse, FixedResponseConfig: &types.FixedResponseActionConfig{StatusCode: new("418"), ContentType: new("application/json"), MessageBody: new("{}")}})
	rule(3, "/move/*", types.Action{Type: types.ActionTypeEnumRedirect, RedirectConfig: &types.RedirectActionConfig{StatusCode: types.RedirectActionStatusCodeEnumHttp301, Protocol: new("HTTPS"), Port: new("443")}})
	w.turn()
	for _, c := range []struct {
		name, path, host string
		status           int
		body, location   string
	}{
		{"a group without targets is 503", "/", "", 503, "<h1>503 Service Temporarily Unavailable</h1>", ""},
		{"a target that refuses is 502, also when all are unhealthy", "/broken", "", 502, "<h1>502 Bad Gateway</h1>", ""},
		{"a fixed response is what the rule says", "/fixed", "", 418, "{}", ""},
		{"a redirect keeps path and query", "/move/x?y=1", *lb.DNSName, 301, "", "https://" + *lb.DNSName + ":443/move/x?y=1"},
		{"a redirect for a client of the front door leads through the front door", "/move/x", fmt.Sprintf("%s:%d", *lb.DNSName, 80+w.door), 301, "", fmt.Sprintf("https://%s:%d/move/x", *lb.DNSName, 443+w.door)},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := w.get(lb, c.path, func(r *http.Request) {
				if c.host != "" {
					r.Host = c.host
				}
			})
			if got := body(t, r); r.StatusCode != c.status || !strings.Contains(got, c.body) || r.Header.Get("Location") != c.location || r.Header.Get("Server") != "awselb/2.0" {
				t.Errorf("got %d %q, Location %q, Server %q", r.StatusCode, got, r.Header.Get("Location"), r.Header.Get("Server"))
			}
		})
	}
}

func TestATargetThatDoesNotAnswerInTimeIs504(t *testing.T) {
	hold := make(chan struct{})
	w, lb, _ := one(t, func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-hold
		}
	})
	defer close(hold)
	must(w.ModifyLoadBalancerAttributes(t.Context(), &elb.ModifyLoadBalancerAttributesInput{LoadBalancerArn: lb.LoadBalancerArn, Attributes: []types.LoadBalancerAttribute{{Key: new("idle_timeout.timeout_seconds"), Value: new("1")}}}))(t)
	w.turn()
	if r := w.get(lb, "/slow"); r.StatusCode != 504 {
		t.Errorf("got %d", r.StatusCode)
	}
}

func TestADrainingTargetFinishesItsRequestsAndGetsNoNewOnes(t *testing.T) {
	started, finish := make(chan bool, 1), make(chan bool)
	w, lb, g := one(t, func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/long" {
			started <- true
			<-finish
		}
		io.WriteString(rw, "old")
	})
	w.guest("10.0.1.60", func(rw http.ResponseWriter, r *http.Request) { io.WriteString(rw, "new") })
	w.target(g, "10.0.1.60")
	w.until("both are healthy", func() bool { return w.health(g) == "healthy, healthy" })

	var long *http.Response
	var both sync.WaitGroup
	for range 2 { // one of two turns is the old target's
		both.Go(func() {
			r := w.get(lb, "/long")
			if b := body(t, r); b == "old" {
				long = r
			}
		})
	}
	<-started
	must(w.DeregisterTargets(t.Context(), &elb.DeregisterTargetsInput{TargetGroupArn: &g, Targets: []types.TargetDescription{{Id: new("10.0.0.50")}}}))(t)
	w.turn()
	if got := w.health(g, "10.0.0.50"); got != "draining Target.DeregistrationInProgress" {
		t.Errorf("the target is %q", got)
	}
	for range 4 {
		if got := body(t, w.get(lb, "/")); got != "new" {
			t.Errorf("a new request went to the draining target: %q", got)
		}
	}
	close(finish)
	both.Wait()
	if long == nil || long.StatusCode != 200 {
		t.Errorf("the request under way ended with %v", long)
	}
	w.clock.Advance(301 * time.Second)
	w.turn()
	if got := w.health(g, "10.0.0.50"); got != "unused Target.NotRegistered" {
		t.Errorf("after the delay the target is %q", got)
	}
}

func TestStickinessBringsAClientBackToItsTarget(t *testing.T) {
	w, lb, g := one(t, func(rw http.ResponseWriter, r *http.Request) { io.WriteString(rw, "a") })
	w.guest("10.0.1.60", func(rw http.ResponseWriter, r *http.Request) { io.WriteString(rw, "b") })
	w.target(g, "10.0.1.60")
	must(w.ModifyTargetGroupAttributes(t.Context(), &elb.ModifyTargetGroupAttributesInput{TargetGroupArn: &g, Attributes: []types.TargetGroupAttribute{{Key: new("stickiness.enabled"), Value: new("true")}}}))(t)
	w.until("both are healthy", func() bool { return w.health(g) == "healthy, healthy" })
	first := w.get(lb, "/")
	name := body(t, first)
	for range 6 {
		if got := body(t, w.get(lb, "/", func(r *http.Request) {
			for _, c := range first.Cookies() {
				r.AddCookie(c)
			}
		})); got != name {
			t.Fatalf("the client was sent to %q after %q", got, name)
		}
	}
	seen := map[string]bool{}
	for range 6 {
		seen[body(t, w.get(lb, "/"))] = true
	}
	if len(seen) != 2 {
		t.Errorf("clients without a cookie saw %v only", seen)
	}
}

func TestTheFrontDoorCarriesUpgradedConnections(t *testing.T) {
	w, lb, _ := one(t, func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			return
		}
		c, buf, err := rw.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		line, _ := buf.ReadString('\n')
		io.WriteString(c, "echo "+line)
	})
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", 80+w.door))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "GET /socket HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n", *lb.DNSName)
	from := bufio.NewReader(c)
	r, err := http.ReadResponse(from, nil)
	if err != nil || r.StatusCode != 101 {
		t.Fatalf("got %v, %v", r, err)
	}
	io.WriteString(c, "hello\n")
	if got, _ := from.ReadString('\n'); got != "echo hello\n" {
		t.Errorf("got %q", got)
	}
}

func TestAnHTTPSListenerAnswersForTheNameTheClientAsksFor(t *testing.T) {
	w, lb, g := one(t, func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprint(rw, r.Header.Get("X-Forwarded-Proto"), r.Header.Get("X-Forwarded-Port"), " ", r.Header.Get("X-Amzn-Tls-Version"))
	})
	must(w.ModifyLoadBalancerAttributes(t.Context(), &elb.ModifyLoadBalancerAttributesInput{LoadBalancerArn: lb.LoadBalancerArn, Attributes: []types.LoadBalancerAttribute{{Key: new("routing.http.x_amzn_tls_version_and_cipher_suite.enabled"), Value: new("true")}}}))(t)
	must(w.CreateListener(t.Context(), &elb.CreateListenerInput{LoadBalancerArn: lb.LoadBalancerArn, Port: new(int32(443)), Protocol: types.ProtocolEnumHttps, DefaultActions: forward(g), SslPolicy: new("ELBSecurityPolicy-TLS13-1-2-2021-06"),
		Certificates: []types.Certificate{{CertificateArn: new("arn:aws:acm:eu-central-1:123456789012:certificate/1")}}}))(t)
	w.turn()
	client := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: *lb.DNSName}}}
	defer client.CloseIdleConnections()
	r := must(client.Get(fmt.Sprintf("https://127.0.0.1:%d/", 443+w.door)))(t)
	defer r.Body.Close()
	if got := body(t, r); got != "https443 TLSv1.3" || r.ProtoMajor != 2 || w.near.certified[0] != *lb.DNSName {
		t.Errorf("got %q over %s with a certificate for %v", got, r.Proto, w.near.certified)
	}
}

func TestTheFrontDoorSaysWhichBalancersThereAre(t *testing.T) {
	w, lb, _ := one(t, func(http.ResponseWriter, *http.Request) {})
	if r := w.get(lb, "/", func(r *http.Request) { r.Host = "other.elb.localhost" }); r.StatusCode != 404 || !strings.Contains(body(t, r), *lb.DNSName) {
		t.Errorf("got %d", r.StatusCode)
	}
	if r := w.get(lb, "/", func(r *http.Request) { r.Host = "shop.eu-central-1.elb.localhost:8080" }); r.StatusCode != 200 {
		t.Errorf("the short name got %d", r.StatusCode)
	}
}

func TestABusyPortOfTheMachineIsAClearError(t *testing.T) {
	w := newWorld(t)
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 80+w.door))
	if err != nil {
		t.Skip(err)
	}
	defer l.Close()
	lb, g := w.balancer("shop"), w.group("web")
	_, err = w.CreateListener(t.Context(), &elb.CreateListenerInput{LoadBalancerArn: lb.LoadBalancerArn, Port: new(int32(80)), Protocol: types.ProtocolEnumHttp, DefaultActions: forward(g)})
	if apitest.Code(err) != "InvalidConfigurationRequest" || !strings.Contains(err.Error(), "in use by another program") {
		t.Errorf("got %v", err)
	}
}

func TestARestartTakesEverythingUpAgain(t *testing.T) {
	w, lb, g := one(t, func(rw http.ResponseWriter, r *http.Request) { io.WriteString(rw, "still here") })
	made := w.near.made
	w.start()
	w.turn()
	if got := body(t, w.get(lb, "/")); got != "still here" {
		t.Errorf("got %q", got)
	}
	if w.near.made != made || w.health(g) != "healthy" {
		t.Errorf("%d interfaces were made anew, the target is %q", w.near.made-made, w.health(g))
	}
}

func TestTargetsFollowTheirInstances(t *testing.T) {
	w := newWorld(t)
	lb := w.balancer("shop")
	g := w.group("web", func(in *elb.CreateTargetGroupInput) { in.TargetType = types.TargetTypeEnumInstance })
	w.listener(lb, forward(g))
	w.guest("10.0.0.77", func(http.ResponseWriter, *http.Request) {})
	set := func(state string) {
		w.near.mu.Lock()
		defer w.near.mu.Unlock()
		w.near.instances["i-1"] = state
	}
	set("pending")
	if _, err := w.RegisterTargets(t.Context(), &elb.RegisterTargetsInput{TargetGroupArn: &g, Targets: []types.TargetDescription{{Id: new("i-1")}}}); apitest.Code(err) != "InvalidTarget" {
		t.Errorf("an instance that does not run was registered: %v", err)
	}
	for _, c := range []struct{ state, want string }{{"running", "healthy"}, {"stopped", "unused Target.InvalidState"}, {"running", "healthy"}, {"terminated", ""}} {
		set(c.state)
		if w.health(g) == "" {
			w.target(g, "i-1")
		}
		w.until(c.state+" is "+c.want, func() bool { return w.health(g) == c.want })
	}
}

// TestATargetSickForAMomentShowsInTheMinutesMaximum: the group that takes it
// away is faster than any look at it.
func TestATargetSickForAMomentShowsInTheMinutesMaximum(t *testing.T) {
	sick := atomic.Bool{}
	w, _, g := one(t, func(rw http.ResponseWriter, _ *http.Request) {
		if sick.Load() {
			rw.WriteHeader(500)
		}
	})
	var publish func(context.Context) error
	looks := func(want string) { // everything but the publishing, which comes once a minute
		t.Helper()
		for range 500 {
			for _, l := range w.service.Loops() {
				if l.Name == "elbv2 metrics" {
					publish = l.Run
				} else if err := l.Run(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if strings.HasPrefix(w.health(g), want) {
				return
			}
			time.Sleep(time.Millisecond)
			w.clock.Advance(time.Second)
		}
		t.Fatalf("the target is %s, want %s", w.health(g), want)
	}
	sick.Store(true)
	looks("unhealthy")
	if _, err := w.DeregisterTargets(t.Context(), &elb.DeregisterTargetsInput{TargetGroupArn: &g, Targets: []types.TargetDescription{{Id: new("10.0.0.50")}}}); err != nil {
		t.Fatal(err)
	}
	w.near.metrics = nil
	if err := publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	highest := -1.0
	for _, m := range w.near.metrics {
		if *m.MetricName == "UnHealthyHostCount" {
			highest = max(highest, slices.Max(m.Values))
		}
	}
	if highest != 1 {
		t.Errorf("at most %v targets were sick, want 1", highest)
	}
}

func TestMetricsSayWhatHappened(t *testing.T) {
	w, lb, g := one(t, func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/missing" {
			rw.WriteHeader(404)
		}
	})
	w.near.metrics = nil
	for _, path := range []string{"/", "/", "/missing"} {
		body(t, w.get(lb, path))
	}
	w.turn()
	got := map[string]float64{}
	for _, m := range w.near.metrics {
		key := *m.MetricName
		if len(m.Dimensions) == 2 {
			key += " of " + *m.Dimensions[1].Value
		}
		if m.Value != nil {
			got[key] += *m.Value
		}
		for i, n := range m.Counts {
			if strings.HasSuffix(*m.MetricName, "HostCount") {
				got[key] = max(got[key], m.Values[i])
				continue
			}
			got[key] += n
		}
	}
	id := g[strings.LastIndex(g, ":")+1:]
	for key, want := range map[string]float64{"RequestCount": 3, "RequestCount of " + id: 3, "HTTPCode_Target_2XX_Count": 2, "HTTPCode_Target_4XX_Count of " + id: 1,
		"TargetResponseTime": 3, "HealthyHostCount of " + id: 1, "UnHealthyHostCount of " + id: 0, "HTTPCode_ELB_5XX_Count": 0} {
		if got[key] != want {
			t.Errorf("%s is %v, want %v", key, got[key], want)
		}
	}
}
