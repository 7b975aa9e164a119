// Package ops holds package ops against the real Terraform and a local AWS
// that runs in the test's process and serves the API alone: the bootstrap, and
// what is put right after an interruption. Whole deployments are the business
// of test/e2e.
package ops
