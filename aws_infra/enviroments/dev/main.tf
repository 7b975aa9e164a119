# The whole environment, wired by names. Modules that others need are applied
# first (phase 1: vpc, security, s3, iam, alb, monitoring, ecr); the rest needs
# images in the registry (phase 2).

data "aws_caller_identity" "current" {}

data "aws_availability_zones" "available" {
  state = "available"

  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

locals {
  name = "${var.project_name}-${var.environment}"

  tags = {
    Project     = var.project_name
    Environment = var.environment
    ManagedBy   = "terraform"
  }

  protected = coalesce(var.deletion_protection, var.environment != "dev")

  zones = var.availability_zones != null ? var.availability_zones : slice(sort(data.aws_availability_zones.available.names), 0, 2)

  # Names that several modules have to agree on. They are composed here and
  # passed down, so that a role can name a function before the function is
  # there.
  bucket_name            = "${local.name}-${data.aws_caller_identity.current.account_id}-${var.region}"
  asg_name               = "${local.name}-asg"
  db_identifier          = "${local.name}-db"
  replica_identifier     = var.enable_read_replica ? "${local.name}-db-replica" : null
  db_secret_name         = "${local.name}/db"
  app_secret_name        = "${local.name}/app"
  lambda_function_name   = "${local.name}-restore"
  state_machine_name     = "${local.name}-restore"
  dead_letter_queue_name = "${local.name}-restore-dlq"

  app_ports         = { frontend = 80, backend = 5000 }
  metrics_namespace = "CWAgent"
  lambda_timeout    = 900
}

# --- phase 1 -----------------------------------------------------------------

module "vpc" {
  source = "../../modules/vpc"

  name                 = local.name
  region               = var.region
  cidr_block           = var.vpc_cidr
  availability_zones   = local.zones
  nat_gateway_per_zone = var.nat_gateway_per_zone
}

module "security" {
  source = "../../modules/security"

  name              = local.name
  vpc_id            = module.vpc.vpc_id
  app_ports         = local.app_ports
  https             = var.certificate_arn != null
  alb_ingress_cidrs = var.alb_ingress_cidrs
  ssh_cidr          = var.ssh_cidr
  http_egress       = var.http_egress
}

module "s3" {
  source = "../../modules/s3"

  bucket_name         = local.bucket_name
  force_destroy       = !local.protected
  dump_retention_days = var.dump_retention_days
  layer_zip           = var.layer_zip
}

module "ecr" {
  source = "../../modules/ecr"

  repository_name = var.ecr_repository_name
  force_delete    = !local.protected
}

module "iam" {
  source = "../../modules/iam"

  name                      = local.name
  region                    = var.region
  bucket_name               = local.bucket_name
  avatars_prefix            = module.s3.avatars_prefix
  db_dumps_prefix           = module.s3.db_dumps_prefix
  reports_prefix            = module.s3.reports_prefix
  backups_prefix            = module.s3.backups_prefix
  ecr_repository_name       = var.ecr_repository_name
  db_identifier             = local.db_identifier
  db_secret_name            = local.db_secret_name
  app_secret_name           = local.app_secret_name
  asg_name                  = local.asg_name
  lambda_function_name      = local.lambda_function_name
  state_machine_name        = local.state_machine_name
  instance_log_group_name   = module.monitoring.instance_log_group_name
  lambda_log_group_name     = module.monitoring.lambda_log_group_name
  metrics_namespace         = local.metrics_namespace
  permissions_boundary_name = var.use_permissions_boundary ? "${var.project_name}-boundary" : null
}

module "alb" {
  source = "../../modules/alb"

  name                = local.name
  vpc_id              = module.vpc.vpc_id
  subnet_ids          = module.vpc.public_subnet_ids
  security_group_id   = module.security.alb_sg_id
  app_ports           = local.app_ports
  certificate_arn     = var.certificate_arn
  domain_name         = var.domain_name
  deletion_protection = local.protected
}

module "monitoring" {
  source = "../../modules/monitoring"

  name                      = local.name
  region                    = var.region
  asg_name                  = local.asg_name
  alb_arn_suffix            = module.alb.alb_arn_suffix
  target_group_arn_suffixes = module.alb.target_group_arn_suffixes
  db_identifier             = local.db_identifier
  replica_identifier        = local.replica_identifier
  lambda_function_name      = local.lambda_function_name
  state_machine_name        = local.state_machine_name
  dead_letter_queue_name    = local.dead_letter_queue_name
  metrics_namespace         = local.metrics_namespace
  alarm_email               = var.alarm_email
  log_retention_days        = var.log_retention_days
  thresholds                = var.alarm_thresholds
  minutes                   = var.alarm_minutes
  detailed_monitoring       = var.detailed_monitoring
}

# --- phase 2 -----------------------------------------------------------------

module "rds" {
  source = "../../modules/rds"

  name                        = local.name
  identifier                  = local.db_identifier
  replica_identifier          = local.replica_identifier
  enable_read_replica         = var.enable_read_replica
  engine_version              = var.db_engine_version
  instance_class              = var.db_instance_class
  replica_instance_class      = var.replica_instance_class
  db_name                     = var.db_name
  db_username                 = var.db_username
  db_pass                     = coalesce(var.db_pass, ephemeral.aws_secretsmanager_random_password.db.random_password)
  db_password_version         = var.db_password_version
  secret_name                 = local.db_secret_name
  secret_recovery_window_days = local.protected ? 30 : 0
  allocated_storage           = var.db_allocated_storage
  max_allocated_storage       = var.db_max_allocated_storage
  subnet_ids                  = module.vpc.private_subnet_ids
  security_group_id           = module.security.rds_sg_id
  multi_az                    = var.db_multi_az
  backup_retention_days       = var.db_backup_retention_days
  deletion_protection         = local.protected
  apply_immediately           = !local.protected
  monitoring_role_arn         = module.iam.rds_monitoring_role_arn

  # RDS would make its log groups itself, and they would never expire.
  depends_on = [module.monitoring]
}

module "ec2" {
  source = "../../modules/ec2"

  name                  = local.name
  region                = var.region
  tags                  = local.tags
  asg_name              = local.asg_name
  asg_min_size          = var.asg_min_size
  asg_max_size          = var.asg_max_size
  asg_desired_capacity  = var.asg_desired_capacity
  enable_scaling        = var.enable_scaling
  boot_timeout_seconds  = var.boot_timeout_seconds
  subnet_ids            = module.vpc.private_subnet_ids
  target_group_arns     = module.alb.target_group_arns
  ami_id                = var.ami_id
  ami_ssm_parameter     = var.ami_ssm_parameter
  instance_type         = var.instance_type
  detailed_monitoring   = var.detailed_monitoring
  key_name              = var.key_name
  root_device_name      = var.root_device_name
  security_group_id     = module.security.ec2_sg_id
  instance_profile_name = module.iam.instance_profile_name
  image_tag             = var.image_tag
  ecr_repository_url    = module.ecr.ecr_repository_url
  ecr_repository_name   = module.ecr.ecr_repository_name
  app_ports             = local.app_ports
  alb_url               = module.alb.alb_url
  db_host               = module.rds.db_address
  db_replica_host       = module.rds.read_replica_address
  db_port               = module.rds.db_port
  db_name               = module.rds.db_name
  db_secret_id          = module.rds.db_secret_id
  app_secret_id         = aws_secretsmanager_secret_version.app.secret_id
  bucket_name           = module.s3.bucket_name
  payment_provider      = var.payment_provider
  metrics_namespace     = local.metrics_namespace
  log_group_name        = module.monitoring.instance_log_group_name
}

module "lambda" {
  source = "../../modules/lambda"

  function_name        = local.lambda_function_name
  function_zip         = var.function_zip
  architecture         = var.lambda_architecture
  timeout_seconds      = local.lambda_timeout
  role_arn             = module.iam.lambda_role_arn
  layer_bucket         = module.s3.bucket_name
  layer_object_key     = module.s3.layer_object_key
  layer_object_version = module.s3.layer_object_version
  subnet_ids           = module.vpc.private_subnet_ids
  security_group_id    = module.security.lambda_sg_id
  log_group_name       = module.monitoring.lambda_log_group_name
  reports_prefix       = module.s3.reports_prefix
  initial_dump_key     = module.s3.initial_dump_key
  db_host              = module.rds.db_address
  db_port              = module.rds.db_port
  db_name              = module.rds.db_name
  db_secret_id         = module.rds.db_secret_id
}

module "step_functions" {
  source = "../../modules/step_functions"

  name                   = local.state_machine_name
  role_arn               = module.iam.step_functions_role_arn
  log_group_arn          = module.monitoring.step_function_log_group_arn
  db_identifier          = local.db_identifier
  lambda_function_name   = module.lambda.lambda_function_name
  lambda_timeout_seconds = local.lambda_timeout
}

module "event_bridge" {
  source = "../../modules/event_bridge"

  name                   = local.name
  bucket_name            = module.s3.bucket_name
  db_dumps_prefix        = module.s3.db_dumps_prefix
  state_machine_arn      = module.step_functions.state_machine_arn
  role_arn               = module.iam.event_bridge_role_arn
  dead_letter_queue_name = local.dead_letter_queue_name
}
