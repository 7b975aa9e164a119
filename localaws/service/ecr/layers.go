package ecr

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"net/url"
	"strconv"
	"sync"
	"time"

	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ecrapi"
)

// uploads are the layers that are being sent. They do not survive the process:
// a client begins such a layer again.
type uploads struct {
	mu   sync.Mutex
	open map[string]*upload
}

type upload struct {
	id, region, repository string

	mu     sync.Mutex
	to     *store.Writer
	sum    hash.Hash
	size   int64
	active time.Time
	ended  bool
}

func (u *uploads) get(id, region, repository string) (*upload, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if x := u.open[id]; x != nil && x.region == region && x.repository == repository {
		return x, nil
	}
	return nil, wire.Errorf(400, "UploadNotFoundException", "The upload with ID '%s' could not be found in the repository with name '%s' in the registry with id '%s'", id, repository, wire.Account)
}

func (u *uploads) drop(id string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.open, id)
}

// write appends to the layer.
func (x *upload) write(p []byte, now time.Time) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.ended {
		return 0, fmt.Errorf("the upload %s has ended", x.id)
	}
	n, err := x.to.Write(p)
	x.sum.Write(p[:n])
	x.size += int64(n)
	x.active = now
	return n, err
}

func (x *upload) received() int64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.size
}

// abort drops what was sent.
func (x *upload) abort() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.ended {
		x.ended = true
		x.to.Abort()
	}
}

// partSize is what AWS recommends as the size of a part, in bytes.
const partSize = 20 << 20

func (s *Service) initiateLayerUpload(ctx context.Context, in *ecrapi.InitiateLayerUploadInput) (*ecrapi.InitiateLayerUploadOutput, error) {
	region := wire.CallFrom(ctx).Region
	if err := s.see(ctx, in.RegistryId, in.RepositoryName, func(repository) error { return nil }); err != nil {
		return nil, err
	}
	w, err := s.d.Blobs.Create()
	if err != nil {
		return nil, err
	}
	var raw [16]byte
	rand.Read(raw[:])
	x := &upload{id: hex.EncodeToString(raw[:]), region: region, repository: *in.RepositoryName, to: w, sum: sha256.New(), active: s.d.Clock.Now()}
	s.uploads.mu.Lock()
	s.uploads.open[x.id] = x
	s.uploads.mu.Unlock()
	return &ecrapi.InitiateLayerUploadOutput{UploadId: new(x.id), PartSize: new(int64(partSize))}, nil
}

func (s *Service) uploadLayerPart(ctx context.Context, in *ecrapi.UploadLayerPartInput) (*ecrapi.UploadLayerPartOutput, error) {
	if err := s.see(ctx, in.RegistryId, in.RepositoryName, func(repository) error { return nil }); err != nil {
		return nil, err
	}
	x, err := s.uploads.get(*in.UploadId, wire.CallFrom(ctx).Region, *in.RepositoryName)
	if err != nil {
		return nil, err
	}
	if have := x.received(); *in.PartFirstByte != have || *in.PartLastByte-*in.PartFirstByte+1 != int64(len(in.LayerPartBlob)) {
		return nil, &wire.Error{Status: 400, Code: "InvalidLayerPartException", Message: fmt.Sprintf("The layer part is not valid: it must begin at byte %d and be as long as it says", have)}
	}
	if _, err := x.write(in.LayerPartBlob, s.d.Clock.Now()); err != nil {
		return nil, err
	}
	return &ecrapi.UploadLayerPartOutput{UploadId: in.UploadId, RepositoryName: in.RepositoryName, RegistryId: new(wire.Account), LastByteReceived: in.PartLastByte}, nil
}

func (s *Service) completeLayerUpload(ctx context.Context, in *ecrapi.CompleteLayerUploadInput) (*ecrapi.CompleteLayerUploadOutput, error) {
	region := wire.CallFrom(ctx).Region
	if len(in.LayerDigests) != 1 {
		return nil, invalid("Invalid parameter at 'layerDigests' failed to satisfy constraint: 'exactly one digest'")
	}
	digest := in.LayerDigests[0]
	if err := s.see(ctx, in.RegistryId, in.RepositoryName, func(repository) error { return nil }); err != nil {
		return nil, err
	}
	x, err := s.uploads.get(*in.UploadId, region, *in.RepositoryName)
	if err != nil {
		return nil, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	got := "sha256:" + hex.EncodeToString(x.sum.Sum(nil))
	switch {
	case x.ended:
		return nil, wire.Errorf(400, "UploadNotFoundException", "The upload with ID '%s' has ended", x.id)
	case x.size == 0 && digest != got:
		return nil, wire.Errorf(400, "EmptyUploadException", "There are no parts in the upload with ID '%s'", x.id)
	case digest != got:
		return nil, wire.Errorf(400, "InvalidLayerException", "Layer with upload id '%s' has the digest '%s', not '%s'", x.id, got, digest)
	}
	x.ended = true
	s.uploads.drop(x.id)
	already, err := s.keep(region, *in.RepositoryName, digest, x)
	if err != nil {
		return nil, err
	}
	if already {
		return nil, wire.Errorf(400, "LayerAlreadyExistsException", "Layer with digest '%s' already exists in the repository with name '%s' in the registry with id '%s'", digest, *in.RepositoryName, wire.Account)
	}
	return &ecrapi.CompleteLayerUploadOutput{LayerDigest: new(digest), UploadId: in.UploadId, RepositoryName: in.RepositoryName, RegistryId: new(wire.Account)}, nil
}

// keep makes an upload a layer of a repository. Bytes that are here already
// are not kept twice.
func (s *Service) keep(region, repo, digest string, x *upload) (already bool, err error) {
	blob, err := x.to.Commit()
	if err != nil {
		return false, err
	}
	used := false
	err = s.d.Store.Update(func(tx store.Tx) error {
		if _, err := findRepository(tx, region, nil, &repo); err != nil {
			return err
		}
		k := key(region, repo, digest)
		if _, already = layers.Get(tx, k); already {
			return nil
		}
		if _, known := contents.Get(tx, digest); !known {
			contents.Put(tx, digest, content{Blob: blob, Size: x.size})
			used = true
		}
		layers.Put(tx, k, layer{Digest: digest, Size: x.size, Added: s.d.Clock.Now()})
		return nil
	})
	if err != nil || !used {
		s.remove([]string{blob})
	}
	return already, err
}

func (s *Service) batchCheckLayerAvailability(ctx context.Context, in *ecrapi.BatchCheckLayerAvailabilityInput) (*ecrapi.BatchCheckLayerAvailabilityOutput, error) {
	var out ecrapi.BatchCheckLayerAvailabilityOutput
	return &out, s.d.Store.View(func(tx store.Tx) error {
		r, err := findRepository(tx, wire.CallFrom(ctx).Region, in.RegistryId, in.RepositoryName)
		if err != nil {
			return err
		}
		for _, d := range in.LayerDigests {
			if l, ok := layers.Get(tx, key(r.Region, r.Name, d)); ok {
				out.Layers = append(out.Layers, ecrapi.Layer{LayerDigest: new(d), LayerSize: new(l.Size), LayerAvailability: new("AVAILABLE")})
				continue
			}
			out.Layers = append(out.Layers, ecrapi.Layer{LayerDigest: new(d), LayerAvailability: new("UNAVAILABLE")})
		}
		return nil
	})
}

// downloadFor is how long a download address holds.
const downloadFor = time.Hour

// getDownloadURLForLayer answers an address of the registry itself, signed, so
// that whoever has it can download this one layer for a while.
func (s *Service) getDownloadURLForLayer(ctx context.Context, in *ecrapi.GetDownloadUrlForLayerInput) (*ecrapi.GetDownloadUrlForLayerOutput, error) {
	region := wire.CallFrom(ctx).Region
	if err := s.d.Store.View(func(tx store.Tx) error {
		r, err := findRepository(tx, region, in.RegistryId, in.RepositoryName)
		if err != nil {
			return err
		}
		if _, ok := layers.Get(tx, key(region, r.Name, *in.LayerDigest)); !ok {
			return wire.Errorf(400, "LayersNotFoundException", "The layer with digest '%s' does not exist within the repository with name '%s' in the registry with id '%s'", *in.LayerDigest, r.Name, wire.Account)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	path := "/v2/" + *in.RepositoryName + "/blobs/" + *in.LayerDigest
	until := strconv.FormatInt(s.d.Clock.Now().Add(downloadFor).Unix(), 10)
	sig, err := s.sign(region, path, until)
	if err != nil {
		return nil, err
	}
	u := url.URL{Scheme: "https", Host: Host(region), Path: path, RawQuery: url.Values{"expires": {until}, "signature": {sig}}.Encode()}
	return &ecrapi.GetDownloadUrlForLayerOutput{DownloadUrl: new(u.String()), LayerDigest: in.LayerDigest}, nil
}

func (s *Service) sign(region, path, until string) (string, error) {
	secret, err := s.signingKey()
	if err != nil {
		return "", err
	}
	m := hmac.New(sha256.New, secret)
	fmt.Fprintf(m, "%s\n%s\n%s", region, path, until)
	return hex.EncodeToString(m.Sum(nil)), nil
}
