// Package autoscaling is Amazon EC2 Auto Scaling: groups that keep their count
// of healthy instances and balance it over their zones, lifecycle hooks,
// instance refreshes with rollback, and scaling policies.
//
// Calls write what is wanted; one loop compares it with what EC2 and the
// balancers say and takes the next step for every instance. A launch is
// written down before EC2 is asked for it, under the token that EC2 is asked
// with, so that a crash in between neither loses nor doubles an instance.
//
// The package knows other services only through the registry of typed calls.
package autoscaling
