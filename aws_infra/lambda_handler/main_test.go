package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/jackc/pgx/v5"

	main "grocery/aws_infra/lambda_handler"
	"grocery/internal/pgtest"
	"grocery/localaws"
	"grocery/localaws/runtime/none"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

const (
	bucket   = "grocery-dumps"
	secretID = "grocery-dev/db"
	region   = "eu-central-1"
)

// world is the function beside an S3, a Secrets Manager and a database.
type world struct {
	t       *testing.T
	s3      *s3.Client
	secrets *secretsmanager.Client
	db      *pgtest.Database
	env     map[string]string
	otherCA string // an authority that is not the database's
}

func newWorld(t *testing.T) *world {
	endpoint, ca := cloud(t)
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, s3: s3.NewFromConfig(cfg), secrets: secretsmanager.NewFromConfig(cfg), db: pgtest.New(t), otherCA: ca}
	w.env = map[string]string{"DB_HOST": "localhost", "DB_PORT": w.db.Port, "DB_NAME": w.db.Name, "DB_SECRET_ID": secretID,
		"DB_SSLMODE": "verify-full", "DB_SSLROOTCERT": w.db.Server.CA, "S3_BUCKET": bucket, "AWS_REGION": region, "AWS_ENDPOINT_URL": endpoint}
	_, err = w.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: new(bucket),
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: region}})
	if err == nil {
		_, err = w.s3.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: new(bucket),
			VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}})
	}
	if err == nil {
		_, err = w.secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: new(secretID), SecretString: new(login(pgtest.Password))})
	}
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// cloud runs a local AWS that serves its API and points AWS's SDK to it.
func cloud(t *testing.T) (endpoint, ca string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	o := localaws.Options{Home: t.TempDir(), Endpoint: l.Addr().String(), Runtime: none.New(), APIOnly: true}
	c, err := localaws.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- c.Run(ctx, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-done:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		c.Close()
	})
	for name, value := range map[string]string{"AWS_ENDPOINT_URL": "http://" + o.Endpoint, "AWS_SHARED_CREDENTIALS_FILE": filepath.Join(o.Home, "credentials"),
		"AWS_CONFIG_FILE": os.DevNull, "AWS_REGION": region, "AWS_EC2_METADATA_DISABLED": "true", "AWS_PROFILE": "", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SESSION_TOKEN": ""} {
		t.Setenv(name, value)
	}
	return "http://" + o.Endpoint, filepath.Join(o.Home, "ca.pem")
}

func login(password string) string {
	raw, _ := json.Marshal(map[string]string{"username": pgtest.User, "password": password})
	return string(raw)
}

// upload puts an object and returns its version.
func (w *world) upload(key, body string) string {
	w.t.Helper()
	out, err := w.s3.PutObject(w.t.Context(), &s3.PutObjectInput{Bucket: new(bucket), Key: &key, Body: strings.NewReader(body)})
	if err != nil {
		w.t.Fatal(err)
	}
	return *out.VersionId
}

// invoke calls the function as Lambda does, with JSON, and returns its answer.
func (w *world) invoke(event any, answer any) error {
	w.t.Helper()
	h, err := main.NewHandler(func(name string) string { return w.env[name] }, slog.New(slog.DiscardHandler))
	if err != nil {
		w.t.Fatal(err)
	}
	payload, err := json.Marshal(event)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	out, err := lambda.NewHandler(h.Handle).Invoke(ctx, payload)
	if err == nil && answer != nil {
		err = json.Unmarshal(out, answer)
	}
	return err
}

func (w *world) restore(key, version string) (map[string]any, error) {
	var result map[string]any
	err := w.invoke(map[string]string{"action": "restore", "bucket": bucket, "key": key, "version": version}, &result)
	return result, err
}

func (w *world) products() (n int) {
	w.db.QueryRow(w.t, "SELECT count(*) FROM products", &n)
	return n
}

// report reads a stored report.
func (w *world) report(key string) (report map[string]any) {
	w.t.Helper()
	out, err := w.s3.GetObject(w.t.Context(), &s3.GetObjectInput{Bucket: new(bucket), Key: &key})
	if err != nil {
		w.t.Fatal(err)
	}
	defer out.Body.Close()
	raw, err := io.ReadAll(out.Body)
	if err == nil {
		err = json.Unmarshal(raw, &report)
	}
	if err != nil {
		w.t.Fatalf("%v: %s", err, raw)
	}
	return report
}

// typeOf is the name by which the state machine knows an error.
func typeOf(err error) string {
	if err == nil {
		return ""
	}
	t := reflect.TypeOf(err)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Name()
}

func sql(products ...string) string {
	s := `CREATE TABLE users (id int, username text, email text, password text, fav_products text, purchased_products text, avatar text);
CREATE TABLE products (id int, name text, description text, price real, category text, image_url text, is_alcohol boolean);
CREATE TABLE reviews (id int, product_id int, author text, rating real, comment text);
CREATE TABLE basket_items (id int, product_id int, quantity int, user_id int);
`
	for i, p := range products {
		s += "INSERT INTO products VALUES(" + string(rune('1'+i)) + ",'" + p + "','',0.99,'Fruit','',false);\n"
	}
	return s
}

func TestTheFunction(t *testing.T) {
	w := newWorld(t)
	version := w.upload("db-dumps/shop.sql", sql("Apple", "Pear"))
	w.upload("db-dumps/shop.sql", sql("Nobody asked for this version"))

	t.Run("restores the version it is told, reports, and verifies", func(t *testing.T) {
		result, err := w.restore("db-dumps/shop.sql", version)
		if err != nil {
			t.Fatal(err)
		}
		if n := w.products(); n != 2 {
			t.Errorf("%d products", n)
		}
		if result["report"] != "restore-reports/shop.sql.json" {
			t.Errorf("result %v", result)
		}
		report := w.report("restore-reports/shop.sql.json")
		if report["succeeded"] != true || report["id"] != result["id"] || report["source"] != "s3://"+bucket+"/db-dumps/shop.sql?versionId="+version {
			t.Errorf("report %v", report)
		}
		var verified map[string]any
		if err := w.invoke(map[string]any{"action": "verify", "bucket": bucket, "key": "db-dumps/shop.sql", "version": version, "restored": result}, &verified); err != nil {
			t.Fatal(err)
		}
		if v, _ := verified["verified"].(map[string]any); v["id"] != result["id"] || v["superseded"] != false {
			t.Errorf("verified %v", verified)
		}
	})
	t.Run("fails as InvalidDumpError on a broken dump, reports the line and changes nothing", func(t *testing.T) {
		version := w.upload("db-dumps/bad.sql", sql("Plum")+"DROP ROLE grocery;\n")
		_, err := w.restore("db-dumps/bad.sql", version)
		if typeOf(err) != "InvalidDumpError" || !strings.Contains(err.Error(), "line 6") {
			t.Errorf("%s: %v", typeOf(err), err)
		}
		report := w.report("restore-reports/bad.sql.json")
		if fault, _ := report["fault"].(map[string]any); report["succeeded"] != false || fault["line"] != 6. || fault["code"] != "statement" {
			t.Errorf("report %v", report)
		}
		if n := w.products(); n != 2 {
			t.Errorf("%d products", n)
		}
	})
	t.Run("logs in with the previous password while the new one is not set", func(t *testing.T) {
		if _, err := w.secrets.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: new(secretID), SecretString: new(login("not yet"))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.restore("db-dumps/shop.sql", version); err != nil {
			t.Error(err)
		}
	})
	t.Run("says that the database does not accept the current password, whatever the previous one", func(t *testing.T) {
		if err := w.invoke(map[string]string{"action": "login"}, nil); typeOf(err) != "LoginRefusedError" || strings.Contains(err.Error(), "not yet") {
			t.Errorf("%s: %v", typeOf(err), err)
		}
		if _, err := w.secrets.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: new(secretID), SecretString: new(login(pgtest.Password))}); err != nil {
			t.Fatal(err)
		}
		if err := w.invoke(map[string]string{"action": "login"}, nil); err != nil {
			t.Errorf("%s: %v", typeOf(err), err)
		}
	})
	t.Run("backs up what it restores again", func(t *testing.T) {
		var backup map[string]any
		if err := w.invoke(map[string]string{"action": "backup", "bucket": bucket, "key": "backups/today.sql.gz"}, &backup); err != nil {
			t.Fatal(err)
		}
		w.db.Exec(t, "DELETE FROM products WHERE name = 'Pear'")
		version, _ := backup["version"].(string)
		result, err := w.restore(backup["key"].(string), version)
		if err != nil {
			t.Fatal(err)
		}
		if n := w.products(); n != 2 || result["kind"] != "pg_dump_plain" {
			t.Errorf("%d products, %v", n, result)
		}
	})
	t.Run("restores once however often it is called with one id", func(t *testing.T) {
		event := map[string]string{"action": "restore", "id": "execution-1", "bucket": bucket, "key": "db-dumps/shop.sql", "version": version}
		var first, second map[string]any
		if err := w.invoke(event, &first); err != nil {
			t.Fatal(err)
		}
		w.db.Exec(t, "UPDATE products SET name = 'Changed since' WHERE id = 1")
		if err := w.invoke(event, &second); err != nil {
			t.Fatal(err)
		}
		if first["id"] != "execution-1" || second["id"] != "execution-1" || !reflect.DeepEqual(first["rows"], second["rows"]) {
			t.Errorf("first %v, then %v", first, second)
		}
		var changed bool
		w.db.QueryRow(t, "SELECT EXISTS (SELECT FROM products WHERE name = 'Changed since')", &changed)
		if report := w.report("restore-reports/shop.sql.json"); !changed || report["repeated"] != true || report["succeeded"] != true {
			t.Errorf("restored again: %v, report %v", !changed, report)
		}
	})
	t.Run("keeps the data of a shop in use from the dump for an empty one", func(t *testing.T) {
		before := w.products()
		version := w.upload("db-dumps/initial.dump", sql("Apple", "Pear", "Plum"))
		result, err := w.restore("db-dumps/initial.dump", version)
		if err != nil {
			t.Fatal(err)
		}
		if kept, _ := result["kept"].(string); !strings.Contains(kept, "in use") || w.products() != before {
			t.Errorf("%d products, result %v", w.products(), result)
		}
		if report := w.report("restore-reports/initial.dump.json"); report["succeeded"] != false || report["kept"] != result["kept"] {
			t.Errorf("report %v", report)
		}
	})
	for name, tt := range map[string]struct {
		event map[string]any
		env   map[string]string
		kind  string
		says  string
	}{
		"an object that is not there":        {event: map[string]any{"action": "restore", "bucket": bucket, "key": "db-dumps/none"}, kind: "RestoreError", says: "NoSuchKey"},
		"an unknown action":                  {event: map[string]any{"action": "drop"}, kind: "RestoreError", says: "restore, verify, backup or login"},
		"a report taken for a dump":          {event: map[string]any{"action": "restore", "bucket": bucket, "key": "restore-reports/shop.sql.json"}, kind: "InvalidDumpError", says: "prefixes"},
		"a verification of nothing":          {event: map[string]any{"action": "verify"}, kind: "VerifyError", says: "restored.id"},
		"a verification of another database": {event: map[string]any{"action": "verify", "restored": map[string]any{"id": "X"}}, kind: "VerifyError", says: "no record"},
		"a database that is away":            {env: map[string]string{"DB_PORT": "1"}, event: map[string]any{"action": "restore", "bucket": bucket, "key": "db-dumps/shop.sql"}, kind: "RestoreError", says: "connect"},
		"a database with another's certificate": {env: map[string]string{"DB_SSLROOTCERT": w.otherCA},
			event: map[string]any{"action": "restore", "bucket": bucket, "key": "db-dumps/shop.sql"}, kind: "RestoreError", says: "connect"},
	} {
		t.Run("fails on "+name, func(t *testing.T) {
			before := w.env
			defer func() { w.env = before }()
			w.env = map[string]string{}
			for k, v := range before {
				w.env[k] = v
			}
			for k, v := range tt.env {
				w.env[k] = v
			}
			err := w.invoke(tt.event, nil)
			if typeOf(err) != tt.kind || err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%s: %v, want %s saying %q", typeOf(err), err, tt.kind, tt.says)
			}
			if err != nil && strings.Contains(err.Error(), pgtest.Password) {
				t.Errorf("the password is shown: %v", err)
			}
		})
	}
}

func TestWhatTakesTooLongIsNotTriedAgain(t *testing.T) {
	w := newWorld(t)
	version := w.upload("db-dumps/shop.sql", sql("Apple"))
	h, err := main.NewHandler(func(name string) string { return w.env[name] }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 11*time.Second) // of which 10 s are kept for the end
	defer cancel()
	lock, err := pgx.Connect(t.Context(), fmt.Sprintf("host=localhost port=%s dbname=%s user=%s password='%s'", w.db.Port, w.db.Name, pgtest.User, pgtest.Password))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close(context.Background())
	if _, err := lock.Exec(t.Context(), "SELECT pg_advisory_lock($1)", int64(0x67726f64756d70)); err != nil {
		t.Fatal(err)
	}
	_, err = h.Handle(ctx, main.Event{Action: "restore", Bucket: bucket, Key: "db-dumps/shop.sql", Version: version})
	if typeOf(err) != "OutOfTimeError" || ctx.Err() != nil {
		t.Errorf("%s: %v, the function's time is over: %v", typeOf(err), err, ctx.Err())
	}
}

func TestAnIncompleteEnvironmentIsNamed(t *testing.T) {
	_, err := main.NewHandler(func(string) string { return "" }, slog.New(slog.DiscardHandler))
	for _, name := range []string{"DB_HOST", "DB_NAME", "DB_SECRET_ID", "AWS_REGION"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not name %s", err, name)
		}
	}
}
