package ec2

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ec2api"
)

// instanceType is what an instance of a type gets.
type instanceType struct {
	name        string
	vcpus, mib  int64
	cores       int64
	arch, maker string
	clock       float64 // GHz
	burstable   bool
	network     string
}

// family is an instance family: memory per vCPU is the same in all sizes but
// the burstable ones.
type family struct {
	arch, maker string
	clock       float64
	gibPerVCPU  float64
	network     string
}

// https://docs.aws.amazon.com/ec2/latest/instancetypes/
var families = map[string]family{
	"m5": {"x86_64", "Intel", 3.1, 4, "Up to 10 Gigabit"}, "m5a": {"x86_64", "AMD", 2.5, 4, "Up to 10 Gigabit"},
	"m6i": {"x86_64", "Intel", 3.5, 4, "Up to 12.5 Gigabit"}, "m6a": {"x86_64", "AMD", 3.6, 4, "Up to 12.5 Gigabit"},
	"m7i": {"x86_64", "Intel", 3.2, 4, "Up to 12.5 Gigabit"}, "m7a": {"x86_64", "AMD", 3.7, 4, "Up to 12.5 Gigabit"},
	"c5": {"x86_64", "Intel", 3.4, 2, "Up to 10 Gigabit"}, "c6i": {"x86_64", "Intel", 3.5, 2, "Up to 12.5 Gigabit"},
	"c7i": {"x86_64", "Intel", 3.2, 2, "Up to 12.5 Gigabit"},
	"r5":  {"x86_64", "Intel", 3.1, 8, "Up to 10 Gigabit"}, "r6i": {"x86_64", "Intel", 3.5, 8, "Up to 12.5 Gigabit"},
	"m6g": {"arm64", "AWS", 2.5, 4, "Up to 10 Gigabit"}, "m7g": {"arm64", "AWS", 2.6, 4, "Up to 12.5 Gigabit"},
	"c6g": {"arm64", "AWS", 2.5, 2, "Up to 10 Gigabit"}, "c7g": {"arm64", "AWS", 2.6, 2, "Up to 12.5 Gigabit"},
	"r6g": {"arm64", "AWS", 2.5, 8, "Up to 10 Gigabit"}, "r7g": {"arm64", "AWS", 2.6, 8, "Up to 12.5 Gigabit"},
}

// burstableSizes are vCPUs and GiB of the t families.
var burstableSizes = map[string][2]float64{
	"nano": {2, .5}, "micro": {2, 1}, "small": {2, 2}, "medium": {2, 4}, "large": {2, 8}, "xlarge": {4, 16}, "2xlarge": {8, 32},
}

// instanceTypes is the table of all types, by name.
var instanceTypes = func() map[string]instanceType {
	all := map[string]instanceType{}
	add := func(t instanceType) {
		t.cores = t.vcpus / 2
		if t.arch == "arm64" || t.cores == 0 {
			t.cores = t.vcpus
		}
		all[t.name] = t
	}
	for f, made := range map[string][3]string{"t3": {"x86_64", "Intel", "2.5"}, "t3a": {"x86_64", "AMD", "2.2"}, "t4g": {"arm64", "AWS", "2.5"}} {
		for size, x := range burstableSizes {
			clock, _ := strconv.ParseFloat(made[2], 64)
			add(instanceType{name: f + "." + size, vcpus: int64(x[0]), mib: int64(x[1] * 1024), arch: made[0], maker: made[1], clock: clock, burstable: true, network: "Up to 5 Gigabit"})
		}
	}
	for size, x := range map[string][2]float64{"nano": {1, .5}, "micro": {1, 1}, "small": {1, 2}, "medium": {2, 4}, "large": {2, 8}, "xlarge": {4, 16}, "2xlarge": {8, 32}} {
		add(instanceType{name: "t2." + size, vcpus: int64(x[0]), mib: int64(x[1] * 1024), arch: "x86_64", maker: "Intel", clock: 2.3, burstable: true, network: "Low to Moderate"})
	}
	for f, x := range families {
		sizes := map[string]int64{"large": 2, "xlarge": 4, "2xlarge": 8, "4xlarge": 16}
		if x.arch == "arm64" {
			sizes["medium"] = 1
		}
		for size, vcpus := range sizes {
			add(instanceType{name: f + "." + size, vcpus: vcpus, mib: int64(math.Round(float64(vcpus) * x.gibPerVCPU * 1024)), arch: x.arch, maker: x.maker, clock: x.clock, network: x.network})
		}
	}
	return all
}()

func (i instanceType) shown() ec2api.InstanceTypeInfo {
	threads := i.vcpus / i.cores
	t2 := strings.HasPrefix(i.name, "t2.")
	hypervisor, ena, nvme, modes := "nitro", "required", "required", []string{"legacy-bios", "uefi"}
	if t2 {
		hypervisor, ena, nvme, modes = "xen", "unsupported", "unsupported", []string{"legacy-bios"}
	}
	if i.arch == "arm64" {
		modes = []string{"uefi"}
	}
	return ec2api.InstanceTypeInfo{
		InstanceType: &i.name, CurrentGeneration: new(true), BareMetal: new(false), BurstablePerformanceSupported: &i.burstable,
		FreeTierEligible: new(i.name == "t2.micro" || i.name == "t3.micro"), AutoRecoverySupported: new(true), DedicatedHostsSupported: new(!i.burstable),
		HibernationSupported: new(false), InstanceStorageSupported: new(false), Hypervisor: &hypervisor, SupportedBootModes: modes,
		SupportedRootDeviceTypes: []string{"ebs"}, SupportedUsageClasses: []string{"on-demand"}, SupportedVirtualizationTypes: []string{"hvm"},
		MemoryInfo:    &ec2api.MemoryInfo{SizeInMiB: &i.mib},
		VCpuInfo:      &ec2api.VCpuInfo{DefaultVCpus: &i.vcpus, DefaultCores: &i.cores, DefaultThreadsPerCore: &threads},
		ProcessorInfo: &ec2api.ProcessorInfo{SupportedArchitectures: []string{i.arch}, SustainedClockSpeedInGhz: &i.clock, Manufacturer: &i.maker},
		EbsInfo:       &ec2api.EbsInfo{EbsOptimizedSupport: new("default"), EncryptionSupport: new("supported"), NvmeSupport: &nvme},
		NetworkInfo: &ec2api.NetworkInfo{
			NetworkPerformance: &i.network, EnaSupport: &ena, MaximumNetworkInterfaces: new(int64(3)), MaximumNetworkCards: new(int64(1)), DefaultNetworkCardIndex: new(int64(0)),
			Ipv4AddressesPerInterface: new(int64(1)), Ipv6Supported: new(false), EfaSupported: new(false), EnaSrdSupported: new(false), EncryptionInTransitSupported: new(false),
			NetworkCards: []ec2api.NetworkCardInfo{{NetworkCardIndex: new(int64(0)), MaximumNetworkInterfaces: new(int64(3)), NetworkPerformance: &i.network}},
		},
		PlacementGroupInfo: &ec2api.PlacementGroupInfo{SupportedStrategies: []string{}}, NitroEnclavesSupport: new("unsupported"), NitroTpmSupport: new("unsupported"),
	}
}

func (s *Service) describeInstanceTypes(ctx context.Context, in *ec2api.DescribeInstanceTypesInput) (out *ec2api.DescribeInstanceTypesOutput, err error) {
	known := map[string]func(instanceType) string{
		"instance-type":                         func(i instanceType) string { return i.name },
		"current-generation":                    func(instanceType) string { return "true" },
		"bare-metal":                            func(instanceType) string { return "false" },
		"burstable-performance-supported":       func(i instanceType) string { return strconv.FormatBool(i.burstable) },
		"free-tier-eligible":                    func(i instanceType) string { return strconv.FormatBool(*i.shown().FreeTierEligible) },
		"hypervisor":                            func(i instanceType) string { return *i.shown().Hypervisor },
		"instance-storage-supported":            func(instanceType) string { return "false" },
		"memory-info.size-in-mib":               func(i instanceType) string { return strconv.FormatInt(i.mib, 10) },
		"processor-info.supported-architecture": func(i instanceType) string { return i.arch },
		"supported-root-device-type":            func(instanceType) string { return "ebs" },
		"supported-usage-class":                 func(instanceType) string { return "on-demand" },
		"supported-virtualization-type":         func(instanceType) string { return "hvm" },
		"vcpu-info.default-vcpus":               func(i instanceType) string { return strconv.FormatInt(i.vcpus, 10) },
		"vcpu-info.default-cores":               func(i instanceType) string { return strconv.FormatInt(i.cores, 10) },
	}
	some := slices.Collect(maps.Values(instanceTypes))
	if len(in.InstanceTypes) > 0 {
		some = nil
		for _, name := range in.InstanceTypes {
			x, ok := instanceTypes[name]
			if !ok {
				return nil, wire.Errorf(400, "InvalidInstanceType", "The following supplied instance types do not exist: [%s]", name)
			}
			some = append(some, x)
		}
	}
	for _, f := range in.Filters {
		of, ok := known[ptr.Val(f.Name)]
		if !ok {
			return nil, wire.Errorf(400, "InvalidParameterValue", "The filter '%s' is invalid", ptr.Val(f.Name))
		}
		some = slices.DeleteFunc(some, func(i instanceType) bool { return !matchAny(f.Values, []string{of(i)}) })
	}
	slices.SortFunc(some, func(a, b instanceType) int { return cmp.Compare(a.name, b.name) })
	out = &ec2api.DescribeInstanceTypesOutput{}
	for _, i := range some {
		out.InstanceTypes = append(out.InstanceTypes, i.shown())
	}
	out.InstanceTypes, out.NextToken, err = page(out.InstanceTypes, in.MaxResults, in.NextToken)
	return out, err
}

// describeInstanceTypeOfferings offers every type in every zone.
func (s *Service) describeInstanceTypeOfferings(ctx context.Context, in *ec2api.DescribeInstanceTypeOfferingsInput) (out *ec2api.DescribeInstanceTypeOfferingsOutput, err error) {
	region := wire.CallFrom(ctx).Region
	kind := ptr.Val(or(in.LocationType, "region"))
	var places []string
	switch kind {
	case "region":
		places = []string{region}
	case "availability-zone":
		places = zoneNames(region)
	case "availability-zone-id":
		for _, z := range zones(region) {
			places = append(places, z.id)
		}
	default:
		return nil, wire.Errorf(400, "InvalidParameterValue", "Value (%s) for parameter locationType is invalid.", kind)
	}
	out = &ec2api.DescribeInstanceTypeOfferingsOutput{}
	for _, place := range places {
	next:
		for _, name := range slices.Sorted(maps.Keys(instanceTypes)) {
			for _, f := range in.Filters {
				v, ok := map[string]string{"instance-type": name, "location": place}[ptr.Val(f.Name)]
				if !ok {
					return nil, wire.Errorf(400, "InvalidParameterValue", "The filter '%s' is invalid", ptr.Val(f.Name))
				}
				if !matchAny(f.Values, []string{v}) {
					continue next
				}
			}
			out.InstanceTypeOfferings = append(out.InstanceTypeOfferings, ec2api.InstanceTypeOffering{InstanceType: new(name), Location: new(place), LocationType: &kind})
		}
	}
	out.InstanceTypeOfferings, out.NextToken, err = page(out.InstanceTypeOfferings, in.MaxResults, in.NextToken)
	return out, err
}
