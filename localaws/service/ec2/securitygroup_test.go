package ec2_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func tcp(port int32, cidr string) []types.IpPermission {
	return []types.IpPermission{{IpProtocol: aws.String("tcp"), FromPort: &port, ToPort: &port, IpRanges: []types.IpRange{{CidrIp: &cidr}}}}
}

func TestANewGroupAdmitsNothingInAndEverythingOut(t *testing.T) {
	w := newWorld(t)
	n := w.network()
	g := must[*sdk.DescribeSecurityGroupsOutput](t)(w.DescribeSecurityGroups(t.Context(), &sdk.DescribeSecurityGroupsInput{GroupIds: []string{n.group}})).SecurityGroups[0]
	if len(g.IpPermissions) != 0 || len(g.IpPermissionsEgress) != 1 || *g.IpPermissionsEgress[0].IpProtocol != "-1" || g.IpPermissionsEgress[0].FromPort != nil {
		t.Errorf("%+v", g)
	}
}

func TestRulesAreAddedOnceDescribedModifiedAndRevoked(t *testing.T) {
	w := newWorld(t)
	n := w.network()
	ctx := t.Context()
	add := func() (*sdk.AuthorizeSecurityGroupIngressOutput, error) {
		return w.AuthorizeSecurityGroupIngress(ctx, &sdk.AuthorizeSecurityGroupIngressInput{GroupId: &n.group, IpPermissions: tcp(80, "0.0.0.0/0"), TagSpecifications: []types.TagSpecification{{
			ResourceType: types.ResourceTypeSecurityGroupRule, Tags: []types.Tag{{Key: aws.String("Name"), Value: aws.String("web")}},
		}}})
	}
	made := must[*sdk.AuthorizeSecurityGroupIngressOutput](t)(add()).SecurityGroupRules
	if len(made) != 1 || *made[0].CidrIpv4 != "0.0.0.0/0" || *made[0].Tags[0].Value != "web" {
		t.Fatalf("%+v", made)
	}
	_, err := add()
	refused(t, err, "InvalidPermission.Duplicate")
	must[*sdk.ModifySecurityGroupRulesOutput](t)(w.ModifySecurityGroupRules(ctx, &sdk.ModifySecurityGroupRulesInput{GroupId: &n.group, SecurityGroupRules: []types.SecurityGroupRuleUpdate{{
		SecurityGroupRuleId: made[0].SecurityGroupRuleId,
		SecurityGroupRule:   &types.SecurityGroupRuleRequest{IpProtocol: aws.String("6"), FromPort: aws.Int32(443), ToPort: aws.Int32(443), CidrIpv4: aws.String("10.0.0.0/8"), Description: aws.String("tls")},
	}}}))
	got := must[*sdk.DescribeSecurityGroupRulesOutput](t)(w.DescribeSecurityGroupRules(ctx, &sdk.DescribeSecurityGroupRulesInput{SecurityGroupRuleIds: []string{*made[0].SecurityGroupRuleId}})).SecurityGroupRules[0]
	if *got.IpProtocol != "tcp" || *got.FromPort != 443 || *got.Description != "tls" || len(got.Tags) != 1 {
		t.Errorf("%+v", got)
	}
	must[*sdk.RevokeSecurityGroupIngressOutput](t)(w.RevokeSecurityGroupIngress(ctx, &sdk.RevokeSecurityGroupIngressInput{GroupId: &n.group, IpPermissions: tcp(443, "10.0.0.0/8")}))
	_, err = w.RevokeSecurityGroupIngress(ctx, &sdk.RevokeSecurityGroupIngressInput{GroupId: &n.group, IpPermissions: tcp(443, "10.0.0.0/8")})
	refused(t, err, "InvalidPermission.NotFound")
	_, err = w.AuthorizeSecurityGroupIngress(ctx, &sdk.AuthorizeSecurityGroupIngressInput{GroupId: &n.group, IpPermissions: tcp(80, "10.0.0.1/8")})
	refused(t, err, "InvalidParameterValue")
}

func TestAGroupThatAnotherReferencesOrAnInterfaceHasStays(t *testing.T) {
	w := newWorld(t)
	n := w.network()
	ctx := t.Context()
	other := w.securityGroup(n.vpc, "db")
	must[*sdk.AuthorizeSecurityGroupIngressOutput](t)(w.AuthorizeSecurityGroupIngress(ctx, &sdk.AuthorizeSecurityGroupIngressInput{GroupId: &other, IpPermissions: []types.IpPermission{{
		IpProtocol: aws.String("tcp"), FromPort: aws.Int32(5432), ToPort: aws.Int32(5432), UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: &n.group}},
	}}}))
	_, err := w.DeleteSecurityGroup(ctx, &sdk.DeleteSecurityGroupInput{GroupId: &n.group})
	refused(t, err, "DependencyViolation")
	eni := must[*sdk.CreateNetworkInterfaceOutput](t)(w.CreateNetworkInterface(ctx, &sdk.CreateNetworkInterfaceInput{SubnetId: &n.private, Groups: []string{other}})).NetworkInterface
	_, err = w.DeleteSecurityGroup(ctx, &sdk.DeleteSecurityGroupInput{GroupId: &other})
	refused(t, err, "DependencyViolation")
	must[*sdk.DeleteNetworkInterfaceOutput](t)(w.DeleteNetworkInterface(ctx, &sdk.DeleteNetworkInterfaceInput{NetworkInterfaceId: eni.NetworkInterfaceId}))
	must[*sdk.DeleteSecurityGroupOutput](t)(w.DeleteSecurityGroup(ctx, &sdk.DeleteSecurityGroupInput{GroupId: &other}))
	must[*sdk.DeleteSecurityGroupOutput](t)(w.DeleteSecurityGroup(ctx, &sdk.DeleteSecurityGroupInput{GroupId: &n.group}))
}
