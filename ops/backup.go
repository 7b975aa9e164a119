package ops

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"grocery/backend/dump"
)

// BackupOptions say where a backup goes.
type BackupOptions struct {
	Key  string // below backups/; "" for one named after the time
	File string // where a copy goes; "" for none
}

// Backup is a backup that was made.
type Backup struct {
	Key     string      `json:"key"`
	Version string      `json:"version"` // of the object
	Rows    dump.Counts `json:"rows"`
	Seconds float64     `json:"seconds"`
	File    string      `json:"file,omitempty"`
	Bytes   int64       `json:"bytes,omitempty"` // of the file
}

// backupWithin is the time that Lambda gives a function at most, and some for the way.
const backupWithin = 16 * time.Minute

// BackupKey is the key of a backup of that moment.
func BackupKey(t time.Time) string {
	return BackupsPrefix + t.UTC().Format("20060102T150405Z") + ".sql.gz"
}

// Backup lets the restore function write all data of the shop, as of one moment, into
// the environment's bucket, and downloads it if asked to. A download is read once as a
// restore would read it.
func (e *Environment) Backup(ctx context.Context, o BackupOptions) (*Backup, error) {
	if o.Key == "" {
		o.Key = BackupKey(time.Now())
	}
	if !strings.HasPrefix(o.Key, BackupsPrefix) || o.Key == BackupsPrefix {
		return nil, fmt.Errorf("backups have keys below %s, not %q: under %s it would be restored at once", BackupsPrefix, o.Key, DumpsPrefix)
	}
	if o.File != "" {
		if _, err := os.Lstat(o.File); !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("%s is there already: name a new file", o.File)
		}
	}
	cfg, err := e.prepare(ctx)
	if err != nil {
		return nil, err
	}
	out, err := e.stateOutputs(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if out.BucketName == "" || out.LambdaFunctionName == "" {
		return nil, fmt.Errorf("%s has no function for backups yet: grocery deploy makes it", e.Name)
	}
	b := &Backup{}
	if err := e.step(ctx, "backup", func(ctx context.Context, info func(string, ...any)) error {
		if err := b.make(ctx, cfg, out, o.Key); err != nil {
			return err
		}
		info("s3://%s/%s", out.BucketName, b.Key)
		return nil
	}); err != nil || o.File == "" {
		return b, err
	}
	return b, e.step(ctx, "download", func(ctx context.Context, info func(string, ...any)) error {
		return b.download(ctx, cfg, out.BucketName, o.File)
	})
}

// make calls the function and waits for its answer.
func (b *Backup) make(ctx context.Context, cfg aws.Config, o Output, key string) error {
	if c, ok := cfg.HTTPClient.(*awshttp.BuildableClient); ok {
		cfg.HTTPClient = c.WithTimeout(backupWithin)
	}
	event, err := json.Marshal(map[string]string{"action": "backup", "bucket": o.BucketName, "key": key})
	if err != nil {
		return err
	}
	begin := time.Now()
	out, err := lambda.NewFromConfig(cfg).Invoke(ctx, &lambda.InvokeInput{FunctionName: &o.LambdaFunctionName, Payload: event})
	if ctx.Err() != nil {
		return fmt.Errorf("interrupted: when the function ends, the backup is s3://%s/%s", o.BucketName, key)
	}
	if err != nil {
		return fmt.Errorf("call the function %s: %w", o.LambdaFunctionName, err)
	}
	if out.FunctionError != nil {
		return errors.New(reason(aws.String(string(out.Payload))))
	}
	if err := json.Unmarshal(out.Payload, b); err != nil {
		return fmt.Errorf("the function's answer: %w", err)
	}
	b.Seconds = time.Since(begin).Seconds()
	return nil
}

// download stores the backup in a file, which is there whole or not at all, and reads it
// to its end as a restore would.
func (b *Backup) download(ctx context.Context, cfg aws.Config, bucket, file string) (err error) {
	in := &s3.GetObjectInput{Bucket: &bucket, Key: &b.Key}
	if b.Version != "" {
		in.VersionId = &b.Version
	}
	out, err := s3.NewFromConfig(cfg).GetObject(ctx, in)
	if err != nil {
		return fmt.Errorf("get s3://%s/%s: %w", bucket, b.Key, err)
	}
	defer out.Body.Close()
	f, err := os.CreateTemp(filepath.Dir(file), ".grocery-backup-*") // readable by its owner alone
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	if b.Bytes, err = io.Copy(f, out.Body); err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return fmt.Errorf("download s3://%s/%s: %w", bucket, b.Key, err)
	}
	report, err := dump.Inspect(f, dump.Limits{})
	if err != nil {
		return fmt.Errorf("the backup cannot be read: %w", err)
	}
	for table, n := range b.Rows {
		if report.Read[table] != n {
			return fmt.Errorf("the backup has %d rows of %s, and %d were written", report.Read[table], table, n)
		}
	}
	b.File = file
	return os.Link(f.Name(), file)
}
