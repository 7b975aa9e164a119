// Package imds is the instance metadata service, version 2 only: a request
// without a session token is refused
// (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html).
//
// Who asks is told by the network and the source address of the request, which
// the network's packet filter does not let anybody forge. What there is to
// tell comes from a Source; this package knows paths, tokens and formats only.
package imds
