// Package ssm is the Parameter Store of AWS Systems Manager: parameters with
// versions, labels and tags, secure strings sealed at rest, and the public
// parameters that name Amazon Linux images. Sessions, documents and commands
// are not offered. It knows the store and typed requests, never HTTP.
package ssm
