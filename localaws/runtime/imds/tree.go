package imds

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// read answers one path below the version.
func (s *Service) read(ctx context.Context, inst Instance, path string) ([]byte, bool, error) {
	switch path {
	case "user-data":
		return inst.UserData, inst.UserData != nil, nil
	case "dynamic/instance-identity/document":
		b, err := json.MarshalIndent(identity(inst), "", "  ")
		return b, err == nil, err
	case "meta-data/iam/security-credentials/" + inst.Role:
		if inst.Role == "" {
			return nil, false, nil
		}
		b, err := s.credentials(ctx, inst)
		return b, err == nil, err
	}
	tree := metadata(inst)
	tree["dynamic/instance-identity/document"] = ""
	if inst.UserData != nil {
		tree["user-data"] = ""
	}
	if v, ok := tree[path]; ok {
		return []byte(v), true, nil
	}
	list, ok := children(tree, path)
	return []byte(list), ok, nil
}

// children lists a folder of the tree: one name a line, folders with a slash.
func children(tree map[string]string, path string) (string, bool) {
	prefix := path + "/"
	if path == "" {
		prefix = ""
	}
	names := map[string]bool{}
	for p := range tree {
		rest, ok := strings.CutPrefix(p, prefix)
		if !ok {
			continue
		}
		name, _, deeper := strings.Cut(rest, "/")
		if deeper {
			name += "/"
		}
		names[name] = true
	}
	return strings.Join(slices.Sorted(maps.Keys(names)), "\n"), len(names) > 0
}

// metadata is the tree of plain values.
func metadata(i Instance) map[string]string {
	t := map[string]string{
		"ami-id":                         i.ImageID,
		"ami-launch-index":               strconv.Itoa(i.LaunchIndex),
		"ami-manifest-path":              "(unknown)",
		"block-device-mapping/ami":       "xvda",
		"block-device-mapping/root":      "/dev/xvda",
		"hostname":                       i.LocalHostname,
		"instance-action":                "none",
		"instance-id":                    i.ID,
		"instance-life-cycle":            "on-demand",
		"instance-type":                  i.Type,
		"local-hostname":                 i.LocalHostname,
		"local-ipv4":                     i.LocalIPv4,
		"mac":                            i.MAC,
		"placement/availability-zone":    i.Zone,
		"placement/availability-zone-id": i.ZoneID,
		"placement/region":               i.Region,
		"profile":                        "default-hvm",
		"reservation-id":                 i.ReservationID,
		"security-groups":                groupNames(i),
		"services/domain":                "amazonaws.com",
		"services/partition":             "aws",
	}
	if i.PublicIPv4 != "" {
		t["public-ipv4"], t["public-hostname"] = i.PublicIPv4, i.PublicHostname
	}
	if i.LifecycleState != "" {
		t["autoscaling/target-lifecycle-state"] = i.LifecycleState
	}
	if i.KeyName != "" {
		t["public-keys/0"] = "0=" + i.KeyName
	}
	if i.Role != "" {
		t["iam/info"] = info(i)
		t["iam/security-credentials/"+i.Role] = ""
	}
	for k, v := range i.Tags {
		t["tags/instance/"+k] = v
	}
	for k, v := range networkInterface(i) {
		t["network/interfaces/macs/"+i.MAC+"/"+k] = v
	}
	out := make(map[string]string, len(t))
	for k, v := range t {
		out["meta-data/"+k] = v
	}
	return out
}

func networkInterface(i Instance) map[string]string {
	t := map[string]string{
		"device-number":          "0",
		"interface-id":           i.InterfaceID,
		"local-hostname":         i.LocalHostname,
		"local-ipv4s":            i.LocalIPv4,
		"mac":                    i.MAC,
		"owner-id":               i.AccountID,
		"security-groups":        groupNames(i),
		"security-group-ids":     groupIDs(i),
		"subnet-id":              i.Subnet,
		"subnet-ipv4-cidr-block": i.SubnetCIDR,
		"vpc-id":                 i.VPC,
		"vpc-ipv4-cidr-blocks":   strings.Join(i.VPCCIDRs, "\n"),
		"vpc-ipv4-cidr-block":    "",
	}
	if len(i.VPCCIDRs) > 0 {
		t["vpc-ipv4-cidr-block"] = i.VPCCIDRs[0]
	}
	if i.PublicIPv4 != "" {
		t["public-ipv4s"], t["public-hostname"] = i.PublicIPv4, i.PublicHostname
	}
	return t
}

func groupNames(i Instance) string {
	var names []string
	for _, g := range i.SecurityGroups {
		names = append(names, g.Name)
	}
	return strings.Join(names, "\n")
}

func groupIDs(i Instance) string {
	var ids []string
	for _, g := range i.SecurityGroups {
		ids = append(ids, g.ID)
	}
	return strings.Join(ids, "\n")
}

func info(i Instance) string {
	b, err := json.MarshalIndent(struct {
		Code               string
		LastUpdated        string
		InstanceProfileArn string
		InstanceProfileID  string `json:"InstanceProfileId"`
	}{"Success", stamp(i.LaunchedAt), i.InstanceProfileARN, i.InstanceProfileID}, "", "  ")
	if err != nil {
		return "" // strings always encode
	}
	return string(b)
}

// credentials is the document that SDKs read.
func (s *Service) credentials(ctx context.Context, i Instance) ([]byte, error) {
	c, err := s.o.Source.Credentials(ctx, i.ID)
	if err != nil {
		return nil, fmt.Errorf("credentials of role %s: %w", i.Role, err)
	}
	return json.MarshalIndent(struct {
		Code            string
		LastUpdated     string
		Type            string
		AccessKeyID     string `json:"AccessKeyId"`
		SecretAccessKey string
		Token           string
		Expiration      string
	}{"Success", stamp(c.UpdatedAt), "AWS-HMAC", c.AccessKeyID, c.SecretAccessKey, c.SessionToken, stamp(c.ExpiresAt)}, "", "  ")
}

// identity is the instance identity document
// (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-identity-documents.html).
func identity(i Instance) any {
	return struct {
		AccountID               string   `json:"accountId"`
		Architecture            string   `json:"architecture"`
		AvailabilityZone        string   `json:"availabilityZone"`
		BillingProducts         []string `json:"billingProducts"`
		DevpayProductCodes      []string `json:"devpayProductCodes"`
		MarketplaceProductCodes []string `json:"marketplaceProductCodes"`
		ImageID                 string   `json:"imageId"`
		InstanceID              string   `json:"instanceId"`
		InstanceType            string   `json:"instanceType"`
		KernelID                *string  `json:"kernelId"`
		PendingTime             string   `json:"pendingTime"`
		PrivateIP               string   `json:"privateIp"`
		RamdiskID               *string  `json:"ramdiskId"`
		Region                  string   `json:"region"`
		Version                 string   `json:"version"`
	}{
		AccountID: i.AccountID, Architecture: i.Architecture, AvailabilityZone: i.Zone,
		ImageID: i.ImageID, InstanceID: i.ID, InstanceType: i.Type,
		PendingTime: stamp(i.LaunchedAt), PrivateIP: i.LocalIPv4, Region: i.Region, Version: "2017-09-30",
	}
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
