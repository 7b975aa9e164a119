variable "name" {
  description = "Name of the state machine."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,80}$", var.name))
    error_message = "name has up to 80 letters, digits, hyphens and underscores."
  }
}

variable "role_arn" {
  description = "Role of the state machine."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/.+$", var.role_arn))
    error_message = "role_arn is a role's ARN."
  }
}

variable "log_group_arn" {
  description = "Log group of the executions."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:logs:[a-z0-9-]+:[0-9]{12}:log-group:[^:]+$", var.log_group_arn))
    error_message = "log_group_arn is a log group's ARN, without a trailing :*."
  }
}

variable "db_identifier" {
  description = "Database that is restored into, the primary."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*$", var.db_identifier))
    error_message = "db_identifier is a database's identifier: lower-case letters, digits and hyphens."
  }
}

variable "lambda_function_name" {
  description = "Function that restores and verifies."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,64}$", var.lambda_function_name))
    error_message = "lambda_function_name is a function's name: letters, digits, hyphens and underscores."
  }
}

variable "lambda_timeout_seconds" {
  description = "Timeout of the function."
  type        = number
  default     = 900

  validation {
    condition     = var.lambda_timeout_seconds >= 30 && var.lambda_timeout_seconds <= 900 && floor(var.lambda_timeout_seconds) == var.lambda_timeout_seconds
    error_message = "lambda_timeout_seconds is 30 to 900."
  }
}

variable "database_poll_seconds" {
  description = "Seconds between looks at a database that is not available yet."
  type        = number
  default     = 20

  validation {
    condition     = var.database_poll_seconds >= 5 && var.database_poll_seconds <= 600 && floor(var.database_poll_seconds) == var.database_poll_seconds
    error_message = "database_poll_seconds is 5 to 600."
  }
}

variable "execution_timeout_seconds" {
  description = "Seconds after which an execution fails, the wait for the database included."
  type        = number
  default     = 7200

  validation {
    condition     = var.execution_timeout_seconds > var.lambda_timeout_seconds && var.execution_timeout_seconds <= 86400 && floor(var.execution_timeout_seconds) == var.execution_timeout_seconds
    error_message = "execution_timeout_seconds is longer than the function's timeout and at most a day."
  }
}
