package main_test

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	main "grocery/cmd/grocery-api"
	"grocery/internal/pgtest"
)

func portOf(s *pgtest.Server) string { return strconv.Itoa(s.Port) }

func TestConfigFromEnv(t *testing.T) {
	for _, tt := range []struct {
		name string
		set  map[string]string
		want []string // parts of the error; none: no error
	}{
		{"a complete environment is accepted", nil, nil},
		{"everything missing is named at once", map[string]string{"DB_HOST": "", "DB_NAME": "", "JWT_SECRET": ""}, []string{"DB_HOST", "DB_NAME", "JWT_SECRET"}},
		{"a short signing secret is refused", map[string]string{"JWT_SECRET": "short-one"}, []string{"JWT_SECRET is 9 bytes long"}},
		{"a secret id does instead of a password", map[string]string{"DB_PASSWORD": "", "DB_SECRET_ID": "grocery-dev/db", "AWS_REGION": "eu-central-1"}, nil},
		{"a secret id needs a region", map[string]string{"DB_SECRET_ID": "grocery-dev/db"}, []string{"AWS_REGION"}},
		{"neither password nor secret id is refused", map[string]string{"DB_PASSWORD": ""}, []string{"neither DB_PASSWORD nor DB_SECRET_ID"}},
		{"cards for trying out are accepted", map[string]string{"PAYMENT_PROVIDER": "test"}, nil},
		{"a provider that does not exist is refused", map[string]string{"PAYMENT_PROVIDER": "stripe"}, []string{"PAYMENT_PROVIDER"}},
		{"a bucket needs a region", map[string]string{"S3_BUCKET": "grocery"}, []string{"AWS_REGION"}},
		{"a folder of pictures needs none, whatever the bucket", map[string]string{"S3_BUCKET": "grocery", "AVATAR_DIR": "/pictures"}, nil},
		{"a wait at the end that is none is refused", map[string]string{"GROCERY_DRAIN": "soon"}, []string{"GROCERY_DRAIN"}},
		{"a wait at the end longer than the balancer's is refused", map[string]string{"GROCERY_DRAIN": "1m"}, []string{"GROCERY_DRAIN"}},
		{"a collector without a scheme is refused", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4318"}, []string{"OTEL_EXPORTER_OTLP_ENDPOINT"}},
		{"an origin with a wildcard is refused", map[string]string{"CORS_ORIGINS": "https://*.example.com"}, []string{"CORS_ORIGINS"}},
		{"an origin with a query is refused", map[string]string{"CORS_ORIGINS": "https://a.example?shop"}, []string{"CORS_ORIGINS"}},
		{"an origin with a path is refused", map[string]string{"CORS_ORIGINS": "https://a.example/shop"}, []string{"CORS_ORIGINS"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			env := environment("db", "5432", "grocery", "")
			maps.Copy(env, tt.set)
			_, err := main.ConfigFromEnv(func(name string) string { return env[name] })
			if (err != nil) != (len(tt.want) > 0) {
				t.Fatalf("error: %v", err)
			}
			for _, part := range tt.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q does not name %q", err, part)
				}
			}
			if err != nil && (strings.Contains(err.Error(), pgtest.Password) || strings.Contains(err.Error(), "short-one")) {
				t.Errorf("error %q shows a secret", err)
			}
		})
	}
}

func TestCORSOriginsAreAList(t *testing.T) {
	env := environment("db", "5432", "grocery", "")
	env["CORS_ORIGINS"] = " http://localhost:3000/ ,https://shop.example,"
	c, err := main.ConfigFromEnv(func(name string) string { return env[name] })
	if want := []string{"http://localhost:3000", "https://shop.example"}; err != nil || !slices.Equal(c.CORSOrigins, want) {
		t.Errorf("origins %q, error %v", c.CORSOrigins, err)
	}
}
