package lambda

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"strings"

	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/lambdaapi"
	"grocery/localaws/wire/api/s3api"

	"grocery/localaws/service/internal/ptr"
)

// code is a zip file in the blobs.
type code struct {
	Blob string `json:"blob"`
	SHA  string `json:"sha"` // SHA-256, base64
	Size int64  `json:"size"`
}

// AWS's limits on zip files, in bytes.
const (
	maxZip      = 50 << 20
	maxUnzipped = 250 << 20
)

// take reads a zip file out of a request or out of S3, with the caller's
// rights, checks it and stores it.
func (s *Service) take(ctx context.Context, inline []byte, bucket, key, version *string) (code, error) {
	raw := inline
	switch {
	case raw != nil && (bucket != nil || key != nil):
		return code{}, wire.Errorf(400, invalidValue, "Please do not provide other FunctionCode parameters when providing a ZipFile.")
	case raw == nil && (bucket == nil || key == nil):
		return code{}, wire.Errorf(400, invalidValue, "Please provide a source for function code.")
	case raw == nil:
		out, err := wire.Invoke(ctx, s.d.Calls, s3api.GetObject, &s3api.GetObjectInput{Bucket: bucket, Key: key, VersionId: version})
		if err != nil {
			return code{}, wire.Errorf(400, invalidValue, "Error occurred while GetObject. S3 Error Code: %s. S3 Error Message: %v", wire.Code(err), err)
		}
		defer out.Body.Close()
		if raw, err = io.ReadAll(io.LimitReader(out.Body, maxUnzipped+1)); err != nil {
			return code{}, err
		}
	}
	if len(inline) > maxZip || len(raw) > maxUnzipped {
		return code{}, wire.Errorf(413, "RequestEntityTooLargeException", "The zip file is larger than AWS takes.")
	}
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return code{}, wire.Errorf(400, invalidValue, "Could not unzip uploaded file. Please check your file, then try to upload again.")
	}
	var total uint64
	for _, f := range z.File {
		if total += f.UncompressedSize64; total > maxUnzipped {
			return code{}, wire.Errorf(400, invalidValue, "Unzipped size must be smaller than %d bytes", maxUnzipped)
		}
		if strings.Contains(f.Name, "..") || strings.HasPrefix(f.Name, "/") {
			return code{}, wire.Errorf(400, invalidValue, "The zip file holds the path %q, which leads outside.", f.Name)
		}
	}
	blob, size, err := s.d.Blobs.Put(bytes.NewReader(raw))
	sum := sha256.Sum256(raw)
	return code{blob, base64.StdEncoding.EncodeToString(sum[:]), size}, err
}

func (s *Service) codeOf(ctx context.Context, in *api.FunctionCode) (code, error) {
	if ptr.Val(in.ImageUri) != "" {
		return code{}, wire.Errorf(400, invalidValue, "Local AWS runs functions from zip files, not from images.")
	}
	return s.take(ctx, in.ZipFile, in.S3Bucket, in.S3Key, in.S3ObjectVersion)
}
