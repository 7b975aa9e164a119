# Values that nobody chooses. Ephemeral: drawn anew in every run, sent to
# Secrets Manager (and, for the database, to RDS) only when the version number
# beside them changes, and kept in neither state nor plan.

ephemeral "aws_secretsmanager_random_password" "db" {
  password_length     = 40
  exclude_punctuation = true
}

ephemeral "aws_secretsmanager_random_password" "jwt" {
  password_length     = 64
  exclude_punctuation = true
}

resource "aws_secretsmanager_secret" "app" {
  name                    = local.app_secret_name
  description             = "Keys of ${local.name}'s backend: jwt_secret signs sessions"
  recovery_window_in_days = local.protected ? 30 : 0
}

resource "aws_secretsmanager_secret_version" "app" {
  secret_id                = aws_secretsmanager_secret.app.name
  secret_string_wo         = jsonencode({ jwt_secret = ephemeral.aws_secretsmanager_random_password.jwt.random_password })
  secret_string_wo_version = var.app_secret_version
}
