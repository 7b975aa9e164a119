package rds

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"grocery/localaws/service/internal/page"
	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ec2api"
	api "grocery/localaws/wire/api/rdsapi"
)

// subnetGroup says where instances may have their addresses.
type subnetGroup struct {
	Name        string            `json:"name"`
	Region      string            `json:"region"`
	Description string            `json:"description"`
	VPC         string            `json:"vpc"`
	Subnets     []subnet          `json:"subnets"`
	Tags        map[string]string `json:"tags,omitempty"`
}

type subnet struct {
	ID     string       `json:"id"`
	Zone   string       `json:"zone"`
	Prefix netip.Prefix `json:"prefix"`
}

var subnetGroups = store.Table[subnetGroup]{Name: "rds_subnet_groups"}

func (g *subnetGroup) key() string { return store.Key(g.Region, g.Name) }

func (g *subnetGroup) shape() *api.DBSubnetGroup {
	out := &api.DBSubnetGroup{DBSubnetGroupName: &g.Name, DBSubnetGroupDescription: &g.Description, DBSubnetGroupArn: new(arn(g.Region, "subgrp", g.Name)),
		VpcId: &g.VPC, SubnetGroupStatus: new("Complete"), SupportedNetworkTypes: []string{"IPV4"}}
	for _, x := range g.Subnets {
		out.Subnets = append(out.Subnets, api.Subnet{SubnetIdentifier: &x.ID, SubnetStatus: new("Active"), SubnetAvailabilityZone: &api.AvailabilityZone{Name: &x.Zone}, SubnetOutpost: &api.Outpost{}})
	}
	return out
}

func asRDS(ctx context.Context, region string) context.Context {
	return wire.AsService(ctx, "rds.amazonaws.com", region)
}

// resolve asks EC2 about subnets and checks that they make a group.
func (s *Service) resolve(ctx context.Context, region string, ids []string) (vpc string, all []subnet, err error) {
	out, err := wire.Invoke(asRDS(ctx, region), s.d.Calls, ec2api.DescribeSubnets, &ec2api.DescribeSubnetsInput{SubnetIds: ids})
	if err != nil {
		if strings.HasPrefix(wire.Code(err), "InvalidSubnet") {
			return "", nil, wire.Errorf(400, "InvalidSubnet", "The requested subnet is invalid, or multiple subnets were requested that are not all in a common VPC: %v", err)
		}
		return "", nil, err
	}
	zones := map[string]bool{}
	for _, x := range out.Subnets {
		prefix, err := netip.ParsePrefix(ptr.Val(x.CidrBlock))
		if err != nil {
			return "", nil, err
		}
		if vpc != "" && vpc != *x.VpcId {
			return "", nil, wire.Errorf(400, "InvalidSubnet", "The requested subnets are not all in a common VPC.")
		}
		vpc = *x.VpcId
		zones[*x.AvailabilityZone] = true
		all = append(all, subnet{*x.SubnetId, *x.AvailabilityZone, prefix})
	}
	if len(zones) < 2 {
		return "", nil, wire.Errorf(400, "DBSubnetGroupDoesNotCoverEnoughAZs", "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. Current AZ coverage: %d. Add subnets to cover at least 2 AZs.", len(zones))
	}
	slices.SortFunc(all, func(a, b subnet) int { return strings.Compare(a.ID, b.ID) })
	return vpc, all, nil
}

func (s *Service) createDBSubnetGroup(ctx context.Context, in *api.CreateDBSubnetGroupInput) (*api.CreateDBSubnetGroupOutput, error) {
	region, name := wire.CallFrom(ctx).Region, strings.ToLower(*in.DBSubnetGroupName)
	if name == "default" || name == "" || len(name) > 255 {
		return nil, wire.Errorf(400, invalidValue, "The DB subnet group name %q is not valid.", name)
	}
	vpc, all, err := s.resolve(ctx, region, in.SubnetIds)
	if err != nil {
		return nil, err
	}
	g := subnetGroup{Name: name, Region: region, Description: *in.DBSubnetGroupDescription, VPC: vpc, Subnets: all, Tags: tagMap(nil, in.Tags)}
	return &api.CreateDBSubnetGroupOutput{DBSubnetGroup: g.shape()}, s.d.Store.Update(func(tx store.Tx) error {
		if _, ok := subnetGroups.Get(tx, g.key()); ok {
			return wire.Errorf(400, "DBSubnetGroupAlreadyExists", "The DB subnet group '%s' already exists.", name)
		}
		subnetGroups.Put(tx, g.key(), g)
		return nil
	})
}

func errNoSubnetGroup(name string) error {
	return wire.Errorf(404, "DBSubnetGroupNotFoundFault", "DB subnet group '%s' does not exist.", name)
}

func (s *Service) modifyDBSubnetGroup(ctx context.Context, in *api.ModifyDBSubnetGroupInput) (*api.ModifyDBSubnetGroupOutput, error) {
	region, name := wire.CallFrom(ctx).Region, strings.ToLower(*in.DBSubnetGroupName)
	vpc, all, err := s.resolve(ctx, region, in.SubnetIds)
	if err != nil {
		return nil, err
	}
	out := &api.ModifyDBSubnetGroupOutput{}
	return out, s.d.Store.Update(func(tx store.Tx) error {
		g, ok := subnetGroups.Get(tx, store.Key(region, name))
		if !ok {
			return errNoSubnetGroup(name)
		}
		for _, i := range instances.List(tx, region+"/") {
			if i.SubnetGroup == name && !slices.ContainsFunc(all, func(x subnet) bool { return x.ID == i.Subnet }) {
				return wire.Errorf(400, "SubnetInUse", "The subnet %s is currently in use by %s.", i.Subnet, i.ID)
			}
		}
		if vpc != g.VPC && len(g.Subnets) > 0 {
			return wire.Errorf(400, "InvalidSubnet", "The new subnets are not in the same VPC as the existing subnet group.")
		}
		g.Subnets = all
		ptr.Set(&g.Description, in.DBSubnetGroupDescription)
		subnetGroups.Put(tx, g.key(), g)
		out.DBSubnetGroup = g.shape()
		return nil
	})
}

func (s *Service) deleteDBSubnetGroup(ctx context.Context, in *api.DeleteDBSubnetGroupInput) (*api.DeleteDBSubnetGroupOutput, error) {
	region, name := wire.CallFrom(ctx).Region, strings.ToLower(*in.DBSubnetGroupName)
	return nil, s.d.Store.Update(func(tx store.Tx) error {
		if _, ok := subnetGroups.Get(tx, store.Key(region, name)); !ok {
			return errNoSubnetGroup(name)
		}
		for _, i := range instances.List(tx, region+"/") {
			if i.SubnetGroup == name {
				return wire.Errorf(400, "InvalidDBSubnetGroupStateFault", "Cannot delete the subnet group '%s' because at least one database instance: %s is still using it.", name, i.ID)
			}
		}
		subnetGroups.Delete(tx, store.Key(region, name))
		return nil
	})
}

func (s *Service) describeDBSubnetGroups(ctx context.Context, in *api.DescribeDBSubnetGroupsInput) (*api.DescribeDBSubnetGroupsOutput, error) {
	region, name := wire.CallFrom(ctx).Region, strings.ToLower(ptr.Val(in.DBSubnetGroupName))
	out := &api.DescribeDBSubnetGroupsOutput{}
	return out, s.d.Store.View(func(tx store.Tx) (err error) {
		all := subnetGroups.List(tx, region+"/")
		if name != "" {
			all = slices.DeleteFunc(all, func(g subnetGroup) bool { return g.Name != name })
			if len(all) == 0 {
				return errNoSubnetGroup(name)
			}
		}
		all, out.Marker, err = cut(all, func(g subnetGroup) string { return g.Name }, in.Marker, in.MaxRecords)
		for _, g := range all {
			out.DBSubnetGroups = append(out.DBSubnetGroups, *g.shape())
		}
		return err
	})
}

// cut is page.Cut with RDS's error and page size.
func cut[T any](all []T, key func(T) string, marker *string, limit *int64) ([]T, *string, error) {
	got, next, err := page.Cut(all, key, marker, limit, 100)
	if err != nil {
		return nil, nil, wire.Errorf(400, invalidValue, "The marker is not valid.")
	}
	return got, next, nil
}

// optionGroup holds no options: PostgreSQL has none on RDS.
type optionGroup struct {
	Name        string            `json:"name"`
	Region      string            `json:"region"`
	Major       string            `json:"major"`
	Description string            `json:"description"`
	Tags        map[string]string `json:"tags,omitempty"`
}

var optionGroups = store.Table[optionGroup]{Name: "rds_option_groups"}

func (g *optionGroup) shape() *api.OptionGroup {
	return &api.OptionGroup{OptionGroupName: &g.Name, OptionGroupArn: new(arn(g.Region, "og", g.Name)), EngineName: new(engine), MajorEngineVersion: &g.Major,
		OptionGroupDescription: &g.Description, AllowsVpcAndNonVpcInstanceMemberships: new(true)}
}

// option finds a group; that named default:postgres-<major> always exists.
func option(tx store.Tx, region, name string) (optionGroup, error) {
	if major, ok := strings.CutPrefix(name, "default:postgres-"); ok && families["postgres"+major] {
		return optionGroup{Name: name, Region: region, Major: major, Description: "Default option group for postgres " + major}, nil
	}
	g, ok := optionGroups.Get(tx, store.Key(region, name))
	if !ok {
		return g, wire.Errorf(404, "OptionGroupNotFoundFault", "Specified OptionGroupName: %s not found.", name)
	}
	return g, nil
}

func (s *Service) createOptionGroup(ctx context.Context, in *api.CreateOptionGroupInput) (*api.CreateOptionGroupOutput, error) {
	g := optionGroup{Name: strings.ToLower(*in.OptionGroupName), Region: wire.CallFrom(ctx).Region, Major: *in.MajorEngineVersion, Description: *in.OptionGroupDescription, Tags: tagMap(nil, in.Tags)}
	if *in.EngineName != engine || !families["postgres"+g.Major] {
		return nil, wire.Errorf(400, "InvalidParameterCombination", "Cannot find major version %s for %s: local AWS offers the engine %s.", g.Major, *in.EngineName, engine)
	}
	if err := checkIdentifier("OptionGroupName", g.Name); err != nil {
		return nil, err
	}
	return &api.CreateOptionGroupOutput{OptionGroup: g.shape()}, s.d.Store.Update(func(tx store.Tx) error {
		if _, ok := optionGroups.Get(tx, store.Key(g.Region, g.Name)); ok {
			return wire.Errorf(400, "OptionGroupAlreadyExistsFault", "An option group named %s already exists.", g.Name)
		}
		optionGroups.Put(tx, store.Key(g.Region, g.Name), g)
		return nil
	})
}

func (s *Service) deleteOptionGroup(ctx context.Context, in *api.DeleteOptionGroupInput) (*api.DeleteOptionGroupOutput, error) {
	region, name := wire.CallFrom(ctx).Region, strings.ToLower(*in.OptionGroupName)
	return nil, s.d.Store.Update(func(tx store.Tx) error {
		if strings.HasPrefix(name, "default:") {
			return wire.Errorf(400, "InvalidOptionGroupStateFault", "The default option group %s cannot be deleted.", name)
		}
		if _, err := option(tx, region, name); err != nil {
			return err
		}
		for _, i := range instances.List(tx, region+"/") {
			if i.Settings.OptionGroup == name {
				return wire.Errorf(400, "InvalidOptionGroupStateFault", "The option group %s is in use by %s.", name, i.ID)
			}
		}
		optionGroups.Delete(tx, store.Key(region, name))
		return nil
	})
}

func (s *Service) describeOptionGroups(ctx context.Context, in *api.DescribeOptionGroupsInput) (*api.DescribeOptionGroupsOutput, error) {
	region, name := wire.CallFrom(ctx).Region, strings.ToLower(ptr.Val(in.OptionGroupName))
	out := &api.DescribeOptionGroupsOutput{}
	return out, s.d.Store.View(func(tx store.Tx) (err error) {
		var all []optionGroup
		if name != "" {
			g, err := option(tx, region, name)
			if err != nil {
				return err
			}
			all = append(all, g)
		} else {
			g, _ := option(tx, region, "default:postgres-"+major)
			all = append(optionGroups.List(tx, region+"/"), g)
		}
		all = slices.DeleteFunc(all, func(g optionGroup) bool {
			return ptr.Or(in.EngineName, engine) != engine || ptr.Or(in.MajorEngineVersion, g.Major) != g.Major
		})
		all, out.Marker, err = cut(all, func(g optionGroup) string { return g.Name }, in.Marker, in.MaxRecords)
		for _, g := range all {
			out.OptionGroupsList = append(out.OptionGroupsList, *g.shape())
		}
		return err
	})
}
