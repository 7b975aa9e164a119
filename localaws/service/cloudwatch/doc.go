// Package cloudwatch keeps metrics and watches over them: data points by the
// minute with real statistics, alarms that are evaluated as AWS does it
// (M of N, missing data), their history, and their actions.
//
// It knows the store; the services that actions lead to it reaches through the
// registry.
package cloudwatch
