package localaws

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"grocery/localaws/oidc"
	"grocery/localaws/service/autoscaling"
	"grocery/localaws/service/cloudwatch"
	"grocery/localaws/service/dynamodb"
	"grocery/localaws/service/ec2"
	"grocery/localaws/service/ecr"
	"grocery/localaws/service/elbv2"
	"grocery/localaws/service/events"
	"grocery/localaws/service/iam"
	"grocery/localaws/service/iam/access"
	"grocery/localaws/service/kms"
	"grocery/localaws/service/lambda"
	"grocery/localaws/service/logs"
	"grocery/localaws/service/rds"
	"grocery/localaws/service/s3"
	"grocery/localaws/service/secretsmanager"
	"grocery/localaws/service/sns"
	"grocery/localaws/service/sqs"
	"grocery/localaws/service/ssm"
	"grocery/localaws/service/states"
	"grocery/localaws/service/sts"
	"grocery/localaws/store"
	"grocery/localaws/wire"
)

// assemble makes all services and the chain in front of them.
func (c *Cloud) assemble() error {
	o, st, clock, calls := c.o, c.store, c.o.Clock, c.registry
	identities := iam.New(iam.Deps{Store: st, Clock: clock})
	tokens := sts.New(sts.Deps{Store: st, Clock: clock, Calls: calls, Issuers: oidc.New(clock.Now, o.Issuers...)})
	machines := ec2.New(ec2.Deps{Store: st, Clock: clock, Runtime: c.gateway, Calls: calls, Log: o.Log, Guest: c.guestFiles})
	c.gateway.Metadata(machines.Metadata())
	objectBlobs, err := c.blobs("s3")
	if err != nil {
		return err
	}
	layerBlobs, err := c.blobs("ecr")
	if err != nil {
		return err
	}
	codeBlobs, err := c.blobs("lambda")
	if err != nil {
		return err
	}
	bus := events.New(events.Deps{Store: st, Clock: clock, Calls: calls, Log: o.Log})
	objects := s3.New(s3.Deps{Store: st, Blobs: objectBlobs, Clock: clock, Log: o.Log,
		Publish: func(ctx context.Context, e s3.Event) error { return bus.Accept(ctx, events.Event(e)) }})
	images := ecr.New(ecr.Deps{Store: st, Blobs: layerBlobs, Clock: clock, Calls: calls, Log: o.Log})
	functions := lambda.New(lambda.Deps{Store: st, Blobs: codeBlobs, Clock: clock, Calls: calls, Log: o.Log, Runtime: c.gateway, Image: ec2.InstanceImage, CA: c.ca.PEM()})
	if err := errors.Join(objects.Sweep(), images.Sweep(), functions.Sweep()); err != nil {
		return fmt.Errorf("clean up what a crash left: %w", err)
	}

	c.add(
		identities,
		tokens,
		objects,
		dynamodb.New(dynamodb.Deps{Store: st, Clock: clock}),
		images,
		machines,
		autoscaling.New(autoscaling.Deps{Store: st, Clock: clock, Calls: calls, Log: o.Log}),
		elbv2.New(elbv2.Deps{Store: st, Clock: clock, Runtime: c.gateway, Calls: calls, Log: o.Log,
			FrontDoor: elbv2.FrontDoor{Host: o.FrontDoorHost, Base: o.FrontDoorBase}, Certificate: c.ca.Certificate}),
		rds.New(rds.Deps{Store: st, Clock: clock, Runtime: c.gateway, Calls: calls, Log: o.Log, Key: c.key,
			Image: databaseImage, Issue: c.ca.Issue, CA: c.ca.PEM(), APIOnly: o.APIOnly}),
		functions,
		bus,
		states.New(states.Deps{Store: st, Clock: clock, Calls: calls, Log: o.Log}),
		cloudwatch.New(cloudwatch.Deps{Store: st, Clock: clock, Calls: calls, Log: o.Log}),
		logs.New(logs.Deps{Store: st, Clock: clock, Log: o.Log}),
		sns.New(sns.Deps{Store: st, Clock: clock, Calls: calls, Log: o.Log, Mailbox: filepath.Join(o.Home, "mailbox")}),
		sqs.New(sqs.Deps{Store: st, Clock: clock, Calls: calls, Log: o.Log}),
		kms.New(kms.Deps{Store: st, Clock: clock, Key: c.key, Log: o.Log}),
		secretsmanager.New(secretsmanager.Deps{Store: st, Clock: clock, Key: c.key, Log: o.Log}),
		ssm.New(ssm.Deps{Store: st, Clock: clock, Key: c.key, Calls: calls, Log: o.Log}),
	)
	if c.access, err = access.New(access.Deps{Store: st, Clock: clock, Identities: identities, Calls: calls, Log: o.Log}); err != nil {
		return err
	}
	c.loops = append(c.loops, c.access.Loops()...)
	calls.Authorize(c.access.Authorize)
	c.chain = wire.NewChain(calls, wire.ChainOptions{Credentials: credentials{identities, tokens}, Now: clock.Now, Log: o.Log})
	c.chain.HandleHost(ecr.MatchHost, images.Handler())
	c.chain.HandleHost(func(host string) bool { return host == trustStore }, http.HandlerFunc(c.serveTrustStore))
	return c.admin(identities)
}

// blobs opens the folder of one service's large values.
func (c *Cloud) blobs(service string) (*store.Blobs, error) {
	return store.OpenBlobs(filepath.Join(c.o.Home, "blobs", service))
}

// databaseImage is the container image databases run from; set-up makes it.
const databaseImage = "grocery/postgres"

// credentials looks an access key id up where it may have been issued: keys of
// users by IAM, temporary ones by STS.
type credentials []wire.Credentials

// Credential returns what the first issuer that knows the id says.
func (all credentials) Credential(ctx context.Context, id string) (wire.Credential, bool, error) {
	for _, issuer := range all {
		if c, ok, err := issuer.Credential(ctx, id); ok || err != nil {
			return c, ok, err
		}
	}
	return wire.Credential{}, false, nil
}

// admin makes the first user, whose key `grocery env` hands out, and writes the
// key where that command finds it.
func (c *Cloud) admin(identities *iam.Service) error {
	id, secret, err := identities.EnsureAdmin(wire.AsService(context.Background(), "localaws", "us-east-1"))
	if err != nil {
		return fmt.Errorf("make the administrator: %w", err)
	}
	path := filepath.Join(c.o.Home, "credentials")
	text := fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", id, secret)
	if old, err := os.ReadFile(path); err == nil && string(old) == text {
		return nil
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write the administrator's key: %w", err)
	}
	return nil
}
