# The function that restores a dump. It runs in the private subnets, beside the
# database; its layer holds the certificates that it checks the database's with.

resource "aws_lambda_layer_version" "rds_ca" {
  layer_name               = "${var.function_name}-rds-ca"
  description              = "Certificates of RDS, at /opt/rds-ca.pem"
  compatible_runtimes      = ["provided.al2023"]
  compatible_architectures = [var.architecture]

  s3_bucket         = var.layer_bucket
  s3_key            = var.layer_object_key
  s3_object_version = var.layer_object_version
}

resource "aws_lambda_function" "this" {
  function_name    = var.function_name
  description      = "Restores and verifies database dumps, and makes backups"
  role             = var.role_arn
  runtime          = "provided.al2023"
  handler          = "bootstrap"
  architectures    = [var.architecture]
  filename         = var.function_zip
  source_code_hash = filebase64sha256(var.function_zip)
  layers           = [aws_lambda_layer_version.rds_ca.arn]
  memory_size      = var.memory_mib
  timeout          = var.timeout_seconds

  environment {
    variables = {
      DB_HOST          = var.db_host
      DB_PORT          = tostring(var.db_port)
      DB_NAME          = var.db_name
      DB_SECRET_ID     = var.db_secret_id
      DB_SSLMODE       = "verify-full"
      DB_SSLROOTCERT   = "/opt/rds-ca.pem"
      REPORTS_PREFIX   = var.reports_prefix
      INITIAL_DUMP_KEY = var.initial_dump_key
    }
  }

  vpc_config {
    subnet_ids         = var.subnet_ids
    security_group_ids = [var.security_group_id]
  }

  logging_config {
    log_format = "JSON"
    log_group  = var.log_group_name
  }
}
