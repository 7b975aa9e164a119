package rds

import (
	"log/slog"
	"sync"
	"time"

	"grocery/localaws/reconcile"
	"grocery/localaws/runtime"
	"grocery/localaws/seal"
	"grocery/localaws/service/internal/strict"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/rdsapi"
)

// Deps is what the service needs.
type Deps struct {
	Store   store.Store
	Clock   store.Clock
	Runtime runtime.Runtime
	Calls   *wire.Registry // EC2 for subnets and interfaces, CloudWatch for metrics
	Log     *slog.Logger
	Key     *seal.Key // seals the service's own database password
	// Image is the container image with PostgreSQL's programs on its PATH.
	Image string
	// Issue makes a server certificate of the cloud's authority for names.
	Issue func(names []string) (certPEM, keyPEM []byte, err error)
	// CA is the certificate of that authority, in PEM.
	CA []byte
	// APIOnly says that the runtime runs no programs: an instance then counts
	// as available once its container exists.
	APIOnly bool
}

// Service serves RDS.
type Service struct {
	d Deps

	allocate sync.Mutex // one search for an interface or address at a time

	mu       sync.Mutex
	attached map[string]time.Time // instance key -> start of the container its interfaces were last attached to
	version  string               // of the image's PostgreSQL, once asked
}

// New makes the service.
func New(d Deps) *Service {
	return &Service{d: d, attached: map[string]time.Time{}}
}

// invalidValue is AWS's code for a parameter it does not take.
const invalidValue = "InvalidParameterValue"

// Register puts the service's operations into r.
func (s *Service) Register(r *wire.Registry) {
	const all = strict.All
	strict.Handle(r, api.AddTagsToResource, invalidValue, all, s.addTagsToResource)
	strict.Handle(r, api.CreateDBInstance, invalidValue, "DBInstanceIdentifier DBInstanceClass Engine EngineVersion EngineLifecycleSupport DBName MasterUsername MasterUserPassword LicenseModel "+createMembers, s.createDBInstance)
	strict.Handle(r, api.CreateDBInstanceReadReplica, invalidValue, "DBInstanceIdentifier DBInstanceClass SourceDBInstanceIdentifier "+replicaMembers, s.createDBInstanceReadReplica)
	strict.Handle(r, api.CreateDBParameterGroup, invalidValue, all, s.createDBParameterGroup)
	strict.Handle(r, api.CreateDBSnapshot, invalidValue, all, s.createDBSnapshot)
	strict.Handle(r, api.CreateDBSubnetGroup, invalidValue, all, s.createDBSubnetGroup)
	strict.Handle(r, api.CreateOptionGroup, invalidValue, all, s.createOptionGroup)
	strict.Handle(r, api.DeleteDBInstance, invalidValue, all, s.deleteDBInstance)
	strict.Handle(r, api.DeleteDBParameterGroup, invalidValue, all, s.deleteDBParameterGroup)
	strict.Handle(r, api.DeleteDBSnapshot, invalidValue, all, s.deleteDBSnapshot)
	strict.Handle(r, api.DeleteDBSubnetGroup, invalidValue, all, s.deleteDBSubnetGroup)
	strict.Handle(r, api.DeleteOptionGroup, invalidValue, all, s.deleteOptionGroup)
	strict.Handle(r, api.DescribeCertificates, invalidValue, "CertificateIdentifier Marker MaxRecords", s.describeCertificates)
	strict.Handle(r, api.DescribeDBEngineVersions, invalidValue, all, s.describeDBEngineVersions)
	strict.Handle(r, api.DescribeDBInstances, invalidValue, all, s.describeDBInstances)
	strict.Handle(r, api.DescribeDBLogFiles, invalidValue, "DBInstanceIdentifier FilenameContains FileSize FileLastWritten Marker MaxRecords", s.describeDBLogFiles)
	strict.Handle(r, api.DescribeDBParameterGroups, invalidValue, "DBParameterGroupName Marker MaxRecords", s.describeDBParameterGroups)
	strict.Handle(r, api.DescribeDBParameters, invalidValue, "DBParameterGroupName Source Marker MaxRecords", s.describeDBParameters)
	strict.Handle(r, api.DescribeDBSnapshots, invalidValue, all, s.describeDBSnapshots)
	strict.Handle(r, api.DescribeDBSubnetGroups, invalidValue, "DBSubnetGroupName Marker MaxRecords", s.describeDBSubnetGroups)
	strict.Handle(r, api.DescribeEngineDefaultParameters, invalidValue, "DBParameterGroupFamily Marker MaxRecords", s.describeEngineDefaultParameters)
	strict.Handle(r, api.DescribeEvents, invalidValue, "SourceIdentifier SourceType StartTime EndTime Duration EventCategories Marker MaxRecords", s.describeEvents)
	strict.Handle(r, api.DescribeOptionGroups, invalidValue, "OptionGroupName EngineName MajorEngineVersion Marker MaxRecords", s.describeOptionGroups)
	strict.Handle(r, api.DescribeOrderableDBInstanceOptions, invalidValue, all, s.describeOrderableDBInstanceOptions)
	strict.Handle(r, api.DownloadDBLogFilePortion, invalidValue, all, s.downloadDBLogFilePortion)
	strict.Handle(r, api.ListTagsForResource, invalidValue, "ResourceName", s.listTagsForResource)
	strict.Handle(r, api.ModifyDBInstance, invalidValue, modifyMembers, s.modifyDBInstance)
	strict.Handle(r, api.ModifyDBParameterGroup, invalidValue, all, s.modifyDBParameterGroup)
	strict.Handle(r, api.ModifyDBSubnetGroup, invalidValue, all, s.modifyDBSubnetGroup)
	strict.Handle(r, api.PromoteReadReplica, invalidValue, all, s.promoteReadReplica)
	strict.Handle(r, api.RebootDBInstance, invalidValue, "DBInstanceIdentifier", s.rebootDBInstance)
	strict.Handle(r, api.RemoveTagsFromResource, invalidValue, all, s.removeTagsFromResource)
	strict.Handle(r, api.ResetDBParameterGroup, invalidValue, all, s.resetDBParameterGroup)
	strict.Handle(r, api.RestoreDBInstanceFromDBSnapshot, invalidValue, "DBInstanceIdentifier DBSnapshotIdentifier DBInstanceClass DBName Engine LicenseModel AllocatedStorage "+restoreMembers, s.restoreDBInstanceFromDBSnapshot)
	strict.Handle(r, api.StartDBInstance, invalidValue, all, s.startDBInstance)
	strict.Handle(r, api.StopDBInstance, invalidValue, "DBInstanceIdentifier", s.stopDBInstance)
}

// Loops returns the reconcilers.
func (s *Service) Loops() []reconcile.Loop {
	return []reconcile.Loop{
		{Name: "rds", Tables: []string{instances.Name, parameterGroups.Name, snapshots.Name}, Every: 2 * time.Second, Run: s.reconcile},
		{Name: "rds-metrics", Every: time.Minute, Run: s.publish},
		{Name: "rds-logs", Every: 10 * time.Second, Run: s.exportLogs},
	}
}
