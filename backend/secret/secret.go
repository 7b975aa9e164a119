package secret

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// Stages of a secret while it is rotated. See
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html
const (
	Current  = "AWSCURRENT"
	Previous = "AWSPREVIOUS"
)

// API is the part of Secrets Manager that is used.
type API interface {
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
}

// Login is a database login kept as the JSON secret {"username","password"}.
type Login struct {
	api API
	id  string
}

// NewLogin returns the login stored under a secret's name or ARN.
func NewLogin(api API, id string) *Login { return &Login{api, id} }

// Open returns the login stored under a secret's name or ARN in the region, read
// with the credentials of the environment (on an instance: its role).
func Open(ctx context.Context, region, id string) (*Login, error) {
	if region == "" {
		return nil, errors.New("AWS_REGION is empty: set it to the region of the secret named by DB_SECRET_ID")
	}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(region))
	if err != nil {
		return nil, fmt.Errorf("load the AWS configuration: %w", err)
	}
	return NewLogin(secretsmanager.NewFromConfig(cfg), id), nil
}

// Read returns the user name and password of one stage of the secret.
func (l *Login) Read(ctx context.Context, stage string) (username, password string, err error) {
	out, err := l.api.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &l.id, VersionStage: &stage})
	if err != nil {
		return "", "", fmt.Errorf("read secret %s (%s): %w", l.id, stage, err)
	}
	var login struct{ Username, Password string }
	// The decoder's error would quote the secret: say only what is wrong.
	if out.SecretString == nil || json.Unmarshal([]byte(*out.SecretString), &login) != nil || login.Password == "" {
		return "", "", fmt.Errorf("secret %s (%s) is not a JSON object with username and password", l.id, stage)
	}
	return login.Username, login.Password, nil
}
