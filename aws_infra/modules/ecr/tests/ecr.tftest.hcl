mock_provider "aws" {}

variables {
  repository_name = "grocery-app"
}

run "tags_are_immutable_and_images_scanned" {
  command = plan

  assert {
    condition     = aws_ecr_repository.this.image_tag_mutability == "IMMUTABLE"
    error_message = "A tag that was pushed must not be overwritten."
  }

  assert {
    condition     = one(aws_ecr_repository.this.image_scanning_configuration).scan_on_push
    error_message = "Images are scanned when pushed."
  }

  assert {
    condition     = !aws_ecr_repository.this.force_delete
    error_message = "Images must not be deletable unless that was asked for."
  }
}

run "nothing_that_runs_can_expire" {
  command = plan

  assert {
    condition     = alltrue([for r in jsondecode(aws_ecr_lifecycle_policy.this.policy).rules : r.selection.tagStatus == "untagged"])
    error_message = "Only untagged images may expire."
  }
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    repository_name         = "Grocery App"
    untagged_retention_days = 0
  }

  expect_failures = [var.repository_name, var.untagged_retention_days]
}
