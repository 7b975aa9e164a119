# Who may talk to whom. Each tier has its own group; tiers know each other by
# group, never by address. One rule per resource, each with its reason.

locals {
  web_ports = toset(var.https ? ["80", "443"] : ["80"])
}

resource "aws_security_group" "alb" {
  name        = "${var.name}-alb"
  description = "Load balancer: the only way in from outside"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-alb" }
}

resource "aws_vpc_security_group_ingress_rule" "alb_web" {
  for_each = {
    for pair in setproduct(local.web_ports, var.alb_ingress_cidrs) : "${pair[0]} ${pair[1]}" => {
      port = tonumber(pair[0])
      cidr = pair[1]
    }
  }

  security_group_id = aws_security_group.alb.id
  description       = "Visitors"
  cidr_ipv4         = each.value.cidr
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
}

resource "aws_vpc_security_group_egress_rule" "alb_to_ec2" {
  for_each = var.app_ports

  security_group_id            = aws_security_group.alb.id
  description                  = "Requests and health checks to the ${each.key}"
  referenced_security_group_id = aws_security_group.ec2.id
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
}

resource "aws_security_group" "ec2" {
  name        = "${var.name}-ec2"
  description = "Instances: backend and frontend"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-ec2" }
}

resource "aws_vpc_security_group_ingress_rule" "ec2_from_alb" {
  for_each = var.app_ports

  security_group_id            = aws_security_group.ec2.id
  description                  = "Requests and health checks to the ${each.key}"
  referenced_security_group_id = aws_security_group.alb.id
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
}

resource "aws_vpc_security_group_ingress_rule" "ec2_ssh" {
  count = var.ssh_cidr == null ? 0 : 1

  security_group_id = aws_security_group.ec2.id
  description       = "SSH for operators; Session Manager needs no rule"
  cidr_ipv4         = var.ssh_cidr
  ip_protocol       = "tcp"
  from_port         = 22
  to_port           = 22
}

resource "aws_vpc_security_group_egress_rule" "ec2_https" {
  security_group_id = aws_security_group.ec2.id
  description       = "AWS APIs, images, packages over TLS"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "ec2_http" {
  count = var.http_egress ? 1 : 0

  security_group_id = aws_security_group.ec2.id
  description       = "Signed packages from Debian-family mirrors"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 80
  to_port           = 80
}

resource "aws_vpc_security_group_egress_rule" "ec2_to_rds" {
  security_group_id            = aws_security_group.ec2.id
  description                  = "Database, primary and replica"
  referenced_security_group_id = aws_security_group.rds.id
  ip_protocol                  = "tcp"
  from_port                    = var.db_port
  to_port                      = var.db_port
}

resource "aws_security_group" "lambda" {
  name        = "${var.name}-lambda"
  description = "Restore function"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-lambda" }
}

resource "aws_vpc_security_group_egress_rule" "lambda_https" {
  security_group_id = aws_security_group.lambda.id
  description       = "S3 and Secrets Manager"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "lambda_to_rds" {
  security_group_id            = aws_security_group.lambda.id
  description                  = "Database"
  referenced_security_group_id = aws_security_group.rds.id
  ip_protocol                  = "tcp"
  from_port                    = var.db_port
  to_port                      = var.db_port
}

# The database opens no connection itself: it has no egress rule. (RDS
# replicates between primary and replica outside of security groups.)
resource "aws_security_group" "rds" {
  name        = "${var.name}-rds"
  description = "Database, primary and replica"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-rds" }
}

resource "aws_vpc_security_group_ingress_rule" "rds_from_ec2" {
  security_group_id            = aws_security_group.rds.id
  description                  = "Backend"
  referenced_security_group_id = aws_security_group.ec2.id
  ip_protocol                  = "tcp"
  from_port                    = var.db_port
  to_port                      = var.db_port
}

resource "aws_vpc_security_group_ingress_rule" "rds_from_lambda" {
  security_group_id            = aws_security_group.rds.id
  description                  = "Restore function"
  referenced_security_group_id = aws_security_group.lambda.id
  ip_protocol                  = "tcp"
  from_port                    = var.db_port
  to_port                      = var.db_port
}
