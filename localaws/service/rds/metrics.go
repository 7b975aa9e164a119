package rds

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"grocery/localaws/runtime"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	cw "grocery/localaws/wire/api/cloudwatchapi"
)

// reading is the last state of a container's meters.
type reading struct {
	of    time.Time // start of the container
	stats runtime.Stats
}

var readings sync.Map // container name -> reading; lost at a restart, as meters may be

// publish measures every running instance and sends the figures to CloudWatch.
// See https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-metrics.html.
func (s *Service) publish(ctx context.Context) error {
	var all []instance
	err := s.d.Store.View(func(tx store.Tx) error { all = instances.List(tx, ""); return nil })
	if err != nil || s.d.APIOnly {
		return err
	}
	errs := []error{s.backUp()}
	for _, i := range all {
		if !i.Ready || i.Stop || i.Delete {
			continue
		}
		if err := s.measure(ctx, &i); err != nil {
			errs = append(errs, fmt.Errorf("metrics of %s: %w", i.ID, err))
		}
	}
	return errors.Join(errs...)
}

func (s *Service) measure(ctx context.Context, i *instance) error {
	now := s.d.Clock.Now()
	var data []cw.MetricDatum
	add := func(name, unit string, value float64) {
		data = append(data, cw.MetricDatum{MetricName: &name, Unit: &unit, Value: &value, Timestamp: &now, Dimensions: []cw.Dimension{{Name: new("DBInstanceIdentifier"), Value: &i.ID}}})
	}
	st, err := s.d.Runtime.Stats(ctx, i.container())
	if err != nil {
		return err
	}
	add("FreeableMemory", "Bytes", float64(classes[i.Class].MemoryMiB<<20)-float64(st.MemoryBytes))
	box, err := s.d.Runtime.InspectContainer(ctx, i.container())
	if err != nil {
		return err
	}
	if v, ok := readings.Swap(i.container(), reading{box.StartedAt, st}); ok && v.(reading).of.Equal(box.StartedAt) {
		old := v.(reading).stats
		if secs := st.At.Sub(old.At).Seconds(); secs > 0 {
			rate := func(now, then uint64) float64 { return float64(now-min(now, then)) / secs }
			add("CPUUtilization", "Percent", min(100, rate(st.CPUNanoseconds, old.CPUNanoseconds)/1e9/float64(max(1, st.OnlineCPUs))*100))
			add("ReadIOPS", "Count/Second", rate(st.BlockReadOps, old.BlockReadOps))
			add("WriteIOPS", "Count/Second", rate(st.BlockWriteOps, old.BlockWriteOps))
			add("ReadThroughput", "Bytes/Second", rate(st.BlockReadBytes, old.BlockReadBytes))
			add("WriteThroughput", "Bytes/Second", rate(st.BlockWriteBytes, old.BlockWriteBytes))
			add("NetworkReceiveThroughput", "Bytes/Second", rate(st.NetworkRxBytes, old.NetworkRxBytes))
			add("NetworkTransmitThroughput", "Bytes/Second", rate(st.NetworkTxBytes, old.NetworkTxBytes))
		}
	}
	db, err := s.connect(ctx, i)
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
	var connections, used, log float64
	err = db.QueryRow(ctx, `SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND usename <> $1)::float8,
		(SELECT sum(pg_database_size(oid)) FROM pg_database)::float8, (SELECT coalesce(sum(size), 0) FROM pg_ls_waldir())::float8`, adminRole).Scan(&connections, &used, &log)
	if err != nil {
		return err
	}
	add("DatabaseConnections", "Count", connections)
	add("FreeStorageSpace", "Bytes", max(0, float64(i.Settings.Storage<<30)-used-log))
	add("TransactionLogsDiskUsage", "Bytes", log)
	if i.Source != "" {
		// Without a stream nobody knows how far the source is: the lag then
		// grows from the last transaction seen, -1 when there was none.
		var lag float64
		err := db.QueryRow(ctx, `SELECT CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() AND EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming') THEN 0
			ELSE coalesce(extract(epoch FROM now() - pg_last_xact_replay_timestamp()), -1) END::float8`).Scan(&lag)
		if err != nil {
			return err
		}
		add("ReplicaLag", "Seconds", lag)
	} else if len(i.SlotsInForce) > 0 {
		var behind float64
		if err := db.QueryRow(ctx, `SELECT coalesce(max(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)), 0)::float8 FROM pg_replication_slots`).Scan(&behind); err != nil {
			return err
		}
		add("OldestReplicationSlotLag", "Bytes", behind)
	}
	_, err = wire.Invoke(asRDS(ctx, i.Region), s.d.Calls, cw.PutMetricData, &cw.PutMetricDataInput{Namespace: new("AWS/RDS"), MetricData: data})
	return err
}
