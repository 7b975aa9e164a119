package rds

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	"grocery/localaws/runtime"
	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/rdsapi"
)

const (
	engine  = "postgres"
	license = "postgresql-license"
	// major is the PostgreSQL that the image holds.
	major  = "15"
	family = engine + major
)

// families are the parameter group families that can be made; instances run
// that of the installed major version only.
var families = map[string]bool{"postgres13": true, "postgres14": true, "postgres15": true, "postgres16": true, "postgres17": true}

// class is an instance class.
type class struct {
	MemoryMiB int64
	CPUs      float64
}

// classes are the instance classes on offer.
// See https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.DBInstanceClass.Summary.html.
var classes = map[string]class{
	"db.t3.micro": {1024, 2}, "db.t3.small": {2048, 2}, "db.t3.medium": {4096, 2}, "db.t3.large": {8192, 2},
	"db.t4g.micro": {1024, 2}, "db.t4g.small": {2048, 2}, "db.t4g.medium": {4096, 2}, "db.t4g.large": {8192, 2},
	"db.m5.large": {8192, 2}, "db.m6g.large": {8192, 2}, "db.m6i.large": {8192, 2}, "db.m7g.large": {8192, 2},
	"db.r5.large": {16384, 2}, "db.r6g.large": {16384, 2}, "db.r6i.large": {16384, 2}, "db.r7g.large": {16384, 2},
}

func checkClass(name string) error {
	if _, ok := classes[name]; !ok {
		return wire.Errorf(400, invalidValue, "Invalid DB Instance class: %s. Local AWS offers micro to large of t3 and t4g, and large of m5, m6g, m6i, m7g, r5, r6g, r6i and r7g.", name)
	}
	return nil
}

var versionForm = regexp.MustCompile(`^` + major + `(\.[0-9]{1,2})?$`)

// pickVersion turns a requested version into the one that is shown: the minor
// version that was asked for, or the installed one.
func (s *Service) pickVersion(ctx context.Context, want string) (string, error) {
	if want != "" && !versionForm.MatchString(want) {
		return "", wire.Errorf(400, "InvalidParameterCombination", "Cannot find version %s for postgres. Local AWS runs the major version %s.", want, major)
	}
	if strings.Contains(want, ".") {
		return want, nil
	}
	return s.installed(ctx)
}

var versionLine = regexp.MustCompile(`\(PostgreSQL\) (` + major + `\.[0-9]+)`)

// installed asks the image which PostgreSQL it holds.
func (s *Service) installed(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.version != "" {
		return s.version, nil
	}
	if s.d.APIOnly {
		return major + ".18", nil
	}
	const name = "rds-version"
	fail := func(err error) (string, error) {
		if errors.Is(err, runtime.ErrImageNotFound) {
			return "", wire.Errorf(400, "InsufficientDBInstanceCapacity", "The image %s with PostgreSQL is missing: run `grocery up`, which builds it.", s.d.Image)
		}
		return "", err
	}
	if err := s.d.Runtime.RemoveContainer(ctx, name); err != nil {
		return fail(err)
	}
	defer s.d.Runtime.RemoveContainer(context.WithoutCancel(ctx), name)
	if _, err := s.d.Runtime.EnsureContainer(ctx, runtime.ContainerSpec{Name: name, Image: s.d.Image, Entrypoint: []string{"postgres", "--version"}}); err != nil {
		return fail(err)
	}
	if _, err := s.d.Runtime.WaitContainer(ctx, name); err != nil {
		return fail(err)
	}
	out, err := s.d.Runtime.Logs(ctx, name, 0)
	if err != nil {
		return fail(err)
	}
	m := versionLine.FindSubmatch(out)
	if m == nil {
		return "", wire.Errorf(400, "InsufficientDBInstanceCapacity", "The image %s does not hold PostgreSQL %s: it says %q.", s.d.Image, major, out)
	}
	s.version = string(m[1])
	return s.version, nil
}

func (s *Service) describeDBEngineVersions(ctx context.Context, in *api.DescribeDBEngineVersionsInput) (*api.DescribeDBEngineVersionsOutput, error) {
	installed, err := s.installed(ctx)
	if err != nil {
		return nil, err
	}
	out := &api.DescribeDBEngineVersionsOutput{}
	want := ptr.Val(in.EngineVersion)
	if ptr.Or(in.Engine, engine) != engine || ptr.Or(in.DBParameterGroupFamily, family) != family || want != "" && !versionForm.MatchString(want) {
		return out, nil
	}
	for _, f := range in.Filters {
		have := map[string]string{"db-parameter-group-family": family, "engine": engine, "engine-version": installed, "engine-mode": "provisioned", "status": "available"}[ptr.Val(f.Name)]
		if have == "" {
			return nil, wire.Errorf(400, invalidValue, "Unrecognized filter name: %s", ptr.Val(f.Name))
		}
		if !slices.Contains(f.Values, have) {
			return out, nil
		}
	}
	if strings.Contains(want, ".") {
		installed = want
	}
	out.DBEngineVersions = []api.DBEngineVersion{{Engine: new(engine), EngineVersion: &installed, MajorEngineVersion: new(major), DBParameterGroupFamily: new(family),
		DBEngineDescription: new("PostgreSQL"), DBEngineVersionDescription: new("PostgreSQL " + installed), Status: new("available"),
		ExportableLogTypes: []string{"postgresql", "upgrade"}, SupportsLogExportsToCloudwatchLogs: new(true), SupportsReadReplica: new(true), SupportedCACertificateIdentifiers: []string{authority},
		SupportsCertificateRotationWithoutRestart: new(true), SupportsGlobalDatabases: new(false), SupportsParallelQuery: new(false), SupportsBabelfish: new(false)}}
	return out, nil
}

func (s *Service) describeOrderableDBInstanceOptions(ctx context.Context, in *api.DescribeOrderableDBInstanceOptionsInput) (*api.DescribeOrderableDBInstanceOptionsOutput, error) {
	out := &api.DescribeOrderableDBInstanceOptionsOutput{}
	if *in.Engine != engine || ptr.Or(in.LicenseModel, license) != license || in.EngineVersion != nil && !versionForm.MatchString(*in.EngineVersion) {
		return out, nil
	}
	if len(in.Filters) > 0 {
		return nil, wire.Errorf(400, invalidValue, "Unrecognized filter name: %s", ptr.Val(in.Filters[0].Name))
	}
	version, err := s.pickVersion(ctx, ptr.Val(in.EngineVersion))
	if err != nil {
		return nil, err
	}
	region := wire.CallFrom(ctx).Region
	var all []api.OrderableDBInstanceOption
	for name := range classes {
		if ptr.Or(in.DBInstanceClass, name) != name {
			continue
		}
		for _, storage := range storageTypes {
			all = append(all, api.OrderableDBInstanceOption{DBInstanceClass: &name, Engine: new(engine), EngineVersion: &version, LicenseModel: new(license), StorageType: &storage,
				AvailabilityZones: []api.AvailabilityZone{{Name: new(region + "a")}, {Name: new(region + "b")}, {Name: new(region + "c")}}, MultiAZCapable: new(false), ReadReplicaCapable: new(true), Vpc: new(true),
				MinStorageSize: new(int64(20)), MaxStorageSize: new(int64(65536)), SupportsEnhancedMonitoring: new(true), SupportsIAMDatabaseAuthentication: new(false), SupportsPerformanceInsights: new(true),
				SupportsStorageEncryption: new(true), SupportsIops: new(storage != "gp2"), SupportsStorageAutoscaling: new(true), SupportedNetworkTypes: []string{"IPV4"}, SupportedEngineModes: []string{"provisioned"}})
		}
	}
	key := func(o api.OrderableDBInstanceOption) string { return *o.DBInstanceClass + " " + *o.StorageType }
	slices.SortFunc(all, func(a, b api.OrderableDBInstanceOption) int { return strings.Compare(key(a), key(b)) })
	out.OrderableDBInstanceOptions, out.Marker, err = cut(all, key, in.Marker, in.MaxRecords)
	return out, err
}
