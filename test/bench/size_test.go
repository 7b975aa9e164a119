package bench

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"slices"
	"testing"
	"time"
)

// Limits of size and start.
const (
	maxResident = 64 << 20 // bytes
	maxImage    = 15_000_000
	maxStart    = 300 * time.Millisecond
)

// BenchmarkMemory holds the memory of a server that is asked for all it has: by most
// clients for goods, by some to search, by others to sign in. Pictures are left out: for
// one at a time the server may take what package avatar says.
func BenchmarkMemory(b *testing.B) {
	shop := startShop(b, database(b))
	c, err := dial(shop.addr)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	account := `{"username":"bench","email":"bench@example.com","password":"a password of theirs"}`
	if _, err := c.do(post("/api/v1/auth/register", account)); err != nil {
		b.Fatal(err)
	}
	loads := [][][]byte{
		{get("/api/products/all_products", "Accept-Encoding", "gzip")},
		{get("/api/products/all_products")},
		{get("/api/products/1"), get("/api/v1/products/2"), get("/api/v1/categories"), get("/api/v1/products/3/reviews")},
		{get("/api/v1/products?q=milk"), get("/api/v1/products?q=chocolade&sort=price"), get("/api/v1/products?limit=100")},
		{post("/api/v1/auth/login", account), post("/api/auth/login", account)},
	}
	for b.Loop() {
		begin := time.Now()
		crowd(b, shop, func(c *client, i int) error {
			load := loads[i%len(loads)]
			for n := 0; time.Since(begin) < 10*time.Second; n++ {
				if _, err := c.do(load[n%len(load)]); err != nil {
					return err
				}
			}
			return nil
		})
		most := shop.resident(b)
		b.ReportMetric(float64(most)/(1<<20), "MiB")
		atMost(b, float64(most)/maxResident, 1, "64MiB")
	}
}

// BenchmarkStart takes the time from the start of the process to the first success of
// /ready, on a database whose migrations are applied.
func BenchmarkStart(b *testing.B) {
	db := database(b)
	program(b)
	var times []time.Duration
	for b.Loop() {
		addr := freeAddr(b)
		p, took := start(b, shop(b, db, addr), addr, "/ready")
		p.stop()
		times = append(times, took)
	}
	b.ReportMetric(float64(slices.Max(times).Milliseconds()), "slowest-ms")
	middle := percentile(times, 50)
	b.ReportMetric(float64(middle.Milliseconds()), "ms")
	atMost(b, float64(middle)/float64(maxStart), 1, "300ms")
}

// BenchmarkImage takes the size of the backend's image, compressed as ops pushes it: it
// holds the program and nothing else (see backend/Dockerfile).
func BenchmarkImage(b *testing.B) {
	file := program(b)
	for b.Loop() {
		size, err := compressed(file)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(size)/1e6, "MB")
		atMost(b, float64(size)/maxImage, 1, "15MB")
	}
}

func compressed(file string) (size int64, err error) {
	f, err := os.Open(file)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	r, w := io.Pipe()
	go func() {
		z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
		_, err := io.Copy(z, f)
		if err == nil {
			err = z.Close()
		}
		w.CloseWithError(err)
	}()
	if size, err = io.Copy(io.Discard, r); err != nil {
		return 0, fmt.Errorf("compress %s: %w", file, err)
	}
	return size, nil
}
