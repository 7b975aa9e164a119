variable "name" {
  description = "Prefix of every name, for example grocery-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "name has 3 to 32 lower-case letters, digits and hyphens and starts with a letter."
  }
}

variable "identifier" {
  description = "Identifier of the primary."
  type        = string

  validation {
    condition     = can(regex("^[a-z]([a-z0-9]|-[a-z0-9]){0,62}$", var.identifier))
    error_message = "identifier has up to 63 lower-case letters, digits and single hyphens and starts with a letter."
  }
}

variable "replica_identifier" {
  description = "Identifier of the read replica."
  type        = string
  default     = null

  validation {
    condition     = var.replica_identifier == null || can(regex("^[a-z]([a-z0-9]|-[a-z0-9]){0,62}$", var.replica_identifier))
    error_message = "replica_identifier has up to 63 lower-case letters, digits and single hyphens and starts with a letter."
  }
}

variable "enable_read_replica" {
  description = "Whether a replica takes the reads."
  type        = bool
  default     = false

  validation {
    condition     = !var.enable_read_replica || var.replica_identifier != null
    error_message = "A replica needs its replica_identifier."
  }
}

variable "engine_version" {
  description = "PostgreSQL version: a major one (RDS keeps its minor version current) or an exact one."
  type        = string
  default     = "15"

  validation {
    condition     = can(regex("^(1[5-9]|[2-9][0-9])(\\.[0-9]+)?$", var.engine_version))
    error_message = "engine_version is PostgreSQL 15 or newer, for example 15 or 15.12."
  }
}

variable "instance_class" {
  description = "Size of the primary."
  type        = string
  default     = "db.t3.micro"

  validation {
    condition     = can(regex("^db\\.[a-z0-9-]+\\.[a-z0-9]+$", var.instance_class))
    error_message = "instance_class is a database class, for example db.t3.micro."
  }
}

variable "replica_instance_class" {
  description = "Size of the replica; null takes the primary's."
  type        = string
  default     = null

  validation {
    condition     = var.replica_instance_class == null || can(regex("^db\\.[a-z0-9-]+\\.[a-z0-9]+$", var.replica_instance_class))
    error_message = "replica_instance_class is a database class, for example db.t3.micro."
  }
}

variable "db_name" {
  description = "Database that is made inside the instance."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,62}$", var.db_name)) && !contains(["postgres", "template0", "template1", "rdsadmin"], var.db_name)
    error_message = "db_name has up to 63 lower-case letters, digits and underscores, starts with a letter and is not one of PostgreSQL's own (an identifier such as grocery-dev-db is not a database name)."
  }
}

variable "db_username" {
  description = "Master user."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,62}$", var.db_username)) && !contains(["postgres", "rdsadmin", "admin", "rds_superuser", "rdsrepladmin", "rds_replication"], var.db_username)
    error_message = "db_username has up to 63 lower-case letters, digits and underscores, starts with a letter and is not reserved by RDS."
  }
}

variable "db_pass" {
  description = "Password of the master user. Sent when db_password_version changes, kept nowhere."
  type        = string
  ephemeral   = true
  sensitive   = true

  validation {
    condition     = can(regex("^[!-~]{16,128}$", var.db_pass)) && !can(regex("['\"/@\\\\]", var.db_pass))
    error_message = "The password needs 16 to 128 printable characters, without space, quotes, slash, backslash or at sign."
  }
}

variable "db_password_version" {
  description = "Number of the password. Raise it to set a new one in the secret and in the database together."
  type        = number
  default     = 1

  validation {
    condition     = var.db_password_version >= 1 && floor(var.db_password_version) == var.db_password_version
    error_message = "db_password_version is a whole number from 1 on."
  }
}

variable "secret_name" {
  description = "Secret that holds the login."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9/_+=.@-]{1,512}$", var.secret_name)) && !can(regex("-[A-Za-z0-9]{6}$", var.secret_name))
    error_message = "secret_name has letters, digits and /_+=.@- and must not end in a hyphen and six characters, which is how secrets' ARNs end."
  }
}

variable "secret_recovery_window_days" {
  description = "Days in which a deleted secret can be brought back and its name is taken; 0 deletes at once."
  type        = number
  default     = 30

  validation {
    condition     = var.secret_recovery_window_days == 0 || var.secret_recovery_window_days >= 7 && var.secret_recovery_window_days <= 30
    error_message = "secret_recovery_window_days is 0 or 7 to 30."
  }
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

variable "allocated_storage" {
  description = "Storage to start with, in GiB."
  type        = number
  default     = 20

  validation {
    condition     = var.allocated_storage >= 20 && var.allocated_storage <= 65536 && floor(var.allocated_storage) == var.allocated_storage
    error_message = "gp3 storage is 20 to 65536 GiB."
  }
}

variable "max_allocated_storage" {
  description = "Storage that RDS may grow to by itself, in GiB; 0 never grows."
  type        = number
  default     = 100

  validation {
    condition     = var.max_allocated_storage == 0 || var.max_allocated_storage >= var.allocated_storage * 1.1
    error_message = "max_allocated_storage is 0 or at least a tenth more than allocated_storage."
  }
}

variable "subnet_ids" {
  description = "Private subnets, in two zones at least."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "A database needs subnets in two zones at least."
  }
}

variable "security_group_id" {
  description = "Group of primary and replica."
  type        = string
}

variable "multi_az" {
  description = "Whether a standby in another zone takes over when the primary fails."
  type        = bool
  default     = false
}

variable "backup_retention_days" {
  description = "Days that automatic backups are kept. A replica needs one at least."
  type        = number
  default     = 7

  validation {
    condition     = var.backup_retention_days >= 1 && var.backup_retention_days <= 35 && floor(var.backup_retention_days) == var.backup_retention_days
    error_message = "backup_retention_days is 1 to 35."
  }
}

variable "deletion_protection" {
  description = "Whether the database refuses to be deleted, and leaves a snapshot and its backups when it is after all."
  type        = bool
  default     = true
}

variable "apply_immediately" {
  description = "Whether changes that restart the database happen at once instead of in its maintenance window."
  type        = bool
  default     = false
}

variable "monitoring_interval" {
  description = "Seconds between samples of enhanced monitoring; 0 turns it off."
  type        = number
  default     = 60

  validation {
    condition     = contains([0, 1, 5, 10, 15, 30, 60], var.monitoring_interval)
    error_message = "monitoring_interval is 0, 1, 5, 10, 15, 30 or 60 seconds."
  }
}

variable "monitoring_role_arn" {
  description = "Role with which RDS delivers enhanced monitoring."
  type        = string
  default     = null

  validation {
    condition     = var.monitoring_interval == 0 || var.monitoring_role_arn != null
    error_message = "Enhanced monitoring needs monitoring_role_arn."
  }
}

variable "performance_insights" {
  description = "Whether Performance Insights keeps a week of statistics."
  type        = bool
  default     = true
}

variable "slow_query_ms" {
  description = "Milliseconds after which a statement is logged."
  type        = number
  default     = 1000

  validation {
    condition     = var.slow_query_ms >= 1 && floor(var.slow_query_ms) == var.slow_query_ms
    error_message = "slow_query_ms is a whole number from 1 on: 0 would log every statement, with what users typed."
  }
}
