variable "name" {
  description = "Prefix of every name in the network, for example grocery-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "name has 3 to 32 lower-case letters, digits and hyphens and starts with a letter."
  }
}

variable "region" {
  description = "AWS region, for the names of endpoints."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is a region's code, for example eu-central-1."
  }
}

variable "cidr_block" {
  description = "IPv4 range of the network, /16 to /24. It is cut into sixteenths: the lower ones are public, the upper ones private."
  type        = string
  default     = "10.0.0.0/16"

  validation {
    condition     = can(cidrnetmask(var.cidr_block)) && try(tonumber(split("/", var.cidr_block)[1]) >= 16 && tonumber(split("/", var.cidr_block)[1]) <= 24, false)
    error_message = "cidr_block is an IPv4 range of /16 to /24, for example 10.0.0.0/16."
  }

  validation {
    condition     = try(cidrhost(var.cidr_block, 0) == split("/", var.cidr_block)[0], false)
    error_message = "cidr_block must start at the first address of its range, for example 10.0.0.0/16 and not 10.0.0.7/16."
  }
}

variable "availability_zones" {
  description = "Zones to build in, in a stable order: a zone's position gives its addresses. Two at least: the balancer and the database's subnet group ask for them."
  type        = list(string)

  validation {
    condition     = length(var.availability_zones) >= 2 && length(var.availability_zones) <= 6 && length(distinct(var.availability_zones)) == length(var.availability_zones)
    error_message = "Give 2 to 6 different availability zones."
  }
}

variable "nat_gateway_per_zone" {
  description = "Whether every zone has its own NAT gateway, which keeps a zone's way out when another zone fails. One for all is cheaper."
  type        = bool
  default     = false
}
