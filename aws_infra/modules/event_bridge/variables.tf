variable "name" {
  description = "Prefix of every name, for example grocery-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "name has 3 to 32 lower-case letters, digits and hyphens and starts with a letter."
  }
}

variable "bucket_name" {
  description = "Bucket that dumps arrive in."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket_name))
    error_message = "bucket_name is a bucket's name, without arn: or s3://."
  }
}

variable "db_dumps_prefix" {
  description = "Prefix of dumps, with its slash."
  type        = string
  default     = "db-dumps/"

  validation {
    condition     = can(regex("^[a-z0-9-]+/$", var.db_dumps_prefix))
    error_message = "A prefix ends in a slash: without it, other keys that start alike would start a restore too."
  }
}

variable "state_machine_arn" {
  description = "State machine that restores."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:states:[a-z0-9-]+:[0-9]{12}:stateMachine:[A-Za-z0-9_-]+$", var.state_machine_arn))
    error_message = "state_machine_arn is a state machine's ARN."
  }
}

variable "role_arn" {
  description = "Role with which the rule starts the state machine."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/.+$", var.role_arn))
    error_message = "role_arn is a role's ARN."
  }
}

variable "dead_letter_queue_name" {
  description = "Queue for events that started nothing."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,80}$", var.dead_letter_queue_name))
    error_message = "dead_letter_queue_name has up to 80 letters, digits, hyphens and underscores."
  }
}

variable "retry" {
  description = "How long and how often starting the state machine is tried."
  type = object({
    max_age_seconds = optional(number, 3600)
    max_attempts    = optional(number, 24)
  })
  default = {}

  validation {
    condition     = var.retry.max_age_seconds >= 60 && var.retry.max_age_seconds <= 86400 && var.retry.max_attempts >= 0 && var.retry.max_attempts <= 185
    error_message = "max_age_seconds is 60 to 86400, max_attempts 0 to 185."
  }
}
