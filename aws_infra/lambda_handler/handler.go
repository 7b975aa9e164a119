package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/jackc/pgx/v5"

	"grocery/backend/dump"
	"grocery/backend/postgres"
	"grocery/backend/secret"
)

// Event is what the state machine sends.
type Event struct {
	Action   string  `json:"action"`
	ID       string  `json:"id"` // of restore: the same id restores once, however often it is asked to
	Bucket   string  `json:"bucket"`
	Key      string  `json:"key"`
	Version  string  `json:"version"`
	Restored *Result `json:"restored"` // of verify: what restore returned
}

// Result is what the state machine gets. The report, which is longer, is in S3.
type Result struct {
	ID           string             `json:"id,omitempty"`      // of the restore
	Kept         string             `json:"kept,omitempty"`    // why the shop keeps its data: nothing was restored, as it should be
	Key          string             `json:"key,omitempty"`     // of a backup
	Version      string             `json:"version,omitempty"` // of a backup
	Report       string             `json:"report,omitempty"`  // key of the report in the dump's bucket
	Kind         dump.Kind          `json:"kind,omitempty"`
	Rows         dump.Counts        `json:"rows"`
	Milliseconds int64              `json:"milliseconds"`
	Verified     *dump.Verification `json:"verified,omitempty"`
}

// Handler restores, verifies, backs up and logs in.
type Handler struct {
	s3      *s3.Client
	db      postgres.Config
	reports string
	initial string // key of the dump that is for an empty shop only
	log     *slog.Logger
}

// NewHandler reads the environment. It connects to nothing yet.
func NewHandler(getenv func(string) string, log *slog.Logger) (*Handler, error) {
	var missing []error
	for _, name := range []string{"DB_HOST", "DB_NAME", "DB_SECRET_ID", "AWS_REGION"} {
		if getenv(name) == "" {
			missing = append(missing, fmt.Errorf("%s is not set", name))
		}
	}
	if len(missing) > 0 {
		return nil, errors.Join(missing...)
	}
	cfg, err := config.LoadDefaultConfig(context.Background(), config.WithRegion(getenv("AWS_REGION")))
	if err != nil {
		return nil, fmt.Errorf("load the AWS configuration: %w", err)
	}
	return &Handler{
		s3: s3.NewFromConfig(cfg),
		db: postgres.Config{
			Host: getenv("DB_HOST"), Port: getenv("DB_PORT"), Name: getenv("DB_NAME"),
			SSLMode: getenv("DB_SSLMODE"), SSLRootCert: getenv("DB_SSLROOTCERT"),
			Login: secret.NewLogin(secretsmanager.NewFromConfig(cfg), getenv("DB_SECRET_ID")),
			Log:   log,
		},
		reports: cmp.Or(getenv("REPORTS_PREFIX"), "restore-reports/"),
		initial: cmp.Or(getenv("INITIAL_DUMP_KEY"), "db-dumps/initial.dump"),
		log:     log,
	}, nil
}

// margin is kept of the function's time to say what happened.
const margin = 10 * time.Second

// Handle answers one event.
func (h *Handler) Handle(ctx context.Context, e Event) (*Result, error) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, deadline.Add(-margin), &OutOfTimeError{})
		defer cancel()
	}
	log := h.log.With("action", e.Action, "bucket", e.Bucket, "key", e.Key, "version", e.Version)
	var result *Result
	var err error
	switch e.Action {
	case "restore":
		result, err = h.restore(ctx, e, log)
	case "verify":
		result, err = h.verify(ctx, e)
	case "backup":
		result, err = h.backup(ctx, e)
	case "login":
		result, err = &Result{}, h.login(ctx)
	default:
		err = fmt.Errorf("the event asks for the action %q: it is restore, verify, backup or login", e.Action)
	}
	if err != nil {
		log.ErrorContext(ctx, "failed", "error", err)
		if late, ok := errors.AsType[*OutOfTimeError](context.Cause(ctx)); ok && ctx.Err() != nil {
			return nil, late
		}
		return nil, unwrapped(err)
	}
	log.InfoContext(ctx, "done", "result", result)
	return result, nil
}

// unwrapped returns the error whose type the state machine knows, when there is one:
// only the outermost type reaches it.
func unwrapped(err error) error {
	if e, ok := errors.AsType[*dump.InvalidDumpError](err); ok {
		return e
	}
	if e, ok := errors.AsType[*dump.VerifyError](err); ok {
		return e
	}
	if e, ok := errors.AsType[*dump.BusyError](err); ok {
		return e
	}
	if e, ok := errors.AsType[*LoginRefusedError](err); ok {
		return e
	}
	return &RestoreError{err}
}

// RestoreError is a failure that is not the dump's: trying again may help.
type RestoreError struct{ Err error }

// Error returns what happened.
func (e *RestoreError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *RestoreError) Unwrap() error { return e.Err }

// OutOfTimeError says that the function's time was over before its work was done. Another
// try would take as long.
type OutOfTimeError struct{}

// Error returns what to do.
func (e *OutOfTimeError) Error() string {
	return "the function's time is over: give it more (timeout_seconds, at most 900), or more memory, which makes it faster"
}

func (h *Handler) connect(ctx context.Context) (*pgx.Conn, error) {
	conn, err := postgres.Connect(ctx, h.db, "grocery-restore")
	if err != nil {
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	return conn, nil
}

func (h *Handler) restore(ctx context.Context, e Event, log *slog.Logger) (*Result, error) {
	if strings.HasPrefix(e.Key, h.reports) {
		return nil, &dump.InvalidDumpError{Code: dump.Format, Reason: "the object is the report of a restore: reports and dumps need different prefixes"}
	}
	conn, err := h.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	object := &objectReader{ctx: ctx, s3: h.s3, event: e}
	defer object.Close()
	// A restore whose commit was not heard, or whose process ended after it, ends here
	// with an error. The next call with the same id finds it on record.
	report, err := dump.Restore(ctx, conn, object, dump.Options{
		ID: cmp.Or(e.ID, rand.Text()), Source: "s3://" + e.Bucket + "/" + e.Key + "?versionId=" + e.Version,
		Wait: turnWait, OnlyEmpty: e.Key == h.initial, Log: log,
	})
	result := &Result{ID: report.ID, Kind: report.Kind, Rows: report.Restored, Milliseconds: report.Durations.Total}
	if _, busy := errors.AsType[*dump.BusyError](err); busy {
		return nil, err // its turn is still to come, and so is its report
	}
	if kept, ok := errors.AsType[*dump.NotEmptyError](err); ok {
		result.Kept, err = kept.Error(), nil
	}
	key, putErr := h.store(ctx, e, dump.Outcome{Report: report, Kept: result.Kept}, err)
	if putErr != nil { // the data is what counts
		log.ErrorContext(ctx, "the report could not be stored", "report", report, "error", putErr)
	} else {
		result.Report = key
	}
	return result, err
}

// turnWait is how long a restore waits for another within one call of the function.
// After that the state machine calls it again, so that waiting uses up neither the
// function's time nor an attempt.
const turnWait = 45 * time.Second

// store writes the report, also that of a failure, and returns its key.
func (h *Handler) store(ctx context.Context, e Event, stored dump.Outcome, failure error) (string, error) {
	stored.Succeeded = failure == nil && stored.Kept == ""
	if failure != nil {
		stored.Error = failure.Error()
		if fault, ok := errors.AsType[*dump.InvalidDumpError](failure); ok {
			stored.Fault = fault
		}
	}
	body, err := json.MarshalIndent(stored, "", "  ")
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), margin/2)
	defer cancel()
	_, name, ok := strings.Cut(e.Key, "/")
	if !ok {
		name = e.Key
	}
	key, contentType := h.reports+name+".json", "application/json"
	_, err = h.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: &e.Bucket, Key: &key, Body: bytes.NewReader(body), ContentType: &contentType})
	return key, err
}

func (h *Handler) verify(ctx context.Context, e Event) (*Result, error) {
	if e.Restored == nil || e.Restored.ID == "" {
		return nil, &dump.VerifyError{Reason: "the event does not say which restore: it lacks restored.id"}
	}
	begin := time.Now()
	conn, err := h.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	v, err := dump.Verify(ctx, conn, e.Restored.ID)
	if err != nil {
		return nil, err
	}
	return &Result{ID: v.ID, Report: e.Restored.Report, Kind: e.Restored.Kind, Rows: v.Rows,
		Milliseconds: time.Since(begin).Milliseconds(), Verified: v}, nil
}

// objectReader reads a version of an object. It asks for it at the first Read, since
// a restore may have to wait for another and S3 does not wait for readers.
type objectReader struct {
	ctx   context.Context
	s3    *s3.Client
	event Event
	body  io.ReadCloser
}

func (o *objectReader) Read(p []byte) (int, error) {
	if o.body == nil {
		in := &s3.GetObjectInput{Bucket: &o.event.Bucket, Key: &o.event.Key}
		if o.event.Version != "" {
			in.VersionId = &o.event.Version
		}
		out, err := o.s3.GetObject(o.ctx, in)
		if err != nil {
			return 0, fmt.Errorf("get s3://%s/%s: %w", o.event.Bucket, o.event.Key, err)
		}
		o.body = out.Body
	}
	return o.body.Read(p)
}

// Close ends the transfer.
func (o *objectReader) Close() error {
	if o.body == nil {
		return nil
	}
	return o.body.Close()
}
