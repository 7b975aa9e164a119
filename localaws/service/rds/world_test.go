package rds_test

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	sdk "github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"grocery/localaws/ca"
	"grocery/localaws/reconcile"
	"grocery/localaws/runtime"
	"grocery/localaws/seal"
	ec2service "grocery/localaws/service/ec2"
	"grocery/localaws/service/internal/apitest"
	"grocery/localaws/service/rds"
	"grocery/localaws/store"
	"grocery/localaws/wire"
)

// world is a local cloud of EC2 and RDS with one VPC of two subnets.
type world struct {
	*sdk.Client
	cfg     aws.Config
	ec2     *ec2.Client
	calls   *wire.Registry
	store   store.Store
	ca      *ca.CA
	vpc     string
	subnets []string
	group   string // a security group
}

func newWorld(t *testing.T, rt runtime.Runtime, apiOnly bool, st store.Store, extra ...func(*wire.Registry)) *world {
	t.Helper()
	authority, err := ca.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{calls: apitest.Registry(), store: st, ca: authority}
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	network := ec2service.New(ec2service.Deps{Store: st, Clock: store.System, Runtime: rt, Calls: w.calls, Log: slog.New(slog.DiscardHandler)})
	databases := rds.New(rds.Deps{Store: st, Clock: store.System, Runtime: rt, Calls: w.calls, Log: log, Key: seal.New(), Image: "grocery/postgres", Issue: authority.Issue, CA: authority.PEM(), APIOnly: apiOnly})
	network.Register(w.calls)
	databases.Register(w.calls)
	for _, register := range extra {
		register(w.calls)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		reconcile.Run(ctx, log, st, store.System, append(network.Loops(), databases.Loops()...)...)
	}()
	t.Cleanup(func() { cancel(); <-done })
	w.cfg = apitest.Serve(t, w.calls)
	w.Client, w.ec2 = sdk.NewFromConfig(w.cfg), ec2.NewFromConfig(w.cfg)

	vpc, err := w.ec2.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: new("10.77.0.0/16")})
	if err != nil {
		t.Fatal(err)
	}
	w.vpc = *vpc.Vpc.VpcId
	for cidr, zone := range map[string]string{"10.77.1.0/24": "eu-central-1a", "10.77.2.0/24": "eu-central-1b"} {
		sub, err := w.ec2.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{VpcId: &w.vpc, CidrBlock: &cidr, AvailabilityZone: &zone})
		if err != nil {
			t.Fatal(err)
		}
		w.subnets = append(w.subnets, *sub.Subnet.SubnetId)
	}
	sg, err := w.ec2.CreateSecurityGroup(t.Context(), &ec2.CreateSecurityGroupInput{VpcId: &w.vpc, GroupName: new("db"), Description: new("db")})
	if err != nil {
		t.Fatal(err)
	}
	w.group = *sg.GroupId
	if _, err := w.CreateDBSubnetGroup(t.Context(), &sdk.CreateDBSubnetGroupInput{DBSubnetGroupName: new("private"), DBSubnetGroupDescription: new("d"), SubnetIds: w.subnets}); err != nil {
		t.Fatal(err)
	}
	return w
}

// create makes a small primary.
func (w *world) create(t *testing.T, id string, change func(*sdk.CreateDBInstanceInput)) *types.DBInstance {
	t.Helper()
	in := &sdk.CreateDBInstanceInput{DBInstanceIdentifier: &id, DBInstanceClass: new("db.t3.micro"), Engine: new("postgres"), EngineVersion: new("15"), AllocatedStorage: new(int32(20)), StorageType: new("gp3"),
		MasterUsername: new("grocery"), MasterUserPassword: new("first-password"), DBName: new("grocery"), DBSubnetGroupName: new("private"), VpcSecurityGroupIds: []string{w.group}, BackupRetentionPeriod: new(int32(1))}
	if change != nil {
		change(in)
	}
	out, err := w.CreateDBInstance(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out.DBInstance
}

func (w *world) describe(t *testing.T, id string) types.DBInstance {
	t.Helper()
	out, err := w.DescribeDBInstances(t.Context(), &sdk.DescribeDBInstancesInput{DBInstanceIdentifier: &id})
	if err != nil {
		t.Fatal(err)
	}
	return out.DBInstances[0]
}

// until waits for a condition on an instance.
func (w *world) until(t *testing.T, id, what string, ok func(types.DBInstance) bool) types.DBInstance {
	t.Helper()
	deadline := time.Now().Add(90 * time.Second)
	for {
		i := w.describe(t, id)
		if ok(i) {
			return i
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s was not %s in time; it is %s: %+v", id, what, *i.DBInstanceStatus, i.StatusInfos)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (w *world) available(t *testing.T, id string) types.DBInstance {
	t.Helper()
	return w.until(t, id, "available", func(i types.DBInstance) bool { return *i.DBInstanceStatus == "available" })
}

// gone waits until an instance is deleted.
func (w *world) gone(t *testing.T, id string) {
	t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for {
		_, err := w.DescribeDBInstances(t.Context(), &sdk.DescribeDBInstancesInput{DBInstanceIdentifier: &id})
		if apitest.Code(err) == "DBInstanceNotFound" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is not deleted in time: %v", id, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
