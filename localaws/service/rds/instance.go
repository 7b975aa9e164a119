package rds

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/rdsapi"
)

// The statuses of an instance.
// See https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html.
const (
	creating  = "creating"
	available = "available"
	modifying = "modifying"
	rebooting = "rebooting"
	starting  = "starting"
	stopping  = "stopping"
	stopped   = "stopped"
	deleting  = "deleting"
	backingUp = "backing-up"
)

// instance is one database instance: what is wanted, and what was reached.
type instance struct {
	ID       string     `json:"id"`
	Region   string     `json:"region"`
	Resource string     `json:"resource"` // DbiResourceId
	Created  *time.Time `json:"created,omitempty"`
	Status   string     `json:"status"`

	Class    string            `json:"class"`
	Version  string            `json:"version"`
	DBName   string            `json:"db_name,omitempty"`
	User     string            `json:"user"`
	Port     int64             `json:"port"`
	Settings settings          `json:"settings"`
	Tags     map[string]string `json:"tags,omitempty"`

	// Verifier is the master user's password as PostgreSQL keeps it; the
	// password itself is nowhere.
	Verifier        string `json:"verifier,omitempty"`
	VerifierInForce string `json:"verifier_in_force,omitempty"`
	// Admin is the sealed password of the service's own role.
	Admin []byte `json:"admin"`

	VPC         string       `json:"vpc"`
	SubnetGroup string       `json:"subnet_group"`
	Subnet      string       `json:"subnet"`
	Zone        string       `json:"zone"`
	Interface   string       `json:"interface,omitempty"`
	Addr        netip.Addr   `json:"addr,omitzero"`
	Prefix      netip.Prefix `json:"prefix,omitzero"`
	Network     netip.Prefix `json:"network,omitzero"`  // of the VPC
	Internal    netip.Addr   `json:"internal,omitzero"` // in the service's own network

	Source   string `json:"source,omitempty"`   // id of the instance this one replicates
	Snapshot string `json:"snapshot,omitempty"` // id of the snapshot it is made from
	Promote  bool   `json:"promote,omitempty"`  // Source is to be left

	// Ready says that the data folder is complete and the roles exist.
	Ready bool `json:"ready,omitempty"`
	// Params are the parameters in force; those of the group that wait for a
	// reboot are not in it.
	Params        map[string]string `json:"params,omitempty"`
	ParamsOf      string            `json:"params_of,omitempty"` // the group they are from
	PendingReboot bool              `json:"pending_reboot,omitempty"`
	GroupsInForce []string          `json:"groups_in_force,omitempty"` // security groups of the interface
	ClassInForce  string            `json:"class_in_force,omitempty"`
	PortInForce   int64             `json:"port_in_force,omitempty"`
	ConfigInForce string            `json:"config_in_force,omitempty"` // hash of the configuration files
	SlotsInForce  []string          `json:"slots_in_force,omitempty"`  // replication slots for replicas

	Reboot    bool       `json:"reboot,omitempty"`
	Stop      bool       `json:"stop,omitempty"`
	Delete    bool       `json:"delete,omitempty"`
	Final     string     `json:"final,omitempty"` // id of the final snapshot
	LastError string     `json:"last_error,omitempty"`
	Since     *time.Time `json:"since,omitempty"` // of the last change that the status shows
}

// settings are what requests set and answers show, by and large as given.
type settings struct {
	Storage            int64    `json:"storage"`
	StorageType        string   `json:"storage_type"`
	IOPS               int64    `json:"iops,omitempty"`
	Throughput         int64    `json:"throughput,omitempty"`
	MaxStorage         int64    `json:"max_storage,omitempty"`
	Encrypted          bool     `json:"encrypted,omitempty"`
	Key                string   `json:"key,omitempty"`
	Groups             []string `json:"groups"`
	ParameterGroup     string   `json:"parameter_group"`
	OptionGroup        string   `json:"option_group"`
	CA                 string   `json:"ca"`
	Retention          int64    `json:"retention"`
	BackupWindow       string   `json:"backup_window"`
	MaintenanceWindow  string   `json:"maintenance_window"`
	MinorUpgrade       bool     `json:"minor_upgrade"`
	CopyTags           bool     `json:"copy_tags,omitempty"`
	Protected          bool     `json:"protected,omitempty"`
	Public             bool     `json:"public,omitempty"`
	Insights           bool     `json:"insights,omitempty"`
	InsightsKey        string   `json:"insights_key,omitempty"`
	InsightsRetention  int64    `json:"insights_retention,omitempty"`
	MonitoringInterval int64    `json:"monitoring_interval,omitempty"`
	MonitoringRole     string   `json:"monitoring_role,omitempty"`
	LogTypes           []string `json:"log_types,omitempty"`
	Lifecycle          string   `json:"lifecycle"`
}

var instances = store.Table[instance]{Name: "rds_instances"}

func (i *instance) key() string { return store.Key(i.Region, i.ID) }

// container and volume name what the instance lives in.
func (i *instance) container() string { return "rds-" + strings.ToLower(i.Resource) }
func (i *instance) volume() string    { return "rds-" + strings.ToLower(i.Resource) }

// slot is the replication slot that a replica holds on its source.
func (i *instance) slot() string {
	return "rds_" + strings.ToLower(strings.ReplaceAll(i.Resource, "-", "_"))
}

// endpoint is the instance's name in the DNS, which outlives a replacement of
// the instance under the same identifier.
func (i *instance) endpoint() string {
	sum := sha256.Sum256([]byte(wire.Account + i.Region))
	return i.ID + ".c" + hex.EncodeToString(sum[:])[:11] + "." + i.Region + ".rds.amazonaws.com"
}

func arn(region, kind, id string) string {
	return "arn:" + wire.Partition + ":rds:" + region + ":" + wire.Account + ":" + kind + ":" + id
}

func (i *instance) arn() string { return arn(i.Region, "db", i.ID) }

var identifier = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)

func checkIdentifier(kind, id string) error {
	if !identifier.MatchString(id) || strings.Contains(id, "--") {
		return wire.Errorf(400, invalidValue, "The parameter %s is not a valid identifier. Identifiers must begin with a letter; must contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens.", kind)
	}
	return nil
}

// newResourceID makes a DbiResourceId, which is never used twice.
func newResourceID() string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	b := make([]byte, 26)
	rand.Read(b)
	for i := range b {
		b[i] = letters[b[i]%32]
	}
	return "db-" + string(b)
}

func errNoInstance(id string) error {
	return wire.Errorf(404, "DBInstanceNotFound", "DBInstance %s not found.", id)
}

// get reads the instance id in the call's region.
func get(ctx context.Context, tx store.Tx, id string) (instance, error) {
	i, ok := instances.Get(tx, store.Key(wire.CallFrom(ctx).Region, strings.ToLower(id)))
	if !ok {
		return i, errNoInstance(strings.ToLower(id))
	}
	return i, nil
}

// edit runs f on the instance id and stores it; the answer shows it.
func (s *Service) edit(ctx context.Context, id string, f func(tx store.Tx, i *instance) error) (out *api.DBInstance, err error) {
	return out, s.d.Store.Update(func(tx store.Tx) error {
		i, err := get(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := f(tx, &i); err != nil {
			return err
		}
		instances.Put(tx, i.key(), i)
		out = shape(tx, &i)
		return nil
	})
}

// put changes the record at key as the reconciler found it to be; nothing
// happens when the record is another instance's by now.
func (s *Service) put(i *instance, f func(i *instance)) error {
	return s.d.Store.Update(func(tx store.Tx) error {
		now, ok := instances.Get(tx, i.key())
		if !ok || now.Resource != i.Resource {
			return errGone
		}
		f(&now)
		instances.Put(tx, now.key(), now)
		*i = now
		return nil
	})
}

// replicas are the instances that replicate i.
func replicas(tx store.Tx, i *instance) []instance {
	return slices.DeleteFunc(instances.List(tx, i.Region+"/"), func(r instance) bool { return r.Source != i.ID })
}

// shape is the instance as AWS shows it.
func shape(tx store.Tx, i *instance) *api.DBInstance {
	x := &i.Settings
	out := &api.DBInstance{
		DBInstanceIdentifier: &i.ID, DBInstanceArn: new(i.arn()), DbiResourceId: &i.Resource, DBInstanceStatus: &i.Status, InstanceCreateTime: i.Created,
		DBInstanceClass: new(i.Class), Engine: new(engine), EngineVersion: &i.Version, EngineLifecycleSupport: &x.Lifecycle, LicenseModel: new(license),
		DBName: ptr.NonZero(i.DBName), MasterUsername: &i.User, DbInstancePort: new(int64(0)),
		AllocatedStorage: &x.Storage, StorageType: &x.StorageType, Iops: ptr.NonZero(x.IOPS), StorageThroughput: ptr.NonZero(x.Throughput), MaxAllocatedStorage: ptr.NonZero(x.MaxStorage),
		StorageEncrypted: &x.Encrypted, KmsKeyId: ptr.NonZero(x.Key), DedicatedLogVolume: new(false), IsStorageConfigUpgradeAvailable: new(false),
		AvailabilityZone: ptr.NonZero(i.Zone), MultiAZ: new(false), PubliclyAccessible: &x.Public, NetworkType: new("IPV4"), CustomerOwnedIpEnabled: new(false), MultiTenant: new(false),
		BackupRetentionPeriod: &x.Retention, PreferredBackupWindow: &x.BackupWindow, PreferredMaintenanceWindow: &x.MaintenanceWindow, BackupTarget: new("region"),
		AutoMinorVersionUpgrade: &x.MinorUpgrade, CopyTagsToSnapshot: &x.CopyTags, DeletionProtection: &x.Protected,
		CACertificateIdentifier: &x.CA, CertificateDetails: &api.CertificateDetails{CAIdentifier: &x.CA},
		PerformanceInsightsEnabled: &x.Insights, PerformanceInsightsKMSKeyId: ptr.NonZero(x.InsightsKey), PerformanceInsightsRetentionPeriod: ptr.NonZero(x.InsightsRetention),
		MonitoringInterval: &x.MonitoringInterval, MonitoringRoleArn: ptr.NonZero(x.MonitoringRole), EnabledCloudwatchLogsExports: x.LogTypes,
		IAMDatabaseAuthenticationEnabled: new(false), ActivityStreamStatus: new("stopped"), PendingModifiedValues: i.pending(),
		OptionGroupMemberships: []api.OptionGroupMembership{{OptionGroupName: &x.OptionGroup, Status: new("in-sync")}},
		DBParameterGroups:      []api.DBParameterGroupStatus{{DBParameterGroupName: &x.ParameterGroup, ParameterApplyStatus: new(i.paramStatus())}},
		TagList:                tagList(i.Tags), ReadReplicaSourceDBInstanceIdentifier: ptr.NonZero(i.Source),
	}
	for _, g := range x.Groups {
		status := "active"
		if i.GroupsInForce != nil && !slices.Contains(i.GroupsInForce, g) {
			status = "adding"
		}
		out.VpcSecurityGroups = append(out.VpcSecurityGroups, api.VpcSecurityGroupMembership{VpcSecurityGroupId: &g, Status: &status})
	}
	if g, ok := subnetGroups.Get(tx, store.Key(i.Region, i.SubnetGroup)); ok {
		out.DBSubnetGroup = g.shape()
		out.DBSubnetGroup.DBSubnetGroupArn = nil // not shown here, as on AWS
	}
	if i.Ready && i.Addr.IsValid() {
		out.Endpoint = &api.Endpoint{Address: new(i.endpoint()), Port: &i.Port, HostedZoneId: new(hostedZone(i.Region))}
	}
	for _, r := range replicas(tx, i) {
		out.ReadReplicaDBInstanceIdentifiers = append(out.ReadReplicaDBInstanceIdentifiers, r.ID)
	}
	if i.Source != "" {
		out.ReplicaMode = new("open-read-only")
		ok := i.Status == available
		status := "replicating"
		if !ok {
			status = "error"
		}
		out.StatusInfos = []api.DBInstanceStatusInfo{{StatusType: new("read replication"), Normal: &ok, Status: &status, Message: ptr.NonZero(i.LastError)}}
	}
	return out
}

// pending shows what was asked for and is not in force yet.
func (i *instance) pending() *api.PendingModifiedValues {
	p := &api.PendingModifiedValues{}
	if i.Ready && i.Verifier != i.VerifierInForce && i.Source == "" {
		p.MasterUserPassword = new("****")
	}
	if i.ClassInForce != "" && i.ClassInForce != i.Class {
		p.DBInstanceClass = &i.Class
	}
	if i.PortInForce != 0 && i.PortInForce != i.Port {
		p.Port = &i.Port
	}
	return p
}

func (i *instance) paramStatus() string {
	switch {
	case i.PendingReboot:
		return "pending-reboot"
	case i.Ready && i.ParamsOf != i.Settings.ParameterGroup:
		return "applying"
	}
	return "in-sync"
}

// hostedZone is a stable id for the zone of a region's endpoints.
func hostedZone(region string) string {
	sum := sha256.Sum256([]byte("rds zone " + region))
	return "Z" + strings.ToUpper(hex.EncodeToString(sum[:]))[:13]
}

// defaultKey is the ARN of the key AWS encrypts with unless told another.
func defaultKey(region string) string {
	sum := sha256.Sum256([]byte("aws/rds " + region))
	h := hex.EncodeToString(sum[:])
	return "arn:" + wire.Partition + ":kms:" + region + ":" + wire.Account + ":key/" + h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-8" + h[17:20] + "-" + h[20:32]
}

func tagMap(old map[string]string, more []api.Tag) map[string]string {
	all := maps.Clone(old)
	if all == nil {
		all = map[string]string{}
	}
	for _, t := range more {
		all[ptr.Val(t.Key)] = ptr.Val(t.Value)
	}
	return all
}

func tagList(tags map[string]string) []api.Tag {
	var all []api.Tag
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		all = append(all, api.Tag{Key: new(k), Value: new(tags[k])})
	}
	return all
}
