// Package version knows which version of the project a binary is.
package version
