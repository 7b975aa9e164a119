package ops

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
)

// latest is the tag that stands for the images which the rolling aliases name.
const latest = "latest"

// repositoryURL is the address that images are pushed to, without a tag.
func (r *run) repositoryURL(ctx context.Context) (string, error) {
	out, err := ecr.NewFromConfig(r.cfg).DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{RepositoryNames: []string{r.set.repository}})
	if _, none := errors.AsType[*types.RepositoryNotFoundException](err); none {
		return "", fmt.Errorf("there is no repository %s yet: phase 1 makes it (grocery apply --phase 1)", r.set.repository)
	}
	if err != nil {
		return "", fmt.Errorf("look for the repository %s: %w", r.set.repository, err)
	}
	return aws.ToString(out.Repositories[0].RepositoryUri), nil
}

// digests are the digests of the images with a tag, by half; a half that the
// registry lacks is left out. A repository that does not exist yet has none.
func (r *run) digests(ctx context.Context, tag string) (map[string]string, error) {
	found := map[string]string{}
	for _, half := range Halves {
		out, err := ecr.NewFromConfig(r.cfg).DescribeImages(ctx, &ecr.DescribeImagesInput{RepositoryName: &r.set.repository, ImageIds: []types.ImageIdentifier{{ImageTag: new(half + "-" + tag)}}})
		_, noImage := errors.AsType[*types.ImageNotFoundException](err)
		_, noRepository := errors.AsType[*types.RepositoryNotFoundException](err)
		switch {
		case noImage, noRepository:
		case err != nil:
			return nil, fmt.Errorf("look for the image %s-%s: %w", half, tag, err)
		default:
			found[half] = aws.ToString(out.ImageDetails[0].ImageDigest)
		}
	}
	return found, nil
}

// missingImages are the halves whose tag is not in the registry.
func (r *run) missingImages(ctx context.Context) ([]string, error) {
	found, err := r.digests(ctx, r.tag)
	if err != nil {
		return nil, err
	}
	missing := []string{}
	for _, half := range Halves {
		if found[half] == "" {
			missing = append(missing, half)
		}
	}
	return missing, nil
}

// haveImages refuses a tag that instances could not pull.
func (r *run) haveImages(ctx context.Context) error {
	missing, err := r.missingImages(ctx)
	if err != nil || len(missing) == 0 {
		return err
	}
	return r.noImage(ctx, missing[0], "grocery images builds and pushes those of the sources")
}

// noImage says that the registry lacks a half of the tag, and which tags like
// it there are.
func (r *run) noImage(ctx context.Context, half, instead string) error {
	err := fmt.Errorf("the registry %s has no image %s-%s: %s", r.set.repository, half, r.tag, instead)
	tags, listErr := r.versions(ctx)
	if listErr != nil {
		return errors.Join(err, listErr)
	}
	var like []string
	var newest []string
	for _, v := range tags {
		if strings.HasPrefix(v.tag, r.tag) {
			like = append(like, v.tag)
		}
		if len(newest) < 5 {
			newest = append(newest, v.tag)
		}
	}
	switch {
	case len(like) > 0:
		return fmt.Errorf("%w (is %s meant?)", err, strings.Join(like, " or "))
	case len(newest) > 0:
		return fmt.Errorf("%w (the newest there: %s)", err, strings.Join(newest, ", "))
	}
	return err
}

// version is a tag of which the registry has both halves.
type version struct {
	tag     string
	backend string // digest of the backend's image
}

// versions are the versions that the registry has, the one that was pushed last
// first. The rolling aliases are none of them.
func (r *run) versions(ctx context.Context) ([]version, error) {
	type entry struct {
		version
		halves int
		pushed time.Time
	}
	all := map[string]*entry{}
	pages := ecr.NewDescribeImagesPaginator(ecr.NewFromConfig(r.cfg), &ecr.DescribeImagesInput{RepositoryName: &r.set.repository, Filter: &types.DescribeImagesFilter{TagStatus: types.TagStatusTagged}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if _, none := errors.AsType[*types.RepositoryNotFoundException](err); none {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list the images of %s: %w", r.set.repository, err)
		}
		for _, i := range page.ImageDetails {
			for _, t := range i.ImageTags {
				half, tag, ok := strings.Cut(t, "-")
				if !ok || !slices.Contains(Halves, half) || tag == latest {
					continue
				}
				x := all[tag]
				if x == nil {
					x = &entry{version: version{tag: tag}}
					all[tag] = x
				}
				x.halves++
				if half == Halves[0] {
					x.backend = aws.ToString(i.ImageDigest)
				}
				if at := aws.ToTime(i.ImagePushedAt); at.After(x.pushed) {
					x.pushed = at
				}
			}
		}
	}
	list := slices.SortedFunc(maps.Values(all), func(a, b *entry) int { return cmp.Or(b.pushed.Compare(a.pushed), cmp.Compare(a.tag, b.tag)) })
	var out []version
	for _, x := range list {
		if x.halves == len(Halves) {
			out = append(out, x.version)
		}
	}
	return out, nil
}

// aliases points backend-latest and frontend-latest at the images of the tag.
// The repository is immutable, so an alias moves by being taken from one image
// and given to another. Interrupted between the two, the alias is absent, and
// the next run gives it.
func (r *run) aliases(ctx context.Context) error {
	return r.step(ctx, "aliases", func(ctx context.Context, info func(string, ...any)) error {
		if r.tag == latest {
			return errSkip("the tag is what they name")
		}
		want, err := r.digests(ctx, r.tag)
		if err != nil {
			return err
		}
		have, err := r.digests(ctx, latest)
		if err != nil {
			return err
		}
		moved := 0
		for _, half := range Halves {
			if want[half] == have[half] && want[half] != "" {
				continue
			}
			if err := r.alias(ctx, half, want[half], have[half]); err != nil {
				return fmt.Errorf("point %s-%s at %s: %w", half, latest, r.tag, err)
			}
			info("%s-%s is %s-%s", half, latest, half, r.tag)
			moved++
		}
		if moved == 0 {
			return errSkip("they name " + r.tag)
		}
		return nil
	})
}

// alias moves one alias from the image with the digest from, or from nowhere,
// to that of the tag.
func (r *run) alias(ctx context.Context, half, to, from string) error {
	if to == "" {
		return r.noImage(ctx, half, "grocery images builds and pushes those of the sources")
	}
	name := half + "-" + latest
	if from != "" {
		out, err := ecr.NewFromConfig(r.cfg).BatchDeleteImage(ctx, &ecr.BatchDeleteImageInput{RepositoryName: &r.set.repository, ImageIds: []types.ImageIdentifier{{ImageTag: &name}}})
		if err != nil {
			return err
		}
		for _, f := range out.Failures {
			if f.FailureCode != types.ImageFailureCodeImageNotFound { // else somebody took it first
				return fmt.Errorf("%s: %s", f.FailureCode, aws.ToString(f.FailureReason))
			}
		}
	}
	return r.retag(ctx, half+"-"+r.tag, name)
}
