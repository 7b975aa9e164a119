variable "bucket_name" {
  description = "Name of the bucket; unique among all of AWS."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket_name))
    error_message = "A bucket name has 3 to 63 lower-case letters, digits and hyphens, and starts and ends with a letter or digit."
  }
}

variable "force_destroy" {
  description = "Whether destroy may delete the bucket with everything in it, users' avatars included."
  type        = bool
  default     = false
}

variable "avatars_prefix" {
  description = "Where users' pictures live."
  type        = string
  default     = "avatars/"

  validation {
    condition     = can(regex("^[a-z0-9-]+/$", var.avatars_prefix))
    error_message = "A prefix ends in a slash: without it, other keys that start alike would match too."
  }
}

variable "db_dumps_prefix" {
  description = "Where database dumps arrive."
  type        = string
  default     = "db-dumps/"

  validation {
    condition     = can(regex("^[a-z0-9-]+/$", var.db_dumps_prefix))
    error_message = "A prefix ends in a slash: without it, other keys that start alike would match too."
  }
}

variable "reports_prefix" {
  description = "Where reports of restores are written. Not where dumps arrive, or each report would start a restore."
  type        = string
  default     = "restore-reports/"

  validation {
    condition     = can(regex("^[a-z0-9-]+/$", var.reports_prefix)) && var.reports_prefix != var.db_dumps_prefix
    error_message = "reports_prefix ends in a slash and is not db_dumps_prefix: each report would start a restore."
  }
}

variable "backups_prefix" {
  description = "Where backups of the shop are written. Not where dumps arrive, or each backup would start a restore."
  type        = string
  default     = "backups/"

  validation {
    condition     = can(regex("^[a-z0-9-]+/$", var.backups_prefix)) && !contains([var.db_dumps_prefix, var.reports_prefix, var.avatars_prefix], var.backups_prefix)
    error_message = "backups_prefix ends in a slash and is no other prefix: each backup would start a restore, or never expire."
  }
}

variable "layers_prefix" {
  description = "Where the function's layers live."
  type        = string
  default     = "layers/"

  validation {
    condition     = can(regex("^[a-z0-9-]+/$", var.layers_prefix))
    error_message = "A prefix ends in a slash: without it, other keys that start alike would match too."
  }
}

variable "dump_retention_days" {
  description = "Days after which a dump and the report of its restore are deleted."
  type        = number
  default     = 30

  validation {
    condition     = var.dump_retention_days >= 1 && floor(var.dump_retention_days) == var.dump_retention_days
    error_message = "Keep dumps for at least one whole day."
  }
}

variable "backup_retention_days" {
  description = "Days after which a backup is deleted."
  type        = number
  default     = 90

  validation {
    condition     = var.backup_retention_days >= 1 && floor(var.backup_retention_days) == var.backup_retention_days
    error_message = "Keep backups for at least one whole day."
  }
}

variable "noncurrent_version_days" {
  description = "Days after which a replaced or deleted dump, backup or layer is gone for good."
  type        = number
  default     = 30

  validation {
    condition     = var.noncurrent_version_days >= 1 && floor(var.noncurrent_version_days) == var.noncurrent_version_days
    error_message = "Keep old versions for at least one whole day."
  }
}

variable "layer_zip" {
  description = "Path of the built layer."
  type        = string

  validation {
    condition     = fileexists(var.layer_zip)
    error_message = "The layer's zip is not built. `grocery deploy` builds it before it plans."
  }
}
