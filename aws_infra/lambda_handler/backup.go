package main

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/jackc/pgx/v5"

	"grocery/backend/dump"
)

// backup stores a dump of the whole shop, compressed, under the event's key. It goes
// through a temporary file: S3 wants to know the length before the first byte.
func (h *Handler) backup(ctx context.Context, e Event) (*Result, error) {
	if e.Bucket == "" || e.Key == "" {
		return nil, errors.New("the event does not say where the backup goes: it lacks bucket or key")
	}
	begin := time.Now()
	conn, err := h.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	file, err := os.CreateTemp("", "backup-*.sql.gz")
	if err != nil {
		return nil, err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	rows, err := writeBackup(ctx, conn, file)
	if err != nil {
		return nil, err
	}
	contentType := "application/gzip"
	out, err := h.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: &e.Bucket, Key: &e.Key, Body: file, ContentType: &contentType})
	if err != nil {
		return nil, fmt.Errorf("store s3://%s/%s: %w", e.Bucket, e.Key, err)
	}
	result := &Result{Key: e.Key, Kind: dump.PgPlain, Rows: rows, Milliseconds: time.Since(begin).Milliseconds()}
	if out.VersionId != nil {
		result.Version = *out.VersionId
	}
	return result, nil
}

// writeBackup fills the file and goes back to its beginning.
func writeBackup(ctx context.Context, conn *pgx.Conn, file *os.File) (dump.Counts, error) {
	z := gzip.NewWriter(file)
	rows, err := dump.Write(ctx, conn, z)
	if err == nil {
		err = z.Close()
	}
	if err == nil {
		_, err = file.Seek(0, 0)
	}
	return rows, err
}
