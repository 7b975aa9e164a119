# Log groups are made here, before anything writes to them: a group that a
# service makes itself keeps its logs for ever and outlives the environment.

locals {
  db_identifiers = compact([var.db_identifier, var.replica_identifier])

  log_groups = merge(
    {
      instances      = "/${var.name}/instances"
      lambda         = "/aws/lambda/${var.lambda_function_name}"
      step_functions = "/aws/vendedlogs/states/${var.state_machine_name}"
    },
    {
      for pair in setproduct(local.db_identifiers, ["postgresql", "upgrade"]) :
      "rds ${pair[0]} ${pair[1]}" => "/aws/rds/instance/${pair[0]}/${pair[1]}"
    },
  )
}

resource "aws_cloudwatch_log_group" "this" {
  for_each = local.log_groups

  name              = each.value
  retention_in_days = var.log_retention_days
}
