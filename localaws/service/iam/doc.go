// Package iam is AWS Identity and Access Management: users with access keys,
// roles, instance profiles, managed and inline policies, permissions
// boundaries and OpenID Connect providers.
//
// It is also where the wire's chain finds the secret of a user's access key.
// What policies mean is package policy's business. The package knows no HTTP
// and no other service.
package iam
