// Package linux runs a local cloud on one Linux machine: containers through
// the Docker API, one routing network namespace per network, and nftables in
// that namespace's forward path.
//
// Everything of a cloud is found again by its name alone. Containers and
// volumes carry the label localaws.cloud; namespaces are called
// localaws.<cloud>.<kind>.<id>; nothing else is written down. A process that
// was killed is followed by one that repeats its Ensure and Attach calls.
//
// How a network is built:
//
//	guest netns          network netns (routes, filters)        edge netns
//	eth0 10.0.1.5/24 --- i<hash> gw 10.0.1.1, 10.0.1.5/32 ... inet0 --- vpc0 198.18.0.1, .2
//	                     lo: resolver, 169.254.169.254
//
// A guest sees an ordinary subnet; proxy ARP brings all it sends to the
// router. What goes from guest to guest, from a guest to the AWS endpoint and
// from outside to a guest passes the same forward chain. The chain is out of
// every guest's reach.
//
// Sockets inside a namespace are opened on an operating system thread that
// enters the namespace and is thrown away afterwards.
package linux
