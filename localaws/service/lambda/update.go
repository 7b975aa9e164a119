package lambda

import (
	"context"
	"strconv"

	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/lambdaapi"

	"grocery/localaws/service/internal/ptr"
)

// checkRevision refuses a change made for another revision than the present.
func (f *function) checkRevision(want *string) error {
	if want != nil && *want != f.Revision {
		return wire.Errorf(412, "PreconditionFailedException", "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id")
	}
	return nil
}

func (s *Service) updateFunctionConfiguration(ctx context.Context, in *api.UpdateFunctionConfigurationInput) (*api.UpdateFunctionConfigurationOutput, error) {
	f, _, err := s.view(ctx, in.FunctionName, nil)
	if err != nil {
		return nil, err
	}
	next := f.config
	if err := next.apply(in); err != nil {
		return nil, err
	}
	if err := next.check(); err != nil {
		return nil, err
	}
	if err := s.resolve(ctx, &next); err != nil {
		return nil, err
	}
	var out *api.FunctionConfiguration
	return out, s.edit(ctx, in.FunctionName, func(tx store.Tx, f *function) error {
		if err := f.checkRevision(in.RevisionId); err != nil {
			return err
		}
		next.Code = f.Code
		f.config = next
		s.touch(f)
		out = s.shape(tx, f, &f.config, false)
		return nil
	})
}

func (s *Service) updateFunctionCode(ctx context.Context, in *api.UpdateFunctionCodeInput) (*api.UpdateFunctionCodeOutput, error) {
	if _, _, err := s.view(ctx, in.FunctionName, nil); err != nil {
		return nil, err
	}
	fresh, err := s.take(ctx, in.ZipFile, in.S3Bucket, in.S3Key, in.S3ObjectVersion)
	if err != nil {
		return nil, err
	}
	var out *api.FunctionConfiguration
	return out, s.edit(ctx, in.FunctionName, func(tx store.Tx, f *function) error {
		if err := f.checkRevision(in.RevisionId); err != nil {
			return err
		}
		kept := *f
		f.Code = fresh
		if len(in.Architectures) > 0 {
			f.Architectures = in.Architectures
		}
		if err := f.config.check(); err != nil {
			return err
		}
		s.touch(f)
		out = s.shape(tx, f, &f.config, false)
		if ptr.Val(in.DryRun) {
			*f = kept
		} else if ptr.Val(in.Publish) {
			out = s.shape(tx, f, f.publish(nil), false)
		}
		return nil
	})
}

// publish freezes the unpublished version as the next number, unless nothing
// changed since the last one.
func (f *function) publish(description *string) *config {
	if n := len(f.Versions); n > 0 {
		last := &f.Versions[n-1]
		if last.Code.SHA == f.Code.SHA && last.Modified.Equal(f.Modified) {
			return last
		}
	}
	v := f.config
	v.Version = strconv.FormatInt(f.NextVersion, 10)
	ptr.Set(&v.Description, description)
	f.NextVersion++
	f.Versions = append(f.Versions, v)
	return &f.Versions[len(f.Versions)-1]
}

func (s *Service) publishVersion(ctx context.Context, in *api.PublishVersionInput) (*api.PublishVersionOutput, error) {
	var out *api.FunctionConfiguration
	return out, s.edit(ctx, in.FunctionName, func(tx store.Tx, f *function) error {
		if err := f.checkRevision(in.RevisionId); err != nil {
			return err
		}
		if ptr.Or(in.CodeSha256, f.Code.SHA) != f.Code.SHA {
			return wire.Errorf(400, invalidValue, "CodeSHA256 (%s) is different from current CodeSHA256 in $LATEST (%s). Please try again with the CodeSHA256 in $LATEST.", *in.CodeSha256, f.Code.SHA)
		}
		out = s.shape(tx, f, f.publish(in.Description), false)
		return nil
	})
}
