output "alb_sg_id" {
  description = "Group of the load balancer."
  value       = aws_security_group.alb.id
}

output "ec2_sg_id" {
  description = "Group of the instances."
  value       = aws_security_group.ec2.id

  # An instance downloads as soon as it boots: its rules come first.
  depends_on = [
    aws_vpc_security_group_egress_rule.ec2_https,
    aws_vpc_security_group_egress_rule.ec2_http,
    aws_vpc_security_group_egress_rule.ec2_to_rds,
    aws_vpc_security_group_egress_rule.alb_to_ec2,
    aws_vpc_security_group_ingress_rule.ec2_from_alb,
  ]
}

output "rds_sg_id" {
  description = "Group of the database and its replica."
  value       = aws_security_group.rds.id
}

output "lambda_sg_id" {
  description = "Group of the restore function."
  value       = aws_security_group.lambda.id
}
