package postgres

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Sizes and times of the pools.
const (
	maxConns         = 10
	connectTimeout   = 3 * time.Second
	replicaTimeout   = 2 * time.Second // for one read, before the primary is asked
	statementTimeout = 10 * time.Second
	probeInterval    = 2 * time.Second
)

// Config says where the database is and how it is reached.
type Config struct {
	Host        string
	Port        string // 5432 when empty
	Name        string
	User        string
	Password    string
	ReplicaHost string          // optional; same port, name and login
	SSLMode     string          // libpq's words; verify-full when empty
	SSLRootCert string          // file with the authorities to trust; the system's when empty
	Login       LoginSource     // optional; asked when the login above is refused
	Tracer      pgx.QueryTracer // optional; told of each query
	Log         *slog.Logger
	// Now is the clock that ages are told by, for tests; nil means the real one.
	Now func() time.Time
}

// LoginSource returns the database login at a stage of its rotation: AWSCURRENT or
// AWSPREVIOUS.
type LoginSource interface {
	Read(ctx context.Context, stage string) (username, password string, err error)
}

// poolConfig returns the settings of a pool to one host. The password is not part
// of any string that could be printed.
func (c Config) poolConfig(host string) (*pgxpool.Config, error) {
	dsn := dsn(
		"host", host,
		"port", cmp.Or(c.Port, "5432"),
		"dbname", c.Name,
		"user", c.User,
		"sslmode", cmp.Or(c.SSLMode, "verify-full"),
		"sslrootcert", c.SSLRootCert,
		"application_name", "grocery-api",
	)
	cfg, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("database settings (DB_HOST, DB_PORT, DB_NAME, DB_USER, DB_SSLMODE, DB_SSLROOTCERT): %w", err)
	}
	cfg.MaxConns = maxConns
	cfg.MaxConnLifetime = 30 * time.Minute
	cfg.MaxConnLifetimeJitter = 5 * time.Minute
	cfg.MaxConnIdleTime = 5 * time.Minute
	cfg.HealthCheckPeriod = 15 * time.Second
	cfg.ConnConfig.ConnectTimeout = connectTimeout
	cfg.ConnConfig.Password = c.Password
	cfg.ConnConfig.Tracer = c.Tracer
	cfg.ConnConfig.RuntimeParams["statement_timeout"] = fmt.Sprint(statementTimeout.Milliseconds())
	cfg.ConnConfig.RuntimeParams["idle_in_transaction_session_timeout"] = "30000"
	cfg.ConnConfig.RuntimeParams["timezone"] = "UTC"
	return cfg, nil
}

// dsn writes pairs of keyword and value in libpq's notation, leaving out the empty.
func dsn(pairs ...string) string {
	var b strings.Builder
	quote := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			fmt.Fprintf(&b, "%s='%s' ", pairs[i], quote.Replace(pairs[i+1]))
		}
	}
	return strings.TrimSpace(b.String())
}
