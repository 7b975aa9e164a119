variable "bucket_name" {
  description = "Name of the bucket that holds the state files; unique among all of AWS."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket_name))
    error_message = "A bucket name has 3 to 63 lower-case letters, digits and hyphens, and starts and ends with a letter or digit."
  }
}

variable "lock_table_name" {
  description = "Name of the DynamoDB table that holds the lock."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9_.-]{3,255}$", var.lock_table_name))
    error_message = "A table name has 3 to 255 letters, digits, dots, hyphens and underscores."
  }
}

variable "force_destroy" {
  description = "Whether destroy may delete the bucket with all state in it, and the lock table. Only for throw-away accounts."
  type        = bool
  default     = false
}
