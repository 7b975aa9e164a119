variable "name" {
  description = "Prefix of every name, for example grocery-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "name has 3 to 32 lower-case letters, digits and hyphens and starts with a letter."
  }
}

variable "region" {
  description = "AWS region of the instances."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is a region's code, for example eu-central-1."
  }
}

variable "tags" {
  description = "Tags of instances, volumes and interfaces, which the provider's default tags do not reach."
  type        = map(string)
  default     = {}
}

# --- the group ---------------------------------------------------------------

variable "asg_name" {
  description = "Name of the Auto Scaling group."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,255}$", var.asg_name))
    error_message = "asg_name has letters, digits, hyphens and underscores."
  }
}

variable "asg_min_size" {
  description = "Fewest instances."
  type        = number
  default     = 1

  validation {
    condition     = var.asg_min_size >= 0 && floor(var.asg_min_size) == var.asg_min_size
    error_message = "asg_min_size is a whole number from 0 on."
  }
}

variable "asg_max_size" {
  description = "Most instances."
  type        = number
  default     = 4

  validation {
    condition     = var.asg_max_size >= var.asg_min_size && var.asg_max_size >= 1 && floor(var.asg_max_size) == var.asg_max_size
    error_message = "asg_max_size is a whole number, at least 1 and at least asg_min_size."
  }
}

variable "asg_desired_capacity" {
  description = "How many instances run. With enable_scaling the group decides, and this is ignored."
  type        = number
  default     = 2

  validation {
    condition     = var.asg_desired_capacity >= var.asg_min_size && var.asg_desired_capacity <= var.asg_max_size && floor(var.asg_desired_capacity) == var.asg_desired_capacity
    error_message = "asg_desired_capacity lies between asg_min_size and asg_max_size."
  }
}

variable "enable_scaling" {
  description = "Whether the group scales itself by processor load."
  type        = bool
  default     = false
}

variable "scaling_cpu_percent" {
  description = "Average load that scaling keeps the group at, in percent."
  type        = number
  default     = 60

  validation {
    condition     = var.scaling_cpu_percent >= 10 && var.scaling_cpu_percent <= 90
    error_message = "scaling_cpu_percent is 10 to 90."
  }
}

variable "boot_timeout_seconds" {
  description = "Seconds that a boot may take until it has to report; afterwards it counts as failed."
  type        = number
  default     = 900

  validation {
    condition     = var.boot_timeout_seconds >= 120 && var.boot_timeout_seconds <= 7200 && floor(var.boot_timeout_seconds) == var.boot_timeout_seconds
    error_message = "boot_timeout_seconds is 120 to 7200, which is what a lifecycle hook takes."
  }
}

variable "health_check_grace_seconds" {
  description = "Seconds after the report in which the balancer's verdict does not count yet. An instance that reports is healthy already; the balancer only has to notice."
  type        = number
  default     = 90

  validation {
    condition     = var.health_check_grace_seconds >= 30 && var.health_check_grace_seconds <= 3600 && floor(var.health_check_grace_seconds) == var.health_check_grace_seconds
    error_message = "health_check_grace_seconds is 30 to 3600."
  }
}

variable "instance_warmup_seconds" {
  description = "Seconds that a new instance serves before a release takes the next old one away. An instance in service is healthy already; this is for what shows only under load."
  type        = number
  default     = 30

  validation {
    condition     = var.instance_warmup_seconds >= 0 && var.instance_warmup_seconds <= 3600 && floor(var.instance_warmup_seconds) == var.instance_warmup_seconds
    error_message = "instance_warmup_seconds is 0 to 3600."
  }
}

variable "subnet_ids" {
  description = "Private subnets to run in."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) > 0
    error_message = "Instances need at least one subnet."
  }
}

variable "target_group_arns" {
  description = "Target groups that instances join, by container."
  type        = map(string)
}

# --- the instance ------------------------------------------------------------

variable "ami_id" {
  description = "Image of the instances. Null takes the one that ami_ssm_parameter names while this is planned."
  type        = string
  default     = null

  validation {
    condition     = var.ami_id == null || can(regex("^ami-([0-9a-f]{8}|[0-9a-f]{17})$", var.ami_id))
    error_message = "ami_id is an image's id, ami- and 8 or 17 hexadecimal digits, or null for the newest Amazon Linux 2023."
  }
}

variable "ami_ssm_parameter" {
  description = "Public parameter that holds the id of the newest image."
  type        = string
  default     = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"

  validation {
    condition     = startswith(var.ami_ssm_parameter, "/")
    error_message = "ami_ssm_parameter is a parameter's full name and starts with a slash."
  }
}

variable "instance_type" {
  description = "Size of the instances."
  type        = string
  default     = "t3.small"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*\\.[a-z0-9-]+$", var.instance_type))
    error_message = "instance_type is a type and a size, for example t3.small."
  }
}

variable "key_name" {
  description = "SSH key of the instances. Null, the default, has none: use Session Manager."
  type        = string
  default     = null
}

variable "security_group_id" {
  description = "Group of the instances."
  type        = string
}

variable "instance_profile_name" {
  description = "Instance profile of the instances."
  type        = string
}

variable "detailed_monitoring" {
  description = "Whether EC2 measures every minute instead of every five, which costs about 2 USD a month for each instance."
  type        = bool
  default     = true
}

variable "root_device_name" {
  description = "Name of the image's root device: /dev/xvda for Amazon Linux and Debian, /dev/sda1 for Ubuntu."
  type        = string
  default     = "/dev/xvda"

  validation {
    condition     = startswith(var.root_device_name, "/dev/")
    error_message = "root_device_name starts with /dev/."
  }
}

variable "root_volume_gib" {
  description = "Size of the root volume in GiB."
  type        = number
  default     = 20

  validation {
    condition     = var.root_volume_gib >= 8 && var.root_volume_gib <= 16384 && floor(var.root_volume_gib) == var.root_volume_gib
    error_message = "root_volume_gib is 8 to 16384."
  }
}

# --- what runs on it ---------------------------------------------------------

variable "image_tag" {
  description = "Version to run: images backend-<image_tag> and frontend-<image_tag>. latest stands for what backend-latest and frontend-latest are while this is planned."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_][A-Za-z0-9_.-]{0,110}$", var.image_tag)) && !startswith(var.image_tag, "backend-") && !startswith(var.image_tag, "frontend-")
    error_message = "image_tag is the part behind backend- and frontend-: letters, digits, dots, hyphens and underscores."
  }
}

variable "ecr_repository_url" {
  description = "Repository to pull from, without a tag."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9.-]+(:[0-9]+)?/[a-z0-9._/-]+$", var.ecr_repository_url))
    error_message = "ecr_repository_url is a registry's host and a repository's name, without scheme, tag or digest."
  }
}

variable "ecr_repository_name" {
  description = "Name of the same repository."
  type        = string
}

variable "app_ports" {
  description = "Ports on which the instance serves page and API."
  type = object({
    frontend = number
    backend  = number
  })
  default = {
    frontend = 80
    backend  = 5000
  }

  validation {
    condition     = alltrue([for p in values(var.app_ports) : p >= 1 && p <= 65535 && floor(p) == p]) && var.app_ports.frontend != var.app_ports.backend
    error_message = "Page and API need two different ports from 1 to 65535."
  }
}

variable "container_memory_mib" {
  description = "Memory that each container may take, in MiB."
  type = object({
    backend  = optional(number, 512)
    frontend = optional(number, 128)
  })
  default = {}

  validation {
    condition     = alltrue([for m in values(var.container_memory_mib) : m >= 32 && floor(m) == m])
    error_message = "Containers need at least 32 MiB each."
  }
}

variable "alb_url" {
  description = "Address of the shop; the page calls its API there."
  type        = string

  validation {
    condition     = can(regex("^https?://[A-Za-z0-9.-]+(:[0-9]+)?$", var.alb_url))
    error_message = "alb_url is http:// or https:// and a host, without a path."
  }
}

variable "db_host" {
  description = "Host of the primary database."
  type        = string
}

variable "db_replica_host" {
  description = "Host of the read replica; null without one."
  type        = string
  default     = null
}

variable "db_port" {
  description = "Port of primary and replica."
  type        = number
  default     = 5432

  validation {
    condition     = var.db_port >= 1150 && var.db_port <= 65535 && floor(var.db_port) == var.db_port
    error_message = "RDS takes ports from 1150 to 65535."
  }
}

variable "db_name" {
  description = "Database of the shop."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,62}$", var.db_name))
    error_message = "db_name has up to 63 lower-case letters, digits and underscores and starts with a letter."
  }
}

variable "db_secret_id" {
  description = "Secret with the database's login."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9/_+=.@:-]+$", var.db_secret_id))
    error_message = "db_secret_id is a secret's name or ARN."
  }
}

variable "app_secret_id" {
  description = "Secret with the application's keys."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9/_+=.@:-]+$", var.app_secret_id))
    error_message = "app_secret_id is a secret's name or ARN."
  }
}

variable "payment_provider" {
  description = "Who takes card payments: none, or test, which takes no money and says so."
  type        = string
  default     = "none"

  validation {
    condition     = contains(["none", "test"], var.payment_provider)
    error_message = "payment_provider is none or test."
  }
}

variable "bucket_name" {
  description = "Bucket of users' pictures."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket_name))
    error_message = "bucket_name is a bucket's name, without arn: or s3://."
  }
}

variable "metrics_namespace" {
  description = "CloudWatch namespace of the agent's metrics."
  type        = string
  default     = "CWAgent"

  validation {
    condition     = can(regex("^[A-Za-z0-9_/.#-]{1,255}$", var.metrics_namespace)) && !startswith(var.metrics_namespace, "AWS/")
    error_message = "metrics_namespace is a CloudWatch namespace; those that start with AWS/ are AWS's own."
  }
}

variable "log_group_name" {
  description = "Log group for the logs of boots."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_/.#-]{1,512}$", var.log_group_name))
    error_message = "log_group_name is a log group's name."
  }
}

variable "compose" {
  description = "Compose plugin that is fetched where the image has none: version and checksum of its release for each processor."
  type = object({
    version = string
    sha256 = object({
      x86_64  = string
      aarch64 = string
    })
  })
  default = {
    version = "2.40.3"
    sha256 = {
      x86_64  = "dba9d98e1ba5bfe11d88c99b9bd32fc4a0624a30fafe68eea34d61a3e42fd372"
      aarch64 = "d26373b19e89160546d15407516cc59f453030d9bc5b43ba7faf16f7b4980137"
    }
  }

  validation {
    condition     = can(regex("^[0-9]+\\.[0-9]+\\.[0-9]+$", var.compose.version)) && alltrue([for s in values(var.compose.sha256) : can(regex("^[0-9a-f]{64}$", s))])
    error_message = "compose needs a version such as 2.40.3 and a SHA-256 of 64 hexadecimal digits for each processor."
  }
}
