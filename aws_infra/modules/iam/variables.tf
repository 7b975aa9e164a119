variable "name" {
  description = "Prefix of every role's name, for example grocery-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "name has 3 to 32 lower-case letters, digits and hyphens and starts with a letter."
  }
}

variable "region" {
  description = "AWS region of the resources that the roles use."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is a region's code, for example eu-central-1."
  }
}

variable "bucket_name" {
  description = "Bucket of avatars and dumps."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket_name))
    error_message = "bucket_name is a bucket's name, without arn: or s3://."
  }
}

variable "avatars_prefix" {
  description = "Prefix of users' pictures, with its slash."
  type        = string
  default     = "avatars/"

  validation {
    condition     = can(regex("^[a-z0-9-]+/$", var.avatars_prefix))
    error_message = "A prefix ends in a slash: without it, the role could reach other keys that start alike."
  }
}

variable "db_dumps_prefix" {
  description = "Prefix of database dumps, with its slash."
  type        = string
  default     = "db-dumps/"

  validation {
    condition     = can(regex("^[a-z0-9-]+/$", var.db_dumps_prefix))
    error_message = "A prefix ends in a slash: without it, the role could reach other keys that start alike."
  }
}

variable "reports_prefix" {
  description = "Prefix of restores' reports, with its slash."
  type        = string
  default     = "restore-reports/"

  validation {
    condition     = can(regex("^[a-z0-9-]+/$", var.reports_prefix))
    error_message = "A prefix ends in a slash: without it, the role could reach other keys that start alike."
  }
}

variable "backups_prefix" {
  description = "Prefix of backups, with its slash."
  type        = string
  default     = "backups/"

  validation {
    condition     = can(regex("^[a-z0-9-]+/$", var.backups_prefix))
    error_message = "A prefix ends in a slash: without it, the role could reach other keys that start alike."
  }
}

variable "ecr_repository_name" {
  description = "Repository that instances pull from."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]+([._/-][a-z0-9]+)*$", var.ecr_repository_name))
    error_message = "ecr_repository_name is a repository's name, without the registry's host."
  }
}

variable "db_identifier" {
  description = "Identifier of the primary database."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*$", var.db_identifier))
    error_message = "db_identifier is a database's identifier: lower-case letters, digits and hyphens."
  }
}

variable "db_secret_name" {
  description = "Secret with the database's login."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9/_+=.@-]+$", var.db_secret_name)) && !startswith(var.db_secret_name, "arn:")
    error_message = "db_secret_name is a secret's name, not its ARN."
  }
}

variable "app_secret_name" {
  description = "Secret with the application's keys."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9/_+=.@-]+$", var.app_secret_name)) && !startswith(var.app_secret_name, "arn:")
    error_message = "app_secret_name is a secret's name, not its ARN."
  }
}

variable "asg_name" {
  description = "Auto Scaling group of the instances."
  type        = string

  validation {
    condition     = length(var.asg_name) > 0 && !startswith(var.asg_name, "arn:")
    error_message = "asg_name is a group's name, not its ARN."
  }
}

variable "lambda_function_name" {
  description = "Restore function."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,64}$", var.lambda_function_name))
    error_message = "lambda_function_name is a function's name: letters, digits, hyphens and underscores."
  }
}

variable "state_machine_name" {
  description = "Restore state machine."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,80}$", var.state_machine_name))
    error_message = "state_machine_name is a state machine's name: letters, digits, hyphens and underscores."
  }
}

variable "instance_log_group_name" {
  description = "Log group that instances write to."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_/.#-]{1,512}$", var.instance_log_group_name))
    error_message = "instance_log_group_name is a log group's name."
  }
}

variable "lambda_log_group_name" {
  description = "Log group that the restore function writes to."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_/.#-]{1,512}$", var.lambda_log_group_name))
    error_message = "lambda_log_group_name is a log group's name."
  }
}

variable "metrics_namespace" {
  description = "CloudWatch namespace that instances publish to."
  type        = string
  default     = "CWAgent"

  validation {
    condition     = can(regex("^[A-Za-z0-9_/.#-]{1,255}$", var.metrics_namespace)) && !startswith(var.metrics_namespace, "AWS/")
    error_message = "metrics_namespace is a CloudWatch namespace; those that start with AWS/ are AWS's own."
  }
}

variable "permissions_boundary_name" {
  description = "Policy that limits every role, made by the bootstrap. Null sets no limit."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_name == null || can(regex("^[A-Za-z0-9+=,.@_-]{1,128}$", var.permissions_boundary_name))
    error_message = "permissions_boundary_name is a policy's name, not its ARN."
  }
}
