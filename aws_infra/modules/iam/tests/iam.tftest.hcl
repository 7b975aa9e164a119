mock_provider "aws" {
  override_during = plan

  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
}

variables {
  name                      = "grocery-test"
  region                    = "eu-central-1"
  bucket_name               = "grocery-test-123456789012-eu-central-1"
  ecr_repository_name       = "grocery-app"
  db_identifier             = "grocery-test-db"
  db_secret_name            = "grocery-test/db"
  app_secret_name           = "grocery-test/app"
  asg_name                  = "grocery-test-asg"
  lambda_function_name      = "grocery-test-restore"
  state_machine_name        = "grocery-test-restore"
  instance_log_group_name   = "/grocery-test/instances"
  lambda_log_group_name     = "/aws/lambda/grocery-test-restore"
  permissions_boundary_name = "grocery-boundary"
}

run "every_role_is_bounded_and_trusts_one_service" {
  command = plan

  assert {
    condition     = alltrue([for r in aws_iam_role.this : r.permissions_boundary == "arn:aws:iam::123456789012:policy/grocery-boundary"])
    error_message = "Every role carries the boundary."
  }

  assert {
    condition = { for k, r in aws_iam_role.this : k => jsondecode(r.assume_role_policy).Statement[0].Principal.Service } == {
      ec2            = "ec2.amazonaws.com"
      lambda         = "lambda.amazonaws.com"
      step-functions = "states.amazonaws.com"
      event-bridge   = "events.amazonaws.com"
      rds-monitoring = "monitoring.rds.amazonaws.com"
    }
    error_message = "Each role trusts exactly its service."
  }
}

run "policies_are_narrow" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for p in aws_iam_role_policy.this : [
        for s in jsondecode(p.policy).Statement : [for a in flatten([s.Action]) : !strcontains(a, "*")]
      ]
    ]))
    error_message = "Actions are named one by one."
  }

  assert {
    condition = toset(flatten([
      for p in aws_iam_role_policy.this : [
        for s in jsondecode(p.policy).Statement : s.Sid if contains(flatten([s.Resource]), "*")
      ]
    ])) == toset(["RegistryLogin", "AgentMetrics", "AgentDimensions", "SessionManager", "NetworkInterfaces", "ExecutionLogs"])
    error_message = "Only actions that AWS cannot limit to a resource may have all of them."
  }

  assert {
    condition = alltrue(flatten([
      for p in aws_iam_role_policy.this : [
        for s in jsondecode(p.policy).Statement : [for a in flatten([s.Action]) : !contains(["s3:HeadObject", "s3:HeadBucket", "s3:ListObjects", "s3:ListObjectsV2", "rds:Connect", "ecr:PullImage"], a)]
      ]
    ]))
    error_message = "These actions do not exist in IAM."
  }
}

run "instances_reach_only_what_is_theirs" {
  command = plan

  assert {
    condition = { for s in jsondecode(aws_iam_role_policy.this["ec2"].policy).Statement : s.Sid => s.Resource if contains(["Avatars", "PullImages"], s.Sid) } == {
      Avatars    = "arn:aws:s3:::grocery-test-123456789012-eu-central-1/avatars/*"
      PullImages = "arn:aws:ecr:eu-central-1:123456789012:repository/grocery-app"
    }
    error_message = "Instances get their prefix and their repository."
  }

  assert {
    condition = one([for s in jsondecode(aws_iam_role_policy.this["ec2"].policy).Statement : s.Resource if s.Sid == "Secrets"]) == [
      "arn:aws:secretsmanager:eu-central-1:123456789012:secret:grocery-test/db-??????",
      "arn:aws:secretsmanager:eu-central-1:123456789012:secret:grocery-test/app-??????",
    ]
    error_message = "Instances read their two secrets."
  }

  assert {
    condition     = one([for s in jsondecode(aws_iam_role_policy.this["ec2"].policy).Statement : s.Condition.StringEquals["cloudwatch:namespace"] if s.Sid == "AgentMetrics"]) == "CWAgent"
    error_message = "Instances publish into their namespace."
  }
}

run "the_function_reads_dumps_and_writes_reports_and_backups" {
  command = plan

  assert {
    condition = { for s in jsondecode(aws_iam_role_policy.this["lambda"].policy).Statement : s.Resource => s.Action if can(regex(":s3:::", s.Resource)) } == {
      "arn:aws:s3:::grocery-test-123456789012-eu-central-1/db-dumps/*"        = ["s3:GetObject", "s3:GetObjectVersion"]
      "arn:aws:s3:::grocery-test-123456789012-eu-central-1/restore-reports/*" = "s3:PutObject"
      "arn:aws:s3:::grocery-test-123456789012-eu-central-1/backups/*"         = "s3:PutObject"
    }
    error_message = "The function cannot put a dump where it starts a restore."
  }
}

run "without_a_boundary_none_is_set" {
  command = plan

  variables {
    permissions_boundary_name = null
  }

  assert {
    condition     = alltrue([for r in aws_iam_role.this : r.permissions_boundary == null])
    error_message = "Null must set no boundary."
  }
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    name                      = "X"
    region                    = "x"
    bucket_name               = "arn:aws:s3:::b"
    avatars_prefix            = "avatars"
    db_dumps_prefix           = "*"
    reports_prefix            = ""
    backups_prefix            = "backups"
    ecr_repository_name       = "123456789012.dkr.ecr.eu-central-1.amazonaws.com:443/x"
    db_identifier             = "arn:aws:rds:eu-central-1:123456789012:db:x"
    db_secret_name            = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:x"
    app_secret_name           = "a secret"
    asg_name                  = "arn:aws:autoscaling:x"
    lambda_function_name      = "a:b"
    state_machine_name        = "a b"
    instance_log_group_name   = "a:b"
    lambda_log_group_name     = "a:b"
    metrics_namespace         = "AWS/EC2"
    permissions_boundary_name = "arn:aws:iam::123456789012:policy/x"
  }

  expect_failures = [
    var.name, var.region, var.bucket_name, var.avatars_prefix, var.db_dumps_prefix, var.reports_prefix, var.backups_prefix, var.ecr_repository_name, var.db_identifier,
    var.db_secret_name, var.app_secret_name, var.asg_name, var.lambda_function_name, var.state_machine_name,
    var.instance_log_group_name, var.lambda_log_group_name, var.metrics_namespace, var.permissions_boundary_name,
  ]
}
