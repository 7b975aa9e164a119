package ops

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/rds"
)

// Status is what runs where, and how well.
type Status struct {
	URL       string           `json:"url"`
	Page      string           `json:"page"`    // "ok" or what is wrong
	Version   string           `json:"version"` // image tag that the backend behind the balancer reports
	Instances []InstanceStatus `json:"instances"`
	Databases []DatabaseStatus `json:"databases"`
}

// InstanceStatus is one instance of the group.
type InstanceStatus struct {
	ID, Zone, Type, Address, Lifecycle, Health string
	LaunchTemplateVersion                      string
	Targets                                    map[string]string // target group -> health
}

// DatabaseStatus is the primary or the replica.
type DatabaseStatus struct {
	ID, Role, Status, Endpoint, Version string
	LagSeconds                          *float64 `json:",omitempty"` // replica lag; nil when nobody measured it in the last 10 minutes
}

// stateOutputs reads the outputs from the state itself, without Terraform.
func (e *Environment) stateOutputs(ctx context.Context, cfg aws.Config) (Output, error) {
	var o Output
	b, err := backendOf(ctx, cfg)
	if err != nil {
		return o, err
	}
	raw, err := getObject(ctx, cfg, b.Bucket, e.stateKey())
	if notFound(err) {
		return o, fmt.Errorf("%s is not deployed: grocery deploy does it", e.Name)
	}
	if err != nil {
		return o, fmt.Errorf("read the state: %w", err)
	}
	var s struct {
		Outputs map[string]struct{ Value json.RawMessage }
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return o, fmt.Errorf("read the state: %w", err)
	}
	values := map[string]json.RawMessage{}
	for k, v := range s.Outputs {
		values[k] = v.Value
	}
	if raw, err = json.Marshal(values); err == nil {
		err = json.Unmarshal(raw, &o)
	}
	return o, err
}

// Status reports on the environment.
func (e *Environment) Status(ctx context.Context) (*Status, error) {
	cfg, err := e.prepare(ctx)
	if err != nil {
		return nil, err
	}
	o, err := e.stateOutputs(ctx, cfg)
	if err != nil {
		return nil, err
	}
	s := &Status{}
	if s.URL = e.shopURL(o); s.URL != "" {
		s.probe(ctx)
	}
	if err := s.instances(ctx, cfg, o); err != nil {
		return nil, err
	}
	return s, s.databases(ctx, cfg, o)
}

// probe asks the balancer as a shopper would.
func (s *Status) probe(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	client := shopClient(0) // ctx has the limit
	s.Page = "ok"
	if err := get(ctx, client, s.URL+"/", func([]byte, http.Header) error { return nil }); err != nil {
		s.Page = err.Error()
	}
	err := get(ctx, client, s.URL+"/health", func(b []byte, _ http.Header) error {
		var h struct{ Version string }
		err := json.Unmarshal(b, &h)
		s.Version = h.Version
		return err
	})
	if err != nil {
		s.Version = "unknown: " + err.Error()
	}
}

func (s *Status) instances(ctx context.Context, cfg aws.Config, o Output) error {
	if o.ASGName == "" {
		return nil
	}
	groups, err := autoscaling.NewFromConfig(cfg).DescribeAutoScalingGroups(ctx, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{o.ASGName}})
	if err != nil {
		return fmt.Errorf("describe the group %s: %w", o.ASGName, err)
	}
	if len(groups.AutoScalingGroups) == 0 {
		return fmt.Errorf("there is no Auto Scaling group %s any more: grocery deploy makes it again", o.ASGName)
	}
	g := groups.AutoScalingGroups[0]
	byID := map[string]*InstanceStatus{}
	var ids []string
	for _, i := range g.Instances {
		x := &InstanceStatus{ID: *i.InstanceId, Zone: aws.ToString(i.AvailabilityZone), Type: aws.ToString(i.InstanceType), Lifecycle: string(i.LifecycleState), Health: aws.ToString(i.HealthStatus), Targets: map[string]string{}}
		if i.LaunchTemplate != nil {
			x.LaunchTemplateVersion = aws.ToString(i.LaunchTemplate.Version)
		}
		byID[x.ID] = x
		ids = append(ids, x.ID)
	}
	if len(ids) > 0 {
		out, err := ec2.NewFromConfig(cfg).DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: ids})
		if err != nil {
			return fmt.Errorf("describe the instances: %w", err)
		}
		for _, r := range out.Reservations {
			for _, i := range r.Instances {
				byID[*i.InstanceId].Address = aws.ToString(i.PrivateIpAddress)
			}
		}
	}
	for _, arn := range g.TargetGroupARNs {
		out, err := elbv2.NewFromConfig(cfg).DescribeTargetHealth(ctx, &elbv2.DescribeTargetHealthInput{TargetGroupArn: &arn})
		if err != nil {
			return fmt.Errorf("describe the targets: %w", err)
		}
		group := arn
		if parts := strings.Split(arn, "/"); len(parts) > 1 {
			group = parts[1]
		}
		for _, h := range out.TargetHealthDescriptions {
			if x := byID[*h.Target.Id]; x != nil && h.TargetHealth != nil {
				x.Targets[group] = strings.TrimSpace(string(h.TargetHealth.State) + " " + string(h.TargetHealth.Reason))
			}
		}
	}
	slices.Sort(ids)
	for _, id := range ids {
		s.Instances = append(s.Instances, *byID[id])
	}
	return nil
}

func (s *Status) databases(ctx context.Context, cfg aws.Config, o Output) error {
	for _, db := range []struct{ role, endpoint string }{{"primary", o.DBEndpoint}, {"replica", o.ReplicaEndpoint}} {
		host, _, _ := strings.Cut(db.endpoint, ":")
		id, _, ok := strings.Cut(host, ".")
		if !ok {
			continue
		}
		out, err := rds.NewFromConfig(cfg).DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{DBInstanceIdentifier: &id})
		if err != nil {
			return fmt.Errorf("describe the database %s: %w", id, err)
		}
		for _, d := range out.DBInstances {
			x := DatabaseStatus{ID: id, Role: db.role, Status: aws.ToString(d.DBInstanceStatus), Endpoint: db.endpoint, Version: aws.ToString(d.EngineVersion)}
			if db.role == "replica" {
				x.LagSeconds = replicaLag(ctx, cfg, id)
			}
			s.Databases = append(s.Databases, x)
		}
	}
	return nil
}

// replicaLag returns the newest measured lag in seconds. A missing measurement
// is nil: the rest of the report stands without it.
func replicaLag(ctx context.Context, cfg aws.Config, id string) *float64 {
	now := time.Now()
	out, err := cloudwatch.NewFromConfig(cfg).GetMetricStatistics(ctx, &cloudwatch.GetMetricStatisticsInput{
		Namespace: aws.String("AWS/RDS"), MetricName: aws.String("ReplicaLag"), Period: aws.Int32(60), Statistics: []cwtypes.Statistic{cwtypes.StatisticMaximum},
		StartTime: aws.Time(now.Add(-10 * time.Minute)), EndTime: &now, Dimensions: []cwtypes.Dimension{{Name: aws.String("DBInstanceIdentifier"), Value: &id}}})
	if err != nil || len(out.Datapoints) == 0 {
		return nil
	}
	newest := slices.MaxFunc(out.Datapoints, func(a, b cwtypes.Datapoint) int { return a.Timestamp.Compare(*b.Timestamp) })
	return newest.Maximum
}

// ConsoleOutput returns what an instance wrote at its start, its user data's
// log included.
func (e *Environment) ConsoleOutput(ctx context.Context, instanceID string) (string, error) {
	cfg, err := e.prepare(ctx)
	if err != nil {
		return "", err
	}
	out, err := ec2.NewFromConfig(cfg).GetConsoleOutput(ctx, &ec2.GetConsoleOutputInput{InstanceId: &instanceID, Latest: aws.Bool(true)})
	if err != nil {
		return "", fmt.Errorf("read the console of %s: %w", instanceID, err)
	}
	return decodeConsole(aws.ToString(out.Output))
}
