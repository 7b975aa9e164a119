package ecr

import (
	"bytes"
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"cuelabs.dev/go/oci/ociregistry"
	"cuelabs.dev/go/oci/ociregistry/ociserver"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ecrapi"
)

// MatchHost tells whether a host name (without port) is a registry's.
func MatchHost(host string) bool { _, ok := RegionOf(host); return ok }

// Handler serves the OCI distribution protocol for the hosts MatchHost knows.
func (s *Service) Handler() http.Handler {
	registry := ociserver.New(&front{s: s}, &ociserver.Options{WriteError: writeError})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := strings.ToLower(r.Host)
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		region, ok := RegionOf(host)
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
		from, _, _ := net.SplitHostPort(r.RemoteAddr)
		call := &wire.Call{RequestID: wire.NewRequestID(), Region: region, Account: wire.Account, SourceIP: from, Host: host}
		if r.URL.Query().Has("signature") && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
			s.download(w, r, region)
			return
		}
		user, password, given := r.BasicAuth()
		if !given || user != "AWS" {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf("Basic realm=\"https://%s/\",service=\"ecr.amazonaws.com\"", host))
			writeError(w, r, ociregistry.NewError("Not Authorized", ociregistry.ErrUnauthorized.Code(), nil))
			return
		}
		t, known, err := s.holder(password)
		switch {
		case err != nil:
			writeError(w, r, err)
			return
		case !known || !s.d.Clock.Now().Before(t.Expires):
			writeError(w, r, ociregistry.NewError("Your authorization token has expired. Reauthenticate and try again.", ociregistry.ErrDenied.Code(), nil))
			return
		}
		call.Principal = t.Principal
		registry.ServeHTTP(w, r.WithContext(wire.WithCall(r.Context(), call)))
	})
}

// download serves a layer to whoever has a signed address of it.
func (s *Service) download(w http.ResponseWriter, r *http.Request, region string) {
	q := r.URL.Query()
	sig, err := s.sign(region, r.URL.Path, q.Get("expires"))
	until, err2 := strconv.ParseInt(q.Get("expires"), 10, 64)
	if err != nil || err2 != nil || !hmac.Equal([]byte(sig), []byte(q.Get("signature"))) || s.d.Clock.Now().Unix() > until {
		writeError(w, r, ociregistry.NewError("The address is not valid any more. Ask for a new one.", ociregistry.ErrDenied.Code(), nil))
		return
	}
	repo, digest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v2/"), "/blobs/")
	f, _, err := s.openLayer(region, repo, digest)
	if err != nil {
		writeError(w, r, err)
		return
	}
	defer f.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", time.Time{}, f)
}

// codes are the registry's words for the API's errors, as ECR's registry
// answers them.
var codes = map[string]struct {
	code   string
	status int
}{
	"RepositoryNotFoundException":       {"NAME_UNKNOWN", 404},
	"ImageNotFoundException":            {"MANIFEST_UNKNOWN", 404},
	"LayersNotFoundException":           {"BLOB_UNKNOWN", 404},
	"ReferencedImagesNotFoundException": {"MANIFEST_BLOB_UNKNOWN", 404},
	"ImageTagAlreadyExistsException":    {"TAG_INVALID", 400},
	"InvalidParameterException":         {"MANIFEST_INVALID", 400},
	"InvalidLayerException":             {"DIGEST_INVALID", 400},
	"EmptyUploadException":              {"DIGEST_INVALID", 400},
	"UploadNotFoundException":           {"BLOB_UPLOAD_UNKNOWN", 404},
	"AccessDeniedException":             {"DENIED", 403},
	"AccessDenied":                      {"DENIED", 403},
}

// writeError answers with an error in the registry's form. An internal one is
// not shown.
func writeError(w http.ResponseWriter, _ *http.Request, err error) {
	if e, ok := errors.AsType[*wire.Error](err); ok {
		c, known := codes[e.Code]
		if !known {
			c.code, c.status = "UNKNOWN", e.Status
		}
		err = ociregistry.NewHTTPError(ociregistry.NewError(e.Message, c.code, nil), c.status, nil, nil)
	} else if _, ok := errors.AsType[ociregistry.Error](err); !ok {
		if _, ok := errors.AsType[ociregistry.HTTPError](err); !ok {
			err = ociregistry.NewHTTPError(ociregistry.NewError("An internal error occurred; local AWS wrote the cause to its log.", "UNKNOWN", nil), 500, nil, nil)
		}
	}
	ociregistry.WriteError(w, err)
}

// front is the registry that ociserver serves. Every method is one of the API's
// operations, called for the principal in ctx.
type front struct {
	*ociregistry.Funcs
	s *Service
}

func region(ctx context.Context) string { return wire.CallFrom(ctx).Region }

func (s *Service) openLayer(region, repo, digest string) (f *os.File, size int64, err error) {
	err = s.d.Store.View(func(tx store.Tx) error {
		l, ok := layers.Get(tx, key(region, repo, digest))
		c, ok2 := contents.Get(tx, digest)
		if !ok || !ok2 {
			return ociregistry.ErrBlobUnknown
		}
		size = l.Size
		f, err = s.d.Blobs.Open(c.Blob)
		return err
	})
	return f, size, err
}

// bytesOf is a blob that is being read.
type bytesOf struct {
	io.Reader
	io.Closer
	d ociregistry.Descriptor
}

func (b bytesOf) Descriptor() ociregistry.Descriptor { return b.d }

// GetBlob reads a layer.
func (f *front) GetBlob(ctx context.Context, repo string, digest ociregistry.Digest) (ociregistry.BlobReader, error) {
	return f.GetBlobRange(ctx, repo, digest, 0, -1)
}

// GetBlobRange reads a part of a layer.
func (f *front) GetBlobRange(ctx context.Context, repo string, digest ociregistry.Digest, from, to int64) (ociregistry.BlobReader, error) {
	if _, err := wire.Invoke(ctx, f.s.d.Calls, ecrapi.GetDownloadUrlForLayer, &ecrapi.GetDownloadUrlForLayerInput{RepositoryName: &repo, LayerDigest: new(string(digest))}); err != nil {
		return nil, err
	}
	file, size, err := f.s.openLayer(region(ctx), repo, string(digest))
	if err != nil {
		return nil, err
	}
	if to < 0 || to > size {
		to = size
	}
	return bytesOf{io.NewSectionReader(file, from, max(0, to-from)), file, ociregistry.Descriptor{MediaType: "application/octet-stream", Digest: digest, Size: size}}, nil
}

// ResolveBlob tells a layer's size.
func (f *front) ResolveBlob(ctx context.Context, repo string, digest ociregistry.Digest) (ociregistry.Descriptor, error) {
	out, err := wire.Invoke(ctx, f.s.d.Calls, ecrapi.BatchCheckLayerAvailability, &ecrapi.BatchCheckLayerAvailabilityInput{RepositoryName: &repo, LayerDigests: []string{string(digest)}})
	if err != nil {
		return ociregistry.Descriptor{}, err
	}
	if l := out.Layers[0]; l.LayerSize != nil {
		return ociregistry.Descriptor{MediaType: "application/octet-stream", Digest: digest, Size: *l.LayerSize}, nil
	}
	return ociregistry.Descriptor{}, ociregistry.ErrBlobUnknown
}

func (f *front) image(ctx context.Context, repo string, id ecrapi.ImageIdentifier) (raw []byte, d ociregistry.Descriptor, err error) {
	out, err := wire.Invoke(ctx, f.s.d.Calls, ecrapi.BatchGetImage, &ecrapi.BatchGetImageInput{RepositoryName: &repo, ImageIds: []ecrapi.ImageIdentifier{id}})
	if err != nil {
		return nil, d, err
	}
	if len(out.Images) == 0 {
		return nil, d, ociregistry.NewError("Requested image not found", ociregistry.ErrManifestUnknown.Code(), nil)
	}
	i := out.Images[0]
	raw = []byte(*i.ImageManifest)
	return raw, ociregistry.Descriptor{MediaType: *i.ImageManifestMediaType, Digest: ociregistry.Digest(*i.ImageId.ImageDigest), Size: int64(len(raw))}, nil
}

// GetManifest reads a manifest by digest.
func (f *front) GetManifest(ctx context.Context, repo string, digest ociregistry.Digest) (ociregistry.BlobReader, error) {
	raw, d, err := f.image(ctx, repo, ecrapi.ImageIdentifier{ImageDigest: new(string(digest))})
	return bytesOf{bytes.NewReader(raw), io.NopCloser(nil), d}, err
}

// GetTag reads a manifest by tag.
func (f *front) GetTag(ctx context.Context, repo, tag string) (ociregistry.BlobReader, error) {
	raw, d, err := f.image(ctx, repo, ecrapi.ImageIdentifier{ImageTag: &tag})
	return bytesOf{bytes.NewReader(raw), io.NopCloser(nil), d}, err
}

// ResolveManifest describes a manifest by digest.
func (f *front) ResolveManifest(ctx context.Context, repo string, digest ociregistry.Digest) (ociregistry.Descriptor, error) {
	_, d, err := f.image(ctx, repo, ecrapi.ImageIdentifier{ImageDigest: new(string(digest))})
	return d, err
}

// ResolveTag describes a manifest by tag.
func (f *front) ResolveTag(ctx context.Context, repo, tag string) (ociregistry.Descriptor, error) {
	_, d, err := f.image(ctx, repo, ecrapi.ImageIdentifier{ImageTag: &tag})
	return d, err
}

// PushManifest stores a manifest. Pushing again what is there already succeeds.
func (f *front) PushManifest(ctx context.Context, repo, tag string, raw []byte, mediaType string) (ociregistry.Descriptor, error) {
	_, err := wire.Invoke(ctx, f.s.d.Calls, ecrapi.PutImage, &ecrapi.PutImageInput{RepositoryName: &repo, ImageTag: ptr.NonZero(tag), ImageManifest: new(string(raw)), ImageManifestMediaType: &mediaType})
	if wire.Code(err) == "ImageAlreadyExistsException" {
		err = nil
	}
	if wire.Code(err) == "LayersNotFoundException" { // of a manifest, not of a download
		err = ociregistry.NewError(err.(*wire.Error).Message, ociregistry.ErrManifestBlobUnknown.Code(), nil)
	}
	return ociregistry.Descriptor{MediaType: mediaType, Digest: ociregistry.Digest(digestOf(raw)), Size: int64(len(raw))}, err
}

// PushBlob stores a layer that comes in one piece.
func (f *front) PushBlob(ctx context.Context, repo string, d ociregistry.Descriptor, r io.Reader) (ociregistry.Descriptor, error) {
	w, err := f.PushBlobChunked(ctx, repo, 0)
	if err != nil {
		return d, err
	}
	defer w.Cancel()
	n, err := io.Copy(w, r)
	if err != nil {
		return d, err
	}
	if d.Size >= 0 && n != d.Size {
		return d, ociregistry.ErrSizeInvalid
	}
	return w.Commit(d.Digest)
}

// PushBlobChunked begins a layer.
func (f *front) PushBlobChunked(ctx context.Context, repo string, _ int) (ociregistry.BlobWriter, error) {
	out, err := wire.Invoke(ctx, f.s.d.Calls, ecrapi.InitiateLayerUpload, &ecrapi.InitiateLayerUploadInput{RepositoryName: &repo})
	if err != nil {
		return nil, err
	}
	return f.PushBlobChunkedResume(ctx, repo, *out.UploadId, -1, 0)
}

// PushBlobChunkedResume goes on with a layer.
func (f *front) PushBlobChunkedResume(ctx context.Context, repo, id string, offset int64, _ int) (ociregistry.BlobWriter, error) {
	x, err := f.s.uploads.get(id, region(ctx), repo)
	if err != nil {
		return nil, ociregistry.ErrBlobUploadUnknown
	}
	return &sending{f: f, ctx: ctx, upload: x, repo: repo, offset: offset}, nil
}

// sending is a request's part of an upload.
type sending struct {
	f      *front
	ctx    context.Context
	upload *upload
	repo   string
	offset int64 // where the client says its bytes belong; -1 or 0: at the end
}

func (w *sending) Write(p []byte) (int, error) {
	if w.offset > 0 && w.offset != w.upload.received() {
		return 0, ociregistry.ErrRangeInvalid
	}
	w.offset = -1
	return w.upload.write(p, w.f.s.d.Clock.Now())
}

func (w *sending) Close() error   { return nil }
func (w *sending) Size() int64    { return w.upload.received() }
func (w *sending) ChunkSize() int { return 1 } // any will do
func (w *sending) ID() string     { return w.upload.id }

func (w *sending) Commit(digest ociregistry.Digest) (ociregistry.Descriptor, error) {
	size := w.upload.received()
	_, err := wire.Invoke(w.ctx, w.f.s.d.Calls, ecrapi.CompleteLayerUpload, &ecrapi.CompleteLayerUploadInput{RepositoryName: &w.repo, UploadId: new(w.upload.id), LayerDigests: []string{string(digest)}})
	if wire.Code(err) == "LayerAlreadyExistsException" {
		err = nil
	}
	return ociregistry.Descriptor{MediaType: "application/octet-stream", Digest: digest, Size: size}, err
}

func (w *sending) Cancel() error {
	w.upload.abort()
	w.f.s.uploads.drop(w.upload.id)
	return nil
}

// MountBlob gives a repository a layer that another one has.
func (f *front) MountBlob(ctx context.Context, from, to string, digest ociregistry.Digest) (ociregistry.Descriptor, error) {
	d, err := f.ResolveBlob(ctx, from, digest)
	if err != nil {
		return d, err
	}
	// What a push of this layer would need, without the bytes.
	out, err := wire.Invoke(ctx, f.s.d.Calls, ecrapi.InitiateLayerUpload, &ecrapi.InitiateLayerUploadInput{RepositoryName: &to})
	if err != nil {
		return d, err
	}
	if x, err := f.s.uploads.get(*out.UploadId, region(ctx), to); err == nil {
		(&sending{f: f, upload: x}).Cancel()
	}
	return d, f.s.d.Store.Update(func(tx store.Tx) error {
		k := key(region(ctx), to, string(digest))
		if _, there := layers.Get(tx, k); !there {
			layers.Put(tx, k, layer{Digest: string(digest), Size: d.Size, Added: f.s.d.Clock.Now()})
		}
		return nil
	})
}

func (f *front) delete(ctx context.Context, repo string, id ecrapi.ImageIdentifier) error {
	out, err := wire.Invoke(ctx, f.s.d.Calls, ecrapi.BatchDeleteImage, &ecrapi.BatchDeleteImageInput{RepositoryName: &repo, ImageIds: []ecrapi.ImageIdentifier{id}})
	if err != nil {
		return err
	}
	if len(out.Failures) > 0 {
		if *out.Failures[0].FailureCode == "ImageNotFound" {
			return ociregistry.ErrManifestUnknown
		}
		return ociregistry.NewHTTPError(ociregistry.NewError(*out.Failures[0].FailureReason, ociregistry.ErrDenied.Code(), nil), http.StatusForbidden, nil, nil)
	}
	return nil
}

// DeleteManifest deletes an image.
func (f *front) DeleteManifest(ctx context.Context, repo string, digest ociregistry.Digest) error {
	return f.delete(ctx, repo, ecrapi.ImageIdentifier{ImageDigest: new(string(digest))})
}

// DeleteTag removes a tag.
func (f *front) DeleteTag(ctx context.Context, repo, tag string) error {
	return f.delete(ctx, repo, ecrapi.ImageIdentifier{ImageTag: &tag})
}

// Repositories lists the repositories' names.
func (f *front) Repositories(ctx context.Context, after string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for in := (&ecrapi.DescribeRepositoriesInput{}); ; {
			out, err := wire.Invoke(ctx, f.s.d.Calls, ecrapi.DescribeRepositories, in)
			if err != nil {
				yield("", err)
				return
			}
			for _, r := range out.Repositories {
				if *r.RepositoryName > after && !yield(*r.RepositoryName, nil) {
					return
				}
			}
			if in.NextToken = out.NextToken; in.NextToken == nil {
				return
			}
		}
	}
}

// Tags lists a repository's tags.
func (f *front) Tags(ctx context.Context, repo, after string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		var all []string
		for in := (&ecrapi.ListImagesInput{RepositoryName: &repo, Filter: &ecrapi.ListImagesFilter{TagStatus: new("TAGGED")}}); ; {
			out, err := wire.Invoke(ctx, f.s.d.Calls, ecrapi.ListImages, in)
			if err != nil {
				yield("", err)
				return
			}
			for _, i := range out.ImageIds {
				all = append(all, *i.ImageTag)
			}
			if in.NextToken = out.NextToken; in.NextToken == nil {
				break
			}
		}
		slices.Sort(all)
		for _, t := range all {
			if t > after && !yield(t, nil) {
				return
			}
		}
	}
}

// Referrers lists the images that are about another one (signatures, bills of
// materials).
func (f *front) Referrers(ctx context.Context, repo string, digest ociregistry.Digest, artifactType string) iter.Seq2[ociregistry.Descriptor, error] {
	return func(yield func(ociregistry.Descriptor, error) bool) {
		if _, err := wire.Invoke(ctx, f.s.d.Calls, ecrapi.ListImages, &ecrapi.ListImagesInput{RepositoryName: &repo, MaxResults: new(int64(1))}); err != nil {
			yield(ociregistry.Descriptor{}, err)
			return
		}
		var all []ociregistry.Descriptor
		if err := f.s.d.Store.View(func(tx store.Tx) error {
			images.Each(tx, key(region(ctx), repo)+"|", func(_ string, i image) bool {
				if i.Subject == string(digest) && (artifactType == "" || artifactType == i.ArtifactType) {
					all = append(all, ocispec.Descriptor{MediaType: i.MediaType, Digest: ociregistry.Digest(i.Digest), Size: int64(len(i.Manifest)), ArtifactType: i.ArtifactType, Annotations: i.Annotations})
				}
				return true
			})
			return nil
		}); err != nil {
			yield(ociregistry.Descriptor{}, err)
			return
		}
		for _, d := range all {
			if !yield(d, nil) {
				return
			}
		}
	}
}
