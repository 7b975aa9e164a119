variable "name" {
  description = "Prefix of every name, for example grocery-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "name has 3 to 32 lower-case letters, digits and hyphens and starts with a letter."
  }
}

variable "region" {
  description = "AWS region of what is watched."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is a region's code, for example eu-central-1."
  }
}

variable "asg_name" {
  description = "Auto Scaling group to watch."
  type        = string
}

variable "alb_arn_suffix" {
  description = "Balancer to watch, as CloudWatch names it."
  type        = string
}

variable "target_group_arn_suffixes" {
  description = "Target groups to watch, as CloudWatch names them, by container."
  type        = map(string)
}

variable "db_identifier" {
  description = "Identifier of the primary database."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*$", var.db_identifier))
    error_message = "db_identifier is a database's identifier: lower-case letters, digits and hyphens."
  }
}

variable "replica_identifier" {
  description = "Identifier of the read replica; null without one."
  type        = string
  default     = null

  validation {
    condition     = var.replica_identifier == null || can(regex("^[a-z][a-z0-9-]*$", var.replica_identifier))
    error_message = "replica_identifier is a database's identifier: lower-case letters, digits and hyphens."
  }
}

variable "lambda_function_name" {
  description = "Restore function; its log group is named after it."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,64}$", var.lambda_function_name))
    error_message = "lambda_function_name is a function's name: letters, digits, hyphens and underscores."
  }
}

variable "state_machine_name" {
  description = "Restore state machine; its log group is named after it."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,80}$", var.state_machine_name))
    error_message = "state_machine_name is a state machine's name: letters, digits, hyphens and underscores."
  }
}

variable "dead_letter_queue_name" {
  description = "Queue that takes events for which no restore could be started."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,80}$", var.dead_letter_queue_name))
    error_message = "dead_letter_queue_name is a queue's name: letters, digits, hyphens and underscores."
  }
}

variable "metrics_namespace" {
  description = "CloudWatch namespace that the agent on the instances publishes to."
  type        = string
  default     = "CWAgent"

  validation {
    condition     = can(regex("^[A-Za-z0-9_/.#-]{1,255}$", var.metrics_namespace)) && !startswith(var.metrics_namespace, "AWS/")
    error_message = "metrics_namespace is a CloudWatch namespace; those that start with AWS/ are AWS's own."
  }
}

variable "alarm_email" {
  description = "Address that alarms are mailed to, once its owner has confirmed. Null mails nobody."
  type        = string
  default     = null

  validation {
    condition     = var.alarm_email == null || can(regex("^[^@[:space:]]+@[^@[:space:]]+\\.[^@[:space:]]+$", var.alarm_email))
    error_message = "alarm_email is an e-mail address."
  }
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "CloudWatch keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653 days."
  }
}

variable "thresholds" {
  description = "When alarms start: load of instances and of databases, memory and disk in percent, errors that visitors get a minute, free space of a database in GiB, seconds that the replica is behind."
  type = object({
    cpu_percent         = optional(number, 80)
    db_cpu_percent      = optional(number, 80)
    memory_percent      = optional(number, 85)
    disk_percent        = optional(number, 85)
    errors_per_minute   = optional(number, 10)
    db_free_gib         = optional(number, 2)
    replica_lag_seconds = optional(number, 60)
  })
  default = {}

  validation {
    condition     = alltrue([for p in [var.thresholds.cpu_percent, var.thresholds.db_cpu_percent, var.thresholds.memory_percent, var.thresholds.disk_percent] : p > 0 && p < 100])
    error_message = "Percentages are more than 0 and less than 100."
  }

  validation {
    condition     = var.thresholds.errors_per_minute >= 0 && var.thresholds.db_free_gib > 0 && var.thresholds.replica_lag_seconds > 0
    error_message = "errors_per_minute is 0 or more; db_free_gib and replica_lag_seconds are more than 0."
  }
}

variable "minutes" {
  description = "How many minutes something has to last until its alarm starts: load of processors, and shortage of memory, disk, storage or replicated data. Errors and sick targets count at once."
  type = object({
    load     = optional(number, 10)
    shortage = optional(number, 5)
  })
  default = {}

  validation {
    condition     = alltrue([for m in values(var.minutes) : m >= 1 && m <= 60 && floor(m) == m])
    error_message = "Alarms wait for 1 to 60 whole minutes."
  }
}

variable "detailed_monitoring" {
  description = "Whether EC2 measures the instances every minute; without it every five, and the load counts in steps of five minutes."
  type        = bool
  default     = true
}
