output "db_endpoint" {
  description = "Host and port of the primary, as host:port."
  value       = aws_db_instance.this.endpoint
}

output "read_replica_endpoint" {
  description = "Host and port of the read replica, as host:port; null without one."
  value       = one(aws_db_instance.replica[*].endpoint)
}

output "db_address" {
  description = "Host of the primary."
  value       = aws_db_instance.this.address
}

output "read_replica_address" {
  description = "Host of the read replica; null without one."
  value       = one(aws_db_instance.replica[*].address)
}

output "db_port" {
  description = "Port of primary and replica."
  value       = aws_db_instance.this.port
}

output "db_name" {
  description = "Database inside the instance."
  value       = aws_db_instance.this.db_name
}

output "db_secret_id" {
  description = "Name of the secret that holds the login."
  value       = aws_secretsmanager_secret.this.name

  depends_on = [aws_secretsmanager_secret_version.this]
}
