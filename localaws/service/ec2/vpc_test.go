package ec2_test

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"grocery/localaws/service/internal/apitest"
)

func TestAVpcComesWithMainRouteTableDefaultAclAndDefaultGroup(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	vpc := must[*sdk.CreateVpcOutput](t)(w.CreateVpc(ctx, &sdk.CreateVpcInput{CidrBlock: aws.String("10.1.0.0/16")})).Vpc.VpcId
	tables := must[*sdk.DescribeRouteTablesOutput](t)(w.DescribeRouteTables(ctx, &sdk.DescribeRouteTablesInput{Filters: []types.Filter{by("vpc-id", *vpc), by("association.main", "true")}})).RouteTables
	if len(tables) != 1 || *tables[0].Routes[0].GatewayId != "local" {
		t.Errorf("main route table: %+v", tables)
	}
	acls := must[*sdk.DescribeNetworkAclsOutput](t)(w.DescribeNetworkAcls(ctx, &sdk.DescribeNetworkAclsInput{Filters: []types.Filter{by("vpc-id", *vpc), by("default", "true")}})).NetworkAcls
	if len(acls) != 1 || len(acls[0].Entries) != 4 {
		t.Errorf("default ACL: %+v", acls)
	}
	groups := must[*sdk.DescribeSecurityGroupsOutput](t)(w.DescribeSecurityGroups(ctx, &sdk.DescribeSecurityGroupsInput{Filters: []types.Filter{by("vpc-id", *vpc), by("group-name", "default")}})).SecurityGroups
	if len(groups) != 1 || len(groups[0].IpPermissions) != 1 || *groups[0].IpPermissions[0].UserIdGroupPairs[0].GroupId != *groups[0].GroupId || len(groups[0].IpPermissionsEgress) != 1 {
		t.Errorf("default group: %+v", groups)
	}
	_, err := w.DeleteSecurityGroup(ctx, &sdk.DeleteSecurityGroupInput{GroupId: groups[0].GroupId})
	refused(t, err, "CannotDelete")
	must[*sdk.DeleteVpcOutput](t)(w.DeleteVpc(ctx, &sdk.DeleteVpcInput{VpcId: vpc}))
	left := must[*sdk.DescribeSecurityGroupsOutput](t)(w.DescribeSecurityGroups(ctx, &sdk.DescribeSecurityGroupsInput{}))
	if len(left.SecurityGroups) != 0 {
		t.Errorf("the default group outlived its VPC: %+v", left.SecurityGroups)
	}
}

// Every refusal has AWS's code: clients, Terraform first, decide by it.
func TestRefusals(t *testing.T) {
	w := newWorld(t)
	n := w.network()
	ctx := t.Context()
	for rule, c := range map[string]struct {
		code string
		call func() error
	}{
		"an unknown VPC is not found": {"InvalidVpcID.NotFound", func() error {
			_, err := w.DescribeVpcs(ctx, &sdk.DescribeVpcsInput{VpcIds: []string{"vpc-0"}})
			return err
		}},
		"an unknown subnet is not found": {"InvalidSubnetID.NotFound", func() error {
			_, err := w.DescribeSubnets(ctx, &sdk.DescribeSubnetsInput{SubnetIds: []string{"subnet-0"}})
			return err
		}},
		"an unknown group is not found": {"InvalidGroup.NotFound", func() error {
			_, err := w.DescribeSecurityGroups(ctx, &sdk.DescribeSecurityGroupsInput{GroupIds: []string{"sg-0"}})
			return err
		}},
		"an unknown rule is not found": {"InvalidSecurityGroupRuleId.NotFound", func() error {
			_, err := w.DescribeSecurityGroupRules(ctx, &sdk.DescribeSecurityGroupRulesInput{SecurityGroupRuleIds: []string{"sgr-0"}})
			return err
		}},
		"an unknown instance is not found": {"InvalidInstanceID.NotFound", func() error {
			_, err := w.DescribeInstances(ctx, &sdk.DescribeInstancesInput{InstanceIds: []string{"i-0"}})
			return err
		}},
		"an unknown launch template is not found": {"InvalidLaunchTemplateId.NotFound", func() error {
			_, err := w.DescribeLaunchTemplateVersions(ctx, &sdk.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: aws.String("lt-0")})
			return err
		}},
		"an unknown filter is refused, not ignored": {"InvalidParameterValue", func() error {
			_, err := w.DescribeVpcs(ctx, &sdk.DescribeVpcsInput{Filters: []types.Filter{by("colour", "red")}})
			return err
		}},
		"a VPC in use stays": {"DependencyViolation", func() error {
			_, err := w.DeleteVpc(ctx, &sdk.DeleteVpcInput{VpcId: &n.vpc})
			return err
		}},
		"an attached gateway stays": {"DependencyViolation", func() error {
			_, err := w.DeleteInternetGateway(ctx, &sdk.DeleteInternetGatewayInput{InternetGatewayId: &n.gateway})
			return err
		}},
		"subnets do not overlap": {"InvalidSubnet.Conflict", func() error {
			_, err := w.CreateSubnet(ctx, &sdk.CreateSubnetInput{VpcId: &n.vpc, CidrBlock: aws.String("10.0.0.0/20")})
			return err
		}},
		"a subnet lies in its VPC": {"InvalidSubnet.Range", func() error {
			_, err := w.CreateSubnet(ctx, &sdk.CreateSubnetInput{VpcId: &n.vpc, CidrBlock: aws.String("10.9.0.0/24")})
			return err
		}},
		"a group's name is free in its VPC": {"InvalidGroup.Duplicate", func() error {
			_, err := w.CreateSecurityGroup(ctx, &sdk.CreateSecurityGroupInput{VpcId: &n.vpc, GroupName: aws.String("web"), Description: aws.String("again")})
			return err
		}},
		"reserved tags are AWS's": {"InvalidParameterValue", func() error {
			_, err := w.CreateTags(ctx, &sdk.CreateTagsInput{Resources: []string{n.vpc}, Tags: []types.Tag{{Key: aws.String("aws:x"), Value: aws.String("y")}}})
			return err
		}},
		"what is not supported is refused, not ignored": {"UnsupportedOperation", func() error {
			_, err := w.CreateVpc(ctx, &sdk.CreateVpcInput{CidrBlock: aws.String("10.2.0.0/16"), AmazonProvidedIpv6CidrBlock: aws.Bool(true)})
			return err
		}},
		"a dry run changes nothing": {"DryRunOperation", func() error {
			_, err := w.DeleteSubnet(ctx, &sdk.DeleteSubnetInput{SubnetId: &n.private, DryRun: aws.Bool(true)})
			return err
		}},
		"an operation nobody serves is a 4xx": {"NotImplemented", func() error {
			_, err := w.DescribeFleets(ctx, &sdk.DescribeFleetsInput{})
			return err
		}},
	} {
		t.Run(rule, func(t *testing.T) { refused(t, c.call(), c.code) })
	}
}

func TestFiltersMatchWildcardsTagsAndAlternatives(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	ids := map[string]string{}
	for name, cidr := range map[string]string{"shop-dev": "10.0.0.0/16", "shop-prod": "10.1.0.0/16", "other": "10.2.0.0/16"} {
		ids[name] = *must[*sdk.CreateVpcOutput](t)(w.CreateVpc(ctx, &sdk.CreateVpcInput{CidrBlock: &cidr, TagSpecifications: []types.TagSpecification{{
			ResourceType: types.ResourceTypeVpc, Tags: []types.Tag{{Key: aws.String("Name"), Value: &name}},
		}}})).Vpc.VpcId
	}
	for rule, c := range map[string]struct {
		filters []types.Filter
		want    []string
	}{
		"a star matches any characters":  {[]types.Filter{by("tag:Name", "shop-*")}, []string{"shop-dev", "shop-prod"}},
		"a question mark matches one":    {[]types.Filter{by("tag:Name", "shop-de?")}, []string{"shop-dev"}},
		"a backslash escapes":            {[]types.Filter{by("tag:Name", `shop-\*`)}, nil},
		"values are alternatives":        {[]types.Filter{by("cidr", "10.0.0.0/16", "10.2.0.0/16")}, []string{"shop-dev", "other"}},
		"filters must all hold":          {[]types.Filter{by("tag-key", "Name"), by("cidr", "10.1.*")}, []string{"shop-prod"}},
		"a tag nobody has finds nothing": {[]types.Filter{by("tag:None", "*")}, nil},
	} {
		t.Run(rule, func(t *testing.T) {
			var got, want []string
			for _, v := range must[*sdk.DescribeVpcsOutput](t)(w.DescribeVpcs(ctx, &sdk.DescribeVpcsInput{Filters: c.filters})).Vpcs {
				got = append(got, *v.VpcId)
			}
			for _, n := range c.want {
				want = append(want, ids[n])
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestAddressesOfASubnetGoRoundAndRunOut(t *testing.T) {
	w := newWorld(t)
	n := w.network()
	ctx := t.Context()
	create := func() (*sdk.CreateNetworkInterfaceOutput, error) {
		return w.CreateNetworkInterface(ctx, &sdk.CreateNetworkInterfaceInput{SubnetId: &n.private})
	}
	first := must[*sdk.CreateNetworkInterfaceOutput](t)(create()).NetworkInterface
	if *first.PrivateIpAddress != "10.0.2.4" {
		t.Errorf("the first address is %s: AWS keeps the first four", *first.PrivateIpAddress)
	}
	must[*sdk.DeleteNetworkInterfaceOutput](t)(w.DeleteNetworkInterface(ctx, &sdk.DeleteNetworkInterfaceInput{NetworkInterfaceId: first.NetworkInterfaceId}))
	if again := must[*sdk.CreateNetworkInterfaceOutput](t)(create()).NetworkInterface; *again.PrivateIpAddress == "10.0.2.4" {
		t.Error("an address just given back is given out at once")
	}
	for range 10 {
		must[*sdk.CreateNetworkInterfaceOutput](t)(create())
	}
	if free := must[*sdk.DescribeSubnetsOutput](t)(w.DescribeSubnets(ctx, &sdk.DescribeSubnetsInput{SubnetIds: []string{n.private}})).Subnets[0].AvailableIpAddressCount; *free != 0 {
		t.Errorf("%d addresses free, want 0 of 11", *free)
	}
	_, err := create()
	refused(t, err, "InsufficientFreeAddressesInSubnet")
}

func TestRoutesTurnBlackWhenTheirTargetGoes(t *testing.T) {
	w := newWorld(t)
	n := w.network()
	ctx := t.Context()
	must[*sdk.DetachInternetGatewayOutput](t)(w.DetachInternetGateway(ctx, &sdk.DetachInternetGatewayInput{InternetGatewayId: &n.gateway, VpcId: &n.vpc}))
	routes := must[*sdk.DescribeRouteTablesOutput](t)(w.DescribeRouteTables(ctx, &sdk.DescribeRouteTablesInput{Filters: []types.Filter{by("association.subnet-id", n.public)}})).RouteTables[0].Routes
	if routes[1].State != types.RouteStateBlackhole {
		t.Errorf("the route to a detached gateway is %s", routes[1].State)
	}
}

func TestANatGatewayHoldsAnAddressAndAnInterfaceUntilDeleted(t *testing.T) {
	w := newWorld(t)
	n := w.network()
	ctx := t.Context()
	eip := must[*sdk.AllocateAddressOutput](t)(w.AllocateAddress(ctx, &sdk.AllocateAddressInput{Domain: types.DomainTypeVpc}))
	nat := must[*sdk.CreateNatGatewayOutput](t)(w.CreateNatGateway(ctx, &sdk.CreateNatGatewayInput{SubnetId: &n.public, AllocationId: eip.AllocationId})).NatGateway
	_, err := w.ReleaseAddress(ctx, &sdk.ReleaseAddressInput{AllocationId: eip.AllocationId})
	refused(t, err, "InvalidIPAddress.InUse")
	_, err = w.DeleteSubnet(ctx, &sdk.DeleteSubnetInput{SubnetId: &n.public})
	refused(t, err, "DependencyViolation")
	must[*sdk.DeleteNatGatewayOutput](t)(w.DeleteNatGateway(ctx, &sdk.DeleteNatGatewayInput{NatGatewayId: nat.NatGatewayId}))
	if got := must[*sdk.DescribeNatGatewaysOutput](t)(w.DescribeNatGateways(ctx, &sdk.DescribeNatGatewaysInput{NatGatewayIds: []string{*nat.NatGatewayId}})).NatGateways[0].State; got != types.NatGatewayStateDeleted {
		t.Errorf("a deleted NAT gateway is %s", got)
	}
	must[*sdk.ReleaseAddressOutput](t)(w.ReleaseAddress(ctx, &sdk.ReleaseAddressInput{AllocationId: eip.AllocationId}))
	must[*sdk.DeleteSubnetOutput](t)(w.DeleteSubnet(ctx, &sdk.DeleteSubnetInput{SubnetId: &n.public}))
}

func TestAGatewayEndpointAddsItsRoute(t *testing.T) {
	w := newWorld(t)
	n := w.network()
	ctx := t.Context()
	table := must[*sdk.DescribeRouteTablesOutput](t)(w.DescribeRouteTables(ctx, &sdk.DescribeRouteTablesInput{Filters: []types.Filter{by("association.main", "true")}})).RouteTables[0].RouteTableId
	e := must[*sdk.CreateVpcEndpointOutput](t)(w.CreateVpcEndpoint(ctx, &sdk.CreateVpcEndpointInput{
		VpcId: &n.vpc, ServiceName: aws.String("com.amazonaws." + apitest.Region + ".s3"), RouteTableIds: []string{*table},
	})).VpcEndpoint
	routes := must[*sdk.DescribeRouteTablesOutput](t)(w.DescribeRouteTables(ctx, &sdk.DescribeRouteTablesInput{RouteTableIds: []string{*table}})).RouteTables[0].Routes
	lists := must[*sdk.DescribePrefixListsOutput](t)(w.DescribePrefixLists(ctx, &sdk.DescribePrefixListsInput{Filters: []types.Filter{by("prefix-list-name", "com.amazonaws."+apitest.Region+".s3")}})).PrefixLists
	if len(routes) != 2 || *routes[1].GatewayId != *e.VpcEndpointId || *routes[1].DestinationPrefixListId != *lists[0].PrefixListId {
		t.Errorf("routes: %+v", routes)
	}
	_, err := w.CreateVpcEndpoint(ctx, &sdk.CreateVpcEndpointInput{VpcId: &n.vpc, ServiceName: aws.String("com.amazonaws.us-east-1.s3")})
	refused(t, err, "InvalidServiceName")
}
