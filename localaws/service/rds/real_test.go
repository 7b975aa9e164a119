//go:build linux

package rds_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"grocery/localaws/names"
	"grocery/localaws/runtime/linux"
	"grocery/localaws/store"
)

// newRealWorld makes a cloud with real containers, or skips the test where
// there is no engine or no image.
func newRealWorld(t *testing.T) (*world, *linux.Runtime, string) {
	t.Helper()
	if testing.Short() {
		t.Skip("real containers take their time")
	}
	cloud := "rdstest"
	rt, err := linux.New(linux.Options{Cloud: cloud})
	if err != nil {
		t.Fatal(err)
	}
	if err := rt.Check(t.Context()); err != nil {
		t.Skip(err)
	}
	if _, err := rt.ImageID(t.Context(), "grocery/postgres"); err != nil {
		t.Skip("the database image is missing: set-up builds it")
	}
	if err := rt.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if os.Getenv("KEEP") == "" {
			rt.Purge(context.Background())
		}
		rt.Close()
	})
	st, err := store.Open(t.TempDir() + "/store.db")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return newWorld(t, rt, false, st), rt, cloud
}

// login connects as a customer does: over TLS, with the certificate checked
// against the endpoint's name.
func (w *world) login(t *testing.T, rt *linux.Runtime, i types.DBInstance, password, sslmode string) (*pgx.Conn, error) {
	t.Helper()
	c, err := pgx.ParseConfig("sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	c.Host, c.Port, c.User, c.Password, c.Database, c.ConnectTimeout = *i.Endpoint.Address, uint16(*i.Endpoint.Port), "grocery", password, "grocery", 5*time.Second
	if sslmode != "disable" {
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(w.ca.PEM())
		c.TLSConfig = &tls.Config{RootCAs: roots, ServerName: *i.Endpoint.Address}
	}
	var addrs []netip.Addr
	if err := w.store.View(func(tx store.Tx) error { addrs, _ = names.Lookup(tx, w.vpc, *i.Endpoint.Address); return nil }); err != nil || len(addrs) != 1 {
		t.Fatalf("the endpoint's name has the addresses %v, %v", addrs, err)
	}
	c.LookupFunc = func(context.Context, string) ([]string, error) { return []string{addrs[0].String()}, nil }
	c.DialFunc = func(ctx context.Context, _, address string) (net.Conn, error) {
		return rt.HostProbe(ctx, w.vpc, "tcp", address)
	}
	return pgx.ConnectConfig(t.Context(), c)
}

func (w *world) mustLogin(t *testing.T, rt *linux.Runtime, i types.DBInstance, password string) *pgx.Conn {
	t.Helper()
	db, err := w.login(t, rt, i, password, "verify-full")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close(context.Background()) })
	return db
}

func scan[T any](t *testing.T, db *pgx.Conn, query string) (v T) {
	t.Helper()
	if err := db.QueryRow(t.Context(), query).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

func TestADatabaseLivesThroughWhatHappensToDatabases(t *testing.T) {
	w, rt, cloud := newRealWorld(t)
	began := time.Now()
	w.create(t, "main", nil)
	main := w.available(t, "main")
	t.Logf("available after %s", time.Since(began))
	db := w.mustLogin(t, rt, main, "first-password")

	if scan[bool](t, db, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") || !scan[bool](t, db, "SELECT pg_has_role('rds_superuser', 'MEMBER')") {
		t.Error("the master user is not what it is on AWS")
	}
	if _, err := w.login(t, rt, main, "first-password", "disable"); err == nil || !strings.Contains(err.Error(), "no encryption") {
		t.Errorf("a login without TLS: %v", err)
	}
	if _, err := db.Exec(t.Context(), "CREATE TABLE t (x int); INSERT INTO t VALUES (1)"); err != nil {
		t.Fatal(err)
	}

	began = time.Now()
	if _, err := w.CreateDBInstanceReadReplica(t.Context(), &sdk.CreateDBInstanceReadReplicaInput{DBInstanceIdentifier: new("replica"), SourceDBInstanceIdentifier: new("main"), VpcSecurityGroupIds: []string{w.group}}); err != nil {
		t.Fatal(err)
	}
	replica := w.available(t, "replica")
	t.Logf("replica available after %s", time.Since(began))
	if *replica.AvailabilityZone == *main.AvailabilityZone {
		t.Error("the replica is in its source's zone")
	}
	read := w.mustLogin(t, rt, replica, "first-password")
	if _, err := db.Exec(t.Context(), "INSERT INTO t VALUES (2)"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the row written on the primary is on the replica", func() bool { return scan[int](t, read, "SELECT count(*) FROM t") == 2 })
	var refused *pgconn.PgError
	if _, err := read.Exec(t.Context(), "INSERT INTO t VALUES (3)"); err == nil {
		t.Error("the replica takes writes")
	} else if _ = refused; !strings.Contains(err.Error(), "read-only") {
		t.Error(err)
	}

	if _, err := w.ModifyDBInstance(t.Context(), &sdk.ModifyDBInstanceInput{DBInstanceIdentifier: new("main"), MasterUserPassword: new("second-password"), ApplyImmediately: new(true)}); err != nil {
		t.Fatal(err)
	}
	w.available(t, "main")
	w.mustLogin(t, rt, main, "second-password")
	if _, err := w.login(t, rt, main, "first-password", "verify-full"); err == nil {
		t.Error("the old password still opens the database")
	}
	if scan[int](t, db, "SELECT count(*) FROM t") != 2 {
		t.Error("the change of the password broke a session")
	}

	kill(t, cloud, "main", main)
	w.until(t, "main", "seen to be down", func(i types.DBInstance) bool { return *i.DBInstanceStatus != "available" })
	main = w.available(t, "main")
	db = w.mustLogin(t, rt, main, "second-password")
	if _, err := db.Exec(t.Context(), "INSERT INTO t VALUES (4)"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the replica follows the primary that came back", func() bool { return scan[int](t, read, "SELECT count(*) FROM t") == 3 })

	if _, err := w.CreateDBSnapshot(t.Context(), &sdk.CreateDBSnapshotInput{DBInstanceIdentifier: new("main"), DBSnapshotIdentifier: new("kept")}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the snapshot is available", func() bool {
		out, err := w.DescribeDBSnapshots(t.Context(), &sdk.DescribeDBSnapshotsInput{DBSnapshotIdentifier: new("kept")})
		return err == nil && *out.DBSnapshots[0].Status == "available"
	})

	if _, err := w.PromoteReadReplica(t.Context(), &sdk.PromoteReadReplicaInput{DBInstanceIdentifier: new("replica")}); err != nil {
		t.Fatal(err)
	}
	w.until(t, "replica", "promoted", func(i types.DBInstance) bool {
		return *i.DBInstanceStatus == "available" && i.ReadReplicaSourceDBInstanceIdentifier == nil
	})
	if _, err := read.Exec(t.Context(), "INSERT INTO t VALUES (5)"); err != nil {
		t.Errorf("a promoted replica: %v", err)
	}
	eventually(t, "the primary dropped the promoted replica's slot", func() bool { return scan[int](t, db, "SELECT count(*) FROM pg_replication_slots") == 0 })

	for _, id := range []string{"replica", "main"} {
		if _, err := w.DeleteDBInstance(t.Context(), &sdk.DeleteDBInstanceInput{DBInstanceIdentifier: &id, SkipFinalSnapshot: new(true)}); err != nil {
			t.Fatal(err)
		}
	}
	w.gone(t, "replica")
	w.gone(t, "main")

	if _, err := w.RestoreDBInstanceFromDBSnapshot(t.Context(), &sdk.RestoreDBInstanceFromDBSnapshotInput{DBInstanceIdentifier: new("restored"), DBSnapshotIdentifier: new("kept"), DBSubnetGroupName: new("private"), VpcSecurityGroupIds: []string{w.group}}); err != nil {
		t.Fatal(err)
	}
	restored := w.available(t, "restored")
	if n := scan[int](t, w.mustLogin(t, rt, restored, "second-password"), "SELECT count(*) FROM t"); n != 3 {
		t.Errorf("the restored database has %d rows", n)
	}
	if _, err := w.DeleteDBInstance(t.Context(), &sdk.DeleteDBInstanceInput{DBInstanceIdentifier: new("restored"), SkipFinalSnapshot: new(true)}); err != nil {
		t.Fatal(err)
	}
	w.gone(t, "restored")
	if _, err := w.DeleteDBSnapshot(t.Context(), &sdk.DeleteDBSnapshotInput{DBSnapshotIdentifier: new("kept")}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "nothing of the databases is left", func() bool {
		all, err := rt.ListContainers(t.Context())
		volumes, err2 := exec.Command("docker", "volume", "ls", "-q", "--filter", "name="+cloud).Output()
		return err == nil && err2 == nil && len(all) == 0 && len(volumes) == 0
	})
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(45 * time.Second); !ok(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

// kill ends the main process of an instance's container as a power cut would.
func kill(t *testing.T, cloud, id string, i types.DBInstance) {
	t.Helper()
	names, err := exec.Command("docker", "ps", "-q", "--filter", "name="+cloud+".*"+strings.ToLower(*i.DbiResourceId)).Output()
	if err != nil || len(strings.Fields(string(names))) != 1 {
		t.Fatalf("container of %s: %q, %v", id, names, err)
	}
	if out, err := exec.Command("docker", "kill", "-s", "KILL", strings.TrimSpace(string(names))).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
}
