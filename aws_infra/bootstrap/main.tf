# What has to exist before an environment can be deployed: a place for the
# state, the boundary that limits every role an environment creates, and the
# two roles that GitHub's workflows assume (github.tf).

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition

  state_bucket_name = "${var.project_name}-tfstate-${local.account_id}-${var.region}"
  lock_table_name   = "${var.project_name}-tfstate-lock"

  # What an environment is called; every resource name of it starts like this.
  name_prefixes = [for e in sort(var.environments) : "${var.project_name}-${e}"]

  arn_prefix = "arn:${local.partition}"
  scope      = "${var.region}:${local.account_id}"
}

module "remote_backend" {
  source = "../modules/remote_backend"

  bucket_name     = local.state_bucket_name
  lock_table_name = local.lock_table_name
  force_destroy   = var.force_destroy
}
