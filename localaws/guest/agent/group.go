package agent

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// groupTag is the tag that EC2 Auto Scaling puts on its instances.
const groupTag = "aws:autoscaling:groupName"

// groupName asks EC2 for the instance's Auto Scaling group, as the real agent
// does; the role needs ec2:DescribeTags. Empty means that it is in none.
func groupName(ctx context.Context, cfg aws.Config, instanceID string) (string, error) {
	out, err := ec2.NewFromConfig(cfg).DescribeTags(ctx, &ec2.DescribeTagsInput{Filters: []types.Filter{
		{Name: new("resource-id"), Values: []string{instanceID}},
		{Name: new("key"), Values: []string{groupTag}},
	}})
	if err != nil {
		return "", err
	}
	for _, t := range out.Tags {
		if aws.ToString(t.Key) == groupTag {
			return aws.ToString(t.Value), nil
		}
	}
	return "", nil
}
