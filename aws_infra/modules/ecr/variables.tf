variable "repository_name" {
  description = "Name of the repository."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]+([._/-][a-z0-9]+)*$", var.repository_name)) && length(var.repository_name) >= 2 && length(var.repository_name) <= 256
    error_message = "A repository name has 2 to 256 lower-case letters and digits, separated by single dots, slashes, hyphens or underscores."
  }
}

variable "force_delete" {
  description = "Whether destroy may delete the repository with images in it."
  type        = bool
  default     = false
}

variable "untagged_retention_days" {
  description = "Days after which an image without any tag is deleted."
  type        = number
  default     = 14

  validation {
    condition     = var.untagged_retention_days >= 1 && floor(var.untagged_retention_days) == var.untagged_retention_days
    error_message = "Keep untagged images for at least one whole day."
  }
}
