output "step_function_log_group_arn" {
  description = "Log group of the state machine's executions."
  value       = aws_cloudwatch_log_group.this["step_functions"].arn
}

output "lambda_log_group_name" {
  description = "Log group of the restore function."
  value       = aws_cloudwatch_log_group.this["lambda"].name
}

output "instance_log_group_name" {
  description = "Log group of the instances' boots."
  value       = aws_cloudwatch_log_group.this["instances"].name
}

output "sns_topic_arn" {
  description = "Topic that alarms go to."
  value       = aws_sns_topic.alarms.arn
}

output "alarm_names" {
  description = "Every alarm."
  value       = sort([for a in aws_cloudwatch_metric_alarm.this : a.alarm_name])
}

output "release_alarm_names" {
  description = "Alarms that stop a release and send it back: visitors get errors."
  value       = [for key in ["alb-5xx", "target-5xx"] : aws_cloudwatch_metric_alarm.this[key].alarm_name]
}
