package ops

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/hashicorp/terraform-exec/tfexec"
)

// alone makes sure that no other ops of this machine works on the environment
// at the same time. The kernel gives the lock back when the process dies.
func (e *Environment) alone() (release func(), err error) {
	path := filepath.Join(e.Home, e.Name+".lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		raw, _ := os.ReadFile(path) // who it is helps, but is not needed
		f.Close()
		return nil, fmt.Errorf("another grocery works on %s (process %s): wait for it to end", e.Name, strings.TrimSpace(string(raw)))
	}
	if err := errors.Join(f.Truncate(0), func() error { _, err := fmt.Fprintln(f, os.Getpid()); return err }()); err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}

// lockInfo is what Terraform writes into a lock.
type lockInfo struct {
	ID, Operation, Who, Path string
	Created                  time.Time
}

// recover continues what an interrupted Terraform left behind: a lock of ours
// whose Terraform is dead is released, and a state that could not be written
// to the bucket (errored.tfstate) is pushed there. Somebody else's lock is an
// error that names the holder.
func (e *Environment) recover(ctx context.Context, cfg aws.Config, tf *tfexec.Terraform, info func(string, ...any)) error {
	b, err := backendOf(ctx, cfg)
	if err != nil {
		return err
	}
	lock, err := e.heldLock(ctx, cfg, b)
	if err != nil {
		return err
	}
	if lock != nil {
		me := whoami()
		age := time.Since(lock.Created).Round(time.Second)
		if lock.Who != me {
			return fmt.Errorf("the state is locked by %s since %s (%s, %s): wait for that to end, or, if it died, run terraform force-unlock %s in %s", lock.Who, age, lock.Operation, lock.Created.Format(time.RFC3339), lock.ID, e.dir())
		}
		if pid := runningTerraform(); pid != "" {
			return fmt.Errorf("the state is locked since %s by a Terraform of yours that may still run (process %s): wait for it to end", age, pid)
		}
		if err := releaseLock(ctx, cfg, b, e.stateKey(), lock.ID); err != nil {
			return err
		}
		info("released the lock of a Terraform that died %s ago", age)
	}
	return e.pushErrored(ctx, cfg, b, tf, info)
}

// heldLock returns the lock on the environment's state, or nil. Terraform
// holds two, a file in the bucket and an item of the table; an interruption may
// leave either.
func (e *Environment) heldLock(ctx context.Context, cfg aws.Config, b backend) (*lockInfo, error) {
	raw, err := getObject(ctx, cfg, b.Bucket, e.stateKey()+".tflock")
	if err != nil && !notFound(err) {
		return nil, fmt.Errorf("look for a lock: %w", err)
	}
	if err != nil {
		out, err := dynamodb.NewFromConfig(cfg).GetItem(ctx, &dynamodb.GetItemInput{TableName: &b.Table, ConsistentRead: new(true),
			Key: map[string]ddbtypes.AttributeValue{"LockID": &ddbtypes.AttributeValueMemberS{Value: b.Bucket + "/" + e.stateKey()}}})
		if err != nil {
			return nil, fmt.Errorf("look for a lock: %w", err)
		}
		item, ok := out.Item["Info"].(*ddbtypes.AttributeValueMemberS)
		if !ok {
			return nil, nil
		}
		raw = []byte(item.Value)
	}
	var l lockInfo
	if err := json.Unmarshal(raw, &l); err != nil {
		return nil, fmt.Errorf("the lock of s3://%s/%s cannot be read: %w", b.Bucket, e.stateKey(), err)
	}
	return &l, nil
}

// releaseLock removes both halves of a lock, each only if it is the one with
// this id.
func releaseLock(ctx context.Context, cfg aws.Config, b backend, key, id string) error {
	if raw, err := getObject(ctx, cfg, b.Bucket, key+".tflock"); err == nil {
		var l lockInfo
		if json.Unmarshal(raw, &l) == nil && l.ID == id {
			if _, err := s3.NewFromConfig(cfg).DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.Bucket, Key: new(key + ".tflock")}); err != nil {
				return fmt.Errorf("release the lock: %w", err)
			}
		}
	}
	_, err := dynamodb.NewFromConfig(cfg).DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &b.Table,
		Key:                       map[string]ddbtypes.AttributeValue{"LockID": &ddbtypes.AttributeValueMemberS{Value: b.Bucket + "/" + key}},
		ConditionExpression:       new("contains(Info, :id)"),
		ExpressionAttributeValues: map[string]ddbtypes.AttributeValue{":id": &ddbtypes.AttributeValueMemberS{Value: id}}})
	if _, other := errors.AsType[*ddbtypes.ConditionalCheckFailedException](err); err != nil && !other {
		return fmt.Errorf("release the lock: %w", err)
	}
	return nil
}

// pushErrored pushes a state that Terraform could not write when it ended.
func (e *Environment) pushErrored(ctx context.Context, cfg aws.Config, b backend, tf *tfexec.Terraform, info func(string, ...any)) error {
	path := filepath.Join(e.dir(), "errored.tfstate")
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	type header struct {
		Lineage string
		Serial  int64
	}
	var saved, remote header
	if err := json.Unmarshal(raw, &saved); err != nil {
		return fmt.Errorf("%s cannot be read; it may hold what an interrupted run created, so look at it before you remove it: %w", path, err)
	}
	current, err := getObject(ctx, cfg, b.Bucket, e.stateKey())
	switch {
	case notFound(err):
	case err != nil:
		return fmt.Errorf("read the state: %w", err)
	default:
		if err := json.Unmarshal(current, &remote); err != nil {
			return fmt.Errorf("the state in s3://%s/%s cannot be read: %w", b.Bucket, e.stateKey(), err)
		}
		if remote.Lineage != saved.Lineage {
			return fmt.Errorf("%s belongs to another state (lineage %s, not %s): move it away if that state is gone", path, saved.Lineage, remote.Lineage)
		}
		if remote.Serial >= saved.Serial {
			info("errored.tfstate (serial %d) is older than the state (serial %d): kept as errored.tfstate.old", saved.Serial, remote.Serial)
			return os.Rename(path, path+".old")
		}
	}
	if err := tf.StatePush(ctx, path); err != nil {
		return fmt.Errorf("push %s: %w", path, err)
	}
	info("pushed the state that an interrupted run could not write (serial %d)", saved.Serial)
	return os.Remove(path)
}

// whoami is how Terraform names the holder of a lock of ours.
func whoami() string {
	name := ""
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, _ := os.Hostname() // Terraform leaves it empty too
	return name + "@" + host
}

// runningTerraform returns the process id of a Terraform that runs on this
// machine, or "".
func runningTerraform() string {
	comms, _ := filepath.Glob("/proc/[0-9]*/comm") // the pattern is constant
	for _, c := range comms {
		if raw, err := os.ReadFile(c); err == nil && strings.TrimSpace(string(raw)) == "terraform" {
			return filepath.Base(filepath.Dir(c))
		}
	}
	return ""
}
