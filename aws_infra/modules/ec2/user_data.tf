# What an instance does when it boots. Images are named so that they can never
# become others: by a tag that is never overwritten, or, for "latest", by the
# digest it stands for while this is planned.

locals {
  registry = split("/", var.ecr_repository_url)[0]

  latest = var.image_tag == "latest"

  images = {
    for part in ["backend", "frontend"] : part => (
      local.latest
      ? "${var.ecr_repository_url}@${data.aws_ecr_image.latest[part].image_digest}"
      : "${var.ecr_repository_url}:${part}-${var.image_tag}"
    )
  }

  app_version = local.latest ? "latest-${substr(split(":", data.aws_ecr_image.latest["backend"].image_digest)[1], 0, 12)}" : var.image_tag

  user_data = templatefile("${path.module}/../../templates/user_data.sh.tftpl", {
    name                = var.name
    region              = var.region
    registry            = local.registry
    backend_image       = local.images["backend"]
    frontend_image      = local.images["frontend"]
    app_version         = local.app_version
    asg_name            = var.asg_name
    lifecycle_hook_name = local.launch_hook.name
    backend_port        = var.app_ports.backend
    frontend_port       = var.app_ports.frontend
    backend_memory      = "${var.container_memory_mib.backend}m"
    frontend_memory     = "${var.container_memory_mib.frontend}m"
    alb_url             = var.alb_url
    db_host             = var.db_host
    db_replica_host     = var.db_replica_host
    db_port             = var.db_port
    db_name             = var.db_name
    db_secret_id        = var.db_secret_id
    app_secret_id       = var.app_secret_id
    bucket_name         = var.bucket_name
    payment_provider    = var.payment_provider
    compose_version     = var.compose.version
    compose_sha256      = var.compose.sha256
    agent_config = trimspace(templatefile("${path.module}/../../templates/agent.json.tftpl", {
      metrics_namespace = var.metrics_namespace
      log_group_name    = var.log_group_name
    }))
  })
}

data "aws_ecr_image" "latest" {
  for_each = toset(local.latest ? ["backend", "frontend"] : [])

  repository_name = var.ecr_repository_name
  image_tag       = "${each.key}-latest"
}
