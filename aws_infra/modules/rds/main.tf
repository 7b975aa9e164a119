# PostgreSQL: a primary, an optional replica for reads, and the secret with the
# login that both take.

locals {
  family = "postgres${split(".", var.engine_version)[0]}"

  log_exports = ["postgresql", "upgrade"]
}

# The secret is written first and the database takes the same value after it.
# Clients try the current value, then the previous one, so no request is lost
# between the two. The value itself is in neither state nor plan; raising
# db_password_version sends a new one to both.
resource "aws_secretsmanager_secret" "this" {
  name                    = var.secret_name
  description             = "Login of ${var.identifier}: username and password"
  recovery_window_in_days = var.secret_recovery_window_days
}

resource "aws_secretsmanager_secret_version" "this" {
  secret_id                = aws_secretsmanager_secret.this.id
  secret_string_wo         = jsonencode({ username = var.db_username, password = var.db_pass })
  secret_string_wo_version = var.db_password_version
}

resource "aws_db_subnet_group" "this" {
  name        = var.name
  description = "Private subnets of ${var.name}"
  subnet_ids  = var.subnet_ids
}

resource "aws_db_parameter_group" "this" {
  name        = "${var.name}-${local.family}"
  description = "PostgreSQL of ${var.name}: TLS only"
  family      = local.family

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }

  parameter {
    name  = "log_min_duration_statement"
    value = tostring(var.slow_query_ms)
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_db_instance" "this" {
  identifier = var.identifier

  engine                      = "postgres"
  engine_version              = var.engine_version
  engine_lifecycle_support    = "open-source-rds-extended-support-disabled"
  auto_minor_version_upgrade  = true
  allow_major_version_upgrade = false
  instance_class              = var.instance_class
  parameter_group_name        = aws_db_parameter_group.this.name

  db_name             = var.db_name
  username            = var.db_username
  password_wo         = var.db_pass
  password_wo_version = var.db_password_version

  storage_type          = "gp3"
  storage_encrypted     = true
  allocated_storage     = var.allocated_storage
  max_allocated_storage = var.max_allocated_storage

  port                   = var.db_port
  db_subnet_group_name   = aws_db_subnet_group.this.name
  vpc_security_group_ids = [var.security_group_id]
  publicly_accessible    = false
  multi_az               = var.multi_az

  backup_retention_period   = var.backup_retention_days
  copy_tags_to_snapshot     = true
  delete_automated_backups  = !var.deletion_protection
  deletion_protection       = var.deletion_protection
  skip_final_snapshot       = !var.deletion_protection
  final_snapshot_identifier = var.deletion_protection ? "${var.identifier}-final" : null

  monitoring_interval                   = var.monitoring_interval
  monitoring_role_arn                   = var.monitoring_interval > 0 ? var.monitoring_role_arn : null
  performance_insights_enabled          = var.performance_insights
  performance_insights_retention_period = var.performance_insights ? 7 : null
  enabled_cloudwatch_logs_exports       = local.log_exports

  apply_immediately = var.apply_immediately

  depends_on = [aws_secretsmanager_secret_version.this]
}

# Users, passwords and data come from the primary.
resource "aws_db_instance" "replica" {
  count = var.enable_read_replica ? 1 : 0

  identifier          = var.replica_identifier
  replicate_source_db = aws_db_instance.this.identifier

  instance_class             = coalesce(var.replica_instance_class, var.instance_class)
  parameter_group_name       = aws_db_parameter_group.this.name
  auto_minor_version_upgrade = true

  storage_type          = "gp3"
  storage_encrypted     = true
  max_allocated_storage = var.max_allocated_storage

  port                   = var.db_port
  vpc_security_group_ids = [var.security_group_id]
  publicly_accessible    = false

  backup_retention_period = 0
  copy_tags_to_snapshot   = true
  deletion_protection     = var.deletion_protection
  skip_final_snapshot     = true

  monitoring_interval                   = var.monitoring_interval
  monitoring_role_arn                   = var.monitoring_interval > 0 ? var.monitoring_role_arn : null
  performance_insights_enabled          = var.performance_insights
  performance_insights_retention_period = var.performance_insights ? 7 : null
  enabled_cloudwatch_logs_exports       = local.log_exports

  apply_immediately = var.apply_immediately
}
