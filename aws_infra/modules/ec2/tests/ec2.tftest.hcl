mock_provider "aws" {
  override_during = plan

  mock_data "aws_ssm_parameter" {
    defaults = { insecure_value = "ami-0123456789abcdef0" }
  }
  mock_data "aws_ecr_image" {
    defaults = { image_digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" }
  }
  mock_resource "aws_launch_template" {
    defaults = { id = "lt-1", latest_version = 7 }
  }
}

variables {
  name                  = "grocery-test"
  region                = "eu-central-1"
  asg_name              = "grocery-test-asg"
  subnet_ids            = ["subnet-a", "subnet-b"]
  target_group_arns     = { frontend = "arn:frontend", backend = "arn:backend" }
  security_group_id     = "sg-ec2"
  instance_profile_name = "grocery-test-ec2"
  image_tag             = "0123abc"
  ecr_repository_url    = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/grocery-app"
  ecr_repository_name   = "grocery-app"
  alb_url               = "http://alb.example.com"
  db_host               = "db.internal"
  db_replica_host       = "replica.internal"
  db_name               = "grocery"
  db_secret_id          = "grocery-test/db"
  app_secret_id         = "grocery-test/app"
  bucket_name           = "grocery-test-123456789012-eu-central-1"
  log_group_name        = "/grocery-test/instances"
  tags                  = { Project = "grocery" }
}

run "instances_are_hardened" {
  command = plan

  assert {
    condition     = one(aws_launch_template.this.metadata_options).http_tokens == "required" && one(aws_launch_template.this.metadata_options).http_put_response_hop_limit == 2
    error_message = "IMDSv2 is required, and two hops away for containers."
  }

  assert {
    condition     = tobool(one(one(aws_launch_template.this.block_device_mappings).ebs).encrypted) && one(one(aws_launch_template.this.block_device_mappings).ebs).volume_type == "gp3"
    error_message = "The volume is gp3 and encrypted."
  }

  assert {
    condition     = one(aws_launch_template.this.monitoring).enabled
    error_message = "EC2 measures every minute."
  }

  assert {
    condition     = aws_launch_template.this.key_name == null && aws_launch_template.this.image_id == "ami-0123456789abcdef0"
    error_message = "No SSH key by default, and the image the parameter names."
  }

  assert {
    condition     = alltrue([for t in aws_autoscaling_group.this.tag : t.propagate_at_launch])
    error_message = "Instances carry the group's tags."
  }
}

run "the_group_is_fixed_and_waits_for_reports" {
  command = plan

  assert {
    condition     = aws_autoscaling_group.this.desired_capacity == 2 && length(aws_autoscaling_policy.cpu) == 0
    error_message = "Without scaling the group follows asg_desired_capacity."
  }

  assert {
    condition     = aws_autoscaling_group.this.health_check_type == "ELB" && toset(aws_autoscaling_group.this.target_group_arns) == toset(["arn:frontend", "arn:backend"])
    error_message = "The balancer's verdict counts, of both containers."
  }

  assert {
    condition     = one(aws_autoscaling_group.this.initial_lifecycle_hook).default_result == "ABANDON" && one(aws_autoscaling_group.this.initial_lifecycle_hook).name == aws_autoscaling_lifecycle_hook.launch.name && aws_autoscaling_lifecycle_hook.launch.default_result == "ABANDON"
    error_message = "A boot that does not report is abandoned, from the first instance on."
  }

  assert {
    condition     = one(aws_autoscaling_group.this.launch_template).version == "7"
    error_message = "The launch template is used by number, never by $Latest."
  }
}

run "with_scaling_the_group_decides" {
  command = plan

  variables {
    enable_scaling = true
  }

  assert {
    condition     = aws_autoscaling_policy.cpu[0].policy_type == "TargetTrackingScaling"
    error_message = "Scaling follows the load."
  }
}

run "a_sha_tag_is_pulled_as_it_is" {
  command = plan

  assert {
    condition     = strcontains(base64decode(aws_launch_template.this.user_data), "image: 123456789012.dkr.ecr.eu-central-1.amazonaws.com/grocery-app:backend-0123abc") && strcontains(base64decode(aws_launch_template.this.user_data), "grocery-app:frontend-0123abc")
    error_message = "Both images carry the tag."
  }

  assert {
    condition     = strcontains(base64decode(aws_launch_template.this.user_data), "REACT_APP_BACKEND_SERVER: http://alb.example.com") && strcontains(base64decode(aws_launch_template.this.user_data), "DB_REPLICA_HOST=replica.internal")
    error_message = "The page knows the balancer and the backend the replica."
  }

  assert {
    condition     = aws_launch_template.this.description == "image tag 0123abc"
    error_message = "A version of the template says which image tag it runs: a rollback reads it."
  }

  assert {
    condition     = length(data.aws_ecr_image.latest) == 0 && length(base64decode(aws_launch_template.this.user_data)) <= 16384
    error_message = "Nothing is looked up, and the script is short enough for EC2."
  }
}

run "latest_becomes_a_digest" {
  command = plan

  variables {
    image_tag       = "latest"
    ami_id          = "ami-0fedcba9876543210"
    db_replica_host = null
  }

  assert {
    condition     = strcontains(base64decode(aws_launch_template.this.user_data), "image: 123456789012.dkr.ecr.eu-central-1.amazonaws.com/grocery-app@sha256:0123456789abcdef") && !strcontains(base64decode(aws_launch_template.this.user_data), "-latest")
    error_message = "Instances never pull a tag that moves."
  }

  assert {
    condition     = aws_launch_template.this.image_id == "ami-0fedcba9876543210" && !strcontains(base64decode(aws_launch_template.this.user_data), "DB_REPLICA_HOST")
    error_message = "A given image wins, and without a replica nothing names one."
  }
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    name                       = "X"
    region                     = "x"
    asg_name                   = "a b"
    asg_min_size               = 1.5
    scaling_cpu_percent        = 100
    boot_timeout_seconds       = 5
    health_check_grace_seconds = 0
    instance_warmup_seconds    = -1
    subnet_ids                 = []
    ami_id                     = "ami-xxxxxxxx"
    ami_ssm_parameter          = "al2023"
    instance_type              = "small"
    root_device_name           = "xvda"
    root_volume_gib            = 4
    image_tag                  = "backend-1"
    ecr_repository_url         = "https://registry.example.com/x"
    app_ports                  = { frontend = 80, backend = 80 }
    container_memory_mib       = { backend = 1 }
    alb_url                    = "alb.example.com"
    db_port                    = 80
    db_name                    = "grocery-dev-db"
    db_secret_id               = "'; rm -rf /"
    app_secret_id              = "a b"
    bucket_name                = "B"
    payment_provider           = "visa"
    metrics_namespace          = "AWS/EC2"
    log_group_name             = "a b"
    compose                    = { version = "latest", sha256 = { x86_64 = "0", aarch64 = "0" } }
  }

  expect_failures = [
    var.name, var.region, var.asg_name, var.asg_min_size, var.scaling_cpu_percent, var.boot_timeout_seconds,
    var.health_check_grace_seconds, var.instance_warmup_seconds, var.subnet_ids, var.ami_id, var.ami_ssm_parameter, var.instance_type, var.root_device_name,
    var.root_volume_gib, var.image_tag, var.ecr_repository_url, var.app_ports, var.container_memory_mib, var.alb_url, var.db_port,
    var.db_name, var.db_secret_id, var.app_secret_id, var.bucket_name, var.payment_provider, var.metrics_namespace, var.log_group_name, var.compose,
  ]
}

run "the_wanted_number_lies_within_its_limits" {
  command = plan

  variables {
    asg_min_size         = 2
    asg_max_size         = 3
    asg_desired_capacity = 5
  }

  expect_failures = [var.asg_desired_capacity]
}
