package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	shop "grocery/backend"
	"grocery/backend/auth"
	"grocery/backend/avatar"
	"grocery/backend/httpapi"
	"grocery/backend/payment"
	"grocery/backend/postgres"
	"grocery/backend/secret"
	"grocery/backend/telemetry"
	"grocery/internal/version"
)

// shutdownTime is how long the end may take, with the wait before it: less than the load
// balancer's deregistration delay of 30 s.
const shutdownTime = 20 * time.Second

// hashesAtOnce is how many passwords are worked on at a time. Each takes 19 MiB, of the
// 64 MiB that the server is to get by with, and a core, of two.
const hashesAtOnce = 1

// hashesWaiting is how many may wait for that: less than half of the time a request has.
const hashesWaiting = 200

// Main is the whole program apart from flags and signals; tests start it too.
type Main struct {
	config Config
	log    *slog.Logger

	db       *postgres.DB
	api      *httpapi.Server
	server   *http.Server
	listener net.Listener
	failed   chan error

	stopSweep   context.CancelFunc
	swept       sync.WaitGroup
	traces      *telemetry.Traces // nil without a collector
	metrics     *http.Server      // nil without an address
	metricsAddr string
}

// NewMain returns the program, not started yet.
func NewMain(c Config, log *slog.Logger) *Main {
	return &Main{config: c, log: log, failed: make(chan error, 1)}
}

// Run starts the server and returns once it listens. The database need not be there:
// until it is, /health answers and everything else says that the shop is away.
func (m *Main) Run(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			m.Close()
		}
	}()
	tokens, err := auth.NewTokens(m.config.JWTSecret, nil)
	if err != nil {
		return err
	}
	dbConfig := postgres.Config{
		Host: m.config.DBHost, Port: m.config.DBPort, Name: m.config.DBName,
		User: m.config.DBUser, Password: m.config.DBPassword, ReplicaHost: m.config.DBReplicaHost,
		SSLMode: m.config.DBSSLMode, SSLRootCert: m.config.DBSSLRootCert, Log: m.log,
	}
	if m.config.DBSecretID != "" {
		if dbConfig.Login, err = secret.Open(ctx, m.config.AWSRegion, m.config.DBSecretID); err != nil {
			return err
		}
	}
	observer := &telemetry.Observer{}
	if m.config.Traces != "" {
		if m.traces, err = telemetry.NewTraces(ctx, m.config.Traces, cmp.Or(m.config.Version, version.String()), m.log); err != nil {
			return err
		}
		observer.Traces, dbConfig.Tracer = m.traces, m.traces
	}
	if m.db, err = postgres.Open(dbConfig); err != nil {
		return err
	}
	if m.config.Metrics != "" {
		observer.Metrics = telemetry.NewMetrics(m.pools)
		if err := m.serveMetrics(observer.Metrics.Handler()); err != nil {
			return err
		}
	}
	avatars, err := m.avatars(ctx)
	if err != nil {
		return err
	}
	var cards shop.PaymentProvider
	if m.config.PaymentProvider == "test" {
		cards = &payment.Test{Store: m.db}
		m.log.WarnContext(ctx, "cards are tests: NO MONEY IS TAKEN (PAYMENT_PROVIDER=test)")
	}
	m.api = httpapi.New(httpapi.Config{
		Version:     cmp.Or(m.config.Version, version.String()),
		CORSOrigins: m.config.CORSOrigins,
		Log:         m.log,
		Database:    m.db, Users: m.db, Sessions: m.db, Catalogue: m.db, Baskets: m.db,
		Favourites: m.db, Orders: m.db, Payments: cards, Reviews: m.db, Search: m.db,
		Tokens: tokens,
		Hasher: auth.NewHasher(hashesAtOnce, hashesWaiting), Avatars: avatars,
		Observer: observer,
	})
	m.server = &http.Server{
		Handler:           m.api,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       20 * time.Second,
		WriteTimeout:      40 * time.Second,
		IdleTimeout:       75 * time.Second, // more than the load balancer's 60 s, which must be the one to hang up
		MaxHeaderBytes:    16 << 10,
		ConnState:         answered,
		ErrorLog:          slog.NewLogLogger(m.log.Handler(), slog.LevelWarn),
	}
	if m.listener, err = net.Listen("tcp", m.config.Addr); err != nil {
		return fmt.Errorf("listen on GROCERY_ADDR %s: %w", m.config.Addr, err)
	}
	sweeping, stop := context.WithCancel(context.WithoutCancel(ctx))
	m.stopSweep = stop
	m.swept.Go(func() { m.sweep(sweeping) })
	go func() {
		if err := m.server.Serve(wholeAnswers{m.listener}); !errors.Is(err, http.ErrServerClosed) {
			m.failed <- err
		}
	}()
	m.log.InfoContext(ctx, "listening", "addr", m.listener.Addr().String(), "version", cmp.Or(m.config.Version, version.String()))
	return nil
}

// avatars returns the store of users' pictures, nil when there is none.
func (m *Main) avatars(ctx context.Context) (avatar.Store, error) {
	switch {
	case m.config.AvatarDir != "":
		return avatar.OpenFolder(m.config.AvatarDir)
	case m.config.S3Bucket != "" && m.traces != nil:
		return avatar.OpenBucket(ctx, m.config.AWSRegion, m.config.S3Bucket, &http.Client{Transport: m.traces.Transport(http.DefaultTransport)})
	case m.config.S3Bucket != "":
		return avatar.OpenBucket(ctx, m.config.AWSRegion, m.config.S3Bucket, nil)
	}
	return nil, nil
}

// Failed delivers the error of a server that stopped by itself.
func (m *Main) Failed() <-chan error { return m.failed }

// URL returns where the server listens, such as http://127.0.0.1:5000.
func (m *Main) URL() string {
	port := m.listener.Addr().(*net.TCPAddr).Port
	return fmt.Sprintf("http://127.0.0.1:%d", port)
}

// Close ends everything. /ready refuses from then on and connections are closed after
// their answer, while new ones are still served for the configured time, in which load
// balancers notice; then running requests may finish. All of it takes at most 20 s.
func (m *Main) Close() error {
	var err error
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	if m.api != nil {
		m.api.Closing()
	}
	if m.server != nil {
		m.server.SetKeepAlivesEnabled(false)
		if m.listener != nil {
			time.Sleep(min(m.config.Drain, shutdownTime/2))
		}
		if err = m.server.Shutdown(ctx); err != nil {
			err = errors.Join(err, m.server.Close())
		}
	}
	if m.stopSweep != nil {
		m.stopSweep()
		m.swept.Wait()
	}
	if m.metrics != nil {
		err = errors.Join(err, m.metrics.Close())
	}
	if m.db != nil {
		m.db.Close()
	}
	if m.traces != nil {
		if lost := m.traces.Close(ctx); lost != nil { // of no consequence for the shop
			m.log.Warn("spans are lost", "error", lost)
		}
	}
	return err
}
