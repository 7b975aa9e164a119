mock_provider "aws" {
  override_during = plan
}

# Known ids, so that a rule's two ends can be compared.
override_resource {
  target          = aws_security_group.alb
  override_during = plan
  values          = { id = "sg-alb" }
}
override_resource {
  target          = aws_security_group.ec2
  override_during = plan
  values          = { id = "sg-ec2" }
}
override_resource {
  target          = aws_security_group.rds
  override_during = plan
  values          = { id = "sg-rds" }
}
override_resource {
  target          = aws_security_group.lambda
  override_during = plan
  values          = { id = "sg-lambda" }
}

variables {
  name      = "grocery-test"
  vpc_id    = "vpc-1"
  app_ports = { frontend = 80, backend = 5000 }
}

run "tiers_know_each_other_by_group" {
  command = plan

  assert {
    condition     = { for k, r in aws_vpc_security_group_ingress_rule.ec2_from_alb : k => [r.from_port, r.to_port] if r.referenced_security_group_id == "sg-alb" && r.security_group_id == "sg-ec2" } == { frontend = [80, 80], backend = [5000, 5000] }
    error_message = "Instances take requests from the balancer only, on the containers' ports."
  }

  assert {
    condition     = { for k, r in aws_vpc_security_group_egress_rule.alb_to_ec2 : k => r.to_port if r.referenced_security_group_id == "sg-ec2" && r.security_group_id == "sg-alb" } == { frontend = 80, backend = 5000 }
    error_message = "The balancer talks to instances only, on the containers' ports."
  }

  assert {
    condition = alltrue([
      for r in [aws_vpc_security_group_ingress_rule.rds_from_ec2, aws_vpc_security_group_ingress_rule.rds_from_lambda] :
      r.security_group_id == "sg-rds" && r.from_port == 5432 && r.to_port == 5432 && r.cidr_ipv4 == null
    ])
    error_message = "The database is reached by group and on its port only."
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.rds_from_lambda.referenced_security_group_id == "sg-lambda"
    error_message = "The function reaches the database through its own group."
  }
}

run "only_the_balancer_is_open" {
  command = plan

  assert {
    condition     = keys(aws_vpc_security_group_ingress_rule.alb_web) == ["80 0.0.0.0/0"]
    error_message = "Without a certificate only port 80 is open."
  }

  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.ec2_ssh) == 0 && length(aws_vpc_security_group_egress_rule.ec2_http) == 0
    error_message = "SSH and plain HTTP are off by default."
  }
}

run "https_ssh_and_http_can_be_opened" {
  command = plan

  variables {
    https             = true
    alb_ingress_cidrs = ["203.0.113.0/24"]
    ssh_cidr          = "10.8.0.0/24"
    http_egress       = true
  }

  assert {
    condition     = keys(aws_vpc_security_group_ingress_rule.alb_web) == ["443 203.0.113.0/24", "80 203.0.113.0/24"]
    error_message = "With a certificate 443 is open too, to the given addresses."
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.ec2_ssh[0].cidr_ipv4 == "10.8.0.0/24" && aws_vpc_security_group_ingress_rule.ec2_ssh[0].to_port == 22
    error_message = "SSH opens to the given range."
  }
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    name              = "X"
    app_ports         = { backend = 0 }
    db_port           = 80
    alb_ingress_cidrs = []
    ssh_cidr          = "0.0.0.0/0"
  }

  expect_failures = [var.name, var.app_ports, var.db_port, var.alb_ingress_cidrs, var.ssh_cidr]
}
