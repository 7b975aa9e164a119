package ops_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"crypto/tls"
	"crypto/x509"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"grocery/localaws"
	"grocery/localaws/runtime/none"
	"grocery/ops"
)

const (
	region = "eu-central-1"
	bucket = "grocery-tfstate-123456789012-eu-central-1"
)

// cloud is a local AWS that serves the API alone, and clients of it.
type cloud struct {
	access ops.Access
	cfg    aws.Config
	s3     *s3.Client
	ddb    *dynamodb.Client
}

// start runs an empty cloud until the test ends.
func start(t *testing.T) *cloud {
	t.Helper()
	o := localaws.Options{Home: t.TempDir(), Endpoint: free(t), Proxy: free(t), Runtime: none.New(), APIOnly: true}
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
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	x := &cloud{access: ops.Access{Region: region, Proxy: "http://" + o.Proxy, CABundle: filepath.Join(o.Home, "ca.pem")}}
	for line := range strings.Lines(read(t, filepath.Join(o.Home, "credentials"))) {
		k, v, _ := strings.Cut(line, "=")
		switch strings.TrimSpace(k) {
		case "aws_access_key_id":
			x.access.AccessKeyID = strings.TrimSpace(v)
		case "aws_secret_access_key":
			x.access.SecretKey = strings.TrimSpace(v)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(read(t, x.access.CABundle)))
	proxy := &url.URL{Scheme: "http", Host: o.Proxy}
	x.cfg = aws.Config{Region: region, Credentials: credentials.NewStaticCredentialsProvider(x.access.AccessKeyID, x.access.SecretKey, ""),
		HTTPClient: &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: pool}}}}
	x.s3, x.ddb = s3.NewFromConfig(x.cfg), dynamodb.NewFromConfig(x.cfg)
	return x
}

// free finds an address nobody listens at.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// makeBackend makes the state bucket and the lock table without Terraform.
func (c *cloud) makeBackend(t *testing.T) {
	t.Helper()
	_, err := c.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(bucket), CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: region}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.ddb.CreateTable(t.Context(), &dynamodb.CreateTableInput{TableName: aws.String(ops.LockTable), BillingMode: ddbtypes.BillingModePayPerRequest,
		KeySchema:            []ddbtypes.KeySchemaElement{{AttributeName: aws.String("LockID"), KeyType: ddbtypes.KeyTypeHash}},
		AttributeDefinitions: []ddbtypes.AttributeDefinition{{AttributeName: aws.String("LockID"), AttributeType: ddbtypes.ScalarAttributeTypeS}}})
	if err != nil {
		t.Fatal(err)
	}
}

// object reads an object of the state bucket; "" when there is none.
func (c *cloud) object(t *testing.T, key string) string {
	t.Helper()
	out, err := c.s3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: &key})
	if err != nil {
		if strings.Contains(err.Error(), "NoSuchKey") {
			return ""
		}
		t.Fatal(err)
	}
	defer out.Body.Close()
	raw, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func (c *cloud) put(t *testing.T, key, body string) {
	t.Helper()
	if _, err := c.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: &key, Body: strings.NewReader(body)}); err != nil {
		t.Fatal(err)
	}
}

// item reads one text of the lock table; "" when there is none.
func (c *cloud) item(t *testing.T, id, attribute string) string {
	t.Helper()
	out, err := c.ddb.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String(ops.LockTable), Key: map[string]ddbtypes.AttributeValue{"LockID": &ddbtypes.AttributeValueMemberS{Value: bucket + "/" + id}}})
	if err != nil {
		t.Fatal(err)
	}
	if s, ok := out.Item[attribute].(*ddbtypes.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

func (c *cloud) putItem(t *testing.T, id, attribute, value string) {
	t.Helper()
	_, err := c.ddb.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String(ops.LockTable), Item: map[string]ddbtypes.AttributeValue{
		"LockID": &ddbtypes.AttributeValueMemberS{Value: bucket + "/" + id}, attribute: &ddbtypes.AttributeValueMemberS{Value: value}}})
	if err != nil {
		t.Fatal(err)
	}
}

// events collects what an environment reports.
type events struct {
	mu  sync.Mutex
	all []ops.Event
}

func (e *events) report(ev ops.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, ev)
}

// last tells how the last step ended, and forgets all events.
func (e *events) last(t *testing.T) (state ops.State, details string) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.all) == 0 {
		t.Fatal("nothing was reported")
	}
	for _, ev := range e.all {
		if ev.Detail != "" {
			details += ev.Detail + "\n"
		}
	}
	state = e.all[len(e.all)-1].State
	e.all = nil
	return state, details
}

func read(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }
