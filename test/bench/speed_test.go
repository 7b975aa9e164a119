package bench

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"grocery/backend/postgres"
)

// Limits of speed, against a peer.
const (
	leastOfNginx = 0.60
	leastOfBare  = 0.70
	mostOfP99    = 1.5
)

// Rounds that two servers take turns in. The median of their ratios counts, so that a
// round in which the machine had other things to do does not.
const (
	rounds    = 11
	roundTime = time.Second
)

// BenchmarkCatalogue compares GET /api/products/all_products with nginx that sends the
// same compressed bytes from disk, under the same headers.
func BenchmarkCatalogue(b *testing.B) {
	const path = "/api/products/all_products"
	shop := startShop(b, database(b))
	body, header := fetch(b, shop, path, "Accept-Encoding", "gzip")
	nginx := startNginx(b, path, body, header)
	requests := [][]byte{get(path, "Accept-Encoding", "gzip")}
	for b.Loop() {
		rate, ratio := compare(b, shop, nginx, requests)
		b.ReportMetric(rate, "requests/s")
		atLeast(b, ratio, leastOfNginx, "nginx")
	}
}

// BenchmarkProduct compares a product by id with a bare net/http handler that makes the
// same query and sends the same bytes: how many in a second, and how long it takes (p99)
// when half as many come.
func BenchmarkProduct(b *testing.B) {
	for _, api := range []struct {
		name, path string
		ask        func(context.Context, *postgres.DB) error
	}{
		{"legacy", "/api/products/", func(ctx context.Context, db *postgres.DB) error { _, err := db.CatalogueVersion(ctx); return err }},
		{"v1", "/api/v1/products/", func(ctx context.Context, db *postgres.DB) error { _, err := db.ProductByID(ctx, 1); return err }},
	} {
		b.Run(api.name, func(b *testing.B) {
			db := database(b)
			shop := startShop(b, db)
			bodies := map[int64][]byte{}
			var requests [][]byte
			for id := int64(1); id <= 40; id++ {
				path := fmt.Sprint(api.path, id)
				bodies[id], _ = fetch(b, shop, path)
				requests = append(requests, get(path))
			}
			bare := startBare(b, db, api.path+"{id}", api.ask, bodies)
			for b.Loop() {
				rate, ratio := compare(b, shop, bare, requests)
				b.ReportMetric(rate, "requests/s")
				atLeast(b, ratio, leastOfBare, "bare")

				// The slowest of a hundred differ much from round to round: many short ones.
				var ours, theirs []float64
				for range 3 * rounds {
					ours = append(ours, percentile(pace(b, shop, requests, rate/2, roundTime/2), 99).Seconds())
					theirs = append(theirs, percentile(pace(b, bare, requests, rate/2, roundTime/2), 99).Seconds())
				}
				b.ReportMetric(median(ours)*1000, "p99-ms")
				atMost(b, median(ours)/median(theirs), mostOfP99, "bare-p99")
			}
		})
	}
}

// compare lets two servers take turns under the same load. It returns how many requests
// a second the first answers, and how many times those of the second that is.
func compare(b *testing.B, ours, peer *process, requests [][]byte) (rate, ratio float64) {
	b.Helper()
	saturate(b, ours, requests, roundTime/3) // connections, caches, plans
	saturate(b, peer, requests, roundTime/3)
	var rates, ratios []float64
	for range rounds {
		r := saturate(b, ours, requests, roundTime)
		rates = append(rates, r)
		ratios = append(ratios, r/saturate(b, peer, requests, roundTime))
	}
	rate = median(rates)
	b.Logf("%.0f requests a second", rate)
	return rate, median(ratios)
}

// nginxConfig is that of Debian (a worker a core, sendfile), with the log of the page's
// image: one JSON object a line.
const nginxConfig = `
USER
worker_processes auto;
pid DIR/pid;
events { worker_connections 768; }
http {
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    log_format json escape=json '{"time":"$time_iso8601","request":"$request_id","client":"$remote_addr","method":"$request_method","path":"$uri","status":$status,"bytes":$body_bytes_sent,"seconds":$request_time}';
    access_log DIR/access.log json;
    client_body_temp_path DIR/body; proxy_temp_path DIR/proxy; fastcgi_temp_path DIR/fastcgi; uwsgi_temp_path DIR/uwsgi; scgi_temp_path DIR/scgi;
    default_type application/json;
    server {
        listen ADDR;
        root DIR/www;
        gzip_static on;
HEADERS
    }
}
`

// startNginx starts nginx, which answers GET path as the shop does, from a compressed file.
func startNginx(b *testing.B, path string, gzip []byte, header http.Header) *process {
	b.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/nginx"); err != nil {
			b.Skip("nginx, the peer, is not installed (Debian: apt-get install nginx-light)")
		}
	}
	if out, _ := exec.Command(program, "-V").CombinedOutput(); !bytes.Contains(out, []byte("http_gzip_static_module")) {
		b.Skipf("%s has no http_gzip_static_module (Debian's nginx-light has)", program)
	}
	dir, addr := filepath.Join(scratch, "nginx"), freeAddr(b)
	file := filepath.Join(dir, "www", path)
	user, headers := "", ""
	if os.Geteuid() == 0 {
		user = "user root;"
	}
	for name, values := range header {
		switch name {
		case "Content-Encoding", "Content-Length", "Content-Type", "Date", "Etag": // nginx has its own
			continue
		case "X-Request-Id":
			values = []string{"$request_id"}
		}
		for _, v := range values {
			headers += fmt.Sprintf("        add_header %s %q;\n", name, v)
		}
	}
	config := strings.NewReplacer("USER", user, "DIR", dir, "ADDR", addr, "HEADERS", headers).Replace(nginxConfig)
	for _, err := range []error{
		os.RemoveAll(dir), os.MkdirAll(filepath.Dir(file), 0o755),
		os.WriteFile(file, nil, 0o644), os.WriteFile(file+".gz", gzip, 0o644), os.WriteFile(filepath.Join(dir, "conf"), []byte(config), 0o644),
	} {
		if err != nil {
			b.Fatal(err)
		}
	}
	p, _ := start(b, exec.Command(program, "-p", dir, "-c", filepath.Join(dir, "conf"), "-e", "stderr", "-g", "daemon off;"), addr, path)
	sent, got := fetch(b, p, path, "Accept-Encoding", "gzip")
	if !bytes.Equal(sent, gzip) {
		b.Fatalf("nginx sends %d other bytes", len(sent))
	}
	for name := range header {
		if got.Get(name) == "" {
			b.Fatalf("nginx does not send %s", name)
		}
	}
	return p
}

// atLeast reports a ratio to a peer and fails below the limit.
func atLeast(b *testing.B, ratio, limit float64, peer string) {
	b.Helper()
	report(b, ratio, limit, peer, ratio < limit, "at least")
}

// atMost reports a ratio to a peer and fails above the limit.
func atMost(b *testing.B, ratio, limit float64, peer string) {
	b.Helper()
	report(b, ratio, limit, peer, ratio > limit, "at most")
}

func report(b *testing.B, ratio, limit float64, peer string, missed bool, bound string) {
	b.Helper()
	b.ReportMetric(0, "ns/op") // says nothing
	b.ReportMetric(ratio, "x-"+peer)
	b.Logf("%.2f times %s, has to be %s %.2f", ratio, peer, bound, limit)
	if missed {
		b.Errorf("%.2f times %s misses the limit: %s %.2f", ratio, peer, bound, limit)
	}
}
