variable "name" {
  description = "Prefix of every group's name, for example grocery-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "name has 3 to 32 lower-case letters, digits and hyphens and starts with a letter."
  }
}

variable "vpc_id" {
  description = "Network the groups belong to."
  type        = string
}

variable "app_ports" {
  description = "Port of each container that the balancer talks to."
  type        = map(number)

  validation {
    condition     = length(var.app_ports) > 0 && alltrue([for p in values(var.app_ports) : p >= 1 && p <= 65535 && floor(p) == p])
    error_message = "Give at least one port, each a whole number from 1 to 65535."
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

variable "https" {
  description = "Whether visitors may also come by port 443."
  type        = bool
  default     = false
}

variable "alb_ingress_cidrs" {
  description = "Addresses that may visit the shop; everybody by default."
  type        = set(string)
  default     = ["0.0.0.0/0"]

  validation {
    condition     = length(var.alb_ingress_cidrs) > 0 && alltrue([for c in var.alb_ingress_cidrs : can(cidrnetmask(c))])
    error_message = "Give at least one IPv4 range, for example 0.0.0.0/0."
  }
}

variable "ssh_cidr" {
  description = "Addresses that may open SSH to instances (they have no public address: a VPN's or a peering's). Null, the default, opens none."
  type        = string
  default     = null

  validation {
    condition     = var.ssh_cidr == null || try(cidrnetmask(var.ssh_cidr) != null && tonumber(split("/", var.ssh_cidr)[1]) >= 16, false)
    error_message = "ssh_cidr is an IPv4 range of /16 or narrower. SSH for everybody (0.0.0.0/0) is refused: use Session Manager, which needs no open port."
  }
}

variable "http_egress" {
  description = "Whether instances may also fetch over plain HTTP. Only Debian-family images that install packages at boot need it."
  type        = bool
  default     = false
}
