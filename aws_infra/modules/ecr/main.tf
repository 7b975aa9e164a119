# One repository for both images: backend-<tag> and frontend-<tag>, never
# overwritten, plus the rolling backend-latest and frontend-latest, which move
# by being untagged and put again.

resource "aws_ecr_repository" "this" {
  name                 = var.repository_name
  image_tag_mutability = "IMMUTABLE"
  force_delete         = var.force_delete

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "AES256"
  }
}

# Only images without any tag expire. What runs always carries its immutable
# tag, however many builds came after it, so no count of images may decide.
resource "aws_ecr_lifecycle_policy" "this" {
  repository = aws_ecr_repository.this.name

  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "Expire images that nothing refers to any more"
      selection = {
        tagStatus   = "untagged"
        countType   = "sinceImagePushed"
        countUnit   = "days"
        countNumber = var.untagged_retention_days
      }
      action = { type = "expire" }
    }]
  })
}
