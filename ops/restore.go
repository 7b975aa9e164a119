package ops

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"grocery/backend/dump"
)

// Prefixes of the environment's bucket. They stand in modules/s3 as well; a contract
// test compares.
const (
	DumpsPrefix   = "db-dumps/"        // a dump that arrives here is restored
	BackupsPrefix = "backups/"         // where backups are; nobody restores them by themselves
	ReportsPrefix = "restore-reports/" // what became of dumps
)

// RestoreOptions say what to restore.
type RestoreOptions struct {
	// From is a file, or a key below db-dumps/ or backups/ of the environment's bucket,
	// with or without s3://bucket/ before it. A file of that name is preferred.
	From string
	// Follow only follows the restore of the dump that lies under the key From.
	Follow bool
}

// Restored is what a restore achieved.
type Restored struct {
	Key       string       `json:"key"`       // of the dump
	Execution string       `json:"execution"` // ARN
	Seconds   float64      `json:"seconds"`   // from the dump's arrival to its data live and verified
	Report    *dump.Report `json:"report"`
}

// RestoreError says why a restore failed. The shop's data is as it was.
type RestoreError struct {
	Key       string // of the dump
	Execution string // ARN
	Reason    string
	Fault     *dump.InvalidDumpError // where the dump is at fault, else nil
}

// Error returns the reason, and where to look.
func (e *RestoreError) Error() string {
	return fmt.Sprintf("%s was not restored: %s (execution %s)", e.Key, e.Reason, e.Execution)
}

// DetachedError says that a restore goes on although nobody follows it any more.
type DetachedError struct {
	Key string // of the dump
	Err error
}

// Error returns how to follow the restore again.
func (e *DetachedError) Error() string {
	return fmt.Sprintf("%v; the restore of %s goes on by itself, to follow it: grocery restore --follow %[2]s", e.Err, e.Key)
}

// Unwrap returns why it is not followed.
func (e *DetachedError) Unwrap() error { return e.Err }

// Restore replaces the shop's data by a dump's: it puts the dump where dumps arrive,
// under a key of its own, and follows the one execution that this starts to its end.
// The error is a *RestoreError when the restore failed, and a *DetachedError when ctx
// ended or AWS was not to be reached meanwhile.
func (e *Environment) Restore(ctx context.Context, o RestoreOptions) (*Restored, error) {
	cfg, err := e.prepare(ctx)
	if err != nil {
		return nil, err
	}
	out, err := e.stateOutputs(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if out.BucketName == "" || out.StateMachineARN == "" {
		return nil, fmt.Errorf("%s has no restore yet: grocery deploy makes it", e.Name)
	}
	r := restoring{cfg: cfg, bucket: out.BucketName, machine: out.StateMachineARN}
	err = e.step(ctx, "upload", func(ctx context.Context, info func(string, ...any)) error {
		if o.Follow {
			return r.find(ctx, o.From)
		}
		return r.upload(ctx, o.From, info)
	})
	if err != nil {
		return nil, err
	}
	var done *Restored
	err = e.step(ctx, "restore", func(ctx context.Context, info func(string, ...any)) error {
		if err := r.await(ctx, startsWithin); err != nil {
			return err
		}
		done, err = r.follow(ctx, info)
		return err
	})
	return done, err
}

// restoring is a restore under way.
type restoring struct {
	cfg     aws.Config
	bucket  string
	machine string // ARN

	key, version string // of the dump
	execution    string // ARN
	arrived      time.Time
}

var (
	plainName   = regexp.MustCompile(`[^A-Za-z0-9._-]+`)
	forbiddenIn = regexp.MustCompile(`[^A-Za-z0-9_-]`)
)

// freshKey is a key for a dump that nothing was stored under before.
func freshKey(name string) string {
	name = strings.Trim(plainName.ReplaceAllString(path.Base(name), "-"), "-.")
	return DumpsPrefix + time.Now().UTC().Format("20060102T150405Z") + "-" + strings.ToLower(rand.Text()[:6]) + "-" + cmp.Or(name, "dump")
}

// upload puts a file, or a copy of an object, where dumps arrive.
func (r *restoring) upload(ctx context.Context, from string, info func(string, ...any)) error {
	c := s3.NewFromConfig(r.cfg)
	r.key = freshKey(from)
	if f, err := os.Open(from); err == nil {
		defer f.Close()
		fi, err := f.Stat()
		if err != nil {
			return err
		}
		if !fi.Mode().IsRegular() {
			return fmt.Errorf("%s is no file", from)
		}
		out, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: &r.bucket, Key: &r.key, Body: f})
		if err != nil {
			return fmt.Errorf("store s3://%s/%s: %w", r.bucket, r.key, err)
		}
		r.version, r.arrived = aws.ToString(out.VersionId), time.Now()
		info("%s (%d bytes) is s3://%s/%s", filepath.Base(from), fi.Size(), r.bucket, r.key)
		return nil
	} else if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	key, err := r.keyOf(from)
	if err != nil {
		return err
	}
	source := url.PathEscape(r.bucket) + "/" + (&url.URL{Path: key}).EscapedPath()
	out, err := c.CopyObject(ctx, &s3.CopyObjectInput{Bucket: &r.bucket, Key: &r.key, CopySource: &source})
	if notFound(err) {
		return fmt.Errorf("there is no s3://%s/%s", r.bucket, key)
	}
	if err != nil {
		return fmt.Errorf("copy s3://%s/%s: %w", r.bucket, key, err)
	}
	r.version, r.arrived = aws.ToString(out.VersionId), time.Now()
	info("s3://%s/%s is copied to %s", r.bucket, key, r.key)
	return nil
}

// keyOf reads the key of an object of the bucket.
func (r *restoring) keyOf(from string) (string, error) {
	key := strings.TrimPrefix(from, "s3://"+r.bucket+"/")
	if !strings.HasPrefix(key, DumpsPrefix) && !strings.HasPrefix(key, BackupsPrefix) {
		return "", fmt.Errorf("there is no file %s; keys of the bucket %s begin with %s or %s", from, r.bucket, DumpsPrefix, BackupsPrefix)
	}
	return key, nil
}

// find takes the newest version under a key for the dump.
func (r *restoring) find(ctx context.Context, from string) error {
	key, err := r.keyOf(from)
	if err != nil {
		return err
	}
	out, err := s3.NewFromConfig(r.cfg).HeadObject(ctx, &s3.HeadObjectInput{Bucket: &r.bucket, Key: &key})
	if notFound(err) {
		return fmt.Errorf("there is no s3://%s/%s", r.bucket, key)
	}
	if err != nil {
		return fmt.Errorf("look at s3://%s/%s: %w", r.bucket, key, err)
	}
	r.key, r.version, r.arrived = key, aws.ToString(out.VersionId), aws.ToTime(out.LastModified)
	return nil
}

// report reads what the function stored about the dump; nil when there is nothing.
func (r *restoring) report(ctx context.Context) *dump.Outcome {
	raw, err := getObject(ctx, r.cfg, r.bucket, ReportsPrefix+strings.TrimPrefix(r.key, DumpsPrefix)+".json")
	if err != nil {
		return nil
	}
	var x dump.Outcome
	if json.Unmarshal(raw, &x) != nil || x.Report == nil || !strings.HasSuffix(x.Source, "/"+r.key+"?versionId="+r.version) {
		return nil // of another version
	}
	return &x
}
