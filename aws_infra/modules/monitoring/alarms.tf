# One table of alarms. Each tells the topic when it starts and when it is over.
#
# Memory and disk come from the agent on the instances; their dimensions are
# exactly those of aggregation_dimensions in templates/agent.json.tftpl.

locals {
  state_machine_arn = "arn:${local.partition}:states:${var.region}:${local.account_id}:stateMachine:${var.state_machine_name}"

  # EC2 measures every minute only with detailed monitoring.
  cpu_period = var.detailed_monitoring ? 60 : 300

  instance_alarms = {
    cpu = {
      description = "Instances are busy: scale out, or look for what keeps them busy."
      namespace   = "AWS/EC2"
      metric      = "CPUUtilization"
      statistic   = "Average"
      dimensions  = { AutoScalingGroupName = var.asg_name }
      comparison  = "GreaterThanThreshold"
      threshold   = var.thresholds.cpu_percent
      period      = local.cpu_period
      periods     = ceil(var.minutes.load * 60 / local.cpu_period)
      missing     = "missing"
    }
    memory = {
      description = "Instances run out of memory."
      namespace   = var.metrics_namespace
      metric      = "mem_used_percent"
      statistic   = "Average"
      dimensions  = { AutoScalingGroupName = var.asg_name }
      comparison  = "GreaterThanThreshold"
      threshold   = var.thresholds.memory_percent
      period      = 60
      periods     = var.minutes.shortage
      missing     = "missing"
    }
    disk = {
      description = "The fullest root disk runs out of space."
      namespace   = var.metrics_namespace
      metric      = "disk_used_percent"
      statistic   = "Maximum"
      dimensions  = { AutoScalingGroupName = var.asg_name }
      comparison  = "GreaterThanThreshold"
      threshold   = var.thresholds.disk_percent
      period      = 60
      periods     = var.minutes.shortage
      missing     = "missing"
    }
  }

  alb_alarms = merge(
    {
      for key, metric in { alb-5xx = "HTTPCode_ELB_5XX_Count", target-5xx = "HTTPCode_Target_5XX_Count" } : key => {
        description                = "Visitors get errors (${metric})."
        namespace                  = "AWS/ApplicationELB"
        metric                     = metric
        statistic                  = "Sum"
        dimensions                 = { LoadBalancer = var.alb_arn_suffix }
        comparison                 = "GreaterThanThreshold"
        threshold                  = var.thresholds.errors_per_minute
        period                     = 60
        periods                    = 2
        missing                    = "notBreaching"
      }
    },
    # The group replaces a sick instance within a minute or two, so the first
    # bad minute has to count. A release makes none: new instances are healthy
    # before they are registered, old ones drain before they end.
    {
      for key, suffix in var.target_group_arn_suffixes : "unhealthy-${key}" => {
        description = "The ${key} of an instance fails its health checks."
        namespace   = "AWS/ApplicationELB"
        metric      = "UnHealthyHostCount"
        statistic   = "Maximum"
        dimensions  = { LoadBalancer = var.alb_arn_suffix, TargetGroup = suffix }
        comparison  = "GreaterThanThreshold"
        threshold   = 0
        period      = 60
        periods     = 1
        missing     = "notBreaching"
      }
    },
  )

  rds_alarms = merge(
    {
      for id in local.db_identifiers : "${id == var.db_identifier ? "db" : "replica"}-cpu" => {
        description = "${id} is busy."
        namespace   = "AWS/RDS"
        metric      = "CPUUtilization"
        statistic   = "Average"
        dimensions  = { DBInstanceIdentifier = id }
        comparison  = "GreaterThanThreshold"
        threshold   = var.thresholds.db_cpu_percent
        period      = 60
        periods     = var.minutes.load
        missing     = "missing"
      }
    },
    {
      for id in local.db_identifiers : "${id == var.db_identifier ? "db" : "replica"}-storage" => {
        description = "${id} runs out of space."
        namespace   = "AWS/RDS"
        metric      = "FreeStorageSpace"
        statistic   = "Minimum"
        dimensions  = { DBInstanceIdentifier = id }
        comparison  = "LessThanThreshold"
        threshold   = var.thresholds.db_free_gib * 1024 * 1024 * 1024
        period      = 60
        periods     = var.minutes.shortage
        missing     = "missing"
      }
    },
    var.replica_identifier == null ? {} : {
      replica-lag = {
        description = "The replica is behind: readers see old data."
        namespace   = "AWS/RDS"
        metric      = "ReplicaLag"
        statistic   = "Maximum"
        dimensions  = { DBInstanceIdentifier = var.replica_identifier }
        comparison  = "GreaterThanThreshold"
        threshold   = var.thresholds.replica_lag_seconds
        period      = 60
        periods     = var.minutes.shortage
        missing     = "missing"
      }
    },
  )

  restore_alarms = merge(
    {
      for key, metric in { restore-failed = "ExecutionsFailed", restore-timed-out = "ExecutionsTimedOut" } : key => {
        description                       = "A dump was not restored (${metric}): look at the execution's history."
        namespace                         = "AWS/States"
        metric                            = metric
        statistic                         = "Sum"
        dimensions                        = { StateMachineArn = local.state_machine_arn }
        comparison                        = "GreaterThanThreshold"
        threshold                         = 0
        period                            = 60
        periods                           = 1
        missing                           = "notBreaching"
      }
    },
    {
      restore-not-started = {
        description = "A dump arrived and no restore could be started: its event lies in the dead-letter queue."
        namespace   = "AWS/SQS"
        metric      = "ApproximateNumberOfMessagesVisible"
        statistic   = "Maximum"
        dimensions  = { QueueName = var.dead_letter_queue_name }
        comparison  = "GreaterThanThreshold"
        threshold   = 0
        period      = 60
        periods     = 1
        missing     = "notBreaching"
      }
    },
  )

  alarms = merge(local.instance_alarms, local.alb_alarms, local.rds_alarms, local.restore_alarms)
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  statistic           = each.value.statistic
  dimensions          = each.value.dimensions
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  period              = each.value.period
  evaluation_periods  = each.value.periods
  treat_missing_data  = each.value.missing
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}
