output "bucket_name" {
  description = "Name of the bucket."
  value       = aws_s3_bucket.this.bucket

  # Whoever writes here finds versions, TLS and events already on.
  depends_on = [aws_s3_bucket_versioning.this, aws_s3_bucket_policy.this, aws_s3_bucket_notification.this]
}

output "avatars_prefix" {
  description = "Prefix of users' pictures, with its slash."
  value       = var.avatars_prefix
}

output "db_dumps_prefix" {
  description = "Prefix of database dumps, with its slash."
  value       = var.db_dumps_prefix
}

output "reports_prefix" {
  description = "Prefix of restores' reports, with its slash."
  value       = var.reports_prefix
}

output "backups_prefix" {
  description = "Prefix of backups, with its slash."
  value       = var.backups_prefix
}

output "initial_dump_key" {
  description = "Key of the dump that fills an empty database at the first deployment."
  value       = "${var.db_dumps_prefix}initial.dump"
}

output "layer_object_key" {
  description = "Key of the function's layer."
  value       = aws_s3_object.layer.key
}

output "layer_object_version" {
  description = "Version of the function's layer."
  value       = aws_s3_object.layer.version_id
}
