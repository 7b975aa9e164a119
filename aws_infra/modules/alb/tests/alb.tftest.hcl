mock_provider "aws" {
  override_during = plan

  mock_resource "aws_lb" {
    defaults = {
      arn      = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/grocery-test-alb/0123456789abcdef"
      dns_name = "grocery-test-alb-1.eu-central-1.elb.amazonaws.com"
    }
  }
}

override_resource {
  target          = aws_lb_target_group.this["frontend"]
  override_during = plan
  values          = { arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/frontend/1" }
}
override_resource {
  target          = aws_lb_target_group.this["backend"]
  override_during = plan
  values          = { arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/backend/2" }
}
override_resource {
  target          = aws_lb_listener.http
  override_during = plan
  values          = { arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/grocery-test-alb/1/80" }
}
override_resource {
  target          = aws_lb_listener.https
  override_during = plan
  values          = { arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/grocery-test-alb/1/443" }
}

variables {
  name              = "grocery-test"
  vpc_id            = "vpc-1"
  subnet_ids        = ["subnet-a", "subnet-b"]
  security_group_id = "sg-alb"
}

run "the_page_is_the_default_and_the_api_the_rule" {
  command = plan

  assert {
    condition     = { for k, g in aws_lb_target_group.this : k => [g.port, one(g.health_check).path] } == { frontend = [80, "/healthz"], backend = [5000, "/health"] }
    error_message = "Both containers are targets, each with its own port and health path."
  }

  assert {
    condition     = { for k, g in aws_lb_target_group.this : k => one(g.stickiness).enabled } == { frontend = true, backend = false }
    error_message = "A browser gets all files of the page from one instance; the API's instances share everything."
  }

  assert {
    condition     = one(aws_lb_listener.http.default_action).target_group_arn == aws_lb_target_group.this["frontend"].arn && output.target_group_arn == aws_lb_target_group.this["frontend"].arn
    error_message = "/ is the page."
  }

  assert {
    condition     = one(aws_lb_listener_rule.backend.action).target_group_arn == aws_lb_target_group.this["backend"].arn && aws_lb_listener_rule.backend.listener_arn == aws_lb_listener.http.arn
    error_message = "The API's paths go to the backend."
  }

  assert {
    condition     = toset(one(one(aws_lb_listener_rule.backend.condition).path_pattern).values) == toset(["/api/*", "/health", "/ready"])
    error_message = "The API's paths are /api/*, /health and /ready."
  }

  assert {
    condition     = aws_lb.this.drop_invalid_header_fields && alltrue([for g in aws_lb_target_group.this : tonumber(g.deregistration_delay) == 30])
    error_message = "Invalid headers are dropped and requests under way get 30 seconds."
  }

  assert {
    condition     = output.alb_url == "http://grocery-test-alb-1.eu-central-1.elb.amazonaws.com"
    error_message = "Without a certificate the shop is at the balancer's own name."
  }
}

run "with_a_certificate_http_redirects" {
  command = plan

  variables {
    certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/0f0f0f0f-0f0f-0f0f-0f0f-0f0f0f0f0f0f"
    domain_name     = "shop.example.com"
  }

  assert {
    condition     = one(aws_lb_listener.http.default_action).type == "redirect" && one(one(aws_lb_listener.http.default_action).redirect).protocol == "HTTPS"
    error_message = "Plain HTTP must redirect."
  }

  assert {
    condition     = aws_lb_listener_rule.backend.listener_arn == aws_lb_listener.https[0].arn && output.alb_url == "https://shop.example.com"
    error_message = "The API's rule moves to the HTTPS listener."
  }
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    name                 = "a-name-that-leaves-no-room-for-the-rest"
    subnet_ids           = ["subnet-a"]
    app_ports            = { frontend = 80, backend = 80 }
    health_check         = { interval = 5, timeout = 5, healthy_threshold = 1 }
    deregistration_delay = -1
    certificate_arn      = "shop.example.com"
  }

  expect_failures = [
    var.name, var.subnet_ids, var.app_ports, var.health_check, var.deregistration_delay, var.certificate_arn,
  ]
}

run "a_domain_name_needs_a_certificate" {
  command = plan

  variables {
    domain_name = "shop.example.com"
  }

  expect_failures = [var.domain_name]
}
