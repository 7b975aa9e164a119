package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Connect returns one connection of the caller's own to the primary, for work that
// takes longer than a request. Of the logins of c.Login, when there is one, it uses
// the first that the database accepts; otherwise c.User and c.Password. Statements
// have no time limit but the context's.
func Connect(ctx context.Context, c Config, application string) (*pgx.Conn, error) {
	settings, err := pgx.ParseConfig(dsn(
		"host", c.Host,
		"port", cmp.Or(c.Port, "5432"),
		"dbname", c.Name,
		"user", cmp.Or(c.User, "postgres"),
		"sslmode", cmp.Or(c.SSLMode, "verify-full"),
		"sslrootcert", c.SSLRootCert,
		"application_name", application,
	))
	if err != nil {
		return nil, fmt.Errorf("database settings (DB_HOST, DB_PORT, DB_NAME, DB_SSLMODE, DB_SSLROOTCERT): %w", err)
	}
	settings.ConnectTimeout = connectTimeout
	settings.RuntimeParams["timezone"] = "UTC"
	if c.Login == nil {
		settings.Password = c.Password
		return pgx.ConnectConfig(ctx, settings)
	}
	var refused error
	for _, stage := range []string{"AWSCURRENT", "AWSPREVIOUS"} {
		user, password, err := c.Login.Read(ctx, stage)
		if err != nil {
			return nil, errors.Join(refused, err)
		}
		attempt := settings.Copy()
		attempt.User, attempt.Password = cmp.Or(user, settings.User), password
		conn, err := pgx.ConnectConfig(ctx, attempt)
		if err == nil || !IsLoginRefused(err) {
			return conn, err
		}
		refused = errors.Join(refused, err)
	}
	return nil, fmt.Errorf("no login of the secret is accepted by the database: %w", refused)
}
