# One bucket, five prefixes: avatars/ (users' pictures, kept for ever), db-dumps/
# (a dump that arrives here starts a restore), restore-reports/ (what became of
# it), backups/ (dumps of the shop that nobody restores by themselves) and
# layers/ (what the function needs beside its binary).

resource "aws_s3_bucket" "this" {
  bucket        = var.bucket_name
  force_destroy = var.force_destroy
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket = aws_s3_bucket.this.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

# No rule covers avatars/: what users upload is theirs, old versions included.
resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    id     = "expire-dumps"
    status = "Enabled"

    filter {
      prefix = var.db_dumps_prefix
    }

    expiration {
      days = var.dump_retention_days
    }

    noncurrent_version_expiration {
      noncurrent_days = var.noncurrent_version_days
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 2
    }
  }

  rule {
    id     = "expire-reports"
    status = "Enabled"

    filter {
      prefix = var.reports_prefix
    }

    expiration {
      days = var.dump_retention_days
    }

    noncurrent_version_expiration {
      noncurrent_days = var.noncurrent_version_days
    }
  }

  rule {
    id     = "expire-backups"
    status = "Enabled"

    filter {
      prefix = var.backups_prefix
    }

    expiration {
      days = var.backup_retention_days
    }

    noncurrent_version_expiration {
      noncurrent_days = var.noncurrent_version_days
    }
  }

  rule {
    id     = "expire-old-layers"
    status = "Enabled"

    filter {
      prefix = var.layers_prefix
    }

    noncurrent_version_expiration {
      noncurrent_days = var.noncurrent_version_days
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "DenyInsecureTransport"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [aws_s3_bucket.this.arn, "${aws_s3_bucket.this.arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })

  depends_on = [aws_s3_bucket_public_access_block.this]
}

# Every object event goes to EventBridge, whose rule picks the dumps.
resource "aws_s3_bucket_notification" "this" {
  bucket      = aws_s3_bucket.this.id
  eventbridge = true
}

# Function and layer refer to the object's version, so a new zip is a new
# version there too. The lifecycle keeps the versions that are replaced for a
# while; a layer that was made from one has its own copy.
resource "aws_s3_object" "layer" {
  bucket       = aws_s3_bucket.this.id
  key          = "${var.layers_prefix}${basename(var.layer_zip)}"
  source       = var.layer_zip
  source_hash  = filebase64sha256(var.layer_zip)
  content_type = "application/zip"

  depends_on = [aws_s3_bucket_versioning.this]
}
