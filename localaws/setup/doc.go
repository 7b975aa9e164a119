// Package setup makes a machine ready for local AWS: it installs Debian
// packages that are missing, starts a container engine where none answers, and
// builds the images that instances, databases and the page run from.
//
// Whatever is there already is left alone; a second run only looks. Images are
// named by a hash of their recipe, so a changed recipe is built anew and an
// unchanged one never. Setup stops only an engine that it started itself.
package setup
