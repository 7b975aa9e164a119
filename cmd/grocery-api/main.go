// Command grocery-api is the shop's backend server.
//
// It reads its settings from the environment (see Config), writes its log as JSON
// lines to standard error and ends on SIGTERM or SIGINT after finishing the requests
// it has. Exit codes: 0 ended as asked, 1 failed while running, 2 wrong settings.
//
//	grocery-api            serve
//	grocery-api -check     ask the server on this host's GROCERY_ADDR for its health; 0 or 1
//	grocery-api -version   print the version
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"grocery/internal/logging"
	"grocery/internal/version"
)

func main() {
	check := flag.Bool("check", false, "ask the running server for its health")
	showVersion := flag.Bool("version", false, "print the version")
	flag.Parse()
	switch {
	case flag.NArg() > 0:
		fmt.Fprintf(os.Stderr, "grocery-api: unexpected argument %q\n", flag.Arg(0))
		os.Exit(2)
	case *showVersion:
		fmt.Println(cmp.Or(os.Getenv("GROCERY_VERSION"), version.String()))
	case *check:
		if err := CheckHealth(os.Stdout, cmp.Or(os.Getenv("GROCERY_ADDR"), ":5000")); err != nil {
			fmt.Fprintln(os.Stderr, "grocery-api:", err)
			os.Exit(1)
		}
	default:
		os.Exit(serve())
	}
}

// How the collector works unless GOMEMLIMIT and GOGC say otherwise: seldom, as most of what
// it would look at is there to stay, and so that the program's own memory stays below the
// limit, in bytes. With the program's text it makes less than 64 MiB.
const (
	memoryLimit = 40 << 20
	gcPercent   = 400
)

func serve() int {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	config, err := ConfigFromEnv(os.Getenv)
	if err != nil {
		fmt.Fprintln(os.Stderr, "grocery-api:", err)
		return 2
	}
	lines := logging.NewBackground(os.Stderr)
	defer lines.Close()
	log := logging.New(lines, logging.ParseLevel(config.LogLevel))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	m := NewMain(config, log)
	if err := m.Run(ctx); err != nil {
		log.Error("cannot start", "error", err)
		return 2
	}
	code := 0
	select {
	case <-ctx.Done():
		log.Info("shutting down")
	case err := <-m.Failed():
		log.Error("server failed", "error", err)
		code = 1
	}
	stop() // a second signal ends the process at once
	if err := m.Close(); err != nil {
		log.Error("shutdown", "error", err)
		code = 1
	}
	return code
}

// CheckHealth asks the server listening on addr, on this host, for /health and copies
// the answer to w.
func CheckHealth(w io.Writer, addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("GROCERY_ADDR: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	client := http.Client{Timeout: 3 * time.Second}
	resp, err := client.Get("http://" + net.JoinHostPort(host, port) + "/health")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("/health answers %s", resp.Status)
	}
	_, err = io.Copy(w, io.LimitReader(resp.Body, 4096))
	return err
}
