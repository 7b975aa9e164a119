package ops

import (
	"context"
	"crypto/md5"
	"encoding/hex"
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
	if err := removeIfThere(e.givenFile()); err != nil { // of one that was killed
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

// Recover continues what an interrupted run left behind, and does nothing
// else: a lock of ours whose Terraform is dead is released, and a state that
// could not be written to the bucket is pushed there. Deploy and Destroy begin
// with it.
func (e *Environment) Recover(ctx context.Context) error {
	cfg, err := e.prepare(ctx)
	if err != nil {
		return err
	}
	release, err := e.alone()
	if err != nil {
		return err
	}
	defer release()
	return e.step(ctx, "recover", func(ctx context.Context, info func(string, ...any)) error {
		b, err := backendOf(ctx, cfg)
		if err != nil {
			return err
		}
		bucket, table, err := b.presence(ctx, cfg)
		if err != nil {
			return err
		}
		if !bucket || !table {
			return errSkip("nothing is deployed")
		}
		if err := e.writeBackend(b); err != nil {
			return err
		}
		_, err = e.open(ctx, cfg, info)
		return err
	})
}

// open recovers the environment's state and initializes its root module.
func (e *Environment) open(ctx context.Context, cfg aws.Config, info func(string, ...any)) (*tfexec.Terraform, error) {
	b, err := backendOf(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := e.releaseDead(ctx, cfg, b, e.stateKey(), e.dir(), info); err != nil {
		return nil, err
	}
	errored, err := e.errored(ctx, cfg, b, info)
	if err != nil {
		return nil, err
	}
	tf, err := e.init(ctx, e.dir(), tfexec.BackendConfig("backend.hcl"), tfexec.Reconfigure(true))
	if err != nil || errored == "" {
		return tf, err
	}
	if err := tf.StatePush(ctx, errored); err != nil {
		return nil, fmt.Errorf("push %s: %w", errored, err)
	}
	info("pushed the state that an interrupted run could not write")
	return tf, os.Remove(errored)
}

// releaseDead releases the lock on the state at key, which the root module in
// dir keeps, if it is ours and its Terraform is dead. Somebody else's lock is
// an error that names the holder.
func (e *Environment) releaseDead(ctx context.Context, cfg aws.Config, b backend, key, dir string, info func(string, ...any)) error {
	lock, err := heldLock(ctx, cfg, b, key)
	if err != nil || lock == nil {
		return err
	}
	age := time.Since(lock.Created).Round(time.Second)
	if lock.Who != whoami() {
		return fmt.Errorf("the state is locked by %s since %s (%s, %s): wait for that to end, or, if it died, run terraform force-unlock %s in %s", lock.Who, age, lock.Operation, lock.Created.Format(time.RFC3339), lock.ID, dir)
	}
	if pid := runningTerraform(b.Bucket, key); pid != "" {
		return fmt.Errorf("the state is locked since %s by a Terraform of yours that may still run (process %s): wait for it to end", age, pid)
	}
	if err := repairDigest(ctx, cfg, b, key, info); err != nil {
		return err
	}
	if err := releaseLock(ctx, cfg, b, key, lock.ID); err != nil {
		return err
	}
	info("released the lock of a Terraform that died; it was taken %s ago", age)
	return nil
}

// heldLock returns the lock on the state at key, or nil. Terraform holds two, a
// file in the bucket and an item of the table; an interruption may leave either.
func heldLock(ctx context.Context, cfg aws.Config, b backend, key string) (*lockInfo, error) {
	raw, err := getObject(ctx, cfg, b.Bucket, key+".tflock")
	if err != nil && !notFound(err) {
		return nil, fmt.Errorf("look for a lock: %w", err)
	}
	if err != nil {
		text, err := lockItem(ctx, cfg, b, key, "Info")
		if err != nil || text == "" {
			return nil, err
		}
		raw = []byte(text)
	}
	var l lockInfo
	if err := json.Unmarshal(raw, &l); err != nil {
		return nil, fmt.Errorf("the lock of s3://%s/%s cannot be read: %w", b.Bucket, key, err)
	}
	return &l, nil
}

// lockItem reads one text of the table's item for the state at key; "" when
// there is none.
func lockItem(ctx context.Context, cfg aws.Config, b backend, key, attribute string) (string, error) {
	out, err := dynamodb.NewFromConfig(cfg).GetItem(ctx, &dynamodb.GetItemInput{TableName: &b.Table, ConsistentRead: new(true), Key: b.lockID(key)})
	if err != nil {
		return "", fmt.Errorf("look for a lock: %w", err)
	}
	if s, ok := out.Item[attribute].(*ddbtypes.AttributeValueMemberS); ok {
		return s.Value, nil
	}
	return "", nil
}

// lockID is the key of the table's item for the state at key.
func (b backend) lockID(key string) map[string]ddbtypes.AttributeValue {
	return map[string]ddbtypes.AttributeValue{"LockID": &ddbtypes.AttributeValueMemberS{Value: b.Bucket + "/" + key}}
}

// repairDigest makes the digest in the lock table that of the state at key.
// Terraform writes the state first and its digest second; one that ended in
// between leaves a state that no Terraform reads again. To be called only where
// that is known to have been the case: the digest is there to tell.
func repairDigest(ctx context.Context, cfg aws.Config, b backend, key string, info func(string, ...any)) error {
	const suffix = "-md5" // see https://developer.hashicorp.com/terraform/language/backend/s3
	digest, err := lockItem(ctx, cfg, b, key+suffix, "Digest")
	if err != nil || digest == "" {
		return err
	}
	state, err := getObject(ctx, cfg, b.Bucket, key)
	if notFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the state: %w", err)
	}
	sum := md5.Sum(state)
	real := hex.EncodeToString(sum[:])
	if digest == real {
		return nil
	}
	_, err = dynamodb.NewFromConfig(cfg).UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &b.Table, Key: b.lockID(key + suffix),
		UpdateExpression: new("SET Digest = :new"), ConditionExpression: new("Digest = :old"),
		ExpressionAttributeValues: map[string]ddbtypes.AttributeValue{":new": &ddbtypes.AttributeValueMemberS{Value: real}, ":old": &ddbtypes.AttributeValueMemberS{Value: digest}}})
	if err != nil {
		return fmt.Errorf("write the digest of the state: %w", err)
	}
	info("the state was written without its digest: put right")
	return nil
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
		Key:                       b.lockID(key),
		ConditionExpression:       new("contains(Info, :id)"),
		ExpressionAttributeValues: map[string]ddbtypes.AttributeValue{":id": &ddbtypes.AttributeValueMemberS{Value: id}}})
	if _, other := errors.AsType[*ddbtypes.ConditionalCheckFailedException](err); err != nil && !other {
		return fmt.Errorf("release the lock: %w", err)
	}
	return nil
}

// errored returns the file with the state that Terraform could not write when
// it ended, or "" when there is none that is newer than the state.
func (e *Environment) errored(ctx context.Context, cfg aws.Config, b backend, info func(string, ...any)) (string, error) {
	path := filepath.Join(e.dir(), "errored.tfstate")
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	type header struct {
		Lineage string
		Serial  int64
	}
	var saved, remote header
	if err := json.Unmarshal(raw, &saved); err != nil {
		return "", fmt.Errorf("%s cannot be read; it may hold what an interrupted run created, so look at it before you remove it: %w", path, err)
	}
	current, err := getObject(ctx, cfg, b.Bucket, e.stateKey())
	if notFound(err) {
		return path, nil
	}
	if err != nil {
		return "", fmt.Errorf("read the state: %w", err)
	}
	if err := json.Unmarshal(current, &remote); err != nil {
		return "", fmt.Errorf("the state in s3://%s/%s cannot be read: %w", b.Bucket, e.stateKey(), err)
	}
	if remote.Lineage != saved.Lineage {
		return "", fmt.Errorf("%s belongs to another state (lineage %s, not %s): move it away if that state is gone", path, saved.Lineage, remote.Lineage)
	}
	if err := repairDigest(ctx, cfg, b, e.stateKey(), info); err != nil {
		return "", err
	}
	if remote.Serial >= saved.Serial {
		info("the state (serial %d) is not older than errored.tfstate (serial %d), which is kept as errored.tfstate.old", remote.Serial, saved.Serial)
		return "", os.Rename(path, path+".old")
	}
	return path, nil
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

// runningTerraform returns the process id of a Terraform of ours that works on
// the state at key of the bucket, or "". A Terraform says so in the working
// folder it runs in, whichever checkout of the repository that is in.
func runningTerraform(bucket, key string) string {
	comms, _ := filepath.Glob("/proc/[0-9]*/comm") // the pattern is constant
	for _, c := range comms {
		raw, err := os.ReadFile(c)
		if err != nil || strings.TrimSpace(string(raw)) != "terraform" {
			continue
		}
		process := filepath.Dir(c)
		if raw, err = os.ReadFile(filepath.Join(process, "cwd", ".terraform", "terraform.tfstate")); err != nil {
			continue // ended, somebody else's, or one whose state is a file
		}
		var s struct {
			Backend struct{ Config struct{ Bucket, Key string } }
		}
		if json.Unmarshal(raw, &s) != nil || s.Backend.Config.Bucket == bucket && s.Backend.Config.Key == key { // half written: it may be ours
			return filepath.Base(process)
		}
	}
	return ""
}
