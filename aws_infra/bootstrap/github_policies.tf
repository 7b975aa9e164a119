# What the two roles of github.tf may do. Inline policies of one role may have
# 10,240 characters together.

locals {
  environment_buckets = [for p in local.name_prefixes : "${local.arn_prefix}:s3:::${p}-${local.account_id}-${var.region}"]
  state_bucket_arn    = "${local.arn_prefix}:s3:::${local.state_bucket_name}"
  state_objects       = [for e in sort(var.environments) : "${local.state_bucket_arn}/${var.project_name}/${e}/*"]

  # Everything a plan reads; no object of the shop, no secret's value. To refresh
  # a secret's version Terraform would read the value, even of a write-only one:
  # pull requests, whose code nobody has read yet, plan with -refresh=false.
  read_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "Describe"
        Effect = "Allow"
        Action = [
          "autoscaling:Describe*",
          "cloudwatch:Describe*",
          "cloudwatch:GetMetricData",
          "cloudwatch:GetMetricStatistics",
          "cloudwatch:ListTagsForResource",
          "dynamodb:Describe*",
          "dynamodb:ListTagsOfResource",
          "ec2:Describe*",
          "ecr:Describe*",
          "ecr:GetLifecyclePolicy",
          "ecr:GetRepositoryPolicy",
          "ecr:ListTagsForResource",
          "elasticloadbalancing:Describe*",
          "events:Describe*",
          "events:List*",
          "iam:Get*",
          "iam:List*",
          "kms:Describe*",
          "kms:GetKeyPolicy",
          "kms:GetKeyRotationStatus",
          "kms:List*",
          "lambda:Get*",
          "lambda:List*",
          "logs:Describe*",
          "logs:ListTagsForResource",
          "rds:Describe*",
          "rds:ListTagsForResource",
          "secretsmanager:DescribeSecret",
          "secretsmanager:GetRandomPassword",
          "secretsmanager:GetResourcePolicy",
          "secretsmanager:ListSecretVersionIds",
          "sns:Get*",
          "sns:List*",
          "sqs:GetQueue*",
          "sqs:ListQueueTags",
          "states:Describe*",
          "states:List*",
          "states:ValidateStateMachineDefinition",
          "sts:GetCallerIdentity",
        ]
        Resource = "*"
      },
      {
        Sid      = "PublicParameters"
        Effect   = "Allow"
        Action   = "ssm:GetParameter"
        Resource = "${local.arn_prefix}:ssm:${var.region}::parameter/aws/service/ami-amazon-linux-latest/*"
      },
      {
        Sid    = "OwnBuckets"
        Effect = "Allow"
        Action = [
          "s3:GetAccelerateConfiguration",
          "s3:GetBucket*",
          "s3:GetEncryptionConfiguration",
          "s3:GetLifecycleConfiguration",
          "s3:GetReplicationConfiguration",
          "s3:ListBucket",
        ]
        Resource = concat([local.state_bucket_arn], local.environment_buckets)
      },
      {
        Sid      = "StateAndLayers"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectTagging"]
        Resource = concat(local.state_objects, [for b in local.environment_buckets : "${b}/layers/*"])
      },
      {
        # The state's digest is kept beside its lock; without it Terraform would
        # not notice that it reads an old state.
        Sid      = "StateDigest"
        Effect   = "Allow"
        Action   = "dynamodb:GetItem"
        Resource = "${local.arn_prefix}:dynamodb:${local.scope}:table/${local.lock_table_name}"
      },
    ]
  })

  # What an apply, a release and a teardown change, each limited to what
  # carries an environment's name wherever AWS can limit it.
  write_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "State"
        Effect   = "Allow"
        Action   = ["s3:PutObject", "s3:DeleteObject"]
        Resource = local.state_objects
      },
      {
        Sid      = "Lock"
        Effect   = "Allow"
        Action   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"]
        Resource = "${local.arn_prefix}:dynamodb:${local.scope}:table/${local.lock_table_name}"
      },
      {
        # Networks carry ids instead of names: limited to the region.
        Sid       = "Network"
        Effect    = "Allow"
        Action    = ["ec2:*"]
        Resource  = "*"
        Condition = { StringEquals = { "aws:RequestedRegion" = var.region } }
      },
      {
        Sid      = "Buckets"
        Effect   = "Allow"
        Action   = ["s3:*"]
        Resource = concat(local.environment_buckets, [for b in local.environment_buckets : "${b}/*"])
      },
      {
        Sid    = "Named"
        Effect = "Allow"
        Action = [
          "autoscaling:*",
          "cloudwatch:*",
          "elasticloadbalancing:*",
          "events:*",
          "lambda:*",
          "logs:*",
          "rds:*",
          "secretsmanager:*",
          "sns:*",
          "sqs:*",
          "states:*",
        ]
        Resource = flatten([for p in local.name_prefixes : [
          "${local.arn_prefix}:autoscaling:${local.scope}:*:autoScalingGroupName/${p}-*",
          "${local.arn_prefix}:cloudwatch:${local.scope}:alarm:${p}-*",
          "${local.arn_prefix}:elasticloadbalancing:${local.scope}:*/${p}-*",
          "${local.arn_prefix}:elasticloadbalancing:${local.scope}:*/app/${p}-*",
          "${local.arn_prefix}:events:${local.scope}:rule/${p}-*",
          "${local.arn_prefix}:lambda:${local.scope}:function:${p}-*",
          "${local.arn_prefix}:lambda:${local.scope}:layer:${p}-*",
          "${local.arn_prefix}:logs:${local.scope}:log-group:*${p}*",
          "${local.arn_prefix}:rds:${local.scope}:*:${p}-*",
          "${local.arn_prefix}:rds:${local.scope}:subgrp:${p}",
          "${local.arn_prefix}:secretsmanager:${local.scope}:secret:${p}/*",
          "${local.arn_prefix}:sns:${local.scope}:${p}-*",
          "${local.arn_prefix}:sqs:${local.scope}:${p}-*",
          "${local.arn_prefix}:states:${local.scope}:*:${p}-*",
          "${local.arn_prefix}:states:${local.scope}:*:${p}-*:*",
        ]])
      },
      {
        Sid      = "Images"
        Effect   = "Allow"
        Action   = ["ecr:*"]
        Resource = "${local.arn_prefix}:ecr:${local.scope}:repository/${var.project_name}-*"
      },
      {
        # None of these can be limited to a resource, or the resource has no
        # name yet.
        Sid    = "Unnamed"
        Effect = "Allow"
        Action = [
          "ecr:GetAuthorizationToken",
          "kms:CreateAlias",
          "kms:CreateKey",
          "kms:DeleteAlias",
          "kms:EnableKeyRotation",
          "kms:PutKeyPolicy",
          "kms:ScheduleKeyDeletion",
          "kms:TagResource",
          "kms:UntagResource",
          "logs:*LogDelivery",
          "logs:DescribeResourcePolicies",
          "logs:PutResourcePolicy",
        ]
        Resource  = "*"
        Condition = { StringEquals = { "aws:RequestedRegion" = var.region } }
      },
    ]
  })

  roles_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "CreateOnlyBounded"
        Effect    = "Allow"
        Action    = ["iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy", "iam:AttachRolePolicy"]
        Resource  = local.environment_roles
        Condition = { StringEquals = { "iam:PermissionsBoundary" = aws_iam_policy.workload_boundary.arn } }
      },
      {
        Sid    = "Maintain"
        Effect = "Allow"
        Action = [
          "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy", "iam:TagRole", "iam:UntagRole",
          "iam:UpdateAssumeRolePolicy", "iam:UpdateRole", "iam:UpdateRoleDescription",
        ]
        Resource = local.environment_roles
      },
      {
        Sid    = "InstanceProfiles"
        Effect = "Allow"
        Action = [
          "iam:AddRoleToInstanceProfile", "iam:CreateInstanceProfile", "iam:DeleteInstanceProfile",
          "iam:RemoveRoleFromInstanceProfile", "iam:TagInstanceProfile", "iam:UntagInstanceProfile",
        ]
        Resource = [for p in local.name_prefixes : "${local.arn_prefix}:iam::${local.account_id}:instance-profile/${p}-*"]
      },
      {
        Sid      = "PassToOwnServices"
        Effect   = "Allow"
        Action   = "iam:PassRole"
        Resource = local.environment_roles
        Condition = {
          StringEquals = {
            "iam:PassedToService" = [
              "ec2.amazonaws.com",
              "events.amazonaws.com",
              "lambda.amazonaws.com",
              "monitoring.rds.amazonaws.com",
              "states.amazonaws.com",
            ]
          }
        }
      },
      {
        Sid      = "ServiceLinkedRoles"
        Effect   = "Allow"
        Action   = "iam:CreateServiceLinkedRole"
        Resource = "${local.arn_prefix}:iam::${local.account_id}:role/aws-service-role/*"
        Condition = {
          StringEquals = {
            "iam:AWSServiceName" = [
              "autoscaling.amazonaws.com",
              "elasticloadbalancing.amazonaws.com",
              "rds.amazonaws.com",
            ]
          }
        }
      },
    ]
  })

  environment_roles = [for p in local.name_prefixes : "${local.arn_prefix}:iam::${local.account_id}:role/${p}-*"]
}

# The most the two roles may do even if their own policies are widened: the
# services this project uses, and nothing that could lift the limits.
resource "aws_iam_policy" "deploy_boundary" {
  count = local.github ? 1 : 0

  name        = "${var.project_name}-deploy-boundary"
  description = "The most that ${var.project_name}'s pipeline roles may do."

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "UsedServices"
        Effect = "Allow"
        Action = [
          "autoscaling:*", "cloudwatch:*", "dynamodb:*", "ec2:*", "ecr:*", "elasticloadbalancing:*", "events:*",
          "iam:*", "kms:*", "lambda:*", "logs:*", "rds:*", "s3:*", "secretsmanager:*", "sns:*", "sqs:*",
          "ssm:GetParameter", "states:*", "sts:GetCallerIdentity",
        ]
        Resource = "*"
      },
      {
        Sid    = "NeverOwnLimits"
        Effect = "Deny"
        Action = [
          "iam:AddUserToGroup", "iam:AttachGroupPolicy", "iam:AttachUserPolicy",
          "iam:CreateAccessKey", "iam:CreateLoginProfile", "iam:CreatePolicy", "iam:CreatePolicyVersion", "iam:CreateUser",
          "iam:DeletePolicy", "iam:DeletePolicyVersion", "iam:SetDefaultPolicyVersion",
          "iam:DeleteRolePermissionsBoundary", "iam:PutUserPermissionsBoundary", "iam:PutUserPolicy", "iam:PutGroupPolicy",
          "iam:AddClientIDToOpenIDConnectProvider", "iam:CreateOpenIDConnectProvider", "iam:DeleteOpenIDConnectProvider",
          "iam:UpdateOpenIDConnectProviderThumbprint", "iam:CreateSAMLProvider", "iam:UpdateSAMLProvider",
        ]
        Resource = "*"
      },
      {
        Sid       = "NeverOwnRoles"
        Effect    = "Deny"
        NotAction = ["iam:Get*", "iam:List*"]
        Resource  = "${local.arn_prefix}:iam::${local.account_id}:role/${var.project_name}-github-*"
      },
    ]
  })
}
