// Package policy reads IAM policy documents and decides with them: statements,
// principals, wildcards, variables and conditions, as
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
// describes. It knows no service and no request: a caller states who wants to
// do what to which resource under which circumstances.
package policy
