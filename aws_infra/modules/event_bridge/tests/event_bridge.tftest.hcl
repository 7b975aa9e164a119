mock_provider "aws" {
  override_during = plan

  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:eu-central-1:123456789012:grocery-test-restore-dlq" }
  }
  mock_resource "aws_cloudwatch_event_rule" {
    defaults = { arn = "arn:aws:events:eu-central-1:123456789012:rule/grocery-test-dump-uploaded" }
  }
}

variables {
  name                   = "grocery-test"
  bucket_name            = "grocery-test-123456789012-eu-central-1"
  state_machine_arn      = "arn:aws:states:eu-central-1:123456789012:stateMachine:grocery-test-restore"
  role_arn               = "arn:aws:iam::123456789012:role/grocery-test-event-bridge"
  dead_letter_queue_name = "grocery-test-restore-dlq"
}

run "dumps_of_the_bucket_start_the_restore" {
  command = plan

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.this.event_pattern).detail == { bucket = { name = ["grocery-test-123456789012-eu-central-1"] }, object = { key = [{ prefix = "db-dumps/" }] } }
    error_message = "The rule matches the prefix in the bucket."
  }

  assert {
    condition     = one(aws_cloudwatch_event_target.this.input_transformer).input_paths == tomap({ bucket = "$.detail.bucket.name", key = "$.detail.object.key", version = "$.detail.object.version-id" })
    error_message = "The execution gets bucket, key and version from the event."
  }

  assert {
    condition     = aws_cloudwatch_event_target.this.arn == var.state_machine_arn && aws_cloudwatch_event_target.this.role_arn == var.role_arn
    error_message = "The target is the state machine."
  }
}

run "no_event_is_lost" {
  command = plan

  assert {
    condition     = one(aws_cloudwatch_event_target.this.dead_letter_config).arn == "arn:aws:sqs:eu-central-1:123456789012:grocery-test-restore-dlq" && one(aws_cloudwatch_event_target.this.retry_policy).maximum_retry_attempts == 24
    error_message = "Events are tried again and then kept."
  }

  assert {
    condition     = anytrue([for s in jsondecode(aws_sqs_queue_policy.dead_letters.policy).Statement : try(s.Principal.Service == "events.amazonaws.com" && s.Condition.ArnEquals["aws:SourceArn"] == aws_cloudwatch_event_rule.this.arn, false)])
    error_message = "The rule, and only the rule, may write to the queue."
  }

  assert {
    condition     = aws_sqs_queue.dead_letters.sqs_managed_sse_enabled && aws_sqs_queue.dead_letters.message_retention_seconds == 1209600
    error_message = "Undelivered events are encrypted and kept for two weeks."
  }
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    name                   = "X"
    bucket_name            = "s3://b"
    db_dumps_prefix        = "db-dumps"
    state_machine_arn      = "restore"
    role_arn               = "role"
    dead_letter_queue_name = "x.fifo"
    retry                  = { max_attempts = 1000 }
  }

  expect_failures = [
    var.name, var.bucket_name, var.db_dumps_prefix, var.state_machine_arn, var.role_arn, var.dead_letter_queue_name, var.retry,
  ]
}
