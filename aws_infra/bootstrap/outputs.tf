output "state_bucket_name" {
  description = "Name of the bucket that holds the state of every root (backend.hcl: bucket)."
  value       = module.remote_backend.state_bucket_name
}

output "lock_table_name" {
  description = "Name of the lock table (backend.hcl: dynamodb_table)."
  value       = module.remote_backend.lock_table_name
}

output "region" {
  description = "Region of the state bucket (backend.hcl: region)."
  value       = var.region
}

output "workload_boundary_name" {
  description = "Name of the permissions boundary that every role of an environment carries."
  value       = aws_iam_policy.workload_boundary.name
}

output "oidc_provider_arn" {
  description = "ARN of GitHub's OIDC provider in this account; null without a repository."
  value       = local.oidc_arn
}

output "plan_role_arn" {
  description = "Role that workflows of pull requests assume; null without a repository."
  value       = one(aws_iam_role.plan[*].arn)
}

output "apply_role_arn" {
  description = "Role that deploying workflows assume; null without a repository."
  value       = one(aws_iam_role.apply[*].arn)
}

output "drift_role_arn" {
  description = "Role that the nightly look for drift assumes; null without a repository."
  value       = one(aws_iam_role.drift[*].arn)
}
