mock_provider "aws" {
  override_during = plan

  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::grocery-test-123456789012-eu-central-1" }
  }
}

variables {
  bucket_name = "grocery-test-123456789012-eu-central-1"
  layer_zip   = "./versions.tf" # any file stands in for the zip
}

run "objects_are_private_versioned_and_announced" {
  command = plan

  assert {
    condition     = one(aws_s3_bucket_versioning.this.versioning_configuration).status == "Enabled" && aws_s3_bucket_notification.this.eventbridge
    error_message = "The bucket must be versioned and tell EventBridge."
  }

  assert {
    condition     = aws_s3_bucket_public_access_block.this.block_public_policy && aws_s3_bucket_public_access_block.this.restrict_public_buckets && aws_s3_bucket_public_access_block.this.block_public_acls && aws_s3_bucket_public_access_block.this.ignore_public_acls
    error_message = "The bucket must block every public access."
  }

  assert {
    condition     = jsondecode(aws_s3_bucket_policy.this.policy).Statement[0].Condition.Bool["aws:SecureTransport"] == "false"
    error_message = "The bucket must refuse requests without TLS."
  }

  assert {
    condition     = !aws_s3_bucket.this.force_destroy
    error_message = "Data must not be deletable unless that was asked for."
  }
}

run "avatars_never_expire" {
  command = plan

  assert {
    condition     = alltrue([for r in aws_s3_bucket_lifecycle_configuration.this.rule : one(r.filter).prefix != "" && !startswith("avatars/", one(r.filter).prefix)])
    error_message = "No lifecycle rule may cover avatars/."
  }

  assert {
    condition     = toset([for r in aws_s3_bucket_lifecycle_configuration.this.rule : one(r.filter).prefix]) == toset(["db-dumps/", "restore-reports/", "backups/", "layers/"])
    error_message = "Dumps, reports, backups and old layers expire."
  }
}

run "the_layer_is_an_object_with_a_version" {
  command = plan

  assert {
    condition     = output.layer_object_key == "layers/versions.tf" && aws_s3_object.layer.source_hash == filebase64sha256("./versions.tf")
    error_message = "The layer lies under layers/ and changes when the file does."
  }
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    bucket_name             = "UPPER"
    avatars_prefix          = "avatars"
    db_dumps_prefix         = "db-dumps"
    layers_prefix           = "/layers"
    dump_retention_days     = 0
    backup_retention_days   = 0
    noncurrent_version_days = 0.5
  }

  expect_failures = [
    var.bucket_name, var.avatars_prefix, var.db_dumps_prefix, var.layers_prefix, var.dump_retention_days,
    var.backup_retention_days, var.noncurrent_version_days,
  ]
}

run "reports_do_not_start_restores" {
  command = plan

  variables {
    reports_prefix = "db-dumps/"
  }

  expect_failures = [var.reports_prefix]
}

run "backups_do_not_start_restores" {
  command = plan

  variables {
    backups_prefix = "db-dumps/"
  }

  expect_failures = [var.backups_prefix]
}
