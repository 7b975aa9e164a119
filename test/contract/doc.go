// Package contract holds tests of what two languages or two rooms have to agree
// on: Terraform with seed.md, with the pipeline, with the scripts it renders
// and with itself.
package contract
