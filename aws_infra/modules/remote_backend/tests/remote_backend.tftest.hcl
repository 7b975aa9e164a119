mock_provider "aws" {
  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::grocery-tfstate-123456789012-eu-central-1" }
  }
  override_during = plan
}

variables {
  bucket_name     = "grocery-tfstate-123456789012-eu-central-1"
  lock_table_name = "grocery-tfstate-lock"
}

run "state_is_versioned_encrypted_private_and_locked" {
  command = plan

  assert {
    condition     = one(aws_s3_bucket_versioning.this.versioning_configuration).status == "Enabled"
    error_message = "The state bucket must be versioned."
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "The state bucket must be encrypted."
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls,
      aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls,
      aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "The state bucket must block every public access."
  }

  assert {
    condition = one([
      for s in jsondecode(aws_s3_bucket_policy.this.policy).Statement : s.Condition.Bool["aws:SecureTransport"] == "false" && s.Effect == "Deny"
    ])
    error_message = "The state bucket must refuse requests without TLS."
  }

  assert {
    condition     = aws_dynamodb_table.this.hash_key == "LockID" && aws_dynamodb_table.this.name == "grocery-tfstate-lock"
    error_message = "Terraform looks for the lock under the key LockID."
  }

  assert {
    condition     = !aws_s3_bucket.this.force_destroy && aws_dynamodb_table.this.deletion_protection_enabled
    error_message = "State must not be deletable unless that was asked for."
  }
}

run "a_throw_away_backend_can_be_deleted" {
  command = plan

  variables {
    force_destroy = true
  }

  assert {
    condition     = aws_s3_bucket.this.force_destroy && !aws_dynamodb_table.this.deletion_protection_enabled
    error_message = "force_destroy must free both the bucket and the table."
  }
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    bucket_name     = "Grocery_State"
    lock_table_name = "a b"
  }

  expect_failures = [var.bucket_name, var.lock_table_name]
}
