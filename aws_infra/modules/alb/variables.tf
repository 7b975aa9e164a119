variable "name" {
  description = "Prefix of every name, for example grocery-dev. A target group's name has 32 characters at most."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,21}[a-z0-9]$", var.name))
    error_message = "name has 3 to 23 lower-case letters, digits and hyphens and starts with a letter."
  }
}

variable "vpc_id" {
  description = "Network of the targets."
  type        = string
}

variable "subnet_ids" {
  description = "Public subnets, in two zones at least."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "A balancer needs subnets in two zones at least."
  }
}

variable "security_group_id" {
  description = "Group of the balancer."
  type        = string
}

variable "app_ports" {
  description = "Ports on which instances serve page and API."
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

variable "health_check" {
  description = "How instances are checked: seconds between checks and until one fails, and how many in a row change the verdict."
  type = object({
    interval            = optional(number, 10)
    timeout             = optional(number, 5)
    healthy_threshold   = optional(number, 2)
    unhealthy_threshold = optional(number, 3)
  })
  default = {}

  validation {
    condition     = var.health_check.interval >= 5 && var.health_check.interval <= 300 && var.health_check.timeout >= 2 && var.health_check.timeout <= 120 && var.health_check.timeout < var.health_check.interval
    error_message = "interval is 5 to 300 seconds, timeout 2 to 120 and shorter than interval."
  }

  validation {
    condition     = alltrue([for n in [var.health_check.healthy_threshold, var.health_check.unhealthy_threshold] : n >= 2 && n <= 10])
    error_message = "Thresholds are 2 to 10 checks in a row."
  }
}

variable "deregistration_delay" {
  description = "Seconds that requests under way may take to end when an instance leaves."
  type        = number
  default     = 30

  validation {
    condition     = var.deregistration_delay >= 0 && var.deregistration_delay <= 3600
    error_message = "deregistration_delay is 0 to 3600 seconds."
  }
}

variable "certificate_arn" {
  description = "Certificate for HTTPS, in ACM of this region. Null serves plain HTTP; with one, HTTP redirects to HTTPS."
  type        = string
  default     = null

  validation {
    condition     = var.certificate_arn == null || can(regex("^arn:[a-z-]+:acm:[a-z0-9-]+:[0-9]{12}:certificate/[a-f0-9-]+$", var.certificate_arn))
    error_message = "certificate_arn is an ACM certificate's ARN."
  }
}

variable "domain_name" {
  description = "Name the certificate is for, under which visitors reach the balancer. Needed with a certificate."
  type        = string
  default     = null

  validation {
    condition     = (var.domain_name == null) == (var.certificate_arn == null)
    error_message = "A certificate and the domain name it is for go together: give both or none."
  }
}

variable "deletion_protection" {
  description = "Whether the balancer refuses to be deleted."
  type        = bool
  default     = false
}
