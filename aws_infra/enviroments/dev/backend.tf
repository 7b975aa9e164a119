# bucket, region and dynamodb_table come from backend.hcl, which the bootstrap's
# outputs fill: terraform init -backend-config=backend.hcl
terraform {
  backend "s3" {
    key          = "grocery/dev/terraform.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}
