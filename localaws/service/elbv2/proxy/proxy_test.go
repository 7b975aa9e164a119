package proxy_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"grocery/localaws/service/elbv2/proxy"
)

// serve runs a balancer with one listener whose only rule forwards to group g.
func serve(t testing.TB, c proxy.Config, now func() time.Time) (*proxy.Balancer, string) {
	t.Helper()
	b := proxy.New(func(ctx context.Context, _, addr string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	}, now)
	t.Cleanup(b.Close)
	b.Set(c)
	s := httptest.NewServer(b.Handler("node", 80))
	t.Cleanup(s.Close)
	return b, s.URL
}

func config(targets ...proxy.Target) proxy.Config {
	return proxy.Config{
		Listeners: []proxy.Listener{{Port: 80, Rules: []proxy.Rule{{Action: proxy.Action{Forward: []proxy.Weighted{{Group: "g", Weight: 1}}}}}}},
		Groups:    []proxy.Group{{ID: "g", Targets: targets}},
	}
}

func guest(t testing.TB, name string) proxy.Target {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, name) }))
	t.Cleanup(s.Close)
	return proxy.Target{ID: name, Addr: s.Listener.Addr().String(), Healthy: true}
}

func answers(t *testing.T, url string, n int) map[string]int {
	t.Helper()
	seen := map[string]int{}
	for range n {
		r, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(r.Body)
		r.Body.Close()
		seen[string(b)]++
	}
	return seen
}

func TestWhoGetsRequests(t *testing.T) {
	a, b := guest(t, "a"), guest(t, "b")
	sick := func(t proxy.Target) proxy.Target { t.Healthy = false; return t }
	drain := func(t proxy.Target) proxy.Target { t.Draining = true; return t }
	for _, c := range []struct {
		name    string
		targets []proxy.Target
		want    string
	}{
		{"healthy targets take turns", []proxy.Target{a, b}, "map[a:4 b:4]"},
		{"an unhealthy target gets nothing", []proxy.Target{a, sick(b)}, "map[a:8]"},
		{"when all are unhealthy all get requests", []proxy.Target{sick(a), sick(b)}, "map[a:4 b:4]"},
		{"a draining target gets nothing, also when the rest is unhealthy", []proxy.Target{drain(a), sick(b)}, "map[b:8]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, url := serve(t, config(c.targets...), time.Now)
			if got := fmt.Sprint(answers(t, url, 8)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestLeastOutstandingAvoidsABusyTarget(t *testing.T) {
	hold, busy := make(chan struct{}), make(chan struct{}, 1)
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { busy <- struct{}{}; <-hold; io.WriteString(w, "slow") }))
	defer slow.Close()
	a := proxy.Target{ID: "slow", Addr: slow.Listener.Addr().String(), Healthy: true}
	c := config(a)
	c.Groups[0].Algorithm = proxy.LeastOutstanding
	b, url := serve(t, c, time.Now)
	go http.Get(url)
	<-busy
	c = config(a, guest(t, "idle"))
	c.Groups[0].Algorithm = proxy.LeastOutstanding
	b.Set(c)
	if got := answers(t, url, 10); got["idle"] != 10 {
		t.Errorf("got %v", got)
	}
	close(hold)
}

func TestATargetInSlowStartGetsLess(t *testing.T) {
	now := time.Now()
	a, b := guest(t, "old"), guest(t, "new")
	a.Since, b.Since = now.Add(-time.Hour), now.Add(-6*time.Second)
	c := config(a, b)
	c.Groups[0].SlowStart = time.Minute
	_, url := serve(t, c, func() time.Time { return now })
	if got := answers(t, url, 200); got["new"] < 3 || got["new"] > 50 { // a tenth of a share
		t.Errorf("got %v", got)
	}
}

func TestATargetThatIsGoneIsCutOff(t *testing.T) {
	begun := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		close(begun)
		<-r.Context().Done()
	}))
	defer s.Close()
	b, url := serve(t, config(proxy.Target{ID: "x", Addr: s.Listener.Addr().String(), Healthy: true}), time.Now)
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	<-begun
	b.Set(config())
	if _, err := io.ReadAll(r.Body); err == nil {
		t.Error("the answer ended as if it were whole")
	}
}

func TestInvalidHeaderFieldsAreDroppedOnlyWhenAsked(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, strings.Join(append(r.Header["Bad_name"], r.Header["Good-Name"]...), ","))
	}))
	defer s.Close()
	for drop, want := range map[bool]string{false: "1,2", true: "2"} {
		c := config(proxy.Target{ID: "x", Addr: s.Listener.Addr().String(), Healthy: true})
		c.DropInvalidFields = drop
		_, url := serve(t, c, time.Now)
		req, _ := http.NewRequest("GET", url, nil)
		req.Header["Bad_name"], req.Header["Good-Name"] = []string{"1"}, []string{"2"}
		r, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(r.Body)
		r.Body.Close()
		if string(b) != want {
			t.Errorf("dropping %v: the target saw %q", drop, b)
		}
	}
}

// BenchmarkThroughBalancer measures how many times longer a request takes
// through a balancer than straight to its target ("x-direct").
func BenchmarkThroughBalancer(b *testing.B) {
	payload := strings.Repeat("x", 4<<10)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, payload) }))
	defer s.Close()
	_, url := serve(b, config(proxy.Target{ID: "x", Addr: s.Listener.Addr().String(), Healthy: true}), time.Now)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	run := func(url string, n int) time.Duration {
		start, turns := time.Now(), make(chan struct{}, n)
		for range n {
			turns <- struct{}{}
		}
		close(turns)
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				for range turns {
					r, err := client.Get(url)
					if err != nil {
						b.Error(err)
						return
					}
					io.Copy(io.Discard, r.Body)
					r.Body.Close()
				}
			})
		}
		wg.Wait()
		return time.Since(start)
	}
	run(url, 100)
	run(s.URL, 100)
	b.ResetTimer()
	through := run(url, b.N)
	b.StopTimer()
	b.ReportMetric(float64(through)/float64(run(s.URL, b.N)), "x-direct")
}
