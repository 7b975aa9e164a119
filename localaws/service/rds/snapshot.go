package rds

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"grocery/localaws/runtime"
	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/rdsapi"
)

// The types of snapshots.
const (
	manual    = "manual"
	automated = "automated"
)

// snapshot is a copy of an instance's data in a volume of its own.
type snapshot struct {
	ID       string            `json:"id"`
	Region   string            `json:"region"`
	Type     string            `json:"type"`
	Status   string            `json:"status"`
	Instance string            `json:"instance"`
	Resource string            `json:"resource"`
	Created  time.Time         `json:"created"`
	Of       time.Time         `json:"of"` // when the instance was made
	Settings settings          `json:"settings"`
	Class    string            `json:"class"`
	Version  string            `json:"version"`
	DBName   string            `json:"db_name,omitempty"`
	User     string            `json:"user"`
	Port     int64             `json:"port"`
	Zone     string            `json:"zone"`
	VPC      string            `json:"vpc"`
	Admin    []byte            `json:"admin"`
	Volume   string            `json:"volume"`
	Internal netip.Addr        `json:"internal,omitzero"` // while it is made
	Delete   bool              `json:"delete,omitempty"`
	Tags     map[string]string `json:"tags,omitempty"`
}

var snapshots = store.Table[snapshot]{Name: "rds_snapshots"}

func (x *snapshot) key() string    { return store.Key(x.Region, x.ID) }
func (x *snapshot) helper() string { return x.Volume }

func errNoSnapshot(id string) error {
	return wire.Errorf(404, "DBSnapshotNotFound", "DBSnapshot %s not found.", id)
}

func (x *snapshot) shape() *api.DBSnapshot {
	progress := int64(0)
	if x.Status == available {
		progress = 100
	}
	s := &x.Settings
	return &api.DBSnapshot{DBSnapshotIdentifier: &x.ID, DBSnapshotArn: new(arn(x.Region, "snapshot", x.ID)), DBInstanceIdentifier: &x.Instance, DbiResourceId: &x.Resource, SnapshotType: &x.Type, Status: &x.Status,
		PercentProgress: &progress, SnapshotCreateTime: &x.Created, OriginalSnapshotCreateTime: &x.Created, InstanceCreateTime: &x.Of, Engine: new(engine), EngineVersion: &x.Version, LicenseModel: new(license),
		AllocatedStorage: &s.Storage, StorageType: &s.StorageType, Iops: ptr.NonZero(s.IOPS), StorageThroughput: ptr.NonZero(s.Throughput), Encrypted: &s.Encrypted, KmsKeyId: ptr.NonZero(s.Key),
		MasterUsername: &x.User, Port: &x.Port, AvailabilityZone: &x.Zone, VpcId: &x.VPC, OptionGroupName: &s.OptionGroup, SnapshotTarget: new("region"), IAMDatabaseAuthenticationEnabled: new(false),
		DedicatedLogVolume: new(false), TagList: tagList(x.Tags)}
}

// beginSnapshot notes that a snapshot of i is to be made.
func (s *Service) beginSnapshot(tx store.Tx, i *instance, id string, tags map[string]string, final bool) error {
	kind := manual
	if strings.HasPrefix(id, "rds:") {
		kind = automated
	} else if err := checkIdentifier("DBSnapshotIdentifier", id); err != nil {
		return err
	}
	if _, ok := snapshots.Get(tx, store.Key(i.Region, id)); ok {
		return wire.Errorf(400, "DBSnapshotAlreadyExists", "Cannot create the snapshot because a snapshot with the identifier %s already exists.", id)
	}
	if i.Delete || !i.Ready || !final && i.Status != available && i.Status != modifying {
		return wire.Errorf(400, "InvalidDBInstanceState", "Cannot create a snapshot because the database instance %s is not currently in the available state.", i.ID)
	}
	if i.Stop {
		return wire.Errorf(400, "InvalidDBInstanceState", "Start the instance %s first: local AWS copies running instances.", i.ID)
	}
	internal, err := freeInternal(tx)
	if err != nil {
		return err
	}
	if i.Settings.CopyTags {
		for k, v := range i.Tags {
			if _, own := tags[k]; !own {
				tags = tagMap(tags, []api.Tag{{Key: &k, Value: &v}})
			}
		}
	}
	now := s.d.Clock.Now()
	x := snapshot{ID: id, Region: i.Region, Type: kind, Status: creating, Instance: i.ID, Resource: i.Resource, Created: now, Of: ptr.Val(i.Created), Settings: i.Settings, Class: i.Class, Version: i.Version, DBName: i.DBName,
		User: i.User, Port: i.Port, Zone: i.Zone, VPC: i.VPC, Admin: i.Admin, Internal: internal, Tags: tags, Volume: "rds-snapshot-" + hash(i.Region, id, i.Resource, now.String())}
	snapshots.Put(tx, x.key(), x)
	return nil
}

func (s *Service) createDBSnapshot(ctx context.Context, in *api.CreateDBSnapshotInput) (*api.CreateDBSnapshotOutput, error) {
	id := strings.ToLower(*in.DBSnapshotIdentifier)
	out := &api.CreateDBSnapshotOutput{}
	_, err := s.edit(ctx, *in.DBInstanceIdentifier, func(tx store.Tx, i *instance) error {
		if strings.HasPrefix(id, "rds:") {
			return checkIdentifier("DBSnapshotIdentifier", id)
		}
		if err := s.beginSnapshot(tx, i, id, tagMap(nil, in.Tags), false); err != nil {
			return err
		}
		x, _ := snapshots.Get(tx, store.Key(i.Region, id))
		out.DBSnapshot = x.shape()
		return nil
	})
	return out, err
}

func (s *Service) deleteDBSnapshot(ctx context.Context, in *api.DeleteDBSnapshotInput) (*api.DeleteDBSnapshotOutput, error) {
	id := strings.ToLower(*in.DBSnapshotIdentifier)
	region := wire.CallFrom(ctx).Region
	out := &api.DeleteDBSnapshotOutput{}
	return out, s.d.Store.Update(func(tx store.Tx) error {
		x, ok := snapshots.Get(tx, store.Key(region, id))
		switch {
		case !ok || x.Delete:
			return errNoSnapshot(id)
		case x.Status != available || x.Type != manual:
			return wire.Errorf(400, "InvalidDBSnapshotState", "Cannot delete the snapshot %s because it is not an available manual one.", id)
		}
		for _, i := range instances.List(tx, region+"/") {
			if i.Snapshot == id && !i.Ready {
				return wire.Errorf(400, "InvalidDBSnapshotState", "The snapshot %s is being restored to %s.", id, i.ID)
			}
		}
		x.Delete = true
		snapshots.Put(tx, x.key(), x)
		x.Status = "deleted"
		out.DBSnapshot = x.shape()
		return nil
	})
}

func (s *Service) describeDBSnapshots(ctx context.Context, in *api.DescribeDBSnapshotsInput) (*api.DescribeDBSnapshotsOutput, error) {
	if ptr.Val(in.SnapshotType) == "shared" || ptr.Val(in.SnapshotType) == "public" || ptr.Val(in.SnapshotType) == "awsbackup" {
		return &api.DescribeDBSnapshotsOutput{}, nil // nobody else is here
	}
	fields := map[string]func(*snapshot) string{
		"db-instance-id": func(x *snapshot) string { return x.Instance }, "db-snapshot-id": func(x *snapshot) string { return x.ID }, "dbi-resource-id": func(x *snapshot) string { return x.Resource },
		"snapshot-type": func(x *snapshot) string { return x.Type }, "engine": func(*snapshot) string { return engine },
	}
	type test struct {
		field  func(*snapshot) string
		values []string
	}
	var tests []test
	for _, f := range in.Filters {
		field, ok := fields[ptr.Val(f.Name)]
		if !ok {
			return nil, wire.Errorf(400, invalidValue, "Unrecognized filter name: %s", ptr.Val(f.Name))
		}
		tests = append(tests, test{field, f.Values})
	}
	for name, v := range map[string]*string{"db-instance-id": in.DBInstanceIdentifier, "db-snapshot-id": in.DBSnapshotIdentifier, "dbi-resource-id": in.DbiResourceId, "snapshot-type": in.SnapshotType} {
		if v != nil {
			want := *v
			if name != "dbi-resource-id" {
				want = strings.ToLower(want)
			}
			tests = append(tests, test{fields[name], []string{strings.TrimPrefix(want, arn(wire.CallFrom(ctx).Region, "snapshot", ""))}})
		}
	}
	out := &api.DescribeDBSnapshotsOutput{}
	return out, s.d.Store.View(func(tx store.Tx) (err error) {
		all := slices.DeleteFunc(snapshots.List(tx, wire.CallFrom(ctx).Region+"/"), func(x snapshot) bool {
			return x.Delete || slices.ContainsFunc(tests, func(t test) bool { return !slices.Contains(t.values, t.field(&x)) })
		})
		if len(all) == 0 && in.DBSnapshotIdentifier != nil {
			return errNoSnapshot(*in.DBSnapshotIdentifier)
		}
		all, out.Marker, err = cut(all, func(x snapshot) string { return x.ID }, in.Marker, in.MaxRecords)
		for _, x := range all {
			out.DBSnapshots = append(out.DBSnapshots, *x.shape())
		}
		return err
	})
}

// restoreDBInstanceFromDBSnapshot makes a new instance from a snapshot.
func (s *Service) restoreDBInstanceFromDBSnapshot(ctx context.Context, in *api.RestoreDBInstanceFromDBSnapshotInput) (*api.RestoreDBInstanceFromDBSnapshotOutput, error) {
	i := &instance{ID: strings.ToLower(*in.DBInstanceIdentifier)}
	if err := checkIdentifier("DBInstanceIdentifier", i.ID); err != nil {
		return nil, err
	}
	if ptr.Or(in.Engine, engine) != engine || ptr.Or(in.LicenseModel, license) != license || ptr.Val(in.DBName) != "" {
		return nil, wire.Errorf(400, invalidValue, "A snapshot is restored with its own engine, license model and database name.")
	}
	var x snapshot
	key := store.Key(wire.CallFrom(ctx).Region, strings.ToLower(localSnapshot(ptr.Val(in.DBSnapshotIdentifier))))
	err := s.d.Store.View(func(tx store.Tx) error {
		var ok bool
		if x, ok = snapshots.Get(tx, key); !ok || x.Delete {
			return errNoSnapshot(ptr.Val(in.DBSnapshotIdentifier))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if x.Status != available {
		return nil, wire.Errorf(400, "InvalidDBSnapshotState", "The snapshot %s is %s: it must be available.", x.ID, x.Status)
	}
	o := &x.Settings
	i.Snapshot, i.Class, i.Version, i.DBName, i.User, i.Admin = x.ID, ptr.Or(in.DBInstanceClass, x.Class), x.Version, x.DBName, x.User, x.Admin
	w := wanted{
		storage: new(max(ptr.Val(in.AllocatedStorage), o.Storage)), iops: in.Iops, throughput: in.StorageThroughput, port: new(ptr.Or(in.Port, x.Port)), retention: &o.Retention, storageType: new(ptr.Or(in.StorageType, o.StorageType)),
		zone: in.AvailabilityZone, subnetGroup: in.DBSubnetGroupName, parameterGroup: in.DBParameterGroupName, optionGroup: new(ptr.Or(in.OptionGroupName, o.OptionGroup)), ca: in.CACertificateIdentifier, key: ptr.NonZero(o.Key),
		lifecycle: in.EngineLifecycleSupport, network: in.NetworkType, backupWindow: &o.BackupWindow, maintenanceWindow: &o.MaintenanceWindow, minorUpgrade: in.AutoMinorVersionUpgrade, copyTags: in.CopyTagsToSnapshot,
		protected: in.DeletionProtection, public: in.PubliclyAccessible, encrypted: &o.Encrypted, groups: in.VpcSecurityGroupIds, logTypes: in.EnableCloudwatchLogsExports, tags: in.Tags,
	}
	if w.iops == nil {
		w.iops = &o.IOPS
	}
	if err := s.prepare(ctx, i, w); err != nil {
		return nil, err
	}
	out, err := s.begin(i, nil)
	return &api.RestoreDBInstanceFromDBSnapshotOutput{DBInstance: out}, err
}

// localSnapshot takes an identifier, which may hold a colon, or an ARN.
func localSnapshot(id string) string {
	if _, name, ok := strings.Cut(id, ":snapshot:"); ok {
		return name
	}
	return id
}

// stepSnapshot brings one snapshot further.
func (s *Service) stepSnapshot(ctx context.Context, x *snapshot) error {
	if x.Delete {
		if err := s.removeHelper(ctx, x.helper()); err != nil {
			return err
		}
		if err := s.d.Runtime.RemoveVolume(ctx, x.Volume); err != nil {
			return err
		}
		return s.d.Store.Update(func(tx store.Tx) error { snapshots.Delete(tx, x.key()); return nil })
	}
	if x.Status == available {
		return nil
	}
	if s.d.APIOnly {
		return s.finishSnapshot(x)
	}
	var i instance
	var ok bool
	err := s.d.Store.View(func(tx store.Tx) error {
		i, ok = instances.Get(tx, store.Key(x.Region, x.Instance))
		return nil
	})
	if err != nil {
		return err
	}
	if !ok || i.Resource != x.Resource { // its instance is gone before it was made
		return s.d.Store.Update(func(tx store.Tx) error { x.Delete = true; snapshots.Put(tx, x.key(), *x); return nil })
	}
	admin, err := s.d.Key.Open(x.Admin, adminPlace)
	if err != nil {
		return err
	}
	done, err := s.help(ctx, runtime.ContainerSpec{Name: x.helper(), Env: []string{"WORK=take", "SOURCE=" + conninfo(&i, "snapshot")}, Volumes: map[string]string{"/snapshot": x.Volume},
		Files: []runtime.File{passfile(admin), {Path: "/etc/rds/ca.pem", Mode: 0o644, Content: s.d.CA}}}, x.Internal)
	if err != nil || !done {
		return err
	}
	return s.finishSnapshot(x)
}

func (s *Service) finishSnapshot(x *snapshot) error {
	return s.d.Store.Update(func(tx store.Tx) error {
		now, ok := snapshots.Get(tx, x.key())
		if !ok || now.Volume != x.Volume {
			return errGone
		}
		now.Status, now.Internal = available, netip.Addr{}
		snapshots.Put(tx, now.key(), now)
		s.event(tx, &instance{ID: x.Instance, Region: x.Region}, "backup", "Finished DB Instance backup")
		return nil
	})
}
