// Package sts is the AWS Security Token Service: it lets principals that a
// role's trust policy admits take the role, verifies web identities against
// their issuer's published keys, and keeps the temporary credentials it issued.
//
// Roles and identity providers are IAM's: this package asks for them through
// the registry of operations.
package sts
