variable "project_name" {
  description = "Prefix of every resource of this project."
  type        = string
  default     = "grocery"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,14}[a-z0-9]$", var.project_name))
    error_message = "project_name has 3 to 16 lower-case letters, digits and hyphens and starts with a letter."
  }
}

variable "region" {
  description = "AWS region of the state and of the environments."
  type        = string
  default     = "eu-central-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is a region's code, for example eu-central-1."
  }
}

variable "environments" {
  description = "Environments that may be deployed. Each is also the name of a GitHub environment, whose protection rules guard the apply role."
  type        = set(string)
  default     = ["dev"]

  validation {
    condition     = length(var.environments) > 0 && alltrue([for e in var.environments : can(regex("^[a-z][a-z0-9]{1,9}$", e))])
    error_message = "Name at least one environment; each has 2 to 10 lower-case letters and digits and starts with a letter."
  }
}

variable "force_destroy" {
  description = "Whether destroy may delete the state bucket with everything in it. Only for throw-away accounts."
  type        = bool
  default     = false
}

variable "github_repository" {
  description = "GitHub repository (owner/name) whose workflows may plan and apply. Null creates no OIDC provider and no GitHub roles."
  type        = string
  default     = null

  validation {
    condition     = var.github_repository == null || can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.github_repository))
    error_message = "github_repository is owner/name without wildcards, for example octo-org/grocery."
  }
}

variable "github_repository_ids" {
  description = "Immutable ids of the owner and the repository, for subjects of the form repo:owner@id/name@id. Null trusts only the form without ids. Read them with `gh api repos/OWNER/NAME --jq '.owner.id, .id'`."
  type = object({
    owner      = number
    repository = number
  })
  default = null

  validation {
    condition     = var.github_repository_ids == null || try(var.github_repository_ids.owner > 0 && var.github_repository_ids.repository > 0, false)
    error_message = "github_repository_ids needs the positive numeric ids of both owner and repository."
  }
}

variable "create_oidc_provider" {
  description = "Whether to create the account's GitHub OIDC provider. An account has at most one; set false when it is already there and it is looked up instead."
  type        = bool
  default     = true
}
