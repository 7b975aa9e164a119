package ecr

import (
	"context"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"grocery/localaws/service/internal/page"
	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ecrapi"
)

var repositoryName = regexp.MustCompile(`^(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*$`)

func invalid(format string, args ...any) error {
	return wire.Errorf(400, "InvalidParameterException", format, args...)
}

func (s *Service) createRepository(ctx context.Context, in *ecrapi.CreateRepositoryInput) (*ecrapi.CreateRepositoryOutput, error) {
	c := wire.CallFrom(ctx)
	r := repository{Region: c.Region, Name: *in.RepositoryName, Created: s.d.Clock.Now(), Mutability: ptr.Or(in.ImageTagMutability, "MUTABLE"), Tags: map[string]string{}}
	if !repositoryName.MatchString(r.Name) || len(r.Name) < 2 || len(r.Name) > 256 {
		return nil, invalid("Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression '%s''", repositoryName)
	}
	if err := checkMutability(r.Mutability); err != nil {
		return nil, err
	}
	if in.RegistryId != nil && *in.RegistryId != wire.Account {
		return nil, invalid("The registry id '%s' is not this account's", *in.RegistryId)
	}
	if e := in.EncryptionConfiguration; e != nil && *e.EncryptionType != "AES256" {
		return nil, invalid("Local AWS has no KMS: the encryption type of a repository can only be AES256, not '%s'", *e.EncryptionType)
	}
	if in.ImageScanningConfiguration != nil {
		r.ScanOnPush = ptr.Val(in.ImageScanningConfiguration.ScanOnPush)
	}
	if err := addTags(r.Tags, in.Tags); err != nil {
		return nil, err
	}
	err := s.d.Store.Update(func(tx store.Tx) error {
		k := key(r.Region, r.Name)
		if _, there := repositories.Get(tx, k); there {
			return wire.Errorf(400, "RepositoryAlreadyExistsException", "The repository with name '%s' already exists in the registry with id '%s'", r.Name, wire.Account)
		}
		repositories.Put(tx, k, r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &ecrapi.CreateRepositoryOutput{Repository: new(r.shape())}, nil
}

func checkMutability(m string) error {
	if m != "MUTABLE" && m != "IMMUTABLE" {
		return invalid("Local AWS offers the tag mutability MUTABLE and IMMUTABLE, not '%s'", m)
	}
	return nil
}

func (r repository) shape() ecrapi.Repository {
	return ecrapi.Repository{
		RepositoryName: new(r.Name), RepositoryArn: new(r.arn()), RepositoryUri: new(r.uri()), RegistryId: new(wire.Account), CreatedAt: new(r.Created),
		ImageTagMutability: new(r.Mutability), ImageScanningConfiguration: &ecrapi.ImageScanningConfiguration{ScanOnPush: new(r.ScanOnPush)},
		EncryptionConfiguration: &ecrapi.EncryptionConfiguration{EncryptionType: new("AES256")},
	}
}

func (s *Service) describeRepositories(ctx context.Context, in *ecrapi.DescribeRepositoriesInput) (*ecrapi.DescribeRepositoriesOutput, error) {
	region := wire.CallFrom(ctx).Region
	var out ecrapi.DescribeRepositoriesOutput
	return &out, s.d.Store.View(func(tx store.Tx) error {
		if len(in.RepositoryNames) > 0 {
			for _, n := range in.RepositoryNames {
				r, err := findRepository(tx, region, in.RegistryId, &n)
				if err != nil {
					return err
				}
				out.Repositories = append(out.Repositories, r.shape())
			}
			return nil
		}
		part, next, err := page.Cut(repositories.List(tx, region+"|"), func(r repository) string { return r.Name }, in.NextToken, in.MaxResults, 100)
		if err != nil {
			return invalid("Invalid parameter at 'nextToken'")
		}
		for _, r := range part {
			out.Repositories = append(out.Repositories, r.shape())
		}
		out.NextToken = next
		return nil
	})
}

func (s *Service) deleteRepository(ctx context.Context, in *ecrapi.DeleteRepositoryInput) (*ecrapi.DeleteRepositoryOutput, error) {
	var out ecrapi.DeleteRepositoryOutput
	var gone []string
	err := s.d.Store.Update(func(tx store.Tx) error {
		r, err := findRepository(tx, wire.CallFrom(ctx).Region, in.RegistryId, in.RepositoryName)
		if err != nil {
			return err
		}
		all := images.List(tx, r.prefix())
		if len(all) > 0 && !ptr.Val(in.Force) {
			return wire.Errorf(400, "RepositoryNotEmptyException", "The repository with name '%s' in registry with id '%s' cannot be deleted because it still contains images", r.Name, wire.Account)
		}
		for _, i := range all {
			images.Delete(tx, i.key())
		}
		gone = dropLayers(tx, r.prefix(), func(string, layer) bool { return true })
		repositories.Delete(tx, key(r.Region, r.Name))
		out.Repository = new(r.shape())
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.remove(gone)
	return &out, nil
}

// change applies f to a repository's record.
func (s *Service) change(ctx context.Context, registryID, name *string, f func(*repository) error) error {
	region := wire.CallFrom(ctx).Region
	return s.d.Store.Update(func(tx store.Tx) error {
		r, err := findRepository(tx, region, registryID, name)
		if err != nil {
			return err
		}
		if err := f(&r); err != nil {
			return err
		}
		repositories.Put(tx, key(region, r.Name), r)
		return nil
	})
}

// see calls f with a repository's record.
func (s *Service) see(ctx context.Context, registryID, name *string, f func(repository) error) error {
	return s.d.Store.View(func(tx store.Tx) error {
		r, err := findRepository(tx, wire.CallFrom(ctx).Region, registryID, name)
		if err != nil {
			return err
		}
		return f(r)
	})
}

func (s *Service) putImageTagMutability(ctx context.Context, in *ecrapi.PutImageTagMutabilityInput) (*ecrapi.PutImageTagMutabilityOutput, error) {
	err := s.change(ctx, in.RegistryId, in.RepositoryName, func(r *repository) error {
		r.Mutability = *in.ImageTagMutability
		return checkMutability(r.Mutability)
	})
	return &ecrapi.PutImageTagMutabilityOutput{RegistryId: new(wire.Account), RepositoryName: in.RepositoryName, ImageTagMutability: in.ImageTagMutability}, err
}

func (s *Service) putImageScanningConfiguration(ctx context.Context, in *ecrapi.PutImageScanningConfigurationInput) (*ecrapi.PutImageScanningConfigurationOutput, error) {
	err := s.change(ctx, in.RegistryId, in.RepositoryName, func(r *repository) error {
		r.ScanOnPush = ptr.Val(in.ImageScanningConfiguration.ScanOnPush)
		return nil
	})
	return &ecrapi.PutImageScanningConfigurationOutput{RegistryId: new(wire.Account), RepositoryName: in.RepositoryName, ImageScanningConfiguration: in.ImageScanningConfiguration}, err
}

func checkPolicy(text string) error {
	var doc struct{ Statement json.RawMessage }
	if err := json.Unmarshal([]byte(text), &doc); err != nil || doc.Statement == nil {
		return invalid("Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'")
	}
	return nil
}

func errPolicy(name string) error {
	return wire.Errorf(400, "RepositoryPolicyNotFoundException", "Repository policy does not exist for the repository with name '%s' in the registry with id '%s'", name, wire.Account)
}

func (s *Service) setRepositoryPolicy(ctx context.Context, in *ecrapi.SetRepositoryPolicyInput) (*ecrapi.SetRepositoryPolicyOutput, error) {
	err := s.change(ctx, in.RegistryId, in.RepositoryName, func(r *repository) error {
		r.Policy = *in.PolicyText
		return checkPolicy(r.Policy)
	})
	return &ecrapi.SetRepositoryPolicyOutput{RegistryId: new(wire.Account), RepositoryName: in.RepositoryName, PolicyText: in.PolicyText}, err
}

func (s *Service) getRepositoryPolicy(ctx context.Context, in *ecrapi.GetRepositoryPolicyInput) (*ecrapi.GetRepositoryPolicyOutput, error) {
	out := ecrapi.GetRepositoryPolicyOutput{RegistryId: new(wire.Account), RepositoryName: in.RepositoryName}
	return &out, s.see(ctx, in.RegistryId, in.RepositoryName, func(r repository) error {
		if r.Policy == "" {
			return errPolicy(r.Name)
		}
		out.PolicyText = new(r.Policy)
		return nil
	})
}

func (s *Service) deleteRepositoryPolicy(ctx context.Context, in *ecrapi.DeleteRepositoryPolicyInput) (*ecrapi.DeleteRepositoryPolicyOutput, error) {
	out := ecrapi.DeleteRepositoryPolicyOutput{RegistryId: new(wire.Account), RepositoryName: in.RepositoryName}
	return &out, s.change(ctx, in.RegistryId, in.RepositoryName, func(r *repository) error {
		if r.Policy == "" {
			return errPolicy(r.Name)
		}
		out.PolicyText = new(r.Policy)
		r.Policy = ""
		return nil
	})
}

func addTags(m map[string]string, tags []ecrapi.Tag) error {
	for _, t := range tags {
		if *t.Key == "" || len(*t.Key) > 128 || len(*t.Value) > 256 {
			return wire.Errorf(400, "InvalidTagParameterException", "The tag key '%s' or its value has a length that is not allowed", *t.Key)
		}
		m[*t.Key] = *t.Value
	}
	if len(m) > 50 {
		return wire.Errorf(400, "TooManyTagsException", "A repository can have at most 50 tags")
	}
	return nil
}

// nameOf returns the repository an ARN names.
func nameOf(ctx context.Context, arn string) (*string, error) {
	name, ok := strings.CutPrefix(arn, wire.CallFrom(ctx).ARN("ecr", "repository/"))
	if !ok {
		return nil, invalid("Invalid parameter at 'resourceArn' failed to satisfy constraint: 'Invalid ARN'")
	}
	return &name, nil
}

func (s *Service) tagResource(ctx context.Context, in *ecrapi.TagResourceInput) (*ecrapi.TagResourceOutput, error) {
	name, err := nameOf(ctx, *in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return nil, s.change(ctx, nil, name, func(r *repository) error { return addTags(r.Tags, in.Tags) })
}

func (s *Service) untagResource(ctx context.Context, in *ecrapi.UntagResourceInput) (*ecrapi.UntagResourceOutput, error) {
	name, err := nameOf(ctx, *in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return nil, s.change(ctx, nil, name, func(r *repository) error {
		for _, k := range in.TagKeys {
			delete(r.Tags, k)
		}
		return nil
	})
}

func (s *Service) listTagsForResource(ctx context.Context, in *ecrapi.ListTagsForResourceInput) (*ecrapi.ListTagsForResourceOutput, error) {
	name, err := nameOf(ctx, *in.ResourceArn)
	if err != nil {
		return nil, err
	}
	var out ecrapi.ListTagsForResourceOutput
	return &out, s.see(ctx, nil, name, func(r repository) error {
		for _, k := range slices.Sorted(maps.Keys(r.Tags)) {
			out.Tags = append(out.Tags, ecrapi.Tag{Key: new(k), Value: new(r.Tags[k])})
		}
		return nil
	})
}
