// Package access decides over every call as IAM does: which actions a call
// needs on which resources (tables/, after AWS's Service Authorization
// Reference), and whether the policies of the caller and of the resource allow
// them. It also remembers which actions each role used.
//
// It stands in the chain behind the signature and in front of the services, and
// asks them through the registry; it knows nothing of HTTP.
package access
