// Package runtime is what makes local AWS real: containers, the networks they
// live in, the packet filter between them, and sockets opened inside those
// networks.
//
// The package itself holds only the Runtime interface and plain data types.
// Package linux implements it with a container engine (Docker's API), network
// namespaces and nftables; package none implements it in memory, for tests of
// the API alone. Packages dns and imds are the two servers every network has:
// its resolver and the instance metadata service.
//
// The runtime knows containers and packets. It never sees an AWS request: a
// caller translates instances, security groups and route tables into the types
// here. Everything is addressed by names the caller chooses (AWS ids are good
// ones) and every Ensure or Attach may be repeated: it creates what is absent,
// repairs what is damaged and leaves alone what is right. A caller that lost
// its memory therefore asks for the whole desired state again.
package runtime
