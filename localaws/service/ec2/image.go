package ec2

import (
	"cmp"
	"context"
	"errors"
	goruntime "runtime"
	"slices"
	"strings"
	"time"

	"grocery/localaws/runtime"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ec2api"
)

// InstanceImage is the container image of the catalogue's machine image.
const InstanceImage = "grocery/instance"

// image is a machine image: a container image of certain content. One that was
// seen stays in the catalogue, since launch templates may name it.
type image struct {
	ID      string
	Content string // the engine's address of the container image
	Seen    time.Time
}

var images = newKind("images", "ami-", "image", "InvalidAMIID.NotFound", "image id", func(i *image) string { return i.ID })

// amazon owns the catalogue, under the account of Amazon Linux's images.
const amazon = "137112412989"

const rootDevice = "/dev/xvda"

var imageFields = fields[image]{
	"image-id":                         func(i *image) []string { return one(i.ID) },
	"name":                             func(i *image) []string { return one(i.name()) },
	"description":                      func(i *image) []string { return one(imageDescription) },
	"architecture":                     func(*image) []string { return one(architecture()) },
	"owner-id":                         func(*image) []string { return one(amazon) },
	"owner-alias":                      func(*image) []string { return one("amazon") },
	"is-public":                        func(*image) []string { return one("true") },
	"state":                            func(*image) []string { return one("available") },
	"image-type":                       func(*image) []string { return one("machine") },
	"hypervisor":                       func(*image) []string { return one("xen") },
	"ena-support":                      func(*image) []string { return one("true") },
	"root-device-name":                 func(*image) []string { return one(rootDevice) },
	"root-device-type":                 func(*image) []string { return one("ebs") },
	"virtualization-type":              func(*image) []string { return one("hvm") },
	"boot-mode":                        func(*image) []string { return one("uefi-preferred") },
	"creation-date":                    func(i *image) []string { return one(i.date()) },
	"block-device-mapping.device-name": func(*image) []string { return one(rootDevice) },
	"block-device-mapping.volume-type": func(*image) []string { return one("gp3") },
	"block-device-mapping.delete-on-termination": func(*image) []string { return one("true") },
}

const imageDescription = "Local AWS: a Debian machine with container engine, AWS CLI and agent"

func architecture() string {
	if goruntime.GOARCH == "arm64" {
		return "arm64"
	}
	return "x86_64"
}

// name begins as Amazon Linux's do, so that what looks for those finds it.
func (i *image) name() string {
	return "al2023-ami-2023.local." + strings.TrimPrefix(i.ID, "ami-")[:8] + "-" + architecture()
}

func (i *image) date() string { return i.Seen.UTC().Format("2006-01-02T15:04:05.000Z") }

func (s *Service) registerCatalogue(r *wire.Registry) {
	serve(r, ec2api.DescribeImages, "ExecutableUsers Filters ImageIds IncludeDeprecated IncludeDisabled MaxResults NextToken Owners", s.describeImages)
	serve(r, ec2api.DescribeInstanceTypes, "InstanceTypes Filters MaxResults NextToken", s.describeInstanceTypes)
	serve(r, ec2api.DescribeInstanceTypeOfferings, "LocationType Filters MaxResults NextToken", s.describeInstanceTypeOfferings)
	serve(r, ec2api.DescribeAvailabilityZones, "AllAvailabilityZones Filters ZoneIds ZoneNames", s.describeAvailabilityZones)
	serve(r, ec2api.DescribeRegions, "AllRegions Filters RegionNames", s.describeRegions)
	serve(r, ec2api.DescribeAccountAttributes, "AttributeNames", s.describeAccountAttributes)
}

// refreshCatalogue notes the container image that is there now. Its id follows
// from its content, so that it is the same on every machine and every start.
func (s *Service) refreshCatalogue(ctx context.Context) error {
	content, err := s.d.Runtime.ImageID(ctx, InstanceImage)
	if errors.Is(err, runtime.ErrImageNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	i := image{ID: stableID("ami-", content), Content: content}
	known := false
	if err := s.view(ctx, func(t *tx) error { known = images.has(t, i.ID); return nil }); err != nil || known {
		return err
	}
	return s.update(ctx, func(t *tx) error {
		i.Seen = t.now
		images.put(t, i)
		return nil
	})
}

func (i *image) shown() ec2api.Image {
	return ec2api.Image{
		ImageId: &i.ID, Name: new(i.name()), Description: new(imageDescription), ImageLocation: new("amazon/" + i.name()), ImageType: new("machine"),
		Architecture: new(architecture()), CreationDate: new(i.date()), State: new("available"), Public: new(true), OwnerId: new(amazon), ImageOwnerAlias: new("amazon"),
		RootDeviceName: new(rootDevice), RootDeviceType: new("ebs"), VirtualizationType: new("hvm"), Hypervisor: new("xen"), EnaSupport: new(true),
		SriovNetSupport: new("simple"), ImdsSupport: new("v2.0"), BootMode: new("uefi-preferred"), PlatformDetails: new("Linux/UNIX"), UsageOperation: new("RunInstances"),
		BlockDeviceMappings: []ec2api.BlockDeviceMapping{{DeviceName: new(rootDevice), Ebs: &ec2api.EbsBlockDevice{
			DeleteOnTermination: new(true), Encrypted: new(false), VolumeSize: new(int64(8)), VolumeType: new("gp3"), Iops: new(int64(3000)), Throughput: new(int64(125)),
			SnapshotId: new(stableID("snap-", i.Content)),
		}}},
	}
}

func (s *Service) describeImages(ctx context.Context, in *ec2api.DescribeImagesInput) (*ec2api.DescribeImagesOutput, error) {
	if err := s.refreshCatalogue(ctx); err != nil {
		return nil, err
	}
	out := &ec2api.DescribeImagesOutput{}
	return out, s.view(ctx, func(t *tx) error {
		some, err := images.find(t, in.ImageIds, in.Filters, imageFields)
		if err != nil {
			return err
		}
		if len(in.Owners) > 0 && !slices.Contains(in.Owners, "amazon") && !slices.Contains(in.Owners, amazon) {
			some = nil
		}
		slices.SortFunc(some, func(a, b image) int { return cmp.Or(b.Seen.Compare(a.Seen), cmp.Compare(a.ID, b.ID)) })
		for _, i := range some {
			x := i.shown()
			x.Tags = t.tags(i.ID)
			out.Images = append(out.Images, x)
		}
		out.Images, out.NextToken, err = page(out.Images, in.MaxResults, in.NextToken)
		return err
	})
}
