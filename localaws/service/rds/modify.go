package rds

import (
	"context"
	"slices"
	"strings"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ec2api"
	api "grocery/localaws/wire/api/rdsapi"
)

const modifyMembers = "DBInstanceIdentifier ApplyImmediately AllocatedStorage AllowMajorVersionUpgrade AutoMinorVersionUpgrade BackupRetentionPeriod CACertificateIdentifier CertificateRotationRestart CloudwatchLogsExportConfiguration " +
	"CopyTagsToSnapshot DBInstanceClass DBParameterGroupName DBPortNumber DBSubnetGroupName DeletionProtection EnablePerformanceInsights Engine EngineVersion Iops MasterUserPassword MaxAllocatedStorage " +
	"MonitoringInterval MonitoringRoleArn NetworkType OptionGroupName PerformanceInsightsKMSKeyId PerformanceInsightsRetentionPeriod PreferredBackupWindow PreferredMaintenanceWindow PubliclyAccessible " +
	"StorageThroughput StorageType VpcSecurityGroupIds"

// modifyDBInstance changes an instance. Local AWS has no maintenance windows in
// which work is done: every change is made at once, as with ApplyImmediately.
func (s *Service) modifyDBInstance(ctx context.Context, in *api.ModifyDBInstanceInput) (*api.ModifyDBInstanceOutput, error) {
	if in.MasterUserPassword != nil {
		if err := checkPassword(*in.MasterUserPassword); err != nil {
			return nil, err
		}
	}
	if len(in.VpcSecurityGroupIds) > 0 {
		if _, err := wire.Invoke(asRDS(ctx, wire.CallFrom(ctx).Region), s.d.Calls, ec2api.DescribeSecurityGroups, &ec2api.DescribeSecurityGroupsInput{GroupIds: in.VpcSecurityGroupIds}); err != nil {
			return nil, wire.Errorf(400, invalidValue, "Invalid security group: %v", err)
		}
	}
	out, err := s.edit(ctx, *in.DBInstanceIdentifier, func(tx store.Tx, i *instance) error {
		if i.Delete || i.Status != available && i.Status != modifying && i.Status != stopped && i.Status != backingUp {
			return wire.Errorf(400, "InvalidDBInstanceState", "Database instance %s is not in available state.", i.ID)
		}
		if ptr.Or(in.DBSubnetGroupName, i.SubnetGroup) != i.SubnetGroup {
			return wire.Errorf(400, invalidValue, "Local AWS does not move an instance to another subnet group: make a new one.")
		}
		if in.EngineVersion != nil && *in.EngineVersion != i.Version && *in.EngineVersion != major {
			if !versionForm.MatchString(*in.EngineVersion) {
				return wire.Errorf(400, "InvalidParameterCombination", "Cannot upgrade postgres from %s to %s: local AWS runs the major version %s.", i.Version, *in.EngineVersion, major)
			}
			i.Version = *in.EngineVersion
		}
		before := i.Settings
		i.apply(in)
		if before.Storage > i.Settings.Storage {
			return wire.Errorf(400, invalidValue, "Invalid storage size: the storage of an instance cannot shrink from %d to %d.", before.Storage, i.Settings.Storage)
		}
		if in.MasterUserPassword != nil {
			if i.Source != "" {
				return wire.Errorf(400, "InvalidParameterCombination", "The password of a replica is its source's: change that of %s.", i.Source)
			}
			i.Verifier = verifier(*in.MasterUserPassword)
		}
		i.complete()
		if err := i.check(); err != nil {
			return err
		}
		if err := i.checkGroups(tx); err != nil {
			return err
		}
		if i.Settings.Retention == 0 && len(replicas(tx, i)) > 0 {
			return wire.Errorf(400, invalidValue, "Backups cannot be disabled while the instance has read replicas.")
		}
		if i.Status == available {
			i.Status = modifying
			i.Since = new(s.d.Clock.Now())
		}
		return nil
	})
	return &api.ModifyDBInstanceOutput{DBInstance: out}, err
}

// apply writes the members of a request that are set.
func (i *instance) apply(in *api.ModifyDBInstanceInput) {
	x := &i.Settings
	ptr.Set(&i.Class, in.DBInstanceClass)
	ptr.Set(&i.Port, in.DBPortNumber)
	ptr.Set(&x.Storage, in.AllocatedStorage)
	if in.StorageType != nil && *in.StorageType != x.StorageType {
		x.StorageType, x.IOPS, x.Throughput = *in.StorageType, 0, 0
	}
	ptr.Set(&x.IOPS, in.Iops)
	ptr.Set(&x.Throughput, in.StorageThroughput)
	if in.MaxAllocatedStorage != nil {
		x.MaxStorage = *in.MaxAllocatedStorage
		if x.MaxStorage <= x.Storage { // how clients turn it off
			x.MaxStorage = 0
		}
	}
	ptr.Set(&x.CA, in.CACertificateIdentifier)
	ptr.Set(&x.Retention, in.BackupRetentionPeriod)
	ptr.Set(&x.BackupWindow, in.PreferredBackupWindow)
	if in.PreferredMaintenanceWindow != nil {
		x.MaintenanceWindow = strings.ToLower(*in.PreferredMaintenanceWindow)
	}
	ptr.Set(&x.MinorUpgrade, in.AutoMinorVersionUpgrade)
	ptr.Set(&x.CopyTags, in.CopyTagsToSnapshot)
	ptr.Set(&x.Protected, in.DeletionProtection)
	ptr.Set(&x.Public, in.PubliclyAccessible)
	ptr.Set(&x.Insights, in.EnablePerformanceInsights)
	ptr.Set(&x.InsightsKey, in.PerformanceInsightsKMSKeyId)
	if x.Insights && x.InsightsRetention == 0 {
		x.InsightsRetention = 7
	}
	ptr.Set(&x.InsightsRetention, in.PerformanceInsightsRetentionPeriod)
	ptr.Set(&x.MonitoringInterval, in.MonitoringInterval)
	ptr.Set(&x.MonitoringRole, in.MonitoringRoleArn)
	if x.MonitoringInterval == 0 {
		x.MonitoringRole = ""
	}
	if in.DBParameterGroupName != nil {
		x.ParameterGroup = strings.ToLower(*in.DBParameterGroupName)
	}
	if in.OptionGroupName != nil {
		x.OptionGroup = strings.ToLower(*in.OptionGroupName)
	}
	if len(in.VpcSecurityGroupIds) > 0 {
		x.Groups = slices.Sorted(slices.Values(in.VpcSecurityGroupIds))
	}
	if c := in.CloudwatchLogsExportConfiguration; c != nil {
		x.LogTypes = slices.DeleteFunc(append(x.LogTypes, c.EnableLogTypes...), func(t string) bool { return slices.Contains(c.DisableLogTypes, t) })
		slices.Sort(x.LogTypes)
		x.LogTypes = slices.Compact(x.LogTypes)
	}
}

func (s *Service) rebootDBInstance(ctx context.Context, in *api.RebootDBInstanceInput) (*api.RebootDBInstanceOutput, error) {
	out, err := s.edit(ctx, *in.DBInstanceIdentifier, func(tx store.Tx, i *instance) error {
		if i.Delete || i.Status != available {
			return wire.Errorf(400, "InvalidDBInstanceState", "Database instance %s is not in available state.", i.ID)
		}
		i.Reboot, i.Status, i.Since = true, rebooting, new(s.d.Clock.Now())
		return nil
	})
	return &api.RebootDBInstanceOutput{DBInstance: out}, err
}

func (s *Service) stopDBInstance(ctx context.Context, in *api.StopDBInstanceInput) (*api.StopDBInstanceOutput, error) {
	out, err := s.edit(ctx, *in.DBInstanceIdentifier, func(tx store.Tx, i *instance) error {
		switch {
		case i.Delete || i.Status != available:
			return wire.Errorf(400, "InvalidDBInstanceState", "Instance %s is not in available state.", i.ID)
		case i.Source != "" || len(replicas(tx, i)) > 0:
			return wire.Errorf(400, "InvalidDBInstanceState", "Cannot stop the DB instance %s: it is a read replica or has one.", i.ID)
		}
		i.Stop, i.Status = true, stopping
		return nil
	})
	return &api.StopDBInstanceOutput{DBInstance: out}, err
}

func (s *Service) startDBInstance(ctx context.Context, in *api.StartDBInstanceInput) (*api.StartDBInstanceOutput, error) {
	out, err := s.edit(ctx, *in.DBInstanceIdentifier, func(tx store.Tx, i *instance) error {
		if i.Delete || i.Status != stopped {
			return wire.Errorf(400, "InvalidDBInstanceState", "Instance %s is not stopped.", i.ID)
		}
		i.Stop, i.Status, i.Since = false, starting, new(s.d.Clock.Now())
		return nil
	})
	return &api.StartDBInstanceOutput{DBInstance: out}, err
}

func (s *Service) promoteReadReplica(ctx context.Context, in *api.PromoteReadReplicaInput) (*api.PromoteReadReplicaOutput, error) {
	out, err := s.edit(ctx, *in.DBInstanceIdentifier, func(tx store.Tx, i *instance) error {
		if i.Source == "" {
			return wire.Errorf(400, "InvalidDBInstanceState", "DB Instance is not a read replica: %s", i.ID)
		}
		if i.Delete || i.Status != available && i.Status != modifying {
			return wire.Errorf(400, "InvalidDBInstanceState", "Database instance %s is not in available state.", i.ID)
		}
		i.Promote, i.Status, i.Since = true, modifying, new(s.d.Clock.Now())
		i.Settings.Retention = ptr.Or(in.BackupRetentionPeriod, max(i.Settings.Retention, 1))
		ptr.Set(&i.Settings.BackupWindow, in.PreferredBackupWindow)
		return i.check()
	})
	return &api.PromoteReadReplicaOutput{DBInstance: out}, err
}

func (s *Service) deleteDBInstance(ctx context.Context, in *api.DeleteDBInstanceInput) (*api.DeleteDBInstanceOutput, error) {
	skip, final := ptr.Val(in.SkipFinalSnapshot), strings.ToLower(ptr.Val(in.FinalDBSnapshotIdentifier))
	out, err := s.edit(ctx, *in.DBInstanceIdentifier, func(tx store.Tx, i *instance) error {
		switch {
		case i.Settings.Protected:
			return wire.Errorf(400, "InvalidParameterCombination", "Cannot delete protected DB Instance, please disable deletion protection and try again.")
		case i.Delete:
			return wire.Errorf(400, "InvalidDBInstanceState", "Instance %s is already being deleted.", i.ID)
		case skip && final != "":
			return wire.Errorf(400, "InvalidParameterCombination", "FinalDBSnapshotIdentifier can not be specified when deleting an instance with SkipFinalSnapshot.")
		case !skip && final == "" && i.Source == "":
			return wire.Errorf(400, "InvalidParameterCombination", "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.")
		case !skip && i.Source != "":
			return wire.Errorf(400, "InvalidParameterCombination", "A final snapshot cannot be made of a read replica: specify SkipFinalSnapshot.")
		}
		if final != "" {
			if err := s.beginSnapshot(tx, i, final, nil, true); err != nil {
				return err
			}
			i.Final = final
		}
		for _, r := range replicas(tx, i) { // they go on as instances of their own, as on AWS
			r.Promote = true
			instances.Put(tx, r.key(), r)
		}
		i.Delete, i.Status = true, deleting
		s.event(tx, i, "deletion", "DB instance is being deleted")
		return nil
	})
	return &api.DeleteDBInstanceOutput{DBInstance: out}, err
}

func (s *Service) describeDBInstances(ctx context.Context, in *api.DescribeDBInstancesInput) (*api.DescribeDBInstancesOutput, error) {
	var tests []func(*instance) bool
	for _, f := range in.Filters {
		field := map[string]func(*instance) []string{
			"db-instance-id":  func(i *instance) []string { return []string{i.ID, i.arn()} },
			"dbi-resource-id": func(i *instance) []string { return []string{i.Resource} },
			"engine":          func(*instance) []string { return []string{engine} },
			"db-cluster-id":   func(*instance) []string { return nil },
			"domain":          func(*instance) []string { return nil },
		}[ptr.Val(f.Name)]
		if field == nil {
			return nil, wire.Errorf(400, invalidValue, "Unrecognized filter name: %s", ptr.Val(f.Name))
		}
		tests = append(tests, func(i *instance) bool {
			return slices.ContainsFunc(field(i), func(have string) bool { return slices.Contains(f.Values, have) })
		})
	}
	id := strings.ToLower(localName(ptr.Val(in.DBInstanceIdentifier)))
	out := &api.DescribeDBInstancesOutput{}
	return out, s.d.Store.View(func(tx store.Tx) (err error) {
		all := slices.DeleteFunc(instances.List(tx, wire.CallFrom(ctx).Region+"/"), func(i instance) bool {
			return id != "" && i.ID != id && strings.ToLower(i.Resource) != id || slices.ContainsFunc(tests, func(t func(*instance) bool) bool { return !t(&i) })
		})
		if id != "" && len(all) == 0 {
			return errNoInstance(id)
		}
		all, out.Marker, err = cut(all, func(i instance) string { return i.ID }, in.Marker, in.MaxRecords)
		for _, i := range all {
			out.DBInstances = append(out.DBInstances, *shape(tx, &i))
		}
		return err
	})
}
