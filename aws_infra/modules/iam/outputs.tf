# A role is handed out only with its policies attached: what is created with it
# works from its first second.

output "instance_profile_name" {
  description = "Instance profile of the instances."
  value       = aws_iam_instance_profile.this.name

  depends_on = [aws_iam_role_policy.this]
}

output "ec2_role_arn" {
  description = "Role of the instances."
  value       = aws_iam_role.this["ec2"].arn

  depends_on = [aws_iam_role_policy.this]
}

output "lambda_role_arn" {
  description = "Role of the restore function."
  value       = aws_iam_role.this["lambda"].arn

  depends_on = [aws_iam_role_policy.this]
}

output "step_functions_role_arn" {
  description = "Role of the restore state machine."
  value       = aws_iam_role.this["step-functions"].arn

  depends_on = [aws_iam_role_policy.this]
}

output "event_bridge_role_arn" {
  description = "Role with which the rule starts the state machine."
  value       = aws_iam_role.this["event-bridge"].arn

  depends_on = [aws_iam_role_policy.this]
}

output "rds_monitoring_role_arn" {
  description = "Role with which RDS delivers enhanced monitoring."
  value       = aws_iam_role.this["rds-monitoring"].arn

  depends_on = [aws_iam_role_policy.this]
}
