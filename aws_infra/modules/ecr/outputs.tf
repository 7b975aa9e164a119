output "ecr_repository_url" {
  description = "Address to push to and pull from, without a tag."
  value       = aws_ecr_repository.this.repository_url
}

output "ecr_repository_name" {
  description = "Name of the repository; known only once the repository exists, so that nobody looks for images in one that does not."
  value       = aws_ecr_repository.this.id
}
