package rds

import (
	_ "embed"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"grocery/localaws/runtime"
	"grocery/localaws/store"
)

// The network over which databases replicate and are backed up: the service's
// own, out of every customer's reach. The other half of 198.19.0.0/16 is Lambda's.
const internalNetwork = "rds"

var internalRange = netip.MustParsePrefix("198.19.0.0/17")

// The service's own roles: the superuser, and the one that replicates.
const (
	adminRole       = "rdsadmin"
	replicationRole = "rdsrepladmin"
)

var (
	//go:embed start.sh
	startScript []byte
	//go:embed snapshot.sh
	snapshotScript []byte
)

// configuration is postgresql.conf and pg_hba.conf for an instance.
func (i *instance) configuration(source *instance) (conf, hba string) {
	values := map[string]string{
		"listen_addresses": "*", "port": strconv.FormatInt(i.Port, 10), "unix_socket_directories": "/run/rds", "hba_file": "/etc/rds/pg_hba.conf",
		"ssl": "on", "ssl_cert_file": "/etc/rds/server.crt", "ssl_key_file": "/run/rds/server.key", "ssl_min_protocol_version": "TLSv1.2", "password_encryption": "scram-sha-256",
		"wal_level": "replica", "max_wal_senders": "20", "max_replication_slots": "20", "hot_standby": "on", "max_wal_size": "512MB", "checkpoint_timeout": "5min",
		"logging_collector": "on", "log_directory": "/rds/log", "log_filename": "postgresql.log.%Y-%m-%d-%H", "log_rotation_age": "60", "log_rotation_size": "0", "log_line_prefix": "%t:%r:%u@%d:[%p]:", "log_timezone": "UTC", "timezone": "UTC",
		"dynamic_shared_memory_type": "posix", "huge_pages": "off", "cluster_name": i.ID,
		"shared_buffers":  "LEAST({DBInstanceClassMemory/32768},16384)", // a quarter of the memory on AWS; here many instances share one machine
		"max_connections": "LEAST({DBInstanceClassMemory/9531392},5000)", "effective_cache_size": "{DBInstanceClassMemory/16384}", "maintenance_work_mem": "65536", "max_worker_processes": "8",
	}
	for name, v := range i.Params {
		if !strings.HasPrefix(name, "rds.") {
			values[strings.ToLower(name)] = v
		}
	}
	if i.Params["rds.logical_replication"] == "1" {
		values["wal_level"] = "logical"
	}
	c := classes[i.Class]
	for name, v := range values {
		if strings.ContainsAny(v, "{(") && name != "log_line_prefix" {
			if n, err := evaluate(v, c); err == nil {
				values[name] = strconv.FormatInt(n, 10)
			}
		}
	}
	if source != nil {
		theirs, _ := source.configuration(nil)
		// A standby must have at least its source's room for transactions.
		for _, name := range []string{"max_connections", "max_worker_processes", "max_prepared_transactions", "max_locks_per_transaction"} {
			have, err1 := strconv.Atoi(values[name])
			need, err2 := strconv.Atoi(valueIn(theirs, name))
			if err2 == nil && (err1 != nil || have < need) {
				values[name] = strconv.Itoa(need)
			}
		}
		values["primary_conninfo"], values["primary_slot_name"], values["hot_standby_feedback"] = conninfo(source, i.ID), i.slot(), "on"
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(values)) {
		fmt.Fprintf(&b, "%s = '%s'\n", name, strings.ReplaceAll(values[name], "'", "''"))
	}
	kind := "hostssl"
	if v, ok := i.Params["rds.force_ssl"]; ok && v == "0" {
		kind = "host"
	}
	hba = fmt.Sprintf("local all all reject\nhostssl replication %s %s scram-sha-256\nhost replication all all reject\nhostssl all %s all scram-sha-256\nhost all %s,%s all reject\n%s all all all scram-sha-256\n",
		replicationRole, internalRange, adminRole, adminRole, replicationRole, kind)
	return b.String(), hba
}

// valueIn reads one setting of a configuration.
func valueIn(conf, name string) string {
	for line := range strings.Lines(conf) {
		if rest, ok := strings.CutPrefix(line, name+" = '"); ok {
			return strings.TrimSuffix(rest, "'\n")
		}
	}
	return ""
}

// conninfo is how a replica or a backup reaches an instance: at its address in
// the service's network, under its own name and with its certificate checked.
func conninfo(to *instance, who string) string {
	return fmt.Sprintf("host=%s hostaddr=%s port=%d user=%s dbname=replication application_name=%s sslmode=verify-full sslrootcert=/etc/rds/ca.pem passfile=/run/rds/pgpass connect_timeout=5 keepalives_idle=10",
		to.endpoint(), to.Internal, to.Port, replicationRole, who)
}

// spec is the container of an instance.
func (s *Service) spec(i, source *instance) (runtime.ContainerSpec, error) {
	cert, key, err := s.d.Issue([]string{i.endpoint()})
	if err != nil {
		return runtime.ContainerSpec{}, fmt.Errorf("certificate of %s: %w", i.endpoint(), err)
	}
	admin, err := s.d.Key.Open(i.Admin, adminPlace)
	if err != nil {
		return runtime.ContainerSpec{}, err
	}
	conf, hba := i.configuration(source)
	spec := runtime.ContainerSpec{
		Name: i.container(), Image: s.d.Image, Hostname: i.ID, Entrypoint: []string{"/bin/sh", "/etc/rds/start.sh"}, StopSignal: "SIGINT", // a fast shutdown
		Volumes: map[string]string{"/rds": i.volume()}, MemoryBytes: classes[i.Class].MemoryMiB << 20, SharedBytes: 256 << 20, Env: []string{"SEED=empty"},
		Labels: map[string]string{"rds.instance": i.ID},
		Files: []runtime.File{
			{Path: "/etc/rds/start.sh", Mode: 0o755, Content: startScript},
			{Path: "/etc/rds/postgresql.conf", Mode: 0o644, Content: []byte(conf)},
			{Path: "/etc/rds/pg_hba.conf", Mode: 0o644, Content: []byte(hba)},
			{Path: "/etc/rds/server.crt", Mode: 0o644, Content: cert},
			{Path: "/etc/rds/server.key", Mode: 0o600, Content: key},
			{Path: "/etc/rds/ca.pem", Mode: 0o644, Content: s.d.CA},
			{Path: "/etc/rds/seed.sql", Mode: 0o600, Content: fmt.Appendf(nil, "ALTER ROLE %s PASSWORD '%s';\n", adminRole, verifier(string(admin)))},
		},
	}
	if source != nil {
		spec.Env = []string{"SEED=replica", "SOURCE=" + conninfo(source, i.ID), "SLOT=" + i.slot()}
		spec.Files = append(spec.Files, passfile(admin))
	}
	return spec, nil
}

func passfile(password []byte) runtime.File {
	return runtime.File{Path: "/etc/rds/pgpass", Mode: 0o600, Content: fmt.Appendf(nil, "*:*:*:%s:%s\n", replicationRole, password)}
}

// freeInternal picks an address of the service's network that nothing uses.
func freeInternal(tx store.Tx) (netip.Addr, error) {
	used := map[netip.Addr]bool{}
	for _, i := range instances.List(tx, "") {
		used[i.Internal] = true
	}
	for _, x := range snapshots.List(tx, "") {
		used[x.Internal] = true
	}
	a := internalRange.Addr()
	for range 9 { // the first ones are the network's own
		a = a.Next()
	}
	for a = a.Next(); internalRange.Contains(a); a = a.Next() {
		if !used[a] {
			return a, nil
		}
	}
	return a, fmt.Errorf("the network %s of the databases has no address left", internalRange)
}
