package main_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"

	main "grocery/cmd/grocery-api"
)

// TestAnswersOfEverySizeArriveWhole asks for bodies around multiples of net/http's buffer:
// answers that end with a full buffer are among them, and none may wait for more.
func TestAnswersOfEverySizeArriveWhole(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	want := bytes.Repeat([]byte("whole answers "), 1000)
	server := main.Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		size, _ := strconv.Atoi(r.URL.Query().Get("size"))
		w.Header().Set("Content-Length", strconv.Itoa(size))
		if r.URL.Query().Has("parts") { // as many small writes
			for part := want[:size]; len(part) > 0; part = part[min(100, len(part)):] {
				w.Write(part[:min(100, len(part))])
			}
			return
		}
		w.Write(want[:size])
	}), main.WholeAnswers{Listener: listener})
	defer server.Close()
	client := &http.Client{Timeout: 5 * time.Second}
	for _, query := range []string{"", "&parts"} {
		for _, last := range []bool{false, true} { // the connection is kept, or closed after the answer
			step := 1
			if last {
				step = 7
			}
			for _, end := range []int{4096, 8192, 12288} {
				for size := end - 250; size < end+20; size += step {
					req, _ := http.NewRequest(http.MethodGet, "http://"+listener.Addr().String()+"/?size="+strconv.Itoa(size)+query, nil)
					req.Close = last
					resp, err := client.Do(req)
					if err != nil {
						t.Fatalf("%d bytes%s: %v", size, query, err)
					}
					got, err := io.ReadAll(resp.Body)
					resp.Body.Close()
					if err != nil || !bytes.Equal(got, want[:size]) {
						t.Fatalf("%d bytes%s: %d arrived, %v", size, query, len(got), err)
					}
				}
			}
		}
	}
}

// TestAClientIsToldToGoOn sends a body that waits for the server's leave.
func TestAClientIsToldToGoOn(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := main.Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }), main.WholeAnswers{Listener: listener})
	defer server.Close()
	req, _ := http.NewRequest(http.MethodPost, "http://"+listener.Addr().String(), bytes.NewReader(make([]byte, 4096)))
	req.Header.Set("Expect", "100-continue")
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{ExpectContinueTimeout: time.Minute}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, err := io.ReadAll(resp.Body); err != nil || len(got) != 4096 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}
