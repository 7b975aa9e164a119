package ops

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
)

// startsWithin is how long S3, EventBridge and Step Functions may take from a dump's
// arrival to its execution; they promise no time, and need a second or two.
const startsWithin = 2 * time.Minute

// followEvery is the pause between two looks at an execution.
const followEvery = 500 * time.Millisecond

// await finds the execution that the dump's arrival started: the one whose input names
// exactly this version.
func (r *restoring) await(ctx context.Context, within time.Duration) error {
	c := sfn.NewFromConfig(r.cfg)
	seen := map[string]bool{}
	for begin := time.Now(); ; {
		pages := sfn.NewListExecutionsPaginator(c, &sfn.ListExecutionsInput{StateMachineArn: &r.machine})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return r.detached(ctx, err)
			}
			old := false
			for _, x := range page.Executions {
				// Newest first; clocks may differ by a minute.
				if old = aws.ToTime(x.StartDate).Before(r.arrived.Add(-time.Minute)); old {
					break
				}
				if seen[*x.ExecutionArn] {
					continue
				}
				seen[*x.ExecutionArn] = true
				d, err := c.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: x.ExecutionArn})
				if err != nil {
					return r.detached(ctx, err)
				}
				var in struct{ Bucket, Key, Version string }
				if json.Unmarshal([]byte(aws.ToString(d.Input)), &in) == nil && in.Bucket == r.bucket && in.Key == r.key && in.Version == r.version {
					r.execution = *x.ExecutionArn
					return nil
				}
			}
			if old {
				break
			}
		}
		if time.Since(begin) > within {
			return fmt.Errorf("no execution was started for s3://%s/%s within %s: look at the rule that watches for dumps and its dead letters (the alarm on them tells)", r.bucket, r.key, within)
		}
		if err := pause(ctx, followEvery); err != nil {
			return r.detached(ctx, err)
		}
	}
}

// follow tells of each state of the execution, and returns what became of the restore.
func (r *restoring) follow(ctx context.Context, info func(string, ...any)) (*Restored, error) {
	c := sfn.NewFromConfig(r.cfg)
	info("execution %s", r.execution[strings.LastIndexByte(r.execution, ':')+1:])
	var told int64
	for {
		// In this order, so that what ended is told in full.
		d, err := c.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: &r.execution})
		if err != nil {
			return nil, r.detached(ctx, err)
		}
		pages := sfn.NewGetExecutionHistoryPaginator(c, &sfn.GetExecutionHistoryInput{ExecutionArn: &r.execution, MaxResults: 1000})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, r.detached(ctx, err)
			}
			for _, e := range page.Events {
				if e.Id <= told {
					continue
				}
				told = e.Id
				if s := e.StateEnteredEventDetails; s != nil {
					info("%s", aws.ToString(s.Name))
				}
				if f := e.TaskFailedEventDetails; f != nil && d.Status == types.ExecutionStatusRunning {
					info("%s: %s", aws.ToString(f.Error), reason(f.Cause))
				}
			}
		}
		if d.Status != types.ExecutionStatusRunning {
			return r.result(ctx, d)
		}
		if err := pause(ctx, followEvery); err != nil {
			return nil, r.detached(ctx, err)
		}
	}
}

// result turns the end of an execution into what a caller wants to know.
func (r *restoring) result(ctx context.Context, d *sfn.DescribeExecutionOutput) (*Restored, error) {
	report := r.report(ctx)
	failed := &RestoreError{Key: r.key, Execution: r.execution}
	switch {
	case d.Status != types.ExecutionStatusSucceeded:
		failed.Reason = strings.TrimSpace(aws.ToString(d.Error) + ": " + reason(d.Cause))
		if d.Status != types.ExecutionStatusFailed {
			failed.Reason = strings.Trim(string(d.Status)+" "+failed.Reason, ": ")
		}
		if report != nil && report.Fault != nil {
			failed.Reason, failed.Fault = report.Fault.Error(), report.Fault
		}
		return nil, failed
	case report == nil: // the data is what counts, but its figures are missing
		return nil, fmt.Errorf("the restore of %s succeeded, and its report under %s is missing (execution %s)", r.key, ReportsPrefix, r.execution)
	case report.Kept != "":
		failed.Reason = report.Kept
		return nil, failed
	}
	return &Restored{Key: r.key, Execution: r.execution, Seconds: aws.ToTime(d.StopDate).Sub(r.arrived).Seconds(), Report: report.Report}, nil
}

// reason reads the cause of a failure: a text, or the error of a function.
func reason(cause *string) string {
	var e struct{ ErrorMessage string }
	if json.Unmarshal([]byte(aws.ToString(cause)), &e) == nil && e.ErrorMessage != "" {
		return e.ErrorMessage
	}
	return aws.ToString(cause)
}

// detached says that the restore goes on without us.
func (r *restoring) detached(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	return &DetachedError{r.key, err}
}

// pause waits a moment.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// executionARN is the ARN of an execution of a state machine.
func executionARN(machine, name string) string {
	return strings.Replace(machine, ":stateMachine:", ":execution:", 1) + ":" + name
}
