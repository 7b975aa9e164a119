package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// pool is a connection pool that learns a new login when the one it has is refused.
type pool struct {
	*pgxpool.Pool
	source LoginSource
	log    *slog.Logger

	mu       sync.Mutex // guards the fields below
	user     string
	password string

	relogin   chan struct{} // holds one token: one relogin at a time
	relogedIn time.Time
	lastErr   error
}

// reloginPause is how long a failed search for a login is believed.
const reloginPause = time.Second

func newPool(ctx context.Context, c Config, host string) (*pool, error) {
	cfg, err := c.poolConfig(host)
	if err != nil {
		return nil, err
	}
	p := &pool{source: c.Login, log: c.Log, user: c.User, password: c.Password, relogin: make(chan struct{}, 1)}
	cfg.BeforeConnect = func(_ context.Context, cc *pgx.ConnConfig) error {
		cc.User, cc.Password = p.login()
		return nil
	}
	p.Pool, err = pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("database settings: %w", err)
	}
	return p, nil
}

func (p *pool) login() (user, password string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.user, p.password
}

// acquire returns a connection. When the database refuses the login and there is a
// source of newer ones, the login is renewed first.
func (p *pool) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	asked := time.Now()
	conn, err := p.Acquire(ctx)
	if err == nil || p.source == nil || !IsLoginRefused(err) {
		return conn, err
	}
	if err := p.renewLogin(ctx, asked, err); err != nil {
		return nil, err
	}
	return p.Acquire(ctx)
}

// renewLogin tries the logins of the source on the database and keeps the first
// that works. A renewal that another caller finished after asked is good enough.
func (p *pool) renewLogin(ctx context.Context, asked time.Time, refused error) error {
	select {
	case p.relogin <- struct{}{}:
		defer func() { <-p.relogin }()
	case <-ctx.Done():
		return errors.Join(refused, ctx.Err())
	}
	if p.relogedIn.After(asked) {
		return nil
	}
	if p.lastErr != nil && time.Since(p.relogedIn) < reloginPause {
		return p.lastErr
	}
	var errs error
	for _, stage := range []string{"AWSCURRENT", "AWSPREVIOUS"} {
		user, password, err := p.source.Read(ctx, stage)
		if err == nil {
			err = p.tryLogin(ctx, user, password)
		}
		if err == nil {
			p.log.InfoContext(ctx, "database login renewed", "stage", stage)
			p.relogedIn, p.lastErr = time.Now(), nil
			return nil
		}
		errs = errors.Join(errs, err)
		if !IsLoginRefused(err) && user != "" {
			break // the database went away meanwhile
		}
	}
	p.lastErr = fmt.Errorf("no login of the secret is accepted by the database: %w", errors.Join(refused, errs))
	p.relogedIn = time.Now()
	return p.lastErr
}

func (p *pool) tryLogin(ctx context.Context, user, password string) error {
	cc := p.Config().ConnConfig.Copy()
	if user == "" {
		user = cc.User
	}
	cc.User, cc.Password = user, password
	conn, err := pgx.ConnectConfig(ctx, cc)
	if err != nil {
		return err
	}
	conn.Close(ctx)
	p.mu.Lock()
	p.user, p.password = user, password
	p.mu.Unlock()
	return nil
}

// IsLoginRefused reports whether a server turned the login down: SQLSTATE class
// 28, https://www.postgresql.org/docs/15/errcodes-appendix.html
func IsLoginRefused(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pg.Code == "28P01" || pg.Code == "28000")
}
