package rds_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"grocery/localaws/runtime/none"
	"grocery/localaws/service/internal/apitest"
	"grocery/localaws/store"
)

func newAPIWorld(t *testing.T) (*world, *none.Runtime) {
	rt := none.New()
	return newWorld(t, rt, true, store.NewMemory()), rt
}

func TestAnInstanceIsShownAsItWasMade(t *testing.T) {
	w, _ := newAPIWorld(t)
	made := w.create(t, "Main", func(in *sdk.CreateDBInstanceInput) {
		in.StorageEncrypted, in.EnablePerformanceInsights, in.EnableCloudwatchLogsExports = new(true), new(true), []string{"postgresql", "upgrade"}
		in.EngineLifecycleSupport, in.MaxAllocatedStorage = new("open-source-rds-extended-support-disabled"), new(int32(100))
		in.Tags = []types.Tag{{Key: new("a"), Value: new("b")}}
	})
	if *made.DBInstanceStatus != "creating" || made.Endpoint != nil {
		t.Errorf("a new instance is %s at %v", *made.DBInstanceStatus, made.Endpoint)
	}
	i := w.available(t, "main")
	if *i.DBInstanceIdentifier != "main" || !strings.HasPrefix(*i.EngineVersion, "15.") || *i.Iops != 3000 || *i.StorageThroughput != 125 || !*i.StorageEncrypted || i.KmsKeyId == nil || *i.PerformanceInsightsRetentionPeriod != 7 ||
		!strings.HasPrefix(*i.Endpoint.Address, "main.c") || !strings.HasSuffix(*i.Endpoint.Address, ".eu-central-1.rds.amazonaws.com") || *i.Endpoint.Port != 5432 || len(i.TagList) != 1 || *i.DBParameterGroups[0].ParameterApplyStatus != "in-sync" {
		t.Errorf("%+v", i)
	}
	for name, value := range map[string]string{"dbi-resource-id": *i.DbiResourceId, "db-instance-id": "main"} {
		out, err := w.DescribeDBInstances(t.Context(), &sdk.DescribeDBInstancesInput{Filters: []types.Filter{{Name: &name, Values: []string{value}}}})
		if err != nil || len(out.DBInstances) != 1 {
			t.Errorf("filter %s: %d instances, %v", name, len(out.DBInstances), err)
		}
	}
	out, err := w.DescribeDBInstances(t.Context(), &sdk.DescribeDBInstancesInput{Filters: []types.Filter{{Name: new("dbi-resource-id"), Values: []string{"db-NONE"}}}})
	if err != nil || len(out.DBInstances) != 0 {
		t.Errorf("a filter nothing passes: %v, %v", out.DBInstances, err)
	}
}

func TestBadInstancesAreRefused(t *testing.T) {
	w, _ := newAPIWorld(t)
	for name, c := range map[string]struct {
		change func(*sdk.CreateDBInstanceInput)
		code   string
	}{
		"another engine":               {func(in *sdk.CreateDBInstanceInput) { in.Engine = new("mysql") }, "InvalidParameterValue"},
		"another major version":        {func(in *sdk.CreateDBInstanceInput) { in.EngineVersion = new("16.1") }, "InvalidParameterCombination"},
		"an unknown class":             {func(in *sdk.CreateDBInstanceInput) { in.DBInstanceClass = new("db.x9.huge") }, "InvalidParameterValue"},
		"several zones":                {func(in *sdk.CreateDBInstanceInput) { in.MultiAZ = new(true) }, "InvalidParameterValue"},
		"a managed password":           {func(in *sdk.CreateDBInstanceInput) { in.ManageMasterUserPassword = new(true) }, "InvalidParameterValue"},
		"a short password":             {func(in *sdk.CreateDBInstanceInput) { in.MasterUserPassword = new("short") }, "InvalidParameterValue"},
		"a reserved user":              {func(in *sdk.CreateDBInstanceInput) { in.MasterUsername = new("rdsadmin") }, "InvalidParameterValue"},
		"a reserved database name":     {func(in *sdk.CreateDBInstanceInput) { in.DBName = new("my-db") }, "InvalidParameterValue"},
		"an identifier that ends in -": {func(in *sdk.CreateDBInstanceInput) { in.DBInstanceIdentifier = new("db-") }, "InvalidParameterValue"},
		"an unknown subnet group":      {func(in *sdk.CreateDBInstanceInput) { in.DBSubnetGroupName = new("none") }, "DBSubnetGroupNotFoundFault"},
		"an unknown parameter group":   {func(in *sdk.CreateDBInstanceInput) { in.DBParameterGroupName = new("none") }, "DBParameterGroupNotFound"},
		"a group of another family":    {func(in *sdk.CreateDBInstanceInput) { in.DBParameterGroupName = new("default.postgres16") }, "InvalidParameterCombination"},
		"monitoring without a role":    {func(in *sdk.CreateDBInstanceInput) { in.MonitoringInterval = new(int32(60)) }, "InvalidParameterCombination"},
	} {
		in := &sdk.CreateDBInstanceInput{DBInstanceIdentifier: new("main"), DBInstanceClass: new("db.t3.micro"), Engine: new("postgres"), AllocatedStorage: new(int32(20)), MasterUsername: new("grocery"), MasterUserPassword: new("first-password"), DBSubnetGroupName: new("private")}
		c.change(in)
		if _, err := w.CreateDBInstance(t.Context(), in); apitest.Code(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	if out, err := w.DescribeDBInstances(t.Context(), &sdk.DescribeDBInstancesInput{}); err != nil || len(out.DBInstances) != 0 {
		t.Errorf("refused instances exist: %v, %v", out.DBInstances, err)
	}
}

// conf reads the configuration of the only running instance.
func conf(t *testing.T, rt *none.Runtime, file string) string {
	t.Helper()
	all, err := rt.ListContainers(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatalf("%d containers, %v", len(all), err)
	}
	raw, err := rt.ReadFile(t.Context(), all[0].Name, "/etc/rds/"+file)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func (w *world) set(t *testing.T, name, value string, method types.ApplyMethod) error {
	t.Helper()
	_, err := w.ModifyDBParameterGroup(t.Context(), &sdk.ModifyDBParameterGroupInput{DBParameterGroupName: new("tuned"), Parameters: []types.Parameter{{ParameterName: &name, ParameterValue: &value, ApplyMethod: method}}})
	return err
}

func TestParametersComeFromTheGroupAndStaticOnesWaitForAReboot(t *testing.T) {
	w, rt := newAPIWorld(t)
	if _, err := w.CreateDBParameterGroup(t.Context(), &sdk.CreateDBParameterGroupInput{DBParameterGroupName: new("tuned"), DBParameterGroupFamily: new("postgres15"), Description: new("d")}); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"rds.force_ssl": "0", "work_mem": "{DBInstanceClassMemory/1048576}", "log_line_prefix": "x"} {
		err := w.set(t, name, value, types.ApplyMethodPendingReboot)
		if name == "log_line_prefix" {
			if apitest.Code(err) != "InvalidParameterValue" {
				t.Errorf("a setting of RDS's own was changed: %v", err)
			}
		} else if err != nil {
			t.Fatal(err)
		}
	}
	w.create(t, "main", func(in *sdk.CreateDBInstanceInput) { in.DBParameterGroupName = new("tuned") })
	w.available(t, "main")
	if text := conf(t, rt, "postgresql.conf"); !strings.Contains(text, "work_mem = '1024'\n") || !strings.Contains(text, "max_connections = '112'\n") {
		t.Errorf("configuration of a class with 1 GiB:\n%s", text)
	}
	if hba := conf(t, rt, "pg_hba.conf"); !strings.HasSuffix(hba, "\nhost all all all scram-sha-256\n") {
		t.Errorf("without rds.force_ssl:\n%s", hba)
	}
	if err := w.set(t, "max_connections", "50", types.ApplyMethodImmediate); apitest.Code(err) != "InvalidParameterCombination" {
		t.Errorf("a static parameter, at once: %v", err)
	}
	if err := w.set(t, "max_connections", "50", types.ApplyMethodPendingReboot); err != nil {
		t.Fatal(err)
	}
	w.until(t, "main", "waiting for a reboot", func(i types.DBInstance) bool { return *i.DBParameterGroups[0].ParameterApplyStatus == "pending-reboot" })
	if strings.Contains(conf(t, rt, "postgresql.conf"), "max_connections = '50'") {
		t.Error("a static parameter did not wait for the reboot")
	}
	if _, err := w.RebootDBInstance(t.Context(), &sdk.RebootDBInstanceInput{DBInstanceIdentifier: new("main")}); err != nil {
		t.Fatal(err)
	}
	w.until(t, "main", "in sync", func(i types.DBInstance) bool {
		return *i.DBInstanceStatus == "available" && *i.DBParameterGroups[0].ParameterApplyStatus == "in-sync"
	})
	if !strings.Contains(conf(t, rt, "postgresql.conf"), "max_connections = '50'") {
		t.Error("the reboot did not apply a static parameter")
	}
	if _, err := w.DeleteDBParameterGroup(t.Context(), &sdk.DeleteDBParameterGroupInput{DBParameterGroupName: new("tuned")}); apitest.Code(err) != "InvalidDBParameterGroupState" {
		t.Errorf("a group in use was deleted: %v", err)
	}
	user, err := w.DescribeDBParameters(t.Context(), &sdk.DescribeDBParametersInput{DBParameterGroupName: new("tuned"), Source: new("user")})
	if err != nil || len(user.Parameters) != 3 {
		t.Errorf("%d parameters of the user, %v", len(user.Parameters), err)
	}
}

func TestParameterValuesAreChecked(t *testing.T) {
	w, _ := newAPIWorld(t)
	if _, err := w.CreateDBParameterGroup(t.Context(), &sdk.CreateDBParameterGroupInput{DBParameterGroupName: new("tuned"), DBParameterGroupFamily: new("postgres15"), Description: new("d")}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, value string
		ok          bool
	}{
		{"work_mem", "4096", true}, {"work_mem", "1", false}, {"work_mem", "much", false}, {"work_mem", "GREATEST({DBInstanceClassMemory/8}, 64)", true}, {"work_mem", "LEAST({Nothing},1)", false},
		{"log_statement", "ddl", true}, {"log_statement", "some", false}, {"rds.force_ssl", "1", true}, {"rds.force_ssl", "2", false}, {"no_such_thing", "1", false}, {"autovacuum", "off", true}, {"log_timezone", "CET", false},
	} {
		if err := w.set(t, c.name, c.value, types.ApplyMethodPendingReboot); (err == nil) != c.ok {
			t.Errorf("%s = %s: %v", c.name, c.value, err)
		}
	}
	if _, err := w.ResetDBParameterGroup(t.Context(), &sdk.ResetDBParameterGroupInput{DBParameterGroupName: new("tuned"), ResetAllParameters: new(true)}); err != nil {
		t.Fatal(err)
	}
	user, err := w.DescribeDBParameters(t.Context(), &sdk.DescribeDBParametersInput{DBParameterGroupName: new("tuned"), Source: new("user")})
	if err != nil || len(user.Parameters) != 0 {
		t.Errorf("after a reset: %v, %v", user.Parameters, err)
	}
	n := 0
	for p := sdk.NewDescribeDBParametersPaginator(w, &sdk.DescribeDBParametersInput{DBParameterGroupName: new("default.postgres15")}); p.HasMorePages(); {
		out, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		n += len(out.Parameters)
	}
	if n < 300 {
		t.Errorf("PostgreSQL has only %d parameters", n)
	}
}

func TestModificationsTakeEffect(t *testing.T) {
	w, _ := newAPIWorld(t)
	w.create(t, "main", nil)
	w.available(t, "main")
	sg := w.group
	if _, err := w.ModifyDBInstance(t.Context(), &sdk.ModifyDBInstanceInput{DBInstanceIdentifier: new("main"), DBInstanceClass: new("db.t3.small"), AllocatedStorage: new(int32(30)), DeletionProtection: new(true), VpcSecurityGroupIds: []string{sg},
		CloudwatchLogsExportConfiguration: &types.CloudwatchLogsExportConfiguration{EnableLogTypes: []string{"postgresql"}}, MasterUserPassword: new("second-password"), ApplyImmediately: new(true)}); err != nil {
		t.Fatal(err)
	}
	i := w.available(t, "main")
	if *i.DBInstanceClass != "db.t3.small" || *i.AllocatedStorage != 30 || !*i.DeletionProtection || !slices.Equal(i.EnabledCloudwatchLogsExports, []string{"postgresql"}) || i.PendingModifiedValues.MasterUserPassword != nil {
		t.Errorf("%+v", i)
	}
	if _, err := w.ModifyDBInstance(t.Context(), &sdk.ModifyDBInstanceInput{DBInstanceIdentifier: new("main"), AllocatedStorage: new(int32(20))}); apitest.Code(err) != "InvalidParameterValue" {
		t.Errorf("storage shrank: %v", err)
	}
	if _, err := w.DeleteDBInstance(t.Context(), &sdk.DeleteDBInstanceInput{DBInstanceIdentifier: new("main"), SkipFinalSnapshot: new(true)}); apitest.Code(err) != "InvalidParameterCombination" {
		t.Errorf("a protected instance was deleted: %v", err)
	}
}

func TestReplicasKnowTheirSourceAndOutliveIt(t *testing.T) {
	w, _ := newAPIWorld(t)
	w.create(t, "main", nil)
	w.available(t, "main")
	if _, err := w.CreateDBInstanceReadReplica(t.Context(), &sdk.CreateDBInstanceReadReplicaInput{DBInstanceIdentifier: new("replica"), SourceDBInstanceIdentifier: new("main")}); err != nil {
		t.Fatal(err)
	}
	r := w.available(t, "replica")
	if *r.ReadReplicaSourceDBInstanceIdentifier != "main" || *r.BackupRetentionPeriod != 0 || !slices.Equal(w.describe(t, "main").ReadReplicaDBInstanceIdentifiers, []string{"replica"}) {
		t.Errorf("%+v", r)
	}
	for name, in := range map[string]*sdk.ModifyDBInstanceInput{
		"a password of its own":        {DBInstanceIdentifier: new("replica"), MasterUserPassword: new("other-password")},
		"a source without any backups": {DBInstanceIdentifier: new("main"), BackupRetentionPeriod: new(int32(0))},
	} {
		if _, err := w.ModifyDBInstance(t.Context(), in); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if _, err := w.DeleteDBInstance(t.Context(), &sdk.DeleteDBInstanceInput{DBInstanceIdentifier: new("main"), SkipFinalSnapshot: new(true)}); err != nil {
		t.Fatal(err)
	}
	w.gone(t, "main")
	w.until(t, "replica", "an instance of its own", func(i types.DBInstance) bool {
		return *i.DBInstanceStatus == "available" && i.ReadReplicaSourceDBInstanceIdentifier == nil
	})
}

func TestASubnetGroupCoversTwoZonesAndStaysWhileItIsUsed(t *testing.T) {
	w, _ := newAPIWorld(t)
	if _, err := w.CreateDBSubnetGroup(t.Context(), &sdk.CreateDBSubnetGroupInput{DBSubnetGroupName: new("one"), DBSubnetGroupDescription: new("d"), SubnetIds: w.subnets[:1]}); apitest.Code(err) != "DBSubnetGroupDoesNotCoverEnoughAZs" {
		t.Errorf("a group in one zone: %v", err)
	}
	if _, err := w.CreateDBSubnetGroup(t.Context(), &sdk.CreateDBSubnetGroupInput{DBSubnetGroupName: new("bad"), DBSubnetGroupDescription: new("d"), SubnetIds: []string{"subnet-0123456789abcdef0"}}); apitest.Code(err) != "InvalidSubnet" {
		t.Errorf("a subnet that does not exist: %v", err)
	}
	w.create(t, "main", nil)
	if _, err := w.DeleteDBSubnetGroup(t.Context(), &sdk.DeleteDBSubnetGroupInput{DBSubnetGroupName: new("private")}); apitest.Code(err) != "InvalidDBSubnetGroupStateFault" {
		t.Errorf("a group in use was deleted: %v", err)
	}
}

func TestDeletionLeavesNothingButTheFinalSnapshot(t *testing.T) {
	w, rt := newAPIWorld(t)
	w.create(t, "main", nil)
	w.available(t, "main")
	if _, err := w.DeleteDBInstance(t.Context(), &sdk.DeleteDBInstanceInput{DBInstanceIdentifier: new("main")}); apitest.Code(err) != "InvalidParameterCombination" {
		t.Errorf("deleted without saying what becomes of the data: %v", err)
	}
	if _, err := w.DeleteDBInstance(t.Context(), &sdk.DeleteDBInstanceInput{DBInstanceIdentifier: new("main"), FinalDBSnapshotIdentifier: new("last")}); err != nil {
		t.Fatal(err)
	}
	w.gone(t, "main")
	if got := fmt.Sprint(rt.Interfaces()); strings.Contains(got, "rds-") {
		t.Errorf("interfaces are left: %v", got)
	}
	if all, _ := rt.ListContainers(t.Context()); len(all) != 0 {
		t.Errorf("containers are left: %v", all)
	}
	out, err := w.DescribeDBSnapshots(t.Context(), &sdk.DescribeDBSnapshotsInput{DBSnapshotIdentifier: new("last")})
	if err != nil || *out.DBSnapshots[0].Status != "available" {
		t.Errorf("%+v, %v", out, err)
	}
	events, err := w.DescribeEvents(t.Context(), &sdk.DescribeEventsInput{SourceType: types.SourceTypeDbInstance, SourceIdentifier: new("main")})
	if err != nil || len(events.Events) < 3 {
		t.Errorf("%d events, %v", len(events.Events), err)
	}
}

func TestVersionsAndClassesOnOfferAreListed(t *testing.T) {
	w, _ := newAPIWorld(t)
	v, err := w.DescribeDBEngineVersions(t.Context(), &sdk.DescribeDBEngineVersionsInput{Engine: new("postgres"), EngineVersion: new("15")})
	if err != nil || len(v.DBEngineVersions) != 1 || *v.DBEngineVersions[0].DBParameterGroupFamily != "postgres15" {
		t.Errorf("%+v, %v", v, err)
	}
	if v, err := w.DescribeDBEngineVersions(t.Context(), &sdk.DescribeDBEngineVersionsInput{Engine: new("mysql")}); err != nil || len(v.DBEngineVersions) != 0 {
		t.Errorf("%+v, %v", v, err)
	}
	o, err := w.DescribeOrderableDBInstanceOptions(t.Context(), &sdk.DescribeOrderableDBInstanceOptionsInput{Engine: new("postgres"), DBInstanceClass: new("db.t3.micro")})
	if err != nil || len(o.OrderableDBInstanceOptions) != 4 {
		t.Errorf("%d options, %v", len(o.OrderableDBInstanceOptions), err)
	}
	c, err := w.DescribeCertificates(t.Context(), &sdk.DescribeCertificatesInput{})
	if err != nil || *c.Certificates[0].CertificateIdentifier != "rds-ca-rsa2048-g1" {
		t.Errorf("%+v, %v", c, err)
	}
}
