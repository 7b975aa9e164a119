# GitHub's workflows get short-lived credentials by OIDC; there is no stored
# key. Pull requests assume the plan role, which only reads; jobs bound to a
# GitHub environment assume the apply role; the nightly look for drift (drift.tf)
# has a role of its own.

locals {
  github = var.github_repository != null

  # A repository's subject comes in two forms: by name, and (for repositories
  # that use immutable subjects) by name and id. The ids keep their meaning
  # when a name is given up and taken by somebody else.
  repository_subjects = local.github ? compact([
    "repo:${var.github_repository}",
    var.github_repository_ids == null ? "" : format(
      "repo:%s@%d/%s@%d",
      split("/", var.github_repository)[0], var.github_repository_ids.owner,
      split("/", var.github_repository)[1], var.github_repository_ids.repository,
    ),
  ]) : []

  plan_subjects  = flatten([for s in local.repository_subjects : ["${s}:pull_request", "${s}:ref:refs/heads/main"]])
  drift_subjects = [for s in local.repository_subjects : "${s}:ref:refs/heads/main"]
  apply_subjects = flatten([for s in local.repository_subjects : [for e in sort(var.environments) : "${s}:environment:${e}"]])

  oidc_host = "token.actions.githubusercontent.com"
  oidc_arn = local.github ? one(concat(
    aws_iam_openid_connect_provider.this[*].arn,
    data.aws_iam_openid_connect_provider.this[*].arn,
  )) : null

  trust = {
    for name, subjects in { plan = local.plan_subjects, apply = local.apply_subjects, drift = local.drift_subjects } : name => jsonencode({
      Version = "2012-10-17"
      Statement = [{
        Effect    = "Allow"
        Action    = "sts:AssumeRoleWithWebIdentity"
        Principal = { Federated = local.oidc_arn }
        Condition = {
          StringEquals = {
            "${local.oidc_host}:aud" = "sts.amazonaws.com"
            "${local.oidc_host}:sub" = subjects
          }
        }
      }]
    })
  }
}

resource "aws_iam_openid_connect_provider" "this" {
  count = local.github && var.create_oidc_provider ? 1 : 0

  url            = "https://${local.oidc_host}"
  client_id_list = ["sts.amazonaws.com"]
}

data "aws_iam_openid_connect_provider" "this" {
  count = local.github && !var.create_oidc_provider ? 1 : 0

  url = "https://${local.oidc_host}"
}

resource "aws_iam_role" "plan" {
  count = local.github ? 1 : 0

  name                 = "${var.project_name}-github-plan"
  description          = "Assumed by workflows of ${var.github_repository} that plan: reads, and changes nothing."
  assume_role_policy   = local.trust["plan"]
  permissions_boundary = aws_iam_policy.deploy_boundary[0].arn
  max_session_duration = 3600
}

resource "aws_iam_role_policy" "plan_read" {
  count = local.github ? 1 : 0

  name   = "read"
  role   = aws_iam_role.plan[0].id
  policy = local.read_policy
}

resource "aws_iam_role" "apply" {
  count = local.github ? 1 : 0

  name                 = "${var.project_name}-github-apply"
  description          = "Assumed by workflows of ${var.github_repository} that deploy one of its GitHub environments."
  assume_role_policy   = local.trust["apply"]
  permissions_boundary = aws_iam_policy.deploy_boundary[0].arn
  max_session_duration = 7200
}

resource "aws_iam_role_policy" "apply_read" {
  count = local.github ? 1 : 0

  name   = "read"
  role   = aws_iam_role.apply[0].id
  policy = local.read_policy
}

resource "aws_iam_role_policy" "apply_write" {
  count = local.github ? 1 : 0

  name   = "write"
  role   = aws_iam_role.apply[0].id
  policy = local.write_policy
}

resource "aws_iam_role_policy" "apply_roles" {
  count = local.github ? 1 : 0

  name   = "roles"
  role   = aws_iam_role.apply[0].id
  policy = local.roles_policy
}
