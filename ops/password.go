package ops

import (
	"encoding/json"
	"fmt"
)

// The database's password is drawn anew in every run of Terraform and written
// to two places in one apply: the secret and the database. An apply that was
// interrupted in between leaves them with two passwords.
const (
	secretVersion = "module.rds.aws_secretsmanager_secret_version.this"
	database      = "module.rds.aws_db_instance.this"

	appSecretVersion = "aws_secretsmanager_secret_version.app" // of the backend's keys
)

// parted reports whether a state says that the secret was written and the
// database not: it is absent, tainted, or has another version of the password.
// The next apply writes the database then, and must write the secret again
// with it.
func parted(state []byte) (bool, error) {
	var s struct {
		Resources []struct {
			Module, Type, Name string
			Instances          []struct {
				Status     string
				Attributes struct {
					Secret   *int64 `json:"secret_string_wo_version"`
					Database *int64 `json:"password_wo_version"`
				}
			}
		}
	}
	if len(state) == 0 {
		return false, nil
	}
	if err := json.Unmarshal(state, &s); err != nil {
		return false, fmt.Errorf("the state cannot be read: %w", err)
	}
	var inSecret, inDatabase *int64
	for _, r := range s.Resources {
		if len(r.Instances) != 1 || r.Instances[0].Status == "tainted" {
			continue
		}
		switch r.Module + "." + r.Type + "." + r.Name {
		case secretVersion:
			inSecret = r.Instances[0].Attributes.Secret
		case database:
			inDatabase = r.Instances[0].Attributes.Database
		}
	}
	return inSecret != nil && (inDatabase == nil || *inDatabase != *inSecret), nil
}
