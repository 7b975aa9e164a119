package ec2

import (
	"context"
	"net/netip"
	"slices"

	"grocery/localaws/runtime"
	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ec2api"
)

// prefixList is one of AWS's own lists of address ranges. Local AWS has one
// address, so that is what the list of each service holds.
type prefixList struct {
	id, name, service string
	ranges            []netip.Prefix
}

func prefixLists(region string) []prefixList {
	var all []prefixList
	for _, n := range gatewayServices {
		service := "com.amazonaws." + region + "." + n
		all = append(all, prefixList{stableID("pl-", service), service, service, []netip.Prefix{netip.PrefixFrom(runtime.EndpointAddr, 32)}})
	}
	return all
}

// prefixListOf returns the list of an endpoint service.
func prefixListOf(region, service string) (prefixList, bool) {
	for _, p := range prefixLists(region) {
		if p.service == service {
			return p, true
		}
	}
	return prefixList{}, false
}

func prefixListByID(region, id string) (prefixList, error) {
	for _, p := range prefixLists(region) {
		if p.id == id {
			return p, nil
		}
	}
	return prefixList{}, wire.Errorf(400, "InvalidPrefixListID.NotFound", "The prefix list ID '%s' does not exist", id)
}

// findPrefixLists serves both ways to list them.
func findPrefixLists(region string, ids []string, filters []filter) ([]prefixList, error) {
	all := prefixLists(region)
	for _, id := range ids {
		if _, err := prefixListByID(region, id); err != nil {
			return nil, err
		}
	}
	if len(ids) > 0 {
		all = slices.DeleteFunc(all, func(p prefixList) bool { return !slices.Contains(ids, p.id) })
	}
	for _, f := range filters {
		var of func(prefixList) string
		switch ptr.Val(f.Name) {
		case "prefix-list-id":
			of = func(p prefixList) string { return p.id }
		case "prefix-list-name":
			of = func(p prefixList) string { return p.name }
		case "owner-id":
			of = func(prefixList) string { return "AWS" }
		default:
			return nil, wire.Errorf(400, "InvalidParameterValue", "The filter '%s' is invalid", ptr.Val(f.Name))
		}
		all = slices.DeleteFunc(all, func(p prefixList) bool { return !matchAny(f.Values, []string{of(p)}) })
	}
	return all, nil
}

func (p prefixList) cidrs() (all []string) {
	for _, r := range p.ranges {
		all = append(all, r.String())
	}
	return all
}

func (s *Service) describePrefixLists(ctx context.Context, in *ec2api.DescribePrefixListsInput) (*ec2api.DescribePrefixListsOutput, error) {
	some, err := findPrefixLists(wire.CallFrom(ctx).Region, in.PrefixListIds, in.Filters)
	if err != nil {
		return nil, err
	}
	out := &ec2api.DescribePrefixListsOutput{}
	for _, p := range some {
		out.PrefixLists = append(out.PrefixLists, ec2api.PrefixList{PrefixListId: new(p.id), PrefixListName: new(p.name), Cidrs: p.cidrs()})
	}
	out.PrefixLists, out.NextToken, err = page(out.PrefixLists, in.MaxResults, in.NextToken)
	return out, err
}

func (s *Service) describeManagedPrefixLists(ctx context.Context, in *ec2api.DescribeManagedPrefixListsInput) (*ec2api.DescribeManagedPrefixListsOutput, error) {
	region := wire.CallFrom(ctx).Region
	some, err := findPrefixLists(region, in.PrefixListIds, in.Filters)
	if err != nil {
		return nil, err
	}
	out := &ec2api.DescribeManagedPrefixListsOutput{}
	for _, p := range some {
		out.PrefixLists = append(out.PrefixLists, ec2api.ManagedPrefixList{
			PrefixListId: new(p.id), PrefixListName: new(p.name), OwnerId: new("AWS"), AddressFamily: new("IPv4"), State: new("create-complete"),
			PrefixListArn: new("arn:aws:ec2:" + region + ":aws:prefix-list/" + p.id),
		})
	}
	out.PrefixLists, out.NextToken, err = page(out.PrefixLists, in.MaxResults, in.NextToken)
	return out, err
}

func (s *Service) getManagedPrefixListEntries(ctx context.Context, in *ec2api.GetManagedPrefixListEntriesInput) (*ec2api.GetManagedPrefixListEntriesOutput, error) {
	p, err := prefixListByID(wire.CallFrom(ctx).Region, ptr.Val(in.PrefixListId))
	if err != nil {
		return nil, err
	}
	out := &ec2api.GetManagedPrefixListEntriesOutput{}
	for _, c := range p.cidrs() {
		out.Entries = append(out.Entries, ec2api.PrefixListEntry{Cidr: new(c)})
	}
	out.Entries, out.NextToken, err = page(out.Entries, in.MaxResults, in.NextToken)
	return out, err
}
