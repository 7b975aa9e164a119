package ec2_test

import (
	"context"
	"sync"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"grocery/localaws/runtime"
	"grocery/localaws/runtime/none"
)

// noting is a runtime that notes what containers were asked for.
type noting struct {
	*none.Runtime
	mu    sync.Mutex
	disks []runtime.Disk
}

func (n *noting) EnsureContainer(ctx context.Context, spec runtime.ContainerSpec) (runtime.ContainerStatus, error) {
	n.mu.Lock()
	n.disks = append(n.disks, spec.Disk)
	n.mu.Unlock()
	return n.Runtime.EnsureContainer(ctx, spec)
}

func TestAnInstancesDiskHasTheSizeOfItsRootVolume(t *testing.T) {
	for what, c := range map[string]struct {
		mappings []types.BlockDeviceMapping
		gib      int64
	}{
		"the image's own":     {nil, 8},
		"as the launch wants": {[]types.BlockDeviceMapping{{DeviceName: new("/dev/xvda"), Ebs: &types.EbsBlockDevice{VolumeSize: new(int32(20))}}}, 20},
		"a second volume is no part of it": {[]types.BlockDeviceMapping{
			{DeviceName: new("/dev/sdf"), Ebs: &types.EbsBlockDevice{VolumeSize: new(int32(100))}},
		}, 8},
	} {
		t.Run(what, func(t *testing.T) {
			rt := &noting{Runtime: none.New()}
			w := newWorldOn(t, rt)
			n := w.network()
			w.run(&sdk.RunInstancesInput{SubnetId: &n.private, BlockDeviceMappings: c.mappings})
			w.turn()
			rt.mu.Lock()
			defer rt.mu.Unlock()
			if len(rt.disks) == 0 || rt.disks[0] != (runtime.Disk{Path: "/.disk", Bytes: c.gib << 30}) {
				t.Errorf("disks %+v, want one of %d GiB", rt.disks, c.gib)
			}
		})
	}
}
