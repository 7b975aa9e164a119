# Every role of one environment. Policies name their resources by ARNs composed
# here from names, so this module needs nothing but names and can be applied
# before the resources exist.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  partition  = data.aws_partition.current.partition
  account_id = data.aws_caller_identity.current.account_id
  scope      = "${var.region}:${local.account_id}"

  arns = {
    bucket        = "arn:${local.partition}:s3:::${var.bucket_name}"
    avatars       = "arn:${local.partition}:s3:::${var.bucket_name}/${var.avatars_prefix}*"
    dumps         = "arn:${local.partition}:s3:::${var.bucket_name}/${var.db_dumps_prefix}*"
    reports       = "arn:${local.partition}:s3:::${var.bucket_name}/${var.reports_prefix}*"
    backups       = "arn:${local.partition}:s3:::${var.bucket_name}/${var.backups_prefix}*"
    repository    = "arn:${local.partition}:ecr:${local.scope}:repository/${var.ecr_repository_name}"
    asg           = "arn:${local.partition}:autoscaling:${local.scope}:autoScalingGroup:*:autoScalingGroupName/${var.asg_name}"
    function      = "arn:${local.partition}:lambda:${local.scope}:function:${var.lambda_function_name}"
    state_machine = "arn:${local.partition}:states:${local.scope}:stateMachine:${var.state_machine_name}"
    database      = "arn:${local.partition}:rds:${local.scope}:db:${var.db_identifier}"
    instance_logs = "arn:${local.partition}:logs:${local.scope}:log-group:${var.instance_log_group_name}:*"
    os_metrics    = "arn:${local.partition}:logs:${local.scope}:log-group:RDSOSMetrics"
    function_logs = "arn:${local.partition}:logs:${local.scope}:log-group:${var.lambda_log_group_name}:*"

    # Secrets Manager ends a secret's ARN in a hyphen and six random characters.
    db_secret  = "arn:${local.partition}:secretsmanager:${local.scope}:secret:${var.db_secret_name}-??????"
    app_secret = "arn:${local.partition}:secretsmanager:${local.scope}:secret:${var.app_secret_name}-??????"
  }

  boundary_arn = var.permissions_boundary_name == null ? null : "arn:${local.partition}:iam::${local.account_id}:policy/${var.permissions_boundary_name}"

  # Who may assume each role. Services that act on behalf of a resource of
  # ours are held to this account, so that nobody else's resource can use them.
  roles = {
    ec2            = { service = "ec2.amazonaws.com", own_account = false, description = "Instances of ${var.name}" }
    lambda         = { service = "lambda.amazonaws.com", own_account = false, description = "Restore function of ${var.name}" }
    step-functions = { service = "states.amazonaws.com", own_account = true, description = "Restore state machine of ${var.name}" }
    event-bridge   = { service = "events.amazonaws.com", own_account = true, description = "Rule that starts the restore of ${var.name}" }
    rds-monitoring = { service = "monitoring.rds.amazonaws.com", own_account = true, description = "Enhanced monitoring of ${var.name}'s databases" }
  }
}

resource "aws_iam_role" "this" {
  for_each = local.roles

  name                 = "${var.name}-${each.key}"
  description          = each.value.description
  permissions_boundary = local.boundary_arn

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [merge(
      {
        Effect    = "Allow"
        Action    = "sts:AssumeRole"
        Principal = { Service = each.value.service }
      },
      each.value.own_account ? { Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } } } : {},
    )]
  })
}

resource "aws_iam_instance_profile" "this" {
  name = "${var.name}-ec2"
  role = aws_iam_role.this["ec2"].name
}

resource "aws_iam_role_policy" "this" {
  for_each = local.policies

  name   = each.key
  role   = aws_iam_role.this[each.key].id
  policy = jsonencode({ Version = "2012-10-17", Statement = each.value })
}
