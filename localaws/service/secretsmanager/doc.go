// Package secretsmanager is AWS Secrets Manager: secrets with versions, staging
// labels, recovery windows, resource policies and tags. Values are sealed before
// they reach the store. Rotation and replication to other regions are not
// offered. It knows the store and typed requests, never HTTP.
package secretsmanager
