// Package elbv2 is Elastic Load Balancing for application load balancers: the
// API, and behind it balancers that really balance.
//
// A balancer is a node in its VPC: one network interface per subnet (made
// through ec2), each with a namespace of its own in which the balancer listens
// and from which it connects to targets, so that security groups decide over
// both. Package proxy carries the requests; this package keeps the records,
// compiles them into what proxy understands, checks targets and counts.
//
// It knows neither HTTP calls of AWS's API nor packets, and other services
// only through the registry.
package elbv2
