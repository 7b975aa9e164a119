# The bootstrap keeps its state in the bucket that it creates itself. For the
# first apply that bucket is not there yet, so the first apply runs with a file
# backend_override.tf holding `terraform { backend "local" {} }`; afterwards
# that file is removed and
# `terraform init -migrate-state -backend-config=backend.hcl` moves the state.
# `grocery deploy` does all of this. backend.hcl holds bucket, region and
# dynamodb_table, and is the same file for every root.
terraform {
  backend "s3" {
    key          = "grocery/bootstrap/terraform.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}
