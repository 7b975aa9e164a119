package main

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"grocery/backend/auth"
)

// Config is what the server reads from its environment.
type Config struct {
	Addr        string   // GROCERY_ADDR, :5000 when empty
	Version     string   // GROCERY_VERSION, the build's version when empty
	LogLevel    string   // GROCERY_LOG_LEVEL: debug, info (when empty), warn, error
	JWTSecret   string   // JWT_SECRET, at least 32 bytes
	CORSOrigins []string // CORS_ORIGINS, comma separated

	DBHost        string // DB_HOST
	DBPort        string // DB_PORT, 5432 when empty
	DBName        string // DB_NAME
	DBUser        string // DB_USER
	DBPassword    string // DB_PASSWORD
	DBReplicaHost string // DB_REPLICA_HOST, optional
	DBSSLMode     string // DB_SSLMODE, verify-full when empty
	DBSSLRootCert string // DB_SSLROOTCERT, the system's authorities when empty
	DBSecretID    string // DB_SECRET_ID, optional
	// PAYMENT_PROVIDER: empty or none, cards are not accepted; test, they are and NO
	// MONEY IS TAKEN.
	PaymentProvider string
	AWSRegion       string // AWS_REGION, needed with DB_SECRET_ID and S3_BUCKET

	S3Bucket  string        // S3_BUCKET, where users' pictures are, under avatars/; optional
	AvatarDir string        // AVATAR_DIR, where they are instead; optional
	Drain     time.Duration // GROCERY_DRAIN, how long to serve on after being told to end; 3s when empty
	Metrics   string        // METRICS_ADDR, where /metrics listens, such as 127.0.0.1:9100; nowhere when empty
	Traces    string        // OTEL_EXPORTER_OTLP_ENDPOINT, where traces go; nowhere when empty
}

// ConfigFromEnv reads the configuration. The error names every variable that is
// missing or wrong, and no value of a secret.
func ConfigFromEnv(getenv func(string) string) (Config, error) {
	get := func(name, otherwise string) string {
		if v := strings.TrimSpace(getenv(name)); v != "" {
			return v
		}
		return otherwise
	}
	c := Config{
		Addr:          get("GROCERY_ADDR", ":5000"),
		Version:       get("GROCERY_VERSION", ""),
		LogLevel:      get("GROCERY_LOG_LEVEL", "info"),
		JWTSecret:     getenv("JWT_SECRET"),
		DBHost:        get("DB_HOST", ""),
		DBPort:        get("DB_PORT", "5432"),
		DBName:        get("DB_NAME", ""),
		DBUser:        get("DB_USER", ""),
		DBPassword:    getenv("DB_PASSWORD"),
		DBReplicaHost: get("DB_REPLICA_HOST", ""),
		DBSSLMode:     get("DB_SSLMODE", "verify-full"),
		DBSSLRootCert: get("DB_SSLROOTCERT", ""),
		DBSecretID:    get("DB_SECRET_ID", ""),
		AWSRegion:     get("AWS_REGION", ""),
		S3Bucket:      get("S3_BUCKET", ""),
		AvatarDir:     get("AVATAR_DIR", ""),
		Metrics:       get("METRICS_ADDR", ""),
		Traces:        get("OTEL_EXPORTER_OTLP_ENDPOINT", ""),
	}
	var errs []error
	switch c.PaymentProvider = get("PAYMENT_PROVIDER", "none"); c.PaymentProvider {
	case "none", "test":
	default:
		errs = append(errs, fmt.Errorf("PAYMENT_PROVIDER is %q: there are none and test", c.PaymentProvider))
	}
	var err error
	if c.Drain, err = time.ParseDuration(get("GROCERY_DRAIN", "3s")); err != nil || c.Drain < 0 || c.Drain > shutdownTime/2 {
		errs = append(errs, fmt.Errorf("GROCERY_DRAIN: %q is no time of 0s to %s", get("GROCERY_DRAIN", ""), shutdownTime/2))
	}
	if u, err := url.Parse(c.Traces); err != nil || c.Traces != "" && (u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		errs = append(errs, errors.New("OTEL_EXPORTER_OTLP_ENDPOINT is no address such as http://localhost:4318"))
	}
	for _, v := range []struct{ name, value string }{
		{"DB_HOST", c.DBHost}, {"DB_NAME", c.DBName}, {"DB_USER", c.DBUser}, {"JWT_SECRET", c.JWTSecret},
	} {
		if v.value == "" {
			errs = append(errs, fmt.Errorf("%s is not set", v.name))
		}
	}
	if n := len(c.JWTSecret); n > 0 && n < auth.MinSecretLength {
		errs = append(errs, fmt.Errorf("JWT_SECRET is %d bytes long: give it at least %d random ones", n, auth.MinSecretLength))
	}
	if c.DBPassword == "" && c.DBSecretID == "" {
		errs = append(errs, errors.New("neither DB_PASSWORD nor DB_SECRET_ID is set"))
	}
	if c.DBSecretID != "" && c.AWSRegion == "" {
		errs = append(errs, errors.New("AWS_REGION is not set, but DB_SECRET_ID needs it"))
	}
	if c.AvatarDir != "" {
		c.S3Bucket = "" // the folder is asked for; a bucket may be there for other things
	}
	if c.S3Bucket != "" && c.AWSRegion == "" {
		errs = append(errs, errors.New("AWS_REGION is not set, but S3_BUCKET needs it"))
	}
	for origin := range strings.SplitSeq(getenv("CORS_ORIGINS"), ",") {
		origin = strings.TrimSuffix(strings.TrimSpace(origin), "/")
		if origin == "" {
			continue
		}
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Path != "" || strings.ContainsAny(origin, "*?#") {
			errs = append(errs, fmt.Errorf("CORS_ORIGINS: %q is not an origin such as https://shop.example", origin))
			continue
		}
		c.CORSOrigins = append(c.CORSOrigins, origin)
	}
	if len(errs) > 0 {
		return Config{}, fmt.Errorf("the environment is incomplete (app.md lists the variables):\n%w", errors.Join(errs...))
	}
	return c, nil
}
