package ops_test

import (
	"fmt"
	"strings"
	"testing"

	"grocery/ops"
)

func TestSecretIsWrittenAgainWhereTheDatabaseWasNot(t *testing.T) {
	secret := func(v int) string {
		return fmt.Sprintf(`{"module":"module.rds","type":"aws_secretsmanager_secret_version","name":"this","instances":[{"attributes":{"secret_string_wo_version":%d}}]}`, v)
	}
	db := func(v int, status string) string {
		return fmt.Sprintf(`{"module":"module.rds","type":"aws_db_instance","name":"this","instances":[{"status":%q,"attributes":{"password_wo_version":%d}}]}`, status, v)
	}
	replica := `{"module":"module.rds","type":"aws_db_instance","name":"replica","instances":[{"attributes":{"password_wo_version":null}}]}`
	for rule, c := range map[string]struct {
		resources []string
		want      bool
	}{
		"nothing is there yet":                      {nil, false},
		"both have the same version":                {[]string{secret(1), db(1, ""), replica}, false},
		"the database is absent":                    {[]string{secret(1)}, true},
		"the database is tainted":                   {[]string{secret(1), db(1, "tainted")}, true},
		"the secret is a version ahead":             {[]string{secret(2), db(1, ""), replica}, true},
		"the database is there without the secret":  {[]string{db(1, "")}, false},
		"another module's secret says nothing here": {[]string{strings.Replace(secret(1), "module.rds", "module.app", 1)}, false},
	} {
		t.Run(rule, func(t *testing.T) {
			got, err := ops.Parted([]byte(`{"resources":[` + strings.Join(c.resources, ",") + `]}`))
			if err != nil || got != c.want {
				t.Errorf("%v %v, want %v", got, err, c.want)
			}
		})
	}
	if got, err := ops.Parted(nil); got || err != nil {
		t.Error("no state at all:", got, err)
	}
	if _, err := ops.Parted([]byte("{")); err == nil {
		t.Error("a broken state is no error")
	}
}
