package rds

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ec2api"
	api "grocery/localaws/wire/api/rdsapi"
)

// The request members that each way of making an instance honours, beside
// those named where it is registered.
const (
	restoreMembers = "AutoMinorVersionUpgrade AvailabilityZone BackupTarget CACertificateIdentifier CopyTagsToSnapshot DBParameterGroupName DBSubnetGroupName DeletionProtection " +
		"EnableCloudwatchLogsExports EngineLifecycleSupport Iops NetworkType OptionGroupName Port PubliclyAccessible StorageThroughput StorageType Tags VpcSecurityGroupIds"
	createMembers = "AllocatedStorage AutoMinorVersionUpgrade AvailabilityZone BackupRetentionPeriod BackupTarget CACertificateIdentifier CopyTagsToSnapshot DBParameterGroupName DBSubnetGroupName DeletionProtection " +
		"EnableCloudwatchLogsExports EnablePerformanceInsights Iops KmsKeyId MaxAllocatedStorage MonitoringInterval MonitoringRoleArn NetworkType OptionGroupName PerformanceInsightsKMSKeyId PerformanceInsightsRetentionPeriod " +
		"Port PreferredBackupWindow PreferredMaintenanceWindow PubliclyAccessible StorageEncrypted StorageThroughput StorageType Tags VpcSecurityGroupIds"
	replicaMembers = "AllocatedStorage AutoMinorVersionUpgrade AvailabilityZone CACertificateIdentifier CopyTagsToSnapshot DBParameterGroupName DBSubnetGroupName DeletionProtection EnableCloudwatchLogsExports " +
		"EnablePerformanceInsights Iops KmsKeyId MaxAllocatedStorage MonitoringInterval MonitoringRoleArn NetworkType OptionGroupName PerformanceInsightsKMSKeyId PerformanceInsightsRetentionPeriod Port PubliclyAccessible " +
		"ReplicaMode StorageThroughput StorageType Tags VpcSecurityGroupIds"
)

// wanted is what the three ways of making an instance have in common.
type wanted struct {
	storage, iops, throughput, maxStorage, port, retention, interval, insightsRetention     *int64
	storageType, zone, subnetGroup, parameterGroup, optionGroup, ca, key, role, insightsKey *string
	backupWindow, maintenanceWindow, lifecycle, network                                     *string
	minorUpgrade, copyTags, protected, public, encrypted, insights                          *bool
	groups, logTypes                                                                        []string
	tags                                                                                    []api.Tag
}

var (
	storageTypes = []string{"gp2", "gp3", "io1", "io2"}
	userForm     = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,62}$`)
	reserved     = []string{"postgres", "admin", "rdsadmin", "rdsrepladmin", "rds_superuser", "user", "public", "template0", "template1"}
)

// prepare fills in i from w and what EC2 knows. It does not store anything.
func (s *Service) prepare(ctx context.Context, i *instance, w wanted) error {
	c := wire.CallFrom(ctx)
	i.Region, i.Resource, i.Status, i.Port, i.Tags = c.Region, newResourceID(), creating, ptr.Or(w.port, 5432), tagMap(nil, w.tags)
	i.Settings = settings{
		Storage: ptr.Val(w.storage), StorageType: ptr.Or(w.storageType, "gp2"), IOPS: ptr.Val(w.iops), Throughput: ptr.Val(w.throughput), MaxStorage: ptr.Val(w.maxStorage),
		Encrypted: ptr.Val(w.encrypted), Key: ptr.Val(w.key), Groups: w.groups, ParameterGroup: strings.ToLower(ptr.Or(w.parameterGroup, "default."+family)),
		OptionGroup: strings.ToLower(ptr.Or(w.optionGroup, "default:postgres-"+major)), CA: ptr.Or(w.ca, authority), Retention: ptr.Or(w.retention, 1),
		BackupWindow: ptr.Or(w.backupWindow, "03:00-03:30"), MaintenanceWindow: strings.ToLower(ptr.Or(w.maintenanceWindow, "sun:04:00-sun:04:30")), MinorUpgrade: ptr.Or(w.minorUpgrade, true),
		CopyTags: ptr.Val(w.copyTags), Protected: ptr.Val(w.protected), Public: ptr.Val(w.public), Insights: ptr.Val(w.insights), InsightsKey: ptr.Val(w.insightsKey),
		MonitoringInterval: ptr.Val(w.interval), MonitoringRole: ptr.Val(w.role), LogTypes: w.logTypes, Lifecycle: ptr.Or(w.lifecycle, "open-source-rds-extended-support"),
	}
	i.SubnetGroup = strings.ToLower(ptr.Val(w.subnetGroup))
	i.Zone = ptr.Val(w.zone)
	if i.Settings.Insights {
		i.Settings.InsightsRetention = ptr.Or(w.insightsRetention, 7)
	}
	if net := ptr.Or(w.network, "IPV4"); net != "IPV4" {
		return wire.Errorf(400, invalidValue, "Local AWS offers the network type IPV4 only.")
	}
	i.complete()
	if err := i.check(); err != nil {
		return err
	}
	return s.place(ctx, i)
}

// complete fills in what follows from other settings.
func (i *instance) complete() {
	x := &i.Settings
	if x.StorageType == "gp3" {
		x.IOPS, x.Throughput = max(x.IOPS, 3000), max(x.Throughput, 125)
	}
	if x.Encrypted && x.Key == "" {
		x.Key = defaultKey(i.Region)
	}
	if x.Insights && x.InsightsKey == "" {
		x.InsightsKey = defaultKey(i.Region)
	}
	if !x.Insights {
		x.InsightsKey, x.InsightsRetention = "", 0
	}
}

var (
	backupForm      = regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$`)
	maintenanceForm = regexp.MustCompile(`^(mon|tue|wed|thu|fri|sat|sun):([01][0-9]|2[0-3]):[0-5][0-9]-(mon|tue|wed|thu|fri|sat|sun):([01][0-9]|2[0-3]):[0-5][0-9]$`)
)

// check refuses settings that AWS refuses, or that mean something local AWS
// does not offer.
func (i *instance) check() error {
	x := &i.Settings
	bad := func(format string, args ...any) error { return wire.Errorf(400, invalidValue, format, args...) }
	if err := checkClass(i.Class); err != nil {
		return err
	}
	if err := checkAuthority(x.CA); err != nil {
		return err
	}
	switch {
	case !slices.Contains(storageTypes, x.StorageType):
		return bad("Invalid storage type: %s. Local AWS offers gp2, gp3, io1 and io2.", x.StorageType)
	case x.Storage < 5 || x.Storage < 20 && x.StorageType != "gp2" || x.Storage > 65536:
		return bad("Invalid storage size for engine name postgres and storage type %s: %d", x.StorageType, x.Storage)
	case (x.StorageType == "io1" || x.StorageType == "io2") && x.IOPS < 1000:
		return wire.Errorf(400, "InvalidParameterCombination", "You must specify an IOPS value of at least 1000 for the storage type %s.", x.StorageType)
	case x.MaxStorage != 0 && x.MaxStorage <= x.Storage:
		return wire.Errorf(400, "InvalidParameterCombination", "Max storage size must be greater than storage size")
	case i.Port < 1150 || i.Port > 65535:
		return bad("Invalid value %d for port: use 1150 to 65535.", i.Port)
	case x.Retention < 0 || x.Retention > 35:
		return bad("Invalid backup retention period: %d. Must be between 0 and 35.", x.Retention)
	case !backupForm.MatchString(x.BackupWindow):
		return bad("Invalid backup window: %s. Use hh24:mi-hh24:mi.", x.BackupWindow)
	case !maintenanceForm.MatchString(x.MaintenanceWindow):
		return bad("Invalid maintenance window: %s. Use ddd:hh24:mi-ddd:hh24:mi.", x.MaintenanceWindow)
	case !slices.Contains([]int64{0, 1, 5, 10, 15, 30, 60}, x.MonitoringInterval):
		return bad("Invalid monitoring interval: %d. Use 0, 1, 5, 10, 15, 30 or 60.", x.MonitoringInterval)
	case x.MonitoringInterval != 0 && x.MonitoringRole == "":
		return wire.Errorf(400, "InvalidParameterCombination", "A MonitoringRoleARN value is required if you specify a MonitoringInterval value other than 0.")
	case slices.ContainsFunc(x.LogTypes, func(t string) bool { return t != "postgresql" && t != "upgrade" }):
		return wire.Errorf(400, "InvalidParameterCombination", "You cannot use the log types %v with engine version postgres %s. Use postgresql and upgrade.", x.LogTypes, i.Version)
	case x.Lifecycle != "open-source-rds-extended-support" && x.Lifecycle != "open-source-rds-extended-support-disabled":
		return bad("Invalid value %s for EngineLifecycleSupport.", x.Lifecycle)
	}
	return nil
}

// place picks the subnet, and checks the security groups against its VPC.
func (s *Service) place(ctx context.Context, i *instance) error {
	if i.SubnetGroup == "" {
		return wire.Errorf(400, "InvalidParameterCombination", "Local AWS has no default subnet group: name one in DBSubnetGroupName.")
	}
	var g subnetGroup
	taken := ""
	err := s.d.Store.View(func(tx store.Tx) (err error) {
		var ok bool
		if g, ok = subnetGroups.Get(tx, store.Key(i.Region, i.SubnetGroup)); !ok {
			return errNoSubnetGroup(i.SubnetGroup)
		}
		if source, ok := instances.Get(tx, store.Key(i.Region, i.Source)); ok {
			taken = source.Zone
		}
		return nil
	})
	if err != nil {
		return err
	}
	at := slices.IndexFunc(g.Subnets, func(x subnet) bool { return x.Zone == i.Zone || i.Zone == "" && x.Zone != taken })
	if at < 0 {
		return wire.Errorf(400, "InvalidVPCNetworkStateFault", "The subnet group %s has no subnet in the Availability Zone %s.", g.Name, i.Zone)
	}
	x := g.Subnets[at]
	i.VPC, i.Subnet, i.Zone, i.Prefix = g.VPC, x.ID, x.Zone, x.Prefix
	as := asRDS(ctx, i.Region)
	in := &ec2api.DescribeSecurityGroupsInput{GroupIds: i.Settings.Groups}
	if len(in.GroupIds) == 0 {
		in.Filters = []ec2api.Filter{{Name: new("vpc-id"), Values: []string{i.VPC}}, {Name: new("group-name"), Values: []string{"default"}}}
	}
	out, err := wire.Invoke(as, s.d.Calls, ec2api.DescribeSecurityGroups, in)
	if err != nil {
		return wire.Errorf(400, invalidValue, "Invalid security group: %v", err)
	}
	i.Settings.Groups = nil
	for _, x := range out.SecurityGroups {
		if ptr.Val(x.VpcId) != i.VPC {
			return wire.Errorf(400, "InvalidParameterCombination", "The DB instance and EC2 security group are in different VPCs. The DB instance is in %s and the EC2 security group is in %s", i.VPC, ptr.Val(x.VpcId))
		}
		i.Settings.Groups = append(i.Settings.Groups, *x.GroupId)
	}
	slices.Sort(i.Settings.Groups)
	vpcs, err := wire.Invoke(as, s.d.Calls, ec2api.DescribeVpcs, &ec2api.DescribeVpcsInput{VpcIds: []string{i.VPC}})
	if err != nil {
		return err
	}
	return i.Network.UnmarshalText([]byte(ptr.Val(vpcs.Vpcs[0].CidrBlock)))
}

// begin stores a new instance.
func (s *Service) begin(i *instance, more func(tx store.Tx) error) (out *api.DBInstance, err error) {
	now := s.d.Clock.Now()
	i.Since = &now
	return out, s.d.Store.Update(func(tx store.Tx) error {
		if _, ok := instances.Get(tx, i.key()); ok {
			return wire.Errorf(400, "DBInstanceAlreadyExists", "DB instance already exists")
		}
		if err := i.checkGroups(tx); err != nil {
			return err
		}
		if more != nil {
			if err := more(tx); err != nil {
				return err
			}
		}
		instances.Put(tx, i.key(), *i)
		s.event(tx, i, "creation", "DB instance is being created")
		out = shape(tx, i)
		return nil
	})
}

// checkGroups checks the parameter and option groups an instance names.
func (i *instance) checkGroups(tx store.Tx) error {
	g, err := group(tx, i.Region, i.Settings.ParameterGroup)
	if err != nil {
		return err
	}
	if g.Family != family {
		return wire.Errorf(400, "InvalidParameterCombination", "The parameter group %s with DBParameterGroupFamily %s can't be used for this instance. Use a parameter group with DBParameterGroupFamily %s.", g.Name, g.Family, family)
	}
	o, err := option(tx, i.Region, i.Settings.OptionGroup)
	if err == nil && o.Major != major {
		err = wire.Errorf(400, "InvalidParameterCombination", "The option group %s is of postgres %s, not %s.", o.Name, o.Major, major)
	}
	return err
}

func (s *Service) createDBInstance(ctx context.Context, in *api.CreateDBInstanceInput) (*api.CreateDBInstanceOutput, error) {
	i := &instance{ID: strings.ToLower(*in.DBInstanceIdentifier), Class: *in.DBInstanceClass, DBName: ptr.Val(in.DBName), User: ptr.Val(in.MasterUsername)}
	if err := checkIdentifier("DBInstanceIdentifier", i.ID); err != nil {
		return nil, err
	}
	switch {
	case *in.Engine != engine:
		return nil, wire.Errorf(400, invalidValue, "Invalid DB engine: %s. Local AWS offers %s.", *in.Engine, engine)
	case ptr.Or(in.LicenseModel, license) != license:
		return nil, wire.Errorf(400, "InvalidParameterCombination", "The license model of postgres is %s.", license)
	case in.MasterUserPassword == nil || in.MasterUsername == nil:
		return nil, wire.Errorf(400, invalidValue, "MasterUsername and MasterUserPassword are required.")
	case !userForm.MatchString(i.User) || slices.Contains(reserved, strings.ToLower(i.User)) || strings.HasPrefix(i.User, "pg_"):
		return nil, wire.Errorf(400, invalidValue, "MasterUsername %s cannot be used as it is a reserved word used by the engine or no valid name.", i.User)
	case i.DBName != "" && (!userForm.MatchString(i.DBName) || slices.Contains(reserved, strings.ToLower(i.DBName))):
		return nil, wire.Errorf(400, invalidValue, "DBName must begin with a letter, contain only alphanumeric characters and underscores, and be no reserved word.")
	case in.AllocatedStorage == nil:
		return nil, wire.Errorf(400, invalidValue, "AllocatedStorage is required.")
	}
	if err := checkPassword(*in.MasterUserPassword); err != nil {
		return nil, err
	}
	var err error
	if i.Version, err = s.pickVersion(ctx, ptr.Val(in.EngineVersion)); err != nil {
		return nil, err
	}
	if err := s.prepare(ctx, i, wanted{
		storage: in.AllocatedStorage, iops: in.Iops, throughput: in.StorageThroughput, maxStorage: in.MaxAllocatedStorage, port: in.Port, retention: in.BackupRetentionPeriod,
		interval: in.MonitoringInterval, insightsRetention: in.PerformanceInsightsRetentionPeriod, storageType: in.StorageType, zone: in.AvailabilityZone, subnetGroup: in.DBSubnetGroupName,
		parameterGroup: in.DBParameterGroupName, optionGroup: in.OptionGroupName, ca: in.CACertificateIdentifier, key: in.KmsKeyId, role: in.MonitoringRoleArn, insightsKey: in.PerformanceInsightsKMSKeyId,
		backupWindow: in.PreferredBackupWindow, maintenanceWindow: in.PreferredMaintenanceWindow, lifecycle: in.EngineLifecycleSupport, network: in.NetworkType, minorUpgrade: in.AutoMinorVersionUpgrade,
		copyTags: in.CopyTagsToSnapshot, protected: in.DeletionProtection, public: in.PubliclyAccessible, encrypted: in.StorageEncrypted, insights: in.EnablePerformanceInsights,
		groups: in.VpcSecurityGroupIds, logTypes: in.EnableCloudwatchLogsExports, tags: in.Tags,
	}); err != nil {
		return nil, err
	}
	i.Verifier, i.Admin = verifier(*in.MasterUserPassword), s.newAdmin()
	out, err := s.begin(i, nil)
	return &api.CreateDBInstanceOutput{DBInstance: out}, err
}

func (s *Service) createDBInstanceReadReplica(ctx context.Context, in *api.CreateDBInstanceReadReplicaInput) (*api.CreateDBInstanceReadReplicaOutput, error) {
	i := &instance{ID: strings.ToLower(*in.DBInstanceIdentifier)}
	if err := checkIdentifier("DBInstanceIdentifier", i.ID); err != nil {
		return nil, err
	}
	if ptr.Or(in.ReplicaMode, "open-read-only") != "open-read-only" {
		return nil, wire.Errorf(400, invalidValue, "PostgreSQL replicas have the mode open-read-only.")
	}
	var source instance
	err := s.d.Store.View(func(tx store.Tx) (err error) {
		source, err = get(ctx, tx, localName(ptr.Val(in.SourceDBInstanceIdentifier)))
		return err
	})
	if err != nil {
		return nil, err
	}
	x := &source.Settings
	i.Source, i.Class, i.Version, i.DBName, i.User, i.Admin = source.ID, ptr.Or(in.DBInstanceClass, source.Class), source.Version, source.DBName, source.User, source.Admin
	storage := ptr.Or(in.AllocatedStorage, x.Storage)
	if storage < x.Storage {
		return nil, wire.Errorf(400, invalidValue, "A replica needs at least its source's storage: %d GiB.", x.Storage)
	}
	w := wanted{
		storage: &storage, iops: in.Iops, throughput: in.StorageThroughput, maxStorage: in.MaxAllocatedStorage, port: in.Port, retention: new(int64(0)),
		interval: in.MonitoringInterval, insightsRetention: in.PerformanceInsightsRetentionPeriod, storageType: new(ptr.Or(in.StorageType, x.StorageType)), zone: in.AvailabilityZone,
		subnetGroup: new(ptr.Or(in.DBSubnetGroupName, source.SubnetGroup)), parameterGroup: new(ptr.Or(in.DBParameterGroupName, x.ParameterGroup)), optionGroup: new(ptr.Or(in.OptionGroupName, x.OptionGroup)),
		ca: new(ptr.Or(in.CACertificateIdentifier, x.CA)), key: ptr.NonZero(x.Key), role: in.MonitoringRoleArn, insightsKey: in.PerformanceInsightsKMSKeyId, network: in.NetworkType,
		backupWindow: &x.BackupWindow, maintenanceWindow: &x.MaintenanceWindow, lifecycle: &x.Lifecycle,
		minorUpgrade: new(ptr.Or(in.AutoMinorVersionUpgrade, x.MinorUpgrade)), copyTags: in.CopyTagsToSnapshot, protected: in.DeletionProtection, public: in.PubliclyAccessible,
		encrypted: &x.Encrypted, insights: in.EnablePerformanceInsights, groups: in.VpcSecurityGroupIds, logTypes: in.EnableCloudwatchLogsExports, tags: in.Tags,
	}
	if w.port == nil {
		w.port = &source.Port
	}
	if w.iops == nil {
		w.iops = &x.IOPS
	}
	if err := s.prepare(ctx, i, w); err != nil {
		return nil, err
	}
	out, err := s.begin(i, func(tx store.Tx) error {
		now, ok := instances.Get(tx, source.key())
		switch {
		case !ok || now.Resource != source.Resource:
			return errNoInstance(source.ID)
		case now.Status != available && now.Status != modifying && now.Status != backingUp:
			return wire.Errorf(400, "InvalidDBInstanceState", "The source instance %s is %s: it must be available.", source.ID, now.Status)
		case now.Settings.Retention == 0:
			return wire.Errorf(400, "InvalidDBInstanceState", "Automated backups are not enabled for this database instance. To enable automated backups, use ModifyDBInstance to set the backup retention period to a non-zero value.")
		case now.Source != "":
			return wire.Errorf(400, "InvalidDBInstanceState", "Local AWS does not offer replicas of replicas: %s replicates %s.", now.ID, now.Source)
		case len(replicas(tx, &now)) >= maxReplicas:
			return wire.Errorf(400, "InvalidDBInstanceState", "The source instance %s has %d replicas already.", now.ID, maxReplicas)
		}
		return nil
	})
	return &api.CreateDBInstanceReadReplicaOutput{DBInstance: out}, err
}

// maxReplicas bounds the replicas of one source, as on AWS.
const maxReplicas = 15

// localName takes an identifier or the ARN of an instance.
func localName(id string) string { return id[strings.LastIndexByte(id, ':')+1:] }

func checkPassword(p string) error {
	if len(p) < 8 || len(p) > 128 {
		return wire.Errorf(400, invalidValue, "The parameter MasterUserPassword is not a valid password because it is shorter than 8 or longer than 128 characters.")
	}
	for _, c := range p {
		if c < ' ' || c > '~' || strings.ContainsRune(`/@" `, c) {
			return wire.Errorf(400, invalidValue, "The parameter MasterUserPassword is not a valid password. Only printable ASCII characters besides '/', '@', '\"', ' ' may be used.")
		}
	}
	return nil
}

// adminPlace binds the sealed password of the service's own role.
const adminPlace = "rds admin"

func (s *Service) newAdmin() []byte {
	b := make([]byte, 24)
	rand.Read(b)
	return s.d.Key.Seal([]byte(base64.RawURLEncoding.EncodeToString(b)), adminPlace)
}

// hash names a text in few characters.
func hash(parts ...string) string {
	return fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(parts, "\x00"))))[:16]
}

func hashMap(m map[string]string) string {
	var all []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		all = append(all, k, m[k])
	}
	return hash(all...)
}
