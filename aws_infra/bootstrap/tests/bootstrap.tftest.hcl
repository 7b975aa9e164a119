mock_provider "aws" {
  override_during = plan

  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_iam_openid_connect_provider" {
    defaults = { arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" }
  }
  mock_resource "aws_iam_openid_connect_provider" {
    defaults = { arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" }
  }
  mock_resource "aws_iam_policy" {
    defaults = { arn = "arn:aws:iam::123456789012:policy/boundary" }
  }
  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::grocery-tfstate-123456789012-eu-central-1" }
  }
}

variables {
  github_repository     = "octo-org/grocery"
  github_repository_ids = { owner = 11, repository = 22 }
}

run "names_follow_account_and_region" {
  command = plan

  assert {
    condition     = output.state_bucket_name == "grocery-tfstate-123456789012-eu-central-1" && output.lock_table_name == "grocery-tfstate-lock"
    error_message = "The backend's names are what backend.hcl, CI and CD expect."
  }
}

run "trust_is_exact" {
  command = plan

  assert {
    condition = toset(jsondecode(aws_iam_role.plan[0].assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"]) == toset([
      "repo:octo-org/grocery:pull_request",
      "repo:octo-org/grocery:ref:refs/heads/main",
      "repo:octo-org@11/grocery@22:pull_request",
      "repo:octo-org@11/grocery@22:ref:refs/heads/main",
    ])
    error_message = "The plan role trusts this repository's pull requests and main, in both subject forms, and nothing else."
  }

  assert {
    condition = toset(jsondecode(aws_iam_role.apply[0].assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"]) == toset([
      "repo:octo-org/grocery:environment:dev",
      "repo:octo-org@11/grocery@22:environment:dev",
    ])
    error_message = "The apply role trusts jobs of the repository's environments only."
  }

  assert {
    condition = toset(jsondecode(aws_iam_role.drift[0].assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"]) == toset([
      "repo:octo-org/grocery:ref:refs/heads/main",
      "repo:octo-org@11/grocery@22:ref:refs/heads/main",
    ])
    error_message = "The drift role, which reads secrets, trusts main only, never a pull request."
  }

  assert {
    condition = alltrue([
      for r in [aws_iam_role.plan[0], aws_iam_role.apply[0], aws_iam_role.drift[0]] :
      jsondecode(r.assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:aud"] == "sts.amazonaws.com"
      && keys(jsondecode(r.assume_role_policy).Statement[0].Condition) == ["StringEquals"]
    ])
    error_message = "Audience and subject must be compared with StringEquals."
  }
}

run "policies_keep_their_limits" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for p in [aws_iam_role_policy.plan_read[0].policy, aws_iam_role_policy.apply_write[0].policy, aws_iam_role_policy.apply_roles[0].policy, aws_iam_policy.workload_boundary.policy, aws_iam_policy.deploy_boundary[0].policy] : [
        for s in jsondecode(p).Statement : [for a in flatten([try(s.Action, [])]) : a != "*" && a != "*:*"]
      ]
    ]))
    error_message = "No policy grants every action."
  }

  assert {
    condition     = anytrue([for s in jsondecode(aws_iam_policy.workload_boundary.policy).Statement : s.Effect == "Allow"]) && anytrue([for s in jsondecode(aws_iam_policy.deploy_boundary[0].policy).Statement : s.Effect == "Allow"])
    error_message = "A boundary without an Allow forbids everything."
  }

  assert {
    condition     = !anytrue(flatten([for s in jsondecode(aws_iam_role_policy.plan_read[0].policy).Statement : [for a in flatten([s.Action]) : can(regex("GetSecretValue|:Put|:Create|:Delete|:Update|:\\*$", a))]]))
    error_message = "The plan role neither changes anything nor reads a secret."
  }

  assert {
    condition     = !anytrue(flatten([for p in [aws_iam_role_policy.drift_read[0].policy, aws_iam_role_policy.drift_refresh[0].policy] : [for s in jsondecode(p).Statement : [for a in flatten([s.Action]) : can(regex(":Put|:Create|:Delete|:Update|:\\*$", a))]]]))
    error_message = "The drift role changes nothing."
  }

  assert {
    condition = alltrue([
      for s in jsondecode(aws_iam_role_policy.apply_roles[0].policy).Statement :
      try(s.Condition.StringEquals["iam:PermissionsBoundary"], "") != "" if contains(flatten([s.Action]), "iam:CreateRole")
    ])
    error_message = "The apply role may create a role only with the boundary."
  }

  assert {
    condition     = length(aws_iam_role_policy.plan_read[0].policy) + length(aws_iam_role_policy.apply_write[0].policy) + length(aws_iam_role_policy.apply_roles[0].policy) <= 10240
    error_message = "AWS takes 10,240 characters of inline policy per role."
  }

  assert {
    condition     = length(aws_iam_policy.workload_boundary.policy) <= 6144 && length(aws_iam_policy.deploy_boundary[0].policy) <= 6144
    error_message = "AWS takes 6,144 characters per managed policy."
  }
}

run "a_present_provider_is_used" {
  command = plan

  variables {
    create_oidc_provider = false
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.this) == 0 && output.oidc_provider_arn == "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
    error_message = "create_oidc_provider = false must look the provider up."
  }
}

run "without_a_repository_there_is_no_github" {
  command = plan

  variables {
    github_repository     = null
    github_repository_ids = null
  }

  assert {
    condition     = length(aws_iam_role.plan) + length(aws_iam_role.apply) + length(aws_iam_role.drift) + length(aws_iam_openid_connect_provider.this) + length(aws_iam_policy.deploy_boundary) == 0
    error_message = "Nothing of GitHub without a repository."
  }
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    project_name          = "Grocery Shop"
    region                = "Frankfurt"
    environments          = ["Dev!"]
    github_repository     = "octo-org/*"
    github_repository_ids = { owner = 0, repository = 1 }
  }

  expect_failures = [var.project_name, var.region, var.environments, var.github_repository, var.github_repository_ids]
}
