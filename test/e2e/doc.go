// Package e2e deploys the shop with the real Terraform to a local AWS of its
// own, once, and holds the whole against what the README promises. It needs
// root and a container engine (make setup), so it is built with the tag e2e
// only.
package e2e
