// Package ec2 is Amazon EC2 with its VPCs: networks, security groups, network
// interfaces, launch templates and instances.
//
// A record in the store is AWS's own shape of the resource, or embeds it, plus
// what AWS does not show. What can be computed is never stored: addresses in
// use, a route's state, a group's permissions, tags.
//
// Two reconcilers make it real. The network loop keeps one runtime network per
// VPC and computes its packet filter from groups, rules, interfaces and routes.
// The machine loop gives every instance its container. Both start from the
// tables alone, so they may begin at any moment.
//
// The package knows containers and packets only through runtime.Runtime, and
// other services only through the registry of typed calls.
package ec2
