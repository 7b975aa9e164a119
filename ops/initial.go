package ops

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
)

// InitialDump is the key of the dump that fills an empty database at the first
// deployment. The restore function replaces nothing by it that anybody has used.
const InitialDump = DumpsPrefix + "initial.dump"

// uploadInitial stores the file that the environment shall begin with, if any, once
// phase 1 has made the bucket.
func (r *run) uploadInitial(ctx context.Context) error {
	if r.InitialDump == "" {
		return nil
	}
	return r.step(ctx, "upload the initial dump", func(ctx context.Context, info func(string, ...any)) error {
		f, err := os.Open(r.InitialDump)
		if err != nil {
			return err
		}
		defer f.Close()
		o, err := r.outputs(ctx, r.tf)
		if err != nil {
			return err
		}
		key := InitialDump
		if _, err := s3.NewFromConfig(r.cfg).PutObject(ctx, &s3.PutObjectInput{Bucket: &o.BucketName, Key: &key, Body: f}); err != nil {
			return fmt.Errorf("store s3://%s/%s: %w", o.BucketName, key, err)
		}
		return nil
	})
}

// InitialData restores the initial dump when there is one. The object may have been
// there before the rule that watches for dumps, so that no event tells of it: the
// deployment itself starts the execution, once for each version of the object.
func (e *Environment) InitialData(ctx context.Context) error {
	return e.step(ctx, "initial data", func(ctx context.Context, info func(string, ...any)) error {
		cfg, err := e.prepare(ctx)
		if err != nil {
			return err
		}
		o, err := e.stateOutputs(ctx, cfg)
		if err != nil {
			return err
		}
		x := restoring{cfg: cfg, bucket: o.BucketName, machine: o.StateMachineARN, key: InitialDump}
		if x.bucket == "" || x.machine == "" {
			return errSkip("there is no restore to fill the database with")
		}
		head, err := s3.NewFromConfig(x.cfg).HeadObject(ctx, &s3.HeadObjectInput{Bucket: &x.bucket, Key: &x.key})
		if notFound(err) {
			return errSkip("there is no " + InitialDump)
		}
		if err != nil {
			return fmt.Errorf("look at s3://%s/%s: %w", x.bucket, x.key, err)
		}
		x.version, x.arrived = aws.ToString(head.VersionId), time.Now()
		if err := x.start(ctx); err != nil {
			return err
		}
		_, err = x.follow(ctx, info)
		if failed, ok := errors.AsType[*RestoreError](err); ok {
			if report := x.report(ctx); report != nil && report.Kept != "" {
				return errSkip("the shop is in use and keeps its data")
			}
			return fmt.Errorf("%w; put %s right or delete it, then deploy again", failed, InitialDump)
		}
		return err
	})
}

// start starts the execution for this version of the dump, unless it succeeded before.
func (r *restoring) start(ctx context.Context) error {
	input, err := json.Marshal(map[string]string{"bucket": r.bucket, "key": r.key, "version": r.version})
	if err != nil {
		return err
	}
	c := sfn.NewFromConfig(r.cfg)
	name := "initial-" + forbiddenIn.ReplaceAllString(r.version, "-")
	name = name[:min(len(name), 60)]
	for {
		out, err := c.StartExecution(ctx, &sfn.StartExecutionInput{StateMachineArn: &r.machine, Name: &name, Input: aws.String(string(input))})
		if err == nil {
			r.execution = *out.ExecutionArn
			return nil
		}
		if _, exists := errors.AsType[*types.ExecutionAlreadyExists](err); !exists {
			return fmt.Errorf("start the restore of %s: %w", r.key, err)
		}
		arn := executionARN(r.machine, name)
		d, err := c.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: &arn})
		if err != nil {
			return fmt.Errorf("look at the execution %s: %w", name, err)
		}
		if d.Status == types.ExecutionStatusSucceeded {
			return errSkip(fmt.Sprintf("this version of %s was restored at %s", r.key, aws.ToTime(d.StopDate).UTC().Format(time.RFC3339)))
		}
		name = name[:min(len(name), 60)] + time.Now().UTC().Format("-20060102T150405.000Z") // the one before failed
		name = forbiddenIn.ReplaceAllString(name, "-")
	}
}
