package ops

import (
	"encoding/json"
	"fmt"
	"strings"
)

// The database's password is drawn anew in every run of Terraform and written
// to two places in one apply: the secret and the database. An apply that was
// interrupted in between leaves them with two passwords.
const (
	secretVersion = "module.rds.aws_secretsmanager_secret_version.this"
	database      = "module.rds.aws_db_instance.this"

	appSecretVersion = "aws_secretsmanager_secret_version.app" // of the backend's keys
)

// numbers are the versions of what Terraform writes to secrets and database, as
// a state tells them; nil for what is absent or tainted.
type numbers struct {
	secret, database, keys *int
}

// written reads the numbers of a state, which is empty before the first apply.
func written(state []byte) (n numbers, err error) {
	var s struct {
		Resources []struct {
			Module, Type, Name string
			Instances          []struct {
				Status     string
				Attributes struct {
					Secret   *int `json:"secret_string_wo_version"`
					Database *int `json:"password_wo_version"`
				}
			}
		}
	}
	if len(state) == 0 {
		return n, nil
	}
	if err := json.Unmarshal(state, &s); err != nil {
		return n, fmt.Errorf("the state cannot be read: %w", err)
	}
	for _, r := range s.Resources {
		if len(r.Instances) != 1 || r.Instances[0].Status == "tainted" {
			continue
		}
		switch a := r.Instances[0].Attributes; strings.TrimPrefix(r.Module+"."+r.Type+"."+r.Name, ".") {
		case secretVersion:
			n.secret = a.Secret
		case database:
			n.database = a.Database
		case appSecretVersion:
			n.keys = a.Secret
		}
	}
	return n, nil
}

// parted reports whether a state says that the secret was written and the
// database not: it is absent, tainted, or has another version of the password.
// The next apply writes the database then, and must write the secret again
// with it.
func parted(state []byte) (bool, error) {
	n, err := written(state)
	return n.secret != nil && (n.database == nil || *n.database != *n.secret), err
}
