output "state_bucket_name" {
  description = "Name of the bucket that holds the state files."
  value       = aws_s3_bucket.this.bucket
}

output "state_bucket_arn" {
  description = "ARN of the bucket that holds the state files."
  value       = aws_s3_bucket.this.arn
}

output "lock_table_name" {
  description = "Name of the DynamoDB table that holds the lock."
  value       = aws_dynamodb_table.this.name
}

output "lock_table_arn" {
  description = "ARN of the DynamoDB table that holds the lock."
  value       = aws_dynamodb_table.this.arn
}
