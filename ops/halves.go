package ops

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
)

// Halves are the two images; their names prefix the tags in the one
// repository.
var Halves = []string{"backend", "frontend"}

// halfSources are the paths that each half is made from.
var halfSources = map[string][]string{
	"backend":  {"go.mod", "go.sum", "backend", "cmd/grocery-api", "internal", ".dockerignore"},
	"frontend": {"frontend", "backend/postgres/catalogue.csv", "NOTICE", ".dockerignore"},
}

// HalfTag is the tag of the sources of one half. It is older than the image
// tag when only the other half has changed since; then both tags stand for the
// same image of that half, and it is neither built nor pushed again.
func (e *Environment) HalfTag(ctx context.Context, half string) (string, error) {
	return e.sourceTag(ctx, halfSources[half])
}

// supply is where the image of a half that the registry lacks comes from.
type supply struct {
	own   string // the half's own tag, and of the file that it is built into
	there bool   // the registry has it under that tag
}

// supply finds out where an image can come from. The sources make images of
// one tag only: another one has to be in the registry.
func (r *run) supply(ctx context.Context, half string) (supply, error) {
	sources, err := r.ImageTag(ctx)
	if err != nil {
		return supply{}, err
	}
	if r.tag != sources {
		return supply{}, r.noImage(ctx, half, "and the sources here make "+sources+": check out the commit of that tag to build it")
	}
	own, err := r.HalfTag(ctx, half)
	if err != nil {
		return supply{}, err
	}
	found, err := r.digests(ctx, own)
	return supply{own, found[half] != ""}, err
}

// retag gives the image of one tag another one, by putting the same manifest
// again. No layer is sent.
// See https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-retag.html.
func (r *run) retag(ctx context.Context, from, to string) error {
	c := ecr.NewFromConfig(r.cfg)
	got, err := c.BatchGetImage(ctx, &ecr.BatchGetImageInput{RepositoryName: &r.set.repository, ImageIds: []types.ImageIdentifier{{ImageTag: &from}}})
	if err != nil {
		return fmt.Errorf("read the image %s: %w", from, err)
	}
	if len(got.Images) != 1 {
		return fmt.Errorf("the registry %s has no image %s any more: run this again", r.set.repository, from)
	}
	i := got.Images[0]
	_, err = c.PutImage(ctx, &ecr.PutImageInput{RepositoryName: &r.set.repository, ImageTag: &to, ImageManifest: i.ImageManifest, ImageManifestMediaType: i.ImageManifestMediaType, ImageDigest: aws.String(aws.ToString(i.ImageId.ImageDigest))})
	if _, there := errors.AsType[*types.ImageAlreadyExistsException](err); err != nil && !there {
		return fmt.Errorf("tag the image %s as %s: %w", from, to, err)
	}
	return nil
}
