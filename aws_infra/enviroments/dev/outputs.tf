output "region" {
  description = "AWS region of the environment."
  value       = var.region
}

output "vpc_id" {
  description = "Network of the environment."
  value       = module.vpc.vpc_id
}

output "alb_dns_name" {
  description = "Host name of the balancer."
  value       = module.alb.alb_dns_name
}

output "alb_url" {
  description = "Address of the shop."
  value       = module.alb.alb_url
}

output "target_group_arns" {
  description = "Target groups by container: backend and frontend."
  value       = module.alb.target_group_arns
}

output "asg_name" {
  description = "Auto Scaling group of the instances."
  value       = module.ec2.asg_name
}

output "launch_template_id" {
  description = "Launch template of the instances."
  value       = module.ec2.launch_template_id
}

output "launch_template_version" {
  description = "Newest version of the launch template: what a release brings to the instances."
  value       = module.ec2.launch_template_version
}

output "ecr_repository_url" {
  description = "Repository to push images to, without a tag."
  value       = module.ecr.ecr_repository_url
}

output "ecr_repository_name" {
  description = "Name of the repository."
  value       = module.ecr.ecr_repository_name
}

output "db_endpoint" {
  description = "Primary database, as host:port."
  value       = module.rds.db_endpoint
}

output "read_replica_endpoint" {
  description = "Read replica, as host:port; null without one."
  value       = module.rds.read_replica_endpoint
}

output "db_identifier" {
  description = "Identifier of the primary database."
  value       = local.db_identifier
}

output "replica_identifier" {
  description = "Identifier of the read replica; null without one."
  value       = local.replica_identifier
}

output "db_name" {
  description = "Database of the shop."
  value       = module.rds.db_name
}

output "db_secret_id" {
  description = "Secret with the database's login."
  value       = module.rds.db_secret_id
}

output "app_secret_id" {
  description = "Secret with the backend's keys."
  value       = aws_secretsmanager_secret.app.name
}

output "bucket_name" {
  description = "Bucket of avatars, dumps and layers."
  value       = module.s3.bucket_name
}

output "state_machine_arn" {
  description = "State machine that restores dumps."
  value       = module.step_functions.state_machine_arn
}

output "lambda_function_name" {
  description = "Function that restores dumps."
  value       = module.lambda.lambda_function_name
}

output "sns_topic_arn" {
  description = "Topic that alarms go to."
  value       = module.monitoring.sns_topic_arn
}

output "release_alarm_names" {
  description = "Alarms that stop a release and send it back."
  value       = module.monitoring.release_alarm_names
}
