mock_provider "aws" {
  override_during = plan

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
}

variables {
  name                 = "grocery-test-restore"
  role_arn             = "arn:aws:iam::123456789012:role/grocery-test-step-functions"
  log_group_arn        = "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/vendedlogs/states/grocery-test-restore"
  db_identifier        = "grocery-test-db"
  lambda_function_name = "grocery-test-restore"
}

run "it_waits_checks_restores_verifies" {
  command = plan

  assert {
    condition = { for k, s in jsondecode(aws_sfn_state_machine.this.definition).States : k => s.Next if can(s.Next) } == {
      DescribeDatabase = "IsDatabaseAvailable"
      WaitForDatabase  = "DescribeDatabase"
      CheckDump        = "IsDumpEmpty"
      Restore          = "WasRestored"
      Verify           = "Restored"
    }
    error_message = "Wait for the database, check the dump, restore, verify."
  }

  assert {
    condition = { for k, s in jsondecode(aws_sfn_state_machine.this.definition).States : k => s.Resource if s.Type == "Task" } == {
      DescribeDatabase = "arn:aws:states:::aws-sdk:rds:describeDBInstances"
      CheckDump        = "arn:aws:states:::aws-sdk:s3:headObject"
      Restore          = "arn:aws:states:::lambda:invoke"
      Verify           = "arn:aws:states:::lambda:invoke"
    }
    error_message = "Each task calls what it should."
  }

  assert {
    condition     = jsondecode(aws_sfn_state_machine.this.definition).TimeoutSeconds == 7200
    error_message = "An execution ends."
  }
}

run "every_task_ends_and_its_failure_fails_the_execution" {
  command = plan

  assert {
    condition = alltrue([
      for s in jsondecode(aws_sfn_state_machine.this.definition).States :
      s.TimeoutSeconds > 0 && length(s.Retry) > 0 && [for c in s.Catch : c.Next] == ["Failed"] if s.Type == "Task"
    ])
    error_message = "Every task has a timeout, retries, and a catch that fails."
  }

  assert {
    condition     = jsondecode(aws_sfn_state_machine.this.definition).States.Failed.Type == "Fail"
    error_message = "A caught error is not a success."
  }

  assert {
    condition     = one(aws_sfn_state_machine.this.logging_configuration).level == "ALL" && endswith(one(aws_sfn_state_machine.this.logging_configuration).log_destination, ":*")
    error_message = "Executions are logged."
  }
}

run "a_restore_is_done_once_waits_for_its_turn_and_outlasts_a_database_that_is_away" {
  command = plan

  assert {
    condition     = jsondecode(aws_sfn_state_machine.this.definition).States.Restore.Parameters.Payload["id.$"] == "$$.Execution.Name"
    error_message = "The function tells by the execution's name that a restore happened already."
  }

  assert {
    condition = [for r in jsondecode(aws_sfn_state_machine.this.definition).States.Restore.Retry : r.ErrorEquals if r.MaxAttempts == 0] == [["InvalidDumpError", "OutOfTimeError", "Sandbox.Timedout", "States.Timeout"]] && [
      for r in jsondecode(aws_sfn_state_machine.this.definition).States.Verify.Retry : r.ErrorEquals if r.MaxAttempts == 0
    ] == [["VerifyError", "OutOfTimeError", "Sandbox.Timedout", "States.Timeout"]]
    error_message = "What will never do is not tried again."
  }

  assert {
    condition = alltrue(flatten([
      for name in ["Restore", "Verify"] : [
        for r in jsondecode(aws_sfn_state_machine.this.definition).States[name].Retry :
        r.IntervalSeconds * (pow(r.BackoffRate, r.MaxAttempts) - 1) >= 300 if contains(r.ErrorEquals, "States.TaskFailed")
      ]
    ]))
    error_message = "A database may be away for 5 minutes, as in a failover."
  }

  assert {
    condition     = one([for r in jsondecode(aws_sfn_state_machine.this.definition).States.Restore.Retry : r.MaxAttempts if contains(r.ErrorEquals, "BusyError")]) >= 100
    error_message = "Waiting for another restore uses up no attempt."
  }

  assert {
    condition     = jsondecode(aws_sfn_state_machine.this.definition).States.DataKept.Type == "Succeed" && jsondecode(aws_sfn_state_machine.this.definition).States.WasRestored.Default == "Verify"
    error_message = "A shop in use that keeps its data is no failure."
  }
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    name                      = "a b"
    role_arn                  = "step-functions"
    log_group_arn             = "arn:aws:logs:eu-central-1:123456789012:log-group:/x:*"
    db_identifier             = "DB"
    lambda_function_name      = "a:b"
    database_poll_seconds     = 1
    execution_timeout_seconds = 60
  }

  expect_failures = [
    var.name, var.role_arn, var.log_group_arn, var.db_identifier, var.lambda_function_name, var.database_poll_seconds,
    var.execution_timeout_seconds,
  ]
}
