# The most that any role of an environment can ever do, whatever its own
# policies say. The apply role can create roles only with this boundary, so a
# compromised pipeline cannot make itself an administrator.
#
# A boundary allows; a boundary of Deny statements alone would forbid all.

resource "aws_iam_policy" "workload_boundary" {
  name        = "${var.project_name}-boundary"
  description = "The most that the roles of ${var.project_name}'s environments may do."

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "OwnData"
        Effect = "Allow"
        Action = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket", "s3:GetBucketLocation", "s3:AbortMultipartUpload"]
        Resource = flatten([for p in local.name_prefixes : [
          "${local.arn_prefix}:s3:::${p}-${local.account_id}-${var.region}",
          "${local.arn_prefix}:s3:::${p}-${local.account_id}-${var.region}/*",
        ]])
      },
      {
        Sid      = "OwnSecrets"
        Effect   = "Allow"
        Action   = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"]
        Resource = [for p in local.name_prefixes : "${local.arn_prefix}:secretsmanager:${local.scope}:secret:${p}/*"]
      },
      {
        Sid    = "OwnWorkloads"
        Effect = "Allow"
        Action = [
          "autoscaling:CompleteLifecycleAction",
          "autoscaling:RecordLifecycleActionHeartbeat",
          "lambda:InvokeFunction",
          "rds:DescribeDBInstances",
          "sqs:SendMessage",
          "states:StartExecution",
        ]
        Resource = flatten([for p in local.name_prefixes : [
          "${local.arn_prefix}:autoscaling:${local.scope}:autoScalingGroup:*:autoScalingGroupName/${p}-*",
          "${local.arn_prefix}:lambda:${local.scope}:function:${p}-*",
          "${local.arn_prefix}:rds:${local.scope}:db:${p}-*",
          "${local.arn_prefix}:sqs:${local.scope}:${p}-*",
          "${local.arn_prefix}:states:${local.scope}:stateMachine:${p}-*",
        ]])
      },
      {
        Sid      = "Images"
        Effect   = "Allow"
        Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        Resource = "${local.arn_prefix}:ecr:${local.scope}:repository/${var.project_name}-*"
      },
      {
        # None of these can be limited to a resource.
        Sid    = "Shared"
        Effect = "Allow"
        Action = [
          "cloudwatch:PutMetricData",
          "ec2:AssignPrivateIpAddresses",
          "ec2:CreateNetworkInterface",
          "ec2:DeleteNetworkInterface",
          "ec2:DescribeNetworkInterfaces",
          "ec2:DescribeSecurityGroups",
          "ec2:DescribeSubnets",
          "ec2:DescribeTags",
          "ec2:DescribeVpcs",
          "ec2:UnassignPrivateIpAddresses",
          "ec2messages:*",
          "ecr:GetAuthorizationToken",
          "logs:*LogDelivery",
          "logs:CreateLogGroup",
          "logs:CreateLogStream",
          "logs:Describe*",
          "logs:GetLogEvents",
          "logs:ListLogDeliveries",
          "logs:PutLogEvents",
          "logs:PutResourcePolicy",
          "logs:PutRetentionPolicy",
          "ssm:UpdateInstanceInformation",
          "ssmmessages:*",
        ]
        Resource = "*"
      },
    ]
  })
}
