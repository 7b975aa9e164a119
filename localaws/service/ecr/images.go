package ecr

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"cuelabs.dev/go/oci/ociregistry/ociref"

	"grocery/localaws/service/internal/page"
	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ecrapi"
)

// The media types of manifests.
const (
	ociManifest    = "application/vnd.oci.image.manifest.v1+json"
	ociIndex       = "application/vnd.oci.image.index.v1+json"
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	dockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
)

// maxManifest is the largest manifest AWS takes, in bytes.
const maxManifest = 4 << 20

type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int64  `json:"size"`
}

// manifest is what the registry reads of any kind of manifest.
type manifest struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType"`
	ArtifactType  string            `json:"artifactType"`
	Config        *descriptor       `json:"config"`
	Layers        []descriptor      `json:"layers"`
	Manifests     []descriptor      `json:"manifests"`
	Subject       *descriptor       `json:"subject"`
	Annotations   map[string]string `json:"annotations"`
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// parse reads a manifest into an image that is not yet stored.
func parse(raw []byte, mediaType string) (i image, err error) {
	bad := func(format string, args ...any) (image, error) {
		return image{}, invalid("Invalid parameter at 'imageManifest' failed to satisfy constraint: '"+format+"'", args...)
	}
	var m manifest
	if len(raw) > maxManifest {
		return bad("at most %d bytes", maxManifest)
	}
	if err := json.Unmarshal(raw, &m); err != nil || m.SchemaVersion != 2 {
		return bad("Invalid JSON syntax or schema version")
	}
	if mediaType == "" {
		mediaType = m.MediaType
	}
	switch {
	case mediaType == "" && m.Manifests != nil:
		mediaType = ociIndex
	case mediaType == "":
		mediaType = ociManifest
	case m.MediaType != "" && m.MediaType != mediaType:
		return bad("the media type %s differs from the manifest's own %s", mediaType, m.MediaType)
	}
	i = image{Digest: digestOf(raw), MediaType: mediaType, Manifest: raw, Annotations: m.Annotations, ArtifactType: m.ArtifactType}
	if m.Subject != nil {
		i.Subject = m.Subject.Digest
	}
	switch mediaType {
	case ociManifest, dockerManifest:
		if m.Config == nil {
			return bad("the manifest has no config")
		}
		if i.ArtifactType == "" {
			i.ArtifactType = m.Config.MediaType
		}
		for _, d := range append([]descriptor{*m.Config}, m.Layers...) {
			i.Layers = append(i.Layers, d.Digest)
		}
		for _, d := range m.Layers {
			i.Size += d.Size
		}
	case ociIndex, dockerList:
		for _, d := range m.Manifests {
			i.Children = append(i.Children, d.Digest)
		}
	default:
		return bad("the media type %s is not supported", mediaType)
	}
	return i, nil
}

func (s *Service) putImage(ctx context.Context, in *ecrapi.PutImageInput) (*ecrapi.PutImageOutput, error) {
	region, tag := wire.CallFrom(ctx).Region, ptr.Val(in.ImageTag)
	if tag != "" && !ociref.IsValidTag(tag) {
		return nil, invalid("Invalid parameter at 'imageTag' failed to satisfy constraint: 'must be a valid tag'")
	}
	fresh, err := parse([]byte(*in.ImageManifest), ptr.Val(in.ImageManifestMediaType))
	if err != nil {
		return nil, err
	}
	if in.ImageDigest != nil && *in.ImageDigest != fresh.Digest {
		return nil, wire.Errorf(400, "ImageDigestDoesNotMatchException", "The specified image digest '%s' does not match the digest '%s' of the manifest", *in.ImageDigest, fresh.Digest)
	}
	err = s.d.Store.Update(func(tx store.Tx) error {
		r, err := findRepository(tx, region, in.RegistryId, in.RepositoryName)
		if err != nil {
			return err
		}
		fresh.Region, fresh.Repository, fresh.Pushed = r.Region, r.Name, s.d.Clock.Now()
		if err := present(tx, r, fresh); err != nil {
			return err
		}
		old, there := images.Get(tx, fresh.key())
		if there {
			fresh = old
			if tag == "" || slices.Contains(old.Tags, tag) {
				return wire.Errorf(400, "ImageAlreadyExistsException", "Image with digest '%s' and tag '%s' already exists in the repository with name '%s' in registry with id '%s'", old.Digest, tag, r.Name, wire.Account)
			}
		}
		if tag != "" {
			if holder, taken := tagged(tx, r, tag); taken {
				if r.Mutability == "IMMUTABLE" {
					return wire.Errorf(400, "ImageTagAlreadyExistsException", "The image tag '%s' already exists in the '%s' repository and cannot be overwritten because the repository is immutable.", tag, r.Name)
				}
				holder.Tags = slices.DeleteFunc(holder.Tags, func(t string) bool { return t == tag })
				images.Put(tx, holder.key(), holder)
			}
			fresh.Tags = append(fresh.Tags, tag)
			slices.Sort(fresh.Tags)
		}
		images.Put(tx, fresh.key(), fresh)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &ecrapi.PutImageOutput{Image: &ecrapi.Image{ImageId: &ecrapi.ImageIdentifier{ImageDigest: new(fresh.Digest), ImageTag: in.ImageTag},
		ImageManifest: in.ImageManifest, ImageManifestMediaType: new(fresh.MediaType), RegistryId: new(wire.Account), RepositoryName: in.RepositoryName}}, nil
}

// present refuses an image that names layers or images the repository lacks.
func present(tx store.Tx, r repository, i image) error {
	for _, d := range i.Layers {
		if _, ok := layers.Get(tx, key(r.Region, r.Name, d)); !ok {
			return wire.Errorf(400, "LayersNotFoundException", "Layers with digests '[%s]' required for pushing the image into repository with name '%s' in the registry with id '%s' do not exist", d, r.Name, wire.Account)
		}
	}
	for _, d := range i.Children {
		if _, ok := images.Get(tx, key(r.Region, r.Name, d)); !ok {
			return wire.Errorf(400, "ReferencedImagesNotFoundException", "Images with digests '[%s]' required for pushing image into repository with name '%s' in the registry with id '%s' do not exist", d, r.Name, wire.Account)
		}
	}
	return nil
}

// find reads the image an identifier means; the second value is AWS's code for
// a failure.
func find(tx store.Tx, r repository, id ecrapi.ImageIdentifier) (image, *ecrapi.ImageFailure) {
	fail := func(code, reason string) (image, *ecrapi.ImageFailure) {
		return image{}, &ecrapi.ImageFailure{ImageId: &id, FailureCode: new(code), FailureReason: new(reason)}
	}
	var i image
	ok := false
	switch {
	case id.ImageDigest == nil && id.ImageTag == nil:
		return fail("MissingDigestAndTag", "Invalid request parameters: both tag and digest cannot be null")
	case id.ImageDigest != nil:
		if !ociref.IsValidDigest(*id.ImageDigest) {
			return fail("InvalidImageDigest", "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'")
		}
		i, ok = images.Get(tx, key(r.Region, r.Name, *id.ImageDigest))
		if ok && id.ImageTag != nil && !slices.Contains(i.Tags, *id.ImageTag) {
			return fail("ImageTagDoesNotMatchDigest", "Requested tag does not match the digest")
		}
	default:
		i, ok = tagged(tx, r, *id.ImageTag)
	}
	if !ok {
		return fail("ImageNotFound", "Requested image not found")
	}
	return i, nil
}

func (s *Service) batchGetImage(ctx context.Context, in *ecrapi.BatchGetImageInput) (*ecrapi.BatchGetImageOutput, error) {
	var out ecrapi.BatchGetImageOutput
	var got []image
	err := s.d.Store.View(func(tx store.Tx) error {
		r, err := findRepository(tx, wire.CallFrom(ctx).Region, in.RegistryId, in.RepositoryName)
		if err != nil {
			return err
		}
		for _, id := range in.ImageIds {
			i, failure := find(tx, r, id)
			if failure != nil {
				out.Failures = append(out.Failures, *failure)
				continue
			}
			got = append(got, i)
			out.Images = append(out.Images, ecrapi.Image{ImageId: &ecrapi.ImageIdentifier{ImageDigest: new(i.Digest), ImageTag: id.ImageTag}, ImageManifest: new(string(i.Manifest)),
				ImageManifestMediaType: new(i.MediaType), RegistryId: new(wire.Account), RepositoryName: new(r.Name)})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &out, s.pulled(got)
}

// pulled remembers when images were last asked for, to the hour: that is as
// much as lifecycle rules and people want to know.
func (s *Service) pulled(list []image) error {
	now := s.d.Clock.Now()
	list = slices.DeleteFunc(list, func(i image) bool { return now.Sub(i.Pulled).Hours() < 1 })
	if len(list) == 0 {
		return nil
	}
	return s.d.Store.Update(func(tx store.Tx) error {
		for _, i := range list {
			if x, ok := images.Get(tx, i.key()); ok {
				x.Pulled = now
				images.Put(tx, x.key(), x)
			}
		}
		return nil
	})
}

// batchDeleteImage removes tags, and images by digest. An image whose last tag
// is removed goes with it. See
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html.
func (s *Service) batchDeleteImage(ctx context.Context, in *ecrapi.BatchDeleteImageInput) (*ecrapi.BatchDeleteImageOutput, error) {
	var out ecrapi.BatchDeleteImageOutput
	return &out, s.d.Store.Update(func(tx store.Tx) error {
		r, err := findRepository(tx, wire.CallFrom(ctx).Region, in.RegistryId, in.RepositoryName)
		if err != nil {
			return err
		}
		for _, id := range in.ImageIds {
			i, failure := find(tx, r, id)
			if failure == nil && (id.ImageTag == nil || len(i.Tags) == 1) {
				if by := listedBy(tx, r, i.Digest); by != "" {
					failure = &ecrapi.ImageFailure{ImageId: &id, FailureCode: new("ImageReferencedByManifestList"), FailureReason: new("Requested image referenced by manifest list: [" + by + "]")}
				}
			}
			switch {
			case failure != nil:
				out.Failures = append(out.Failures, *failure)
				continue
			case id.ImageTag == nil || len(i.Tags) == 1:
				images.Delete(tx, i.key())
			default:
				i.Tags = slices.DeleteFunc(i.Tags, func(t string) bool { return t == *id.ImageTag })
				images.Put(tx, i.key(), i)
			}
			if id.ImageTag == nil && len(i.Tags) > 0 {
				for _, t := range i.Tags {
					out.ImageIds = append(out.ImageIds, ecrapi.ImageIdentifier{ImageDigest: new(i.Digest), ImageTag: new(t)})
				}
				continue
			}
			out.ImageIds = append(out.ImageIds, ecrapi.ImageIdentifier{ImageDigest: new(i.Digest), ImageTag: id.ImageTag})
		}
		return nil
	})
}

// listedBy returns the digest of an index that lists the image, or "".
func listedBy(tx store.Tx, r repository, digest string) (by string) {
	images.Each(tx, r.prefix(), func(_ string, i image) bool {
		if slices.Contains(i.Children, digest) {
			by = i.Digest
		}
		return by == ""
	})
	return by
}

// statusMatches applies the filter TAGGED, UNTAGGED or ANY.
func statusMatches(filter string, i image) bool {
	return filter == "" || filter == "ANY" || (filter == "TAGGED") == (len(i.Tags) > 0)
}

func (s *Service) listImages(ctx context.Context, in *ecrapi.ListImagesInput) (*ecrapi.ListImagesOutput, error) {
	var all []ecrapi.ImageIdentifier
	status := ""
	if in.Filter != nil {
		status = ptr.Val(in.Filter.TagStatus)
	}
	if err := s.d.Store.View(func(tx store.Tx) error {
		r, err := findRepository(tx, wire.CallFrom(ctx).Region, in.RegistryId, in.RepositoryName)
		if err != nil {
			return err
		}
		for _, i := range images.List(tx, r.prefix()) {
			if !statusMatches(status, i) {
				continue
			}
			if len(i.Tags) == 0 {
				all = append(all, ecrapi.ImageIdentifier{ImageDigest: new(i.Digest)})
			}
			for _, t := range i.Tags {
				all = append(all, ecrapi.ImageIdentifier{ImageDigest: new(i.Digest), ImageTag: new(t)})
			}
		}
		return nil
	}); err != nil {
		return nil, err
	}
	part, next, err := page.Cut(all, func(i ecrapi.ImageIdentifier) string { return *i.ImageDigest + " " + ptr.Val(i.ImageTag) }, in.NextToken, in.MaxResults, 1000)
	if err != nil {
		return nil, invalid("Invalid parameter at 'nextToken'")
	}
	return &ecrapi.ListImagesOutput{ImageIds: part, NextToken: next}, nil
}

func errImage(r repository, id ecrapi.ImageIdentifier) error {
	return wire.Errorf(400, "ImageNotFoundException", "The image with imageId %s does not exist within the repository with name '%s' in the registry with id '%s'", describe(id), r.Name, wire.Account)
}

func describe(id ecrapi.ImageIdentifier) string {
	var parts []string
	if id.ImageDigest != nil {
		parts = append(parts, fmt.Sprintf("imageDigest:'%s'", *id.ImageDigest))
	}
	if id.ImageTag != nil {
		parts = append(parts, fmt.Sprintf("imageTag:'%s'", *id.ImageTag))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func (s *Service) describeImages(ctx context.Context, in *ecrapi.DescribeImagesInput) (*ecrapi.DescribeImagesOutput, error) {
	var all []image
	status := ""
	if in.Filter != nil {
		status = ptr.Val(in.Filter.TagStatus)
	}
	if err := s.d.Store.View(func(tx store.Tx) error {
		r, err := findRepository(tx, wire.CallFrom(ctx).Region, in.RegistryId, in.RepositoryName)
		if err != nil {
			return err
		}
		if len(in.ImageIds) == 0 {
			all = images.List(tx, r.prefix())
		}
		seen := map[string]bool{}
		for _, id := range in.ImageIds {
			i, failure := find(tx, r, id)
			if failure != nil {
				return errImage(r, id)
			}
			if !seen[i.Digest] {
				seen[i.Digest] = true
				all = append(all, i)
			}
		}
		return nil
	}); err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(i image) bool { return !statusMatches(status, i) })
	slices.SortFunc(all, func(a, b image) int { return strings.Compare(a.Digest, b.Digest) })
	part, next, err := page.Cut(all, func(i image) string { return i.Digest }, in.NextToken, in.MaxResults, 1000)
	if err != nil {
		return nil, invalid("Invalid parameter at 'nextToken'")
	}
	out := ecrapi.DescribeImagesOutput{NextToken: next}
	for _, i := range part {
		d := ecrapi.ImageDetail{RegistryId: new(wire.Account), RepositoryName: new(i.Repository), ImageDigest: new(i.Digest), ImageTags: i.Tags, ImageSizeInBytes: new(i.Size),
			ImagePushedAt: new(i.Pushed), ImageManifestMediaType: new(i.MediaType), ArtifactMediaType: ptr.NonZero(i.ArtifactType)}
		if !i.Pulled.IsZero() {
			d.LastRecordedPullTime = new(i.Pulled)
		}
		out.ImageDetails = append(out.ImageDetails, d)
	}
	return &out, nil
}

// describeImageScanFindings says that there is no scan: local AWS has no
// scanner, and a finding count of zero would be a lie.
func (s *Service) describeImageScanFindings(ctx context.Context, in *ecrapi.DescribeImageScanFindingsInput) (*ecrapi.DescribeImageScanFindingsOutput, error) {
	return nil, s.d.Store.View(func(tx store.Tx) error {
		r, err := findRepository(tx, wire.CallFrom(ctx).Region, in.RegistryId, in.RepositoryName)
		if err != nil {
			return err
		}
		if _, failure := find(tx, r, *in.ImageId); failure != nil {
			return errImage(r, *in.ImageId)
		}
		return wire.Errorf(400, "ScanNotFoundException", "Image scan does not exist for the image with '%s' in the repository with name '%s' in the registry with id '%s'", describe(*in.ImageId), r.Name, wire.Account)
	})
}
