# What each role may do: its own prefixes, its own secrets, its own repository.
# Where a statement says "*", AWS offers no resource to name.

locals {
  policies = {
    ec2 = [
      {
        Sid      = "Avatars"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
        Resource = local.arns.avatars
      },
      {
        Sid       = "ListAvatars"
        Effect    = "Allow"
        Action    = "s3:ListBucket"
        Resource  = local.arns.bucket
        Condition = { StringLike = { "s3:prefix" = "${var.avatars_prefix}*" } }
      },
      {
        Sid      = "Secrets"
        Effect   = "Allow"
        Action   = "secretsmanager:GetSecretValue"
        Resource = [local.arns.db_secret, local.arns.app_secret]
      },
      {
        Sid      = "RegistryLogin"
        Effect   = "Allow"
        Action   = "ecr:GetAuthorizationToken"
        Resource = "*"
      },
      {
        Sid      = "PullImages"
        Effect   = "Allow"
        Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        Resource = local.arns.repository
      },
      {
        Sid      = "ReportBoot"
        Effect   = "Allow"
        Action   = ["autoscaling:CompleteLifecycleAction", "autoscaling:RecordLifecycleActionHeartbeat"]
        Resource = local.arns.asg
      },
      {
        Sid       = "AgentMetrics"
        Effect    = "Allow"
        Action    = "cloudwatch:PutMetricData"
        Resource  = "*"
        Condition = { StringEquals = { "cloudwatch:namespace" = var.metrics_namespace } }
      },
      {
        Sid      = "AgentDimensions"
        Effect   = "Allow"
        Action   = "ec2:DescribeTags"
        Resource = "*"
      },
      {
        Sid      = "AgentLogs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
        Resource = local.arns.instance_logs
      },
      {
        # What Session Manager needs of AmazonSSMManagedInstanceCore, without
        # its right to read every parameter of the account.
        Sid    = "SessionManager"
        Effect = "Allow"
        Action = [
          "ec2messages:AcknowledgeMessage",
          "ec2messages:DeleteMessage",
          "ec2messages:FailMessage",
          "ec2messages:GetEndpoint",
          "ec2messages:GetMessages",
          "ec2messages:SendReply",
          "ssm:UpdateInstanceInformation",
          "ssmmessages:CreateControlChannel",
          "ssmmessages:CreateDataChannel",
          "ssmmessages:OpenControlChannel",
          "ssmmessages:OpenDataChannel",
        ]
        Resource = "*"
      },
    ]

    lambda = [
      {
        Sid      = "ReadDumps"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:GetObjectVersion"]
        Resource = local.arns.dumps
      },
      {
        Sid      = "WriteReports"
        Effect   = "Allow"
        Action   = "s3:PutObject"
        Resource = local.arns.reports
      },
      {
        Sid      = "WriteBackups"
        Effect   = "Allow"
        Action   = "s3:PutObject"
        Resource = local.arns.backups
      },
      {
        Sid      = "DatabaseSecret"
        Effect   = "Allow"
        Action   = "secretsmanager:GetSecretValue"
        Resource = local.arns.db_secret
      },
      {
        Sid      = "Logs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = local.arns.function_logs
      },
      {
        # A function in a VPC needs these to get its network interfaces.
        Sid    = "NetworkInterfaces"
        Effect = "Allow"
        Action = [
          "ec2:AssignPrivateIpAddresses",
          "ec2:CreateNetworkInterface",
          "ec2:DeleteNetworkInterface",
          "ec2:DescribeNetworkInterfaces",
          "ec2:DescribeSecurityGroups",
          "ec2:DescribeSubnets",
          "ec2:DescribeVpcs",
          "ec2:UnassignPrivateIpAddresses",
        ]
        Resource = "*"
      },
    ]

    step-functions = [
      {
        Sid      = "WaitForDatabase"
        Effect   = "Allow"
        Action   = "rds:DescribeDBInstances"
        Resource = local.arns.database
      },
      {
        # HeadObject is allowed by the right to get the object.
        Sid      = "CheckDump"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:GetObjectVersion"]
        Resource = local.arns.dumps
      },
      {
        # Without it S3 answers 403 for an object that is not there.
        Sid      = "TellMissingDump"
        Effect   = "Allow"
        Action   = "s3:ListBucket"
        Resource = local.arns.bucket
      },
      {
        Sid      = "Restore"
        Effect   = "Allow"
        Action   = "lambda:InvokeFunction"
        Resource = [local.arns.function, "${local.arns.function}:*"]
      },
      {
        # Log deliveries belong to no resource.
        Sid    = "ExecutionLogs"
        Effect = "Allow"
        Action = [
          "logs:CreateLogDelivery",
          "logs:DeleteLogDelivery",
          "logs:DescribeLogGroups",
          "logs:DescribeResourcePolicies",
          "logs:GetLogDelivery",
          "logs:ListLogDeliveries",
          "logs:PutResourcePolicy",
          "logs:UpdateLogDelivery",
        ]
        Resource = "*"
      },
    ]

    event-bridge = [
      {
        Sid      = "StartRestore"
        Effect   = "Allow"
        Action   = "states:StartExecution"
        Resource = local.arns.state_machine
      },
    ]

    rds-monitoring = [
      {
        # What AmazonRDSEnhancedMonitoringRole allows, on the one log group that
        # RDS delivers to.
        Sid      = "MetricsGroup"
        Effect   = "Allow"
        Action   = ["logs:CreateLogGroup", "logs:PutRetentionPolicy"]
        Resource = "${local.arns.os_metrics}:*"
      },
      {
        Sid      = "MetricsStreams"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:GetLogEvents", "logs:PutLogEvents"]
        Resource = "${local.arns.os_metrics}:log-stream:*"
      },
    ]
  }
}
