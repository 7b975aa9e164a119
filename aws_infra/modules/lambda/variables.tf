variable "function_name" {
  description = "Name of the function."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,64}$", var.function_name))
    error_message = "function_name has up to 64 letters, digits, hyphens and underscores."
  }
}

variable "function_zip" {
  description = "Path of the built function: a zip with an executable named bootstrap."
  type        = string

  validation {
    condition     = fileexists(var.function_zip)
    error_message = "The function's zip is not built. `grocery deploy` builds it before it plans."
  }
}

variable "architecture" {
  description = "Processor that the function was built for."
  type        = string
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture is x86_64 or arm64."
  }
}

variable "role_arn" {
  description = "Role of the function."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/.+$", var.role_arn))
    error_message = "role_arn is a role's ARN."
  }
}

variable "layer_bucket" {
  description = "Bucket of the layer."
  type        = string
}

variable "layer_object_key" {
  description = "Key of the layer."
  type        = string
}

variable "layer_object_version" {
  description = "Version of the layer's object."
  type        = string
}

variable "memory_mib" {
  description = "Memory of the function in MiB; processor time grows with it."
  type        = number
  default     = 512

  validation {
    condition     = var.memory_mib >= 128 && var.memory_mib <= 10240 && floor(var.memory_mib) == var.memory_mib
    error_message = "memory_mib is 128 to 10240."
  }
}

variable "timeout_seconds" {
  description = "Seconds that one restore may take."
  type        = number
  default     = 900

  validation {
    condition     = var.timeout_seconds >= 30 && var.timeout_seconds <= 900 && floor(var.timeout_seconds) == var.timeout_seconds
    error_message = "timeout_seconds is 30 to 900, which is Lambda's limit."
  }
}

variable "subnet_ids" {
  description = "Private subnets to run in."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) > 0
    error_message = "The function needs a subnet to reach the database."
  }
}

variable "security_group_id" {
  description = "Group of the function."
  type        = string
}

variable "log_group_name" {
  description = "Log group named after the function."
  type        = string

  validation {
    condition     = endswith(var.log_group_name, "/${var.function_name}")
    error_message = "The log group is named after the function, so that people find it: /aws/lambda/<function_name>."
  }
}

variable "reports_prefix" {
  description = "Where the function writes its reports, in the bucket of the dump."
  type        = string
  default     = "restore-reports/"

  validation {
    condition     = can(regex("^[a-z0-9-]+/$", var.reports_prefix))
    error_message = "A prefix ends in a slash."
  }
}

variable "initial_dump_key" {
  description = "Key of the dump that is for an empty shop only: one in use keeps its data."
  type        = string
  default     = "db-dumps/initial.dump"

  validation {
    condition     = can(regex("^[a-z0-9-]+/.+$", var.initial_dump_key))
    error_message = "initial_dump_key is a key below the prefix of dumps."
  }
}

variable "db_host" {
  description = "Host of the primary database."
  type        = string
}

variable "db_port" {
  description = "Port of the database."
  type        = number
  default     = 5432

  validation {
    condition     = var.db_port >= 1150 && var.db_port <= 65535 && floor(var.db_port) == var.db_port
    error_message = "RDS takes ports from 1150 to 65535."
  }
}

variable "db_name" {
  description = "Database to restore into."
  type        = string
}

variable "db_secret_id" {
  description = "Secret with the database's login."
  type        = string
}
