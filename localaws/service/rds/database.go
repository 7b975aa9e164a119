package rds

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"grocery/localaws/store"
)

// connect logs in to an instance's server over TLS as the service's own role,
// at the address customers use.
func (s *Service) connect(ctx context.Context, i *instance) (*pgx.Conn, error) {
	admin, err := s.d.Key.Open(i.Admin, adminPlace)
	if err != nil {
		return nil, err
	}
	c, err := pgx.ParseConfig("sslmode=disable")
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.d.CA)
	port := i.Port
	if i.PortInForce != 0 {
		port = i.PortInForce
	}
	c.Host, c.Port, c.User, c.Password, c.Database = i.endpoint(), uint16(port), adminRole, string(admin), "postgres"
	c.TLSConfig = &tls.Config{RootCAs: roots, ServerName: i.endpoint(), MinVersion: tls.VersionTLS12}
	c.ConnectTimeout = 5 * time.Second
	c.RuntimeParams = map[string]string{"application_name": "rds"}
	c.LookupFunc = func(context.Context, string) ([]string, error) { return []string{i.Addr.String()}, nil }
	c.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		return s.d.Runtime.HostProbe(ctx, i.VPC, "tcp", netip.AddrPortFrom(i.Addr, uint16(port)).String())
	}
	return pgx.ConnectConfig(ctx, c)
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// bootstrap makes the roles and the first database of a new instance. It may
// be repeated.
func (s *Service) bootstrap(ctx context.Context, db *pgx.Conn, i *instance) error {
	admin, err := s.d.Key.Open(i.Admin, adminPlace)
	if err != nil {
		return err
	}
	var sql strings.Builder
	role := func(name, options string) {
		fmt.Fprintf(&sql, "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = %s) THEN CREATE ROLE %s; END IF; END $$;\nALTER ROLE %s %s;\n", literal(name), quote(name), quote(name), options)
	}
	// The master user is no superuser on RDS: it administers through a role.
	// See https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.PostgreSQL.CommonDBATasks.Roles.rds_superuser.html.
	role("rds_superuser", "NOLOGIN")
	sql.WriteString("GRANT pg_monitor, pg_signal_backend, pg_checkpoint, pg_read_all_data, pg_write_all_data TO rds_superuser WITH ADMIN OPTION;\n")
	role("rds_replication", "NOLOGIN")
	role(replicationRole, "LOGIN REPLICATION PASSWORD "+literal(verifier(string(admin))))
	role(i.User, "LOGIN CREATEDB CREATEROLE PASSWORD "+literal(i.Verifier))
	fmt.Fprintf(&sql, "GRANT rds_superuser TO %s WITH ADMIN OPTION;\n", quote(i.User))
	fmt.Fprintf(&sql, "ALTER DATABASE postgres OWNER TO %s;\n", quote(i.User))
	if _, err := db.Exec(ctx, sql.String()); err != nil {
		return fmt.Errorf("make the roles: %w", err)
	}
	if i.DBName == "" {
		return nil
	}
	var there bool
	if err := db.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", i.DBName).Scan(&there); err != nil || there {
		return err
	}
	if _, err := db.Exec(ctx, "CREATE DATABASE "+quote(i.DBName)+" OWNER "+quote(i.User)); err != nil {
		return fmt.Errorf("make the database %s: %w", i.DBName, err)
	}
	return nil
}

// streaming reports whether a replica receives its source's log.
func streaming(ctx context.Context, db *pgx.Conn) (ok bool, err error) {
	return ok, db.QueryRow(ctx, "SELECT pg_is_in_recovery() AND EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming')").Scan(&ok)
}

// wantedSlots are the replication slots that the replicas of i need.
func (s *Service) wantedSlots(i *instance) (all []string, err error) {
	return all, s.d.Store.View(func(tx store.Tx) error {
		for _, r := range replicas(tx, i) {
			if !r.Delete || r.Ready {
				all = append(all, r.slot())
			}
		}
		slices.Sort(all)
		return nil
	})
}

// setSlots makes the replication slots that are wanted and drops ours that are
// not, so that a replica that is gone does not hold back the log.
func setSlots(ctx context.Context, db *pgx.Conn, wanted []string) error {
	rows, err := db.Query(ctx, "SELECT slot_name, coalesce(active_pid, 0) FROM pg_replication_slots WHERE slot_type = 'physical' AND slot_name LIKE 'rds\\_%'")
	if err != nil {
		return err
	}
	type slot struct {
		Name string
		PID  int
	}
	have, err := pgx.CollectRows(rows, pgx.RowToStructByPos[slot])
	if err != nil {
		return err
	}
	for _, x := range have {
		if slices.Contains(wanted, x.Name) {
			continue
		}
		if x.PID != 0 {
			if _, err := db.Exec(ctx, "SELECT pg_terminate_backend($1, 5000)", x.PID); err != nil {
				return err
			}
		}
		if _, err := db.Exec(ctx, "SELECT pg_drop_replication_slot($1)", x.Name); err != nil {
			return fmt.Errorf("drop the slot %s: %w", x.Name, err)
		}
	}
	for _, name := range wanted {
		if slices.ContainsFunc(have, func(x slot) bool { return x.Name == name }) {
			continue
		}
		if _, err := db.Exec(ctx, "SELECT pg_create_physical_replication_slot($1, true)", name); err != nil {
			return fmt.Errorf("make the slot %s: %w", name, err)
		}
	}
	return nil
}
