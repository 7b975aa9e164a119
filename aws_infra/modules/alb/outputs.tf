output "alb_dns_name" {
  description = "Host name of the balancer."
  value       = aws_lb.this.dns_name
}

output "alb_url" {
  description = "Address of the shop."
  value       = local.https ? "https://${var.domain_name}" : "http://${aws_lb.this.dns_name}"
}

output "target_group_arn" {
  description = "Target group of the default action: the page."
  value       = aws_lb_target_group.this["frontend"].arn

  depends_on = [aws_lb_listener.http, aws_lb_listener.https]
}

output "target_group_arns" {
  description = "Target groups by container: frontend and backend."
  value       = { for name, group in aws_lb_target_group.this : name => group.arn }

  # A target counts as healthy only in a group that a listener uses.
  depends_on = [aws_lb_listener.http, aws_lb_listener.https, aws_lb_listener_rule.backend]
}

output "alb_arn_suffix" {
  description = "The balancer as CloudWatch names it (dimension LoadBalancer)."
  value       = aws_lb.this.arn_suffix
}

output "target_group_arn_suffixes" {
  description = "The target groups as CloudWatch names them (dimension TargetGroup), by container."
  value       = { for name, group in aws_lb_target_group.this : name => group.arn_suffix }
}
