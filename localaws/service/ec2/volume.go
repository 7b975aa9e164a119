package ec2

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ec2api"
)

// volume is an EBS volume. Volumes come and go with instances. The root volume
// is the disk of the instance's container; others are records only.
type volume struct{ ec2api.Volume }

var volumes = newKind("volumes", "vol-", "volume", "InvalidVolume.NotFound", "volume", func(v *volume) string { return *v.VolumeId })

var volumeFields = fields[volume]{
	"volume-id":              func(v *volume) []string { return one(*v.VolumeId) },
	"volume-type":            func(v *volume) []string { return one(*v.VolumeType) },
	"availability-zone":      func(v *volume) []string { return one(*v.AvailabilityZone) },
	"encrypted":              func(v *volume) []string { return yesNo(*v.Encrypted) },
	"size":                   func(v *volume) []string { return one(strconv.FormatInt(*v.Size, 10)) },
	"status":                 func(v *volume) []string { return one(*v.State) },
	"attachment.instance-id": func(v *volume) []string { return one(v.instance()) },
	"attachment.device":      func(v *volume) []string { return one(v.device()) },
	"attachment.status":      func(v *volume) []string { return one("attached") },
	"attachment.delete-on-termination": func(v *volume) []string {
		return yesNo(len(v.Attachments) > 0 && ptr.Val(v.Attachments[0].DeleteOnTermination))
	},
}

func (v *volume) instance() string {
	if len(v.Attachments) == 0 {
		return ""
	}
	return *v.Attachments[0].InstanceId
}

func (v *volume) device() string {
	if len(v.Attachments) == 0 {
		return ""
	}
	return *v.Attachments[0].Device
}

func (t *tx) volumesOf(instanceID string) []volume {
	all := volumes.where(t, func(v *volume) bool { return v.instance() == instanceID })
	slices.SortFunc(all, func(a, b volume) int { return strings.Compare(a.device(), b.device()) })
	return all
}

// addVolumes makes the volumes of a new instance: the image's, changed and
// extended by the request's mappings.
func (t *tx) addVolumes(i instance, from image, wanted []ec2api.BlockDeviceMapping, tags []ec2api.Tag) error {
	mappings := from.shown().BlockDeviceMappings
	for _, w := range wanted {
		at := slices.IndexFunc(mappings, func(m ec2api.BlockDeviceMapping) bool { return *m.DeviceName == ptr.Val(w.DeviceName) })
		switch {
		case w.NoDevice != nil || w.VirtualName != nil:
			return wire.Errorf(400, "UnsupportedOperation", "Local AWS has EBS volumes only.")
		case w.Ebs == nil:
			return wire.Errorf(400, "InvalidBlockDeviceMapping", "The block device mapping of %s has no EBS volume.", ptr.Val(w.DeviceName))
		case at >= 0:
			e := *w.Ebs
			if e.VolumeType != nil && *e.VolumeType != "gp3" {
				e.Iops, e.Throughput = or(e.Iops, 0), or(e.Throughput, 0)
			}
			underlay(&e, mappings[at].Ebs)
			mappings[at].Ebs = &e
		default:
			mappings = append(mappings, w)
		}
	}
	for _, m := range mappings {
		e := m.Ebs
		kind := ptr.Val(or(e.VolumeType, "gp2"))
		v := volume{ec2api.Volume{
			VolumeId: new(volumes.newID()), VolumeType: &kind, Size: or(e.VolumeSize, 8), AvailabilityZone: &i.Zone, CreateTime: new(t.now), State: new("in-use"),
			Encrypted: or(e.Encrypted, false), SnapshotId: or(e.SnapshotId, ""), MultiAttachEnabled: new(false), Iops: e.Iops, Throughput: e.Throughput, KmsKeyId: e.KmsKeyId,
			Attachments: []ec2api.VolumeAttachment{{
				VolumeId: nil, InstanceId: &i.ID, Device: m.DeviceName, State: new("attached"), AttachTime: new(t.now), DeleteOnTermination: or(e.DeleteOnTermination, true),
			}},
		}}
		switch kind {
		case "gp3":
			v.Iops, v.Throughput = or(v.Iops, 3000), or(v.Throughput, 125)
		case "gp2":
			v.Iops, v.Throughput = new(min(max(3**v.Size, 100), 16000)), nil
		default:
			v.Throughput = nil
		}
		if *v.Encrypted && v.KmsKeyId == nil {
			v.KmsKeyId = new(t.ARN("kms", "alias/aws/ebs"))
		}
		v.Attachments[0].VolumeId = v.VolumeId
		volumes.put(t, v)
		if err := t.addTags(*v.VolumeId, tags); err != nil {
			return err
		}
	}
	return nil
}

// dropVolumes removes a terminated instance's volumes, also those that were to
// stay: their content was the container's.
func (t *tx) dropVolumes(instanceID string) {
	for _, v := range t.volumesOf(instanceID) {
		volumes.remove(t, *v.VolumeId)
	}
}

func (s *Service) describeVolumes(ctx context.Context, in *ec2api.DescribeVolumesInput) (*ec2api.DescribeVolumesOutput, error) {
	out := &ec2api.DescribeVolumesOutput{}
	return out, s.view(ctx, func(t *tx) error {
		some, err := volumes.find(t, in.VolumeIds, in.Filters, volumeFields)
		if err != nil {
			return err
		}
		for _, v := range some {
			v.Tags = t.tags(*v.VolumeId)
			out.Volumes = append(out.Volumes, v.Volume)
		}
		out.Volumes, out.NextToken, err = page(out.Volumes, in.MaxResults, in.NextToken)
		return err
	})
}
