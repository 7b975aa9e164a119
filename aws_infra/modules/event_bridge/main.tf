# A dump that arrives in the bucket starts the restore. When that fails for
# longer than the retries last, the event goes to a queue and an alarm starts.

data "aws_caller_identity" "current" {}

resource "aws_cloudwatch_event_rule" "this" {
  name        = "${var.name}-dump-uploaded"
  description = "An object was created under ${var.db_dumps_prefix} of ${var.bucket_name}"

  event_pattern = jsonencode({
    source      = ["aws.s3"]
    detail-type = ["Object Created"]
    detail = {
      bucket = { name = [var.bucket_name] }
      object = { key = [{ prefix = var.db_dumps_prefix }] }
    }
  })
}

resource "aws_cloudwatch_event_target" "this" {
  rule      = aws_cloudwatch_event_rule.this.name
  target_id = "restore"
  arn       = var.state_machine_arn
  role_arn  = var.role_arn

  # The execution's input names the object that arrived, and no other.
  input_transformer {
    input_paths = {
      bucket  = "$.detail.bucket.name"
      key     = "$.detail.object.key"
      version = "$.detail.object.version-id"
    }

    input_template = "{\"bucket\": <bucket>, \"key\": <key>, \"version\": <version>}"
  }

  retry_policy {
    maximum_event_age_in_seconds = var.retry.max_age_seconds
    maximum_retry_attempts       = var.retry.max_attempts
  }

  dead_letter_config {
    arn = aws_sqs_queue.dead_letters.arn
  }

  # Events that cannot be delivered must be allowed into the queue before the
  # first one comes.
  depends_on = [aws_sqs_queue_policy.dead_letters]
}

resource "aws_sqs_queue" "dead_letters" {
  name                      = var.dead_letter_queue_name
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "UndeliveredEvents"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.dead_letters.arn
        Condition = {
          ArnEquals    = { "aws:SourceArn" = aws_cloudwatch_event_rule.this.arn }
          StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id }
        }
      },
      {
        Sid       = "DenyInsecureTransport"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = aws_sqs_queue.dead_letters.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}
