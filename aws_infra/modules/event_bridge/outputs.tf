output "rule_name" {
  description = "Name of the rule."
  value       = aws_cloudwatch_event_rule.this.name
}

output "rule_arn" {
  description = "ARN of the rule."
  value       = aws_cloudwatch_event_rule.this.arn
}

output "dead_letter_queue_url" {
  description = "Queue with the events that started nothing."
  value       = aws_sqs_queue.dead_letters.id
}
