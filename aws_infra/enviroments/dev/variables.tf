# Values that only pass through are checked by the module that uses them.

# --- where -------------------------------------------------------------------

variable "project_name" {
  description = "Prefix of every resource; the same as in the bootstrap."
  type        = string
  default     = "grocery"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,14}[a-z0-9]$", var.project_name)) && length("${var.project_name}-${var.environment}") <= 23
    error_message = "project_name has 3 to 16 lower-case letters, digits and hyphens and starts with a letter; together with environment it has at most 22, since a target group's name has 32."
  }
}

variable "environment" {
  description = "Name of this environment. Everything outside dev is protected against deletion."
  type        = string
  default     = "dev"

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,9}$", var.environment))
    error_message = "environment has 2 to 10 lower-case letters and digits and starts with a letter."
  }
}

variable "region" {
  description = "AWS region to build in."
  type        = string
  default     = "eu-central-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is a region's code, for example eu-central-1."
  }
}

variable "deletion_protection" {
  description = "Whether balancer, database, bucket, images and secrets refuse to be deleted for good. Null protects every environment but dev."
  type        = bool
  default     = null
}

variable "use_permissions_boundary" {
  description = "Whether every role carries the boundary <project_name>-boundary, which the bootstrap makes. The pipeline's role can create no other."
  type        = bool
  default     = true
}

# --- network -----------------------------------------------------------------

variable "vpc_cidr" {
  description = "IPv4 range of the network."
  type        = string
  default     = "10.0.0.0/16"
}

variable "availability_zones" {
  description = "Zones to build in, in a stable order. Null takes the first two of the region."
  type        = list(string)
  default     = null

  validation {
    condition     = var.availability_zones == null || alltrue([for z in coalesce(var.availability_zones, []) : startswith(z, var.region)])
    error_message = "availability_zones are zones of the region, for example eu-central-1a."
  }
}

variable "nat_gateway_per_zone" {
  description = "Whether every zone has its own NAT gateway; one for all is cheaper."
  type        = bool
  default     = false
}

variable "alb_ingress_cidrs" {
  description = "Addresses that may visit the shop."
  type        = set(string)
  default     = ["0.0.0.0/0"]
}

variable "ssh_cidr" {
  description = "Addresses that may open SSH to instances. Null opens none: use Session Manager."
  type        = string
  default     = null
}

variable "http_egress" {
  description = "Whether instances may also fetch over plain HTTP; only Debian-family images that install packages at boot need it."
  type        = bool
  default     = false
}

variable "certificate_arn" {
  description = "ACM certificate for HTTPS; null serves plain HTTP."
  type        = string
  default     = null
}

variable "domain_name" {
  description = "Name the certificate is for; given together with certificate_arn. Its DNS record, pointing at the balancer, is yours to make."
  type        = string
  default     = null
}

# --- instances ---------------------------------------------------------------

variable "ami_id" {
  description = "Image of the instances; null takes the newest Amazon Linux 2023."
  type        = string
  default     = null
}

variable "ami_ssm_parameter" {
  description = "Public parameter that holds the id of the newest image."
  type        = string
  default     = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
}

variable "instance_type" {
  description = "Size of the instances."
  type        = string
  default     = "t3.small"
}

variable "key_name" {
  description = "SSH key of the instances; null has none."
  type        = string
  default     = null
}

variable "root_device_name" {
  description = "Name of the image's root device."
  type        = string
  default     = "/dev/xvda"
}

variable "asg_min_size" {
  description = "Fewest instances."
  type        = number
  default     = 1
}

variable "asg_max_size" {
  description = "Most instances."
  type        = number
  default     = 4
}

variable "asg_desired_capacity" {
  description = "How many instances run; ignored with enable_scaling."
  type        = number
  default     = 2
}

variable "enable_scaling" {
  description = "Whether the group scales itself by processor load."
  type        = bool
  default     = false
}

variable "detailed_monitoring" {
  description = "Whether EC2 measures the instances every minute instead of every five, which costs about 2 USD a month for each instance."
  type        = bool
  default     = true
}

variable "boot_timeout_seconds" {
  description = "Seconds that a boot may take until it counts as failed."
  type        = number
  default     = 900
}

# --- images ------------------------------------------------------------------

variable "ecr_repository_name" {
  description = "Repository that is made, pushed to and pulled from."
  type        = string
  default     = "grocery-app"

  validation {
    condition     = startswith(var.ecr_repository_name, "${var.project_name}-")
    error_message = "ecr_repository_name starts with project_name and a hyphen: the boundary lets instances pull from nowhere else."
  }
}

variable "ecr_repository_url" {
  description = "Address of that repository. Not needed; when given, it has to be the one that is made here."
  type        = string
  default     = null

  validation {
    condition     = var.ecr_repository_url == null || try(endswith(var.ecr_repository_url, ".dkr.ecr.${var.region}.amazonaws.com/${var.ecr_repository_name}") && startswith(var.ecr_repository_url, "${data.aws_caller_identity.current.account_id}."), false)
    error_message = "ecr_repository_url is not the repository of this account, region and ecr_repository_name. Leave it out: instances pull from the repository that is made here."
  }
}

variable "image_tag" {
  description = "Version to run. The pipeline sets it to a commit's hash; latest stands for the newest images while this is planned."
  type        = string
  default     = "latest"
}

# --- shop --------------------------------------------------------------------

variable "payment_provider" {
  description = "Who takes card payments: none, or test, which takes no money and says so."
  type        = string
  default     = "none"
}

# --- database ----------------------------------------------------------------

variable "db_name" {
  description = "Database inside the instance."
  type        = string
  default     = "grocery"
}

variable "db_username" {
  description = "Master user."
  type        = string
  default     = "grocery"
}

variable "db_pass" {
  description = "Password of the master user, from TF_VAR_db_pass; null draws one. Sent only when db_password_version changes."
  type        = string
  default     = null
  ephemeral   = true
  sensitive   = true
}

variable "db_password_version" {
  description = "Number of the password. Raise it to set a new one in secret and database together."
  type        = number
  default     = 1
}

variable "app_secret_version" {
  description = "Number of the backend's keys. Raise it to draw new ones; everybody has to sign in again once instances are replaced."
  type        = number
  default     = 1

  validation {
    condition     = var.app_secret_version >= 1 && floor(var.app_secret_version) == var.app_secret_version
    error_message = "app_secret_version is a whole number from 1 on."
  }
}

variable "db_engine_version" {
  description = "PostgreSQL version, major or exact."
  type        = string
  default     = "15"
}

variable "db_instance_class" {
  description = "Size of the primary."
  type        = string
  default     = "db.t3.micro"
}

variable "replica_instance_class" {
  description = "Size of the replica; null takes the primary's."
  type        = string
  default     = null
}

variable "enable_read_replica" {
  description = "Whether a replica takes the reads."
  type        = bool
  default     = true
}

variable "db_multi_az" {
  description = "Whether a standby in another zone takes over when the primary fails."
  type        = bool
  default     = false
}

variable "db_allocated_storage" {
  description = "Storage to start with, in GiB."
  type        = number
  default     = 20
}

variable "db_max_allocated_storage" {
  description = "Storage that RDS may grow to by itself, in GiB; 0 never grows."
  type        = number
  default     = 100
}

variable "db_backup_retention_days" {
  description = "Days that automatic backups are kept."
  type        = number
  default     = 7
}

# --- restore, alarms, logs ---------------------------------------------------

variable "function_zip" {
  description = "Path of the built restore function, from this directory."
  type        = string
  default     = "../../lambda_handler/lambda_function.zip"
}

variable "layer_zip" {
  description = "Path of the built layer with the certificates of RDS, from this directory."
  type        = string
  default     = "../../layers/rds-ca.zip"
}

variable "lambda_architecture" {
  description = "Processor that the restore function was built for."
  type        = string
  default     = "x86_64"
}

variable "dump_retention_days" {
  description = "Days after which a dump is deleted."
  type        = number
  default     = 30
}

variable "alarm_email" {
  description = "Address that alarms are mailed to; null mails nobody."
  type        = string
  default     = null
}

variable "alarm_thresholds" {
  description = "When alarms start; what is left out keeps the monitoring module's value."
  type = object({
    cpu_percent         = optional(number)
    db_cpu_percent      = optional(number)
    memory_percent      = optional(number)
    disk_percent        = optional(number)
    errors_per_minute   = optional(number)
    db_free_gib         = optional(number)
    replica_lag_seconds = optional(number)
  })
  default = {}
}

variable "alarm_minutes" {
  description = "How many minutes something has to last until its alarm starts; what is left out keeps the monitoring module's value."
  type = object({
    load     = optional(number)
    shortage = optional(number)
  })
  default = {}
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 30
}
