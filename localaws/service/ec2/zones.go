package ec2

import (
	"context"
	"slices"
	"strings"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ec2api"
)

// zone is an Availability Zone. Every region has three.
type zone struct{ name, id string }

// regions are AWS's regions that need no opting in.
// https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html
var regions = []string{
	"ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1", "eu-central-1", "eu-north-1",
	"eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2",
}

// zones lists a region's zones: eu-central-1a is euc1-az1, and so on.
func zones(region string) []zone {
	short := strings.NewReplacer("north", "n", "south", "s", "east", "e", "west", "w", "central", "c", "-", "").Replace(region)
	var all []zone
	for i, letter := range []string{"a", "b", "c"} {
		all = append(all, zone{region + letter, short + "-az" + string(rune('1'+i))})
	}
	return all
}

// pickZone finds the zone that a name or id asks for, the first one when
// neither is given.
func pickZone(region, name, id string) (zone, error) {
	for _, z := range zones(region) {
		if name == z.name || id == z.id || name == "" && id == "" {
			return z, nil
		}
	}
	return zone{}, wire.Errorf(400, "InvalidParameterValue", "Value (%s) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: %s.",
		name+id, strings.Join(zoneNames(region), ", "))
}

func zoneNames(region string) (names []string) {
	for _, z := range zones(region) {
		names = append(names, z.name)
	}
	return names
}

func (s *Service) describeAvailabilityZones(ctx context.Context, in *ec2api.DescribeAvailabilityZonesInput) (*ec2api.DescribeAvailabilityZonesOutput, error) {
	region := wire.CallFrom(ctx).Region
	for _, n := range in.ZoneNames {
		if !slices.Contains(zoneNames(region), n) {
			return nil, wire.Errorf(400, "InvalidParameterValue", "Invalid availability zone: [%s]", n)
		}
	}
	out := &ec2api.DescribeAvailabilityZonesOutput{}
next:
	for _, z := range zones(region) {
		if len(in.ZoneNames) > 0 && !slices.Contains(in.ZoneNames, z.name) || len(in.ZoneIds) > 0 && !slices.Contains(in.ZoneIds, z.id) {
			continue
		}
		values := map[string]string{
			"zone-name": z.name, "zone-id": z.id, "region-name": region, "state": "available", "group-name": region,
			"opt-in-status": "opt-in-not-required", "zone-type": "availability-zone", "message": "",
		}
		for _, f := range in.Filters {
			v, ok := values[ptr.Val(f.Name)]
			if !ok {
				return nil, wire.Errorf(400, "InvalidParameterValue", "The filter '%s' is invalid", ptr.Val(f.Name))
			}
			if !matchAny(f.Values, []string{v}) {
				continue next
			}
		}
		out.AvailabilityZones = append(out.AvailabilityZones, ec2api.AvailabilityZone{
			ZoneName: new(z.name), ZoneId: new(z.id), RegionName: &region, State: new("available"), GroupName: &region,
			OptInStatus: new("opt-in-not-required"), ZoneType: new("availability-zone"), NetworkBorderGroup: &region,
		})
	}
	return out, nil
}

func (s *Service) describeRegions(ctx context.Context, in *ec2api.DescribeRegionsInput) (*ec2api.DescribeRegionsOutput, error) {
	for _, n := range in.RegionNames {
		if !slices.Contains(regions, n) {
			return nil, wire.Errorf(400, "InvalidParameterValue", "Invalid region provided: [%s]", n)
		}
	}
	out := &ec2api.DescribeRegionsOutput{}
next:
	for _, r := range regions {
		if len(in.RegionNames) > 0 && !slices.Contains(in.RegionNames, r) {
			continue
		}
		values := map[string]string{"region-name": r, "endpoint": "ec2." + r + ".amazonaws.com", "opt-in-status": "opt-in-not-required"}
		for _, f := range in.Filters {
			v, ok := values[ptr.Val(f.Name)]
			if !ok {
				return nil, wire.Errorf(400, "InvalidParameterValue", "The filter '%s' is invalid", ptr.Val(f.Name))
			}
			if !matchAny(f.Values, []string{v}) {
				continue next
			}
		}
		out.Regions = append(out.Regions, ec2api.Region{RegionName: new(r), Endpoint: new(values["endpoint"]), OptInStatus: new("opt-in-not-required")})
	}
	return out, nil
}

// describeAccountAttributes answers AWS's defaults; local AWS sets no such limits.
func (s *Service) describeAccountAttributes(ctx context.Context, in *ec2api.DescribeAccountAttributesInput) (*ec2api.DescribeAccountAttributesOutput, error) {
	out := &ec2api.DescribeAccountAttributesOutput{}
	for _, a := range [][2]string{
		{"supported-platforms", "VPC"}, {"default-vpc", "none"}, {"max-instances", "20"}, {"max-elastic-ips", "5"},
		{"vpc-max-elastic-ips", "5"}, {"vpc-max-security-groups-per-interface", "5"},
	} {
		if len(in.AttributeNames) == 0 || slices.Contains(in.AttributeNames, a[0]) {
			out.AccountAttributes = append(out.AccountAttributes, ec2api.AccountAttribute{
				AttributeName: new(a[0]), AttributeValues: []ec2api.AccountAttributeValue{{AttributeValue: new(a[1])}},
			})
		}
	}
	return out, nil
}
