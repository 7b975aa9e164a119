package ecr

import (
	"context"
	"slices"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ecrapi"
)

// describeRegistry says that nothing is replicated, which is so: there is only
// one account, and replication is not offered.
func (s *Service) describeRegistry(context.Context, *ecrapi.DescribeRegistryInput) (*ecrapi.DescribeRegistryOutput, error) {
	return &ecrapi.DescribeRegistryOutput{RegistryId: new(wire.Account), ReplicationConfiguration: &ecrapi.ReplicationConfiguration{Rules: []ecrapi.ReplicationRule{}}}, nil
}

func (s *Service) registry(ctx context.Context) (r registry, err error) {
	err = s.d.Store.View(func(tx store.Tx) error {
		r, _ = registries.Get(tx, wire.CallFrom(ctx).Region)
		return nil
	})
	return r, err
}

func (s *Service) changeRegistry(ctx context.Context, f func(*registry) error) error {
	region := wire.CallFrom(ctx).Region
	return s.d.Store.Update(func(tx store.Tx) error {
		r, _ := registries.Get(tx, region)
		if err := f(&r); err != nil {
			return err
		}
		registries.Put(tx, region, r)
		return nil
	})
}

func errRegistryPolicy() error {
	return wire.Errorf(400, "RegistryPolicyNotFoundException", "Registry policy does not exist in the registry with id '%s'", wire.Account)
}

func (s *Service) getRegistryPolicy(ctx context.Context, _ *ecrapi.GetRegistryPolicyInput) (*ecrapi.GetRegistryPolicyOutput, error) {
	r, err := s.registry(ctx)
	if err == nil && r.Policy == "" {
		err = errRegistryPolicy()
	}
	return &ecrapi.GetRegistryPolicyOutput{RegistryId: new(wire.Account), PolicyText: new(r.Policy)}, err
}

func (s *Service) putRegistryPolicy(ctx context.Context, in *ecrapi.PutRegistryPolicyInput) (*ecrapi.PutRegistryPolicyOutput, error) {
	err := s.changeRegistry(ctx, func(r *registry) error { r.Policy = *in.PolicyText; return checkPolicy(r.Policy) })
	return &ecrapi.PutRegistryPolicyOutput{RegistryId: new(wire.Account), PolicyText: in.PolicyText}, err
}

func (s *Service) deleteRegistryPolicy(ctx context.Context, _ *ecrapi.DeleteRegistryPolicyInput) (*ecrapi.DeleteRegistryPolicyOutput, error) {
	out := ecrapi.DeleteRegistryPolicyOutput{RegistryId: new(wire.Account)}
	return &out, s.changeRegistry(ctx, func(r *registry) error {
		if r.Policy == "" {
			return errRegistryPolicy()
		}
		out.PolicyText, r.Policy = new(r.Policy), ""
		return nil
	})
}

func (r registry) shape() *ecrapi.RegistryScanningConfiguration {
	c := ecrapi.RegistryScanningConfiguration{ScanType: new("BASIC"), Rules: []ecrapi.RegistryScanningRule{}}
	for _, x := range r.Rules {
		c.Rules = append(c.Rules, ecrapi.RegistryScanningRule{ScanFrequency: new(x.Frequency), RepositoryFilters: filterShapes(x.Filters)})
	}
	return &c
}

func filterShapes(filters []string) (l []ecrapi.ScanningRepositoryFilter) {
	for _, f := range filters {
		l = append(l, ecrapi.ScanningRepositoryFilter{Filter: new(f), FilterType: new("WILDCARD")})
	}
	return l
}

func (s *Service) getRegistryScanningConfiguration(ctx context.Context, _ *ecrapi.GetRegistryScanningConfigurationInput) (*ecrapi.GetRegistryScanningConfigurationOutput, error) {
	r, err := s.registry(ctx)
	return &ecrapi.GetRegistryScanningConfigurationOutput{RegistryId: new(wire.Account), ScanningConfiguration: r.shape()}, err
}

func (s *Service) putRegistryScanningConfiguration(ctx context.Context, in *ecrapi.PutRegistryScanningConfigurationInput) (*ecrapi.PutRegistryScanningConfigurationOutput, error) {
	if t := ptr.Or(in.ScanType, "BASIC"); t != "BASIC" {
		return nil, invalid("Local AWS offers the scan type BASIC, not '%s'", t)
	}
	var out ecrapi.PutRegistryScanningConfigurationOutput
	return &out, s.changeRegistry(ctx, func(r *registry) error {
		r.Rules = nil
		for _, x := range in.Rules {
			if !slices.Contains([]string{"SCAN_ON_PUSH", "MANUAL"}, *x.ScanFrequency) {
				return invalid("The scan frequency '%s' does not go with basic scanning", *x.ScanFrequency)
			}
			n := scanRule{Frequency: *x.ScanFrequency}
			for _, f := range x.RepositoryFilters {
				if *f.FilterType != "WILDCARD" {
					return invalid("The filter type '%s' is not supported", *f.FilterType)
				}
				n.Filters = append(n.Filters, *f.Filter)
			}
			r.Rules = append(r.Rules, n)
		}
		out.RegistryScanningConfiguration = r.shape()
		return nil
	})
}

func (s *Service) batchGetRepositoryScanningConfiguration(ctx context.Context, in *ecrapi.BatchGetRepositoryScanningConfigurationInput) (*ecrapi.BatchGetRepositoryScanningConfigurationOutput, error) {
	region := wire.CallFrom(ctx).Region
	var out ecrapi.BatchGetRepositoryScanningConfigurationOutput
	return &out, s.d.Store.View(func(tx store.Tx) error {
		set, _ := registries.Get(tx, region)
		for _, n := range in.RepositoryNames {
			r, ok := repositories.Get(tx, key(region, n))
			if !ok {
				out.Failures = append(out.Failures, ecrapi.RepositoryScanningConfigurationFailure{RepositoryName: new(n), FailureCode: new("REPOSITORY_NOT_FOUND"), FailureReason: new(errRepository(n).(*wire.Error).Message)})
				continue
			}
			c := ecrapi.RepositoryScanningConfiguration{RepositoryName: new(n), RepositoryArn: new(r.arn()), ScanOnPush: new(r.ScanOnPush), ScanFrequency: new("MANUAL")}
			for _, x := range set.Rules {
				if hits := slices.DeleteFunc(slices.Clone(x.Filters), func(f string) bool { return !wildcard(f, n) }); len(hits) > 0 && x.Frequency == "SCAN_ON_PUSH" {
					c.ScanOnPush, c.AppliedScanFilters = new(true), filterShapes(hits)
				}
			}
			if *c.ScanOnPush {
				c.ScanFrequency = new("SCAN_ON_PUSH")
			}
			out.ScanningConfigurations = append(out.ScanningConfigurations, c)
		}
		return nil
	})
}
