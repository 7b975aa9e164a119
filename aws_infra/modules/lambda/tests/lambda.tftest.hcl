mock_provider "aws" {
  override_during = plan

  mock_resource "aws_lambda_layer_version" {
    defaults = { arn = "arn:aws:lambda:eu-central-1:123456789012:layer:grocery-test-restore-rds-ca:3" }
  }
}

variables {
  function_name        = "grocery-test-restore"
  function_zip         = "./versions.tf" # any file stands in for the zip
  role_arn             = "arn:aws:iam::123456789012:role/grocery-test-lambda"
  layer_bucket         = "grocery-test-123456789012-eu-central-1"
  layer_object_key     = "layers/rds-ca.zip"
  layer_object_version = "v1"
  subnet_ids           = ["subnet-a"]
  security_group_id    = "sg-lambda"
  log_group_name       = "/aws/lambda/grocery-test-restore"
  db_host              = "db.internal"
  db_name              = "grocery"
  db_secret_id         = "grocery-test/db"
}

run "it_runs_beside_the_database_and_checks_its_certificate" {
  command = plan

  assert {
    condition     = one(aws_lambda_function.this.vpc_config).subnet_ids == toset(["subnet-a"]) && one(aws_lambda_function.this.vpc_config).security_group_ids == toset(["sg-lambda"])
    error_message = "The function runs in the private subnets in its own group."
  }

  assert {
    condition     = one(aws_lambda_function.this.environment).variables["DB_SSLMODE"] == "verify-full" && one(aws_lambda_function.this.environment).variables["DB_SSLROOTCERT"] == "/opt/rds-ca.pem"
    error_message = "TLS to the database is verified."
  }

  assert {
    condition     = !contains(keys(one(aws_lambda_function.this.environment).variables), "DB_PASSWORD")
    error_message = "The password stays in Secrets Manager."
  }

  assert {
    condition     = aws_lambda_function.this.runtime == "provided.al2023" && aws_lambda_function.this.handler == "bootstrap" && aws_lambda_function.this.source_code_hash == filebase64sha256("./versions.tf")
    error_message = "A new zip is a new deployment."
  }

  assert {
    condition     = aws_lambda_layer_version.rds_ca.s3_object_version == "v1" && aws_lambda_function.this.layers == tolist([aws_lambda_layer_version.rds_ca.arn])
    error_message = "The layer is referenced by version."
  }

  assert {
    condition     = one(aws_lambda_function.this.logging_config).log_group == "/aws/lambda/grocery-test-restore"
    error_message = "Logs go to the group named after the function."
  }
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    function_name    = "a:b"
    architecture     = "sparc"
    role_arn         = "grocery-test-lambda"
    memory_mib       = 64
    timeout_seconds  = 901
    reports_prefix   = "reports"
    initial_dump_key = "initial.dump"
    subnet_ids       = []
    db_port          = 1
  }

  expect_failures = [
    var.function_name, var.architecture, var.role_arn, var.memory_mib, var.timeout_seconds, var.reports_prefix, var.initial_dump_key, var.subnet_ids, var.db_port,
  ]
}

run "a_missing_zip_or_a_strange_log_group_is_refused" {
  command = plan

  variables {
    function_zip   = "./not-built.zip"
    log_group_name = "/aws/lambda/somebody-else"
  }

  expect_failures = [var.function_zip, var.log_group_name]
}
