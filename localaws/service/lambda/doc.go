// Package lambda is AWS Lambda: functions of the runtimes provided.al2023 and
// provided.al2 made from zip files, layers, versions, permissions, and their
// invocation, synchronous and asynchronous. A function runs in a container that
// speaks Lambda's runtime API, with its layers below /opt, its role's
// credentials, its limits, and an interface of its own in its VPC.
//
// Containers reach the runtime API over a network that belongs to the service.
// One that stands idle is kept for the next invocation for a while. The package
// knows the store, the runtime and typed requests, never AWS's HTTP; it reaches
// other services through the registry only.
package lambda
