# The restore, step by step; the steps are in templates/restore.asl.json.tftpl.

data "aws_partition" "current" {}

resource "aws_sfn_state_machine" "this" {
  name     = var.name
  role_arn = var.role_arn
  type     = "STANDARD"

  definition = templatefile("${path.module}/../../templates/restore.asl.json.tftpl", {
    partition             = data.aws_partition.current.partition
    db_identifier         = var.db_identifier
    lambda_function_name  = var.lambda_function_name
    database_poll_seconds = var.database_poll_seconds
    # One call of the function, with time to start and to answer.
    task_timeout      = var.lambda_timeout_seconds + 60
    execution_timeout = var.execution_timeout_seconds
  })

  logging_configuration {
    level                  = "ALL"
    include_execution_data = true
    log_destination        = "${var.log_group_arn}:*"
  }
}
