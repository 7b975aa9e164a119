# The instances: a launch template whose every version is kept, and the group
# that keeps the right number of them alive.

locals {
  ami_id = var.ami_id != null ? var.ami_id : one(data.aws_ssm_parameter.ami[*].insecure_value)

  # The provider takes no desired capacity as "leave it as it is": with scaling
  # on, the number belongs to the group and its policy. A new group then starts
  # at its minimum.
  desired_capacity = var.enable_scaling ? null : var.asg_desired_capacity

  launch_hook = {
    name              = "${var.name}-launch"
    transition        = "autoscaling:EC2_INSTANCE_LAUNCHING"
    default_result    = "ABANDON"
    heartbeat_timeout = var.boot_timeout_seconds
  }
}

data "aws_ssm_parameter" "ami" {
  count = var.ami_id == null ? 1 : 0

  name = var.ami_ssm_parameter
}

resource "aws_launch_template" "this" {
  name        = var.name
  description = "image tag ${local.app_version}" # of the version; grocery rollback reads it

  image_id               = local.ami_id
  instance_type          = var.instance_type
  key_name               = var.key_name
  vpc_security_group_ids = [var.security_group_id]
  user_data              = base64encode(local.user_data)

  iam_instance_profile {
    name = var.instance_profile_name
  }

  # Containers sit one hop behind the instance: two hops let them have the
  # role's credentials too.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 2
  }

  monitoring {
    enabled = var.detailed_monitoring
  }

  block_device_mappings {
    device_name = var.root_device_name

    ebs {
      volume_type           = "gp3"
      volume_size           = var.root_volume_gib
      encrypted             = true
      delete_on_termination = true
    }
  }

  dynamic "tag_specifications" {
    for_each = ["instance", "volume", "network-interface"]

    content {
      resource_type = tag_specifications.value
      tags          = merge(var.tags, { Name = var.name })
    }
  }

  lifecycle {
    precondition {
      condition     = length(local.user_data) <= 16384
      error_message = "EC2 takes 16 KiB of user data and the rendered script is longer."
    }
  }
}

resource "aws_autoscaling_group" "this" {
  name                = var.asg_name
  vpc_zone_identifier = var.subnet_ids
  target_group_arns   = values(var.target_group_arns)

  min_size         = var.asg_min_size
  max_size         = var.asg_max_size
  desired_capacity = local.desired_capacity

  health_check_type         = "ELB"
  health_check_grace_period = var.health_check_grace_seconds
  default_instance_warmup   = var.instance_warmup_seconds
  wait_for_capacity_timeout = "${var.boot_timeout_seconds + 300}s"

  launch_template {
    id      = aws_launch_template.this.id
    version = aws_launch_template.this.latest_version
  }

  # The first instances of a new group wait for their report too; afterwards
  # aws_autoscaling_lifecycle_hook keeps the hook as it should be.
  initial_lifecycle_hook {
    name                 = local.launch_hook.name
    lifecycle_transition = local.launch_hook.transition
    default_result       = local.launch_hook.default_result
    heartbeat_timeout    = local.launch_hook.heartbeat_timeout
  }

  dynamic "tag" {
    for_each = merge(var.tags, { Name = var.name })

    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = true
    }
  }

  lifecycle {
    # Which version runs is the release step's decision: it starts the instance
    # refresh, watches it, and goes back when alarms start.
    ignore_changes = [launch_template[0].version]
  }
}

resource "aws_autoscaling_lifecycle_hook" "launch" {
  autoscaling_group_name = aws_autoscaling_group.this.name
  name                   = local.launch_hook.name
  lifecycle_transition   = local.launch_hook.transition
  default_result         = local.launch_hook.default_result
  heartbeat_timeout      = local.launch_hook.heartbeat_timeout
}

resource "aws_autoscaling_policy" "cpu" {
  count = var.enable_scaling ? 1 : 0

  name                   = "${var.name}-cpu"
  autoscaling_group_name = aws_autoscaling_group.this.name
  policy_type            = "TargetTrackingScaling"

  target_tracking_configuration {
    target_value = var.scaling_cpu_percent

    predefined_metric_specification {
      predefined_metric_type = "ASGAverageCPUUtilization"
    }
  }
}
