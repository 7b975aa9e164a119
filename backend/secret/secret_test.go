package secret_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"grocery/backend/secret"
)

// stored answers with what it holds for a stage.
type stored map[string]string

func (s stored) GetSecretValue(_ context.Context, in *secretsmanager.GetSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	v, ok := s[*in.SecretId+" "+*in.VersionStage]
	if !ok {
		return nil, errors.New("ResourceNotFoundException")
	}
	return &secretsmanager.GetSecretValueOutput{SecretString: &v}, nil
}

func TestRead(t *testing.T) {
	api := stored{
		"db AWSCURRENT":     `{"username":"grocery","password":"new"}`,
		"db AWSPREVIOUS":    `{"username":"grocery","password":"old"}`,
		"broken AWSCURRENT": `{"username":"grocery","password":"geheim"`,
		"empty AWSCURRENT":  `{"username":"grocery"}`,
	}
	for _, tt := range []struct{ name, id, stage, password, err string }{
		{"the current login", "db", secret.Current, "new", ""},
		{"the previous login", "db", secret.Previous, "old", ""},
		{"a missing secret is named", "nope", secret.Current, "", "read secret nope (AWSCURRENT)"},
		{"a broken secret is named, not shown", "broken", secret.Current, "", "secret broken (AWSCURRENT) is not a JSON object"},
		{"a secret without a password is refused", "empty", secret.Current, "", "username and password"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, password, err := secret.NewLogin(api, tt.id).Read(t.Context(), tt.stage)
			if password != tt.password || (err != nil) != (tt.err != "") {
				t.Fatalf("password %q, error %v", password, err)
			}
			if err != nil && (!strings.Contains(err.Error(), tt.err) || strings.Contains(err.Error(), "geheim")) {
				t.Errorf("error %q", err)
			}
		})
	}
}
