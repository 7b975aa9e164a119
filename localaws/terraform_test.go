package localaws_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"grocery/internal/tfcli"
	"grocery/localaws"
	"grocery/localaws/runtime/none"
)

// cloud is a local AWS that serves the API alone.
type cloud struct {
	home, endpoint, proxy string
	local                 *localaws.Cloud
	stop                  func()
}

// start runs a cloud over the state in home.
func start(t *testing.T, home string) *cloud {
	t.Helper()
	o := localaws.Options{Home: home, Endpoint: free(t), Proxy: free(t), Runtime: none.New(), APIOnly: true}
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
	stopped := false
	x := &cloud{local: c, home: home, endpoint: o.Endpoint, proxy: o.Proxy, stop: func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}}
	t.Cleanup(x.stop)
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

// env is what leads a program to the cloud by AWS's genuine host names.
func (c *cloud) env(more map[string]string) []string {
	var env []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "AWS_") && !strings.HasPrefix(e, "TF_") && !strings.Contains(strings.ToUpper(strings.SplitN(e, "=", 2)[0]), "PROXY") {
			env = append(env, e)
		}
	}
	env = append(env, "HTTPS_PROXY=http://"+c.proxy, "AWS_CA_BUNDLE="+filepath.Join(c.home, "ca.pem"), "AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(c.home, "credentials"),
		"AWS_CONFIG_FILE=/dev/null", "AWS_REGION=eu-central-1", "AWS_EC2_METADATA_DISABLED=true")
	for k, v := range more {
		env = append(env, k+"="+v)
	}
	return env
}

// state is the root that makes the state's bucket and lock, as a user may write it.
const state = `
terraform {
  required_providers { aws = { source = "hashicorp/aws" } }
  %BACKEND%
}
resource "aws_s3_bucket" "state" {
  bucket        = "grocery-slice"
  force_destroy = true
}
resource "aws_s3_bucket_versioning" "state" {
  bucket = aws_s3_bucket.state.id
  versioning_configuration { status = "Enabled" }
}
resource "aws_s3_bucket_server_side_encryption_configuration" "state" {
  bucket = aws_s3_bucket.state.id
  rule {
    apply_server_side_encryption_by_default { sse_algorithm = "AES256" }
  }
}
resource "aws_s3_object" "note" {
  bucket  = aws_s3_bucket.state.id
  key     = "notes/../hello world"
  content = "hello"
}
resource "aws_dynamodb_table" "lock" {
  name         = "grocery-slice-lock"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "LockID"
  attribute {
    name = "LockID"
    type = "S"
  }
  point_in_time_recovery { enabled = true }
  server_side_encryption { enabled = true }
}
resource "aws_iam_role" "app" {
  name               = "grocery-slice"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Principal = { Service = "ec2.amazonaws.com" }, Action = "sts:AssumeRole" }] })
}
resource "aws_iam_role_policy" "app" {
  role   = aws_iam_role.app.name
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "s3:GetObject", Resource = "${aws_s3_bucket.state.arn}/*" }] })
}
resource "aws_iam_instance_profile" "app" {
  name = "grocery-slice"
  role = aws_iam_role.app.name
}
`

const backend = `backend "s3" {
    bucket         = "grocery-slice"
    key            = "slice/terraform.tfstate"
    region         = "eu-central-1"
    dynamodb_table = "grocery-slice-lock"
    use_lockfile   = true
    encrypt        = true
  }`

// terraform is the Terraform of this machine, which the project needs anyway: without
// one the test fails. Short runs leave it out.
func terraform(t *testing.T, dir string) *tfcli.CLI {
	t.Helper()
	if testing.Short() {
		t.Skip("runs Terraform, which takes half a minute")
	}
	tf, err := tfcli.New(filepath.Join(dir, "cli"))
	if err != nil {
		t.Fatal(err)
	}
	return tf
}

func TestTerraformKeepsItsStateHere(t *testing.T) {
	dir := t.TempDir()
	tf := terraform(t, dir)
	home := filepath.Join(dir, "home")
	c := start(t, home)
	root := filepath.Join(dir, "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(backend string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(root, "main.tf"), []byte(strings.ReplaceAll(state, "%BACKEND%", backend)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run := func(c *cloud, args ...string) (string, int) {
		t.Helper()
		cmd := exec.Command(tf.Path, args...)
		cmd.Dir, cmd.Env = root, c.env(tf.Vars())
		if args[0] == "init" && tf.Mirror == "" { // providers come from outside
			cmd.Env = append(cmd.Env, "NO_PROXY=registry.terraform.io,releases.hashicorp.com")
		}
		out, err := cmd.CombinedOutput()
		if _, ok := err.(*exec.ExitError); err != nil && !ok {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	must := func(c *cloud, args ...string) string {
		t.Helper()
		out, code := run(c, args...)
		if code != 0 {
			t.Fatalf("terraform %s: exit code %d\n%s", strings.Join(args, " "), code, out)
		}
		return out
	}
	write("")
	must(c, "init", "-input=false", "-no-color")
	must(c, "apply", "-auto-approve", "-input=false", "-no-color")
	write(backend)
	must(c, "init", "-input=false", "-no-color", "-migrate-state", "-force-copy")

	// The state outlives the process: the same folder, another process.
	c.stop()
	c = start(t, home)
	if out, code := run(c, "plan", "-detailed-exitcode", "-input=false", "-no-color"); code != 0 {
		t.Fatalf("the second plan is not empty (exit code %d):\n%s", code, out)
	}

	lock(t, c)
	if out, code := run(c, "plan", "-input=false", "-no-color", "-lock-timeout=0s"); code == 0 || !strings.Contains(out, "Error acquiring the state lock") {
		t.Errorf("a held lock did not stop a plan (exit code %d):\n%s", code, out)
	}
	unlock(t, c)

	write("") // so that destroy does not remove the ground it stands on
	must(c, "init", "-input=false", "-no-color", "-migrate-state", "-force-copy")
	must(c, "destroy", "-auto-approve", "-input=false", "-no-color")
}

// lock holds the state's lock file as another Terraform would.
func lock(t *testing.T, c *cloud) {
	t.Helper()
	aws(t, c, "s3api", "put-object", "--bucket", "grocery-slice", "--key", "slice/terraform.tfstate.tflock", "--if-none-match", "*", "--body", lockInfo(t))
}

func unlock(t *testing.T, c *cloud) {
	t.Helper()
	aws(t, c, "s3api", "delete-object", "--bucket", "grocery-slice", "--key", "slice/terraform.tfstate.tflock")
}

func lockInfo(t *testing.T) string {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"ID": "4b8e6a1e-0000-4000-8000-000000000001", "Operation": "OperationTypeApply", "Who": "somebody@else", "Version": "1.11.4", "Created": time.Now().UTC()})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "lock")
	if err := os.WriteFile(path, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// aws runs the AWS CLI against the cloud, by way of the proxy.
func aws(t *testing.T, c *cloud, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("aws")
	if err != nil {
		t.Skip("the AWS CLI is not on the PATH")
	}
	cmd := exec.Command(path, args...)
	cmd.Env = c.env(map[string]string{"AWS_PAGER": ""})
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("aws %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func TestTheCLIWorksUnchangedThroughTheProxy(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the AWS CLI a few times, which takes seconds")
	}
	c := start(t, t.TempDir())
	if out := aws(t, c, "sts", "get-caller-identity"); !strings.Contains(out, "user/admin") {
		t.Errorf("the caller is %s", out)
	}
	aws(t, c, "s3", "mb", "s3://cli-bucket")
	from, to := t.TempDir(), t.TempDir()
	for name, body := range map[string]string{"plain.txt": "plain", "with space+plus.txt": "odd", "ünï.txt": "unicode", "big.bin": strings.Repeat("0123456789abcdef", 600_000)} {
		if err := os.WriteFile(filepath.Join(from, name), []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	aws(t, c, "s3", "sync", "--quiet", from, "s3://cli-bucket/x/")
	aws(t, c, "s3", "sync", "--quiet", "s3://cli-bucket/x/", to)
	if out, err := exec.Command("diff", "-r", from, to).CombinedOutput(); err != nil {
		t.Errorf("what came back differs: %s", out)
	}
	aws(t, c, "s3", "rb", "s3://cli-bucket", "--force")
}

func TestTheProxyServesNobodyElse(t *testing.T) {
	c := start(t, t.TempDir())
	conn, err := net.Dial("tcp", c.proxy)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 64)
	n, err := conn.Read(buf)
	if err != nil || !strings.Contains(string(buf[:n]), "403") {
		t.Errorf("%v: %s", err, buf[:n])
	}
	res, err := http.Get("http://" + c.endpoint + localaws.HealthPath)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("health: %v %v", err, res)
	}
}
