mock_provider "aws" {
  override_during = plan
}

variables {
  name                = "grocery-test"
  identifier          = "grocery-test-db"
  replica_identifier  = "grocery-test-db-replica"
  enable_read_replica = true
  db_name             = "grocery"
  db_username         = "grocery"
  db_pass             = "a-password-of-the-test-0123456789"
  secret_name         = "grocery-test/db"
  subnet_ids          = ["subnet-a", "subnet-b"]
  security_group_id   = "sg-rds"
  monitoring_role_arn = "arn:aws:iam::123456789012:role/grocery-test-rds-monitoring"
}

run "both_databases_are_private_encrypted_and_watched" {
  command = plan

  assert {
    condition     = alltrue([for d in concat([aws_db_instance.this], aws_db_instance.replica) : d.storage_encrypted && !d.publicly_accessible && d.storage_type == "gp3" && toset(d.vpc_security_group_ids) == toset(["sg-rds"])])
    error_message = "Primary and replica are encrypted, private and in the database's group."
  }

  assert {
    condition     = alltrue([for d in concat([aws_db_instance.this], aws_db_instance.replica) : d.performance_insights_enabled && d.monitoring_interval == 60 && toset(d.enabled_cloudwatch_logs_exports) == toset(["postgresql", "upgrade"])])
    error_message = "Primary and replica are watched."
  }

  assert {
    condition     = anytrue([for p in aws_db_parameter_group.this.parameter : p.name == "rds.force_ssl" && p.value == "1"]) && aws_db_parameter_group.this.family == "postgres15"
    error_message = "TLS is forced."
  }

  assert {
    condition     = aws_db_instance.this.db_name == "grocery" && aws_db_instance.this.engine_lifecycle_support == "open-source-rds-extended-support-disabled"
    error_message = "The instance has the database, and no extended support is paid for."
  }

  assert {
    condition     = one(aws_db_instance.replica).replicate_source_db == "grocery-test-db"
    error_message = "The replica follows the primary."
  }
}

run "secret_and_database_share_one_number" {
  command = plan

  variables {
    db_password_version = 7
  }

  assert {
    condition     = aws_db_instance.this.password_wo_version == 7 && aws_secretsmanager_secret_version.this.secret_string_wo_version == 7
    error_message = "One number sends the password to both."
  }

  assert {
    condition     = aws_db_instance.this.password == null && aws_secretsmanager_secret_version.this.secret_string == null
    error_message = "The password must not reach the state."
  }
}

run "protection_keeps_data" {
  command = plan

  assert {
    condition     = aws_db_instance.this.deletion_protection && !aws_db_instance.this.skip_final_snapshot && !aws_db_instance.this.delete_automated_backups && aws_secretsmanager_secret.this.recovery_window_in_days == 30
    error_message = "By default nothing can be deleted for good."
  }
}

run "a_throw_away_database_can_be_deleted" {
  command = plan

  variables {
    deletion_protection         = false
    enable_read_replica         = false
    secret_recovery_window_days = 0
  }

  assert {
    condition     = !aws_db_instance.this.deletion_protection && aws_db_instance.this.skip_final_snapshot && length(aws_db_instance.replica) == 0
    error_message = "Without protection destroy leaves nothing."
  }

  assert {
    condition     = output.read_replica_endpoint == null
    error_message = "No endpoint of a replica that is not there."
  }
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    name                        = "X"
    identifier                  = "1db"
    engine_version              = "11"
    instance_class              = "t3.micro"
    replica_instance_class      = "micro"
    db_name                     = "grocery-dev-db"
    db_username                 = "postgres"
    db_pass                     = "with/slash-and-enough-length"
    db_password_version         = 0
    secret_name                 = "grocery-abcdef"
    secret_recovery_window_days = 3
    db_port                     = 80
    max_allocated_storage       = 20
    subnet_ids                  = ["subnet-a"]
    backup_retention_days       = 0
    monitoring_interval         = 7
    slow_query_ms               = 0
  }

  expect_failures = [
    var.name, var.identifier, var.engine_version, var.instance_class, var.replica_instance_class, var.db_name, var.db_username,
    var.db_pass, var.db_password_version, var.secret_name, var.secret_recovery_window_days, var.db_port, var.max_allocated_storage,
    var.subnet_ids, var.backup_retention_days, var.monitoring_interval, var.slow_query_ms,
  ]
}

run "missing_companions_are_refused" {
  command = plan

  variables {
    replica_identifier  = null
    monitoring_role_arn = null
    allocated_storage   = 5
  }

  expect_failures = [var.enable_read_replica, var.monitoring_role_arn, var.allocated_storage]
}
