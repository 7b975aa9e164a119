mock_provider "aws" {
  override_during = plan

  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-central-1:123456789012:key/alarms", key_id = "alarms" }
  }
  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:eu-central-1:123456789012:grocery-test-alarms" }
  }
}

variables {
  name                      = "grocery-test"
  region                    = "eu-central-1"
  asg_name                  = "grocery-test-asg"
  alb_arn_suffix            = "app/grocery-test-alb/1"
  target_group_arn_suffixes = { frontend = "targetgroup/frontend/1", backend = "targetgroup/backend/2" }
  db_identifier             = "grocery-test-db"
  replica_identifier        = "grocery-test-db-replica"
  lambda_function_name      = "grocery-test-restore"
  state_machine_name        = "grocery-test-restore"
  dead_letter_queue_name    = "grocery-test-restore-dlq"
}

run "every_part_is_watched" {
  command = plan

  assert {
    condition = toset(keys(aws_cloudwatch_metric_alarm.this)) == toset([
      "cpu", "memory", "disk", "alb-5xx", "target-5xx", "unhealthy-frontend", "unhealthy-backend", "db-cpu", "replica-cpu",
      "db-storage", "replica-storage", "replica-lag", "restore-failed", "restore-timed-out", "restore-not-started",
    ])
    error_message = "Instances, balancer, databases and restore are watched."
  }

  assert {
    condition     = alltrue([for a in aws_cloudwatch_metric_alarm.this : toset(a.alarm_actions) == toset(["arn:aws:sns:eu-central-1:123456789012:grocery-test-alarms"])])
    error_message = "Every alarm tells the topic."
  }

  assert {
    condition     = alltrue([for k in ["memory", "disk"] : aws_cloudwatch_metric_alarm.this[k].dimensions == tomap({ AutoScalingGroupName = "grocery-test-asg" }) && aws_cloudwatch_metric_alarm.this[k].namespace == "CWAgent"])
    error_message = "Agent alarms use the dimension that the agent aggregates by."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["restore-failed"].dimensions == tomap({ StateMachineArn = "arn:aws:states:eu-central-1:123456789012:stateMachine:grocery-test-restore" })
    error_message = "Failed executions are counted by the state machine's ARN."
  }
}

run "alarms_wait_for_minutes_not_periods" {
  command = plan

  assert {
    condition     = alltrue([for k in ["cpu", "db-cpu", "replica-cpu"] : aws_cloudwatch_metric_alarm.this[k].period == 60 && aws_cloudwatch_metric_alarm.this[k].evaluation_periods == 10])
    error_message = "Load counts after ten minutes."
  }

  assert {
    condition     = alltrue([for k in ["memory", "disk", "db-storage", "replica-storage", "replica-lag"] : aws_cloudwatch_metric_alarm.this[k].period == 60 && aws_cloudwatch_metric_alarm.this[k].evaluation_periods == 5])
    error_message = "A shortage counts after five minutes."
  }

  assert {
    condition     = alltrue([for k in ["unhealthy-frontend", "unhealthy-backend", "restore-failed", "restore-timed-out", "restore-not-started"] : aws_cloudwatch_metric_alarm.this[k].period * aws_cloudwatch_metric_alarm.this[k].evaluation_periods == 60])
    error_message = "What is gone before long counts at once: a sick instance is replaced, an execution fails once."
  }
}

run "without_detailed_monitoring_load_counts_in_steps_of_five_minutes" {
  command = plan

  variables {
    detailed_monitoring = false
    minutes             = { load = 7, shortage = 1 }
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["cpu"].period == 300 && aws_cloudwatch_metric_alarm.this["cpu"].evaluation_periods == 2 && aws_cloudwatch_metric_alarm.this["db-cpu"].evaluation_periods == 7
    error_message = "EC2 measures every five minutes then; RDS always measures every minute."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["disk"].evaluation_periods == 1
    error_message = "A shortage counts after one minute if that is wanted."
  }
}

run "cloudwatch_can_use_the_encrypted_topic" {
  command = plan

  assert {
    condition     = aws_sns_topic.alarms.kms_master_key_id == aws_kms_key.alarms.arn && anytrue([for s in jsondecode(aws_kms_key.alarms.policy).Statement : try(s.Principal.Service == "cloudwatch.amazonaws.com" && contains(s.Action, "kms:Decrypt"), false)])
    error_message = "The topic is encrypted with a key that CloudWatch may use."
  }

  assert {
    condition     = length(aws_sns_topic_subscription.email) == 0
    error_message = "Without an address nobody is mailed."
  }
}

run "log_groups_are_named_after_their_writers" {
  command = plan

  assert {
    condition = toset([for g in aws_cloudwatch_log_group.this : g.name]) == toset([
      "/grocery-test/instances",
      "/aws/lambda/grocery-test-restore",
      "/aws/vendedlogs/states/grocery-test-restore",
      "/aws/rds/instance/grocery-test-db/postgresql",
      "/aws/rds/instance/grocery-test-db/upgrade",
      "/aws/rds/instance/grocery-test-db-replica/postgresql",
      "/aws/rds/instance/grocery-test-db-replica/upgrade",
    ])
    error_message = "AWS services write to groups with these names."
  }

  assert {
    condition     = alltrue([for g in aws_cloudwatch_log_group.this : g.retention_in_days == 30])
    error_message = "No log is kept for ever."
  }
}

run "without_a_replica_it_is_not_watched" {
  command = plan

  variables {
    replica_identifier = null
    alarm_email        = "ops@example.com"
  }

  assert {
    condition     = length([for k in keys(aws_cloudwatch_metric_alarm.this) : k if startswith(k, "replica")]) == 0
    error_message = "No alarm of a replica that is not there."
  }

  assert {
    condition     = aws_sns_topic_subscription.email[0].endpoint == "ops@example.com"
    error_message = "Alarms are mailed to the given address."
  }
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    name                   = "X"
    region                 = "x"
    db_identifier          = "DB"
    replica_identifier     = "R!"
    lambda_function_name   = "a:b"
    state_machine_name     = "a b"
    dead_letter_queue_name = "a.fifo"
    metrics_namespace      = "AWS/EC2"
    alarm_email            = "nobody"
    log_retention_days     = 31
    thresholds             = { cpu_percent = 120, db_free_gib = 0 }
    minutes                = { load = 0, shortage = 1.5 }
  }

  expect_failures = [
    var.name, var.region, var.db_identifier, var.replica_identifier, var.lambda_function_name, var.state_machine_name,
    var.dead_letter_queue_name, var.metrics_namespace, var.alarm_email, var.log_retention_days, var.thresholds, var.minutes,
  ]
}
