# Drift is seen only by looking at everything again, and looking at a secret's
# version reads its value. Pull requests must not be able to do that, so the
# nightly look has a role of its own, which only workflows of main assume.

resource "aws_iam_role" "drift" {
  count = local.github ? 1 : 0

  name                 = "${var.project_name}-github-drift"
  description          = "Assumed by workflows of ${var.github_repository}'s main that look for drift: reads, and changes nothing."
  assume_role_policy   = local.trust["drift"]
  permissions_boundary = aws_iam_policy.deploy_boundary[0].arn
  max_session_duration = 3600
}

resource "aws_iam_role_policy" "drift_read" {
  count = local.github ? 1 : 0

  name   = "read"
  role   = aws_iam_role.drift[0].id
  policy = local.read_policy
}

resource "aws_iam_role_policy" "drift_refresh" {
  count = local.github ? 1 : 0

  name   = "refresh"
  role   = aws_iam_role.drift[0].id
  policy = local.refresh_policy
}

locals {
  refresh_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "RefreshSecretVersions"
      Effect   = "Allow"
      Action   = "secretsmanager:GetSecretValue"
      Resource = [for p in local.name_prefixes : "${local.arn_prefix}:secretsmanager:${local.scope}:secret:${p}/*"]
    }]
  })
}
