package userdata_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
)

func TestScriptIsSoundShell(t *testing.T) {
	path := filepath.Join(t.TempDir(), "user_data.sh")
	if err := os.WriteFile(path, []byte(script(t)), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("bash", "-n", path).CombinedOutput(); err != nil {
		t.Errorf("bash -n: %v\n%s", err, out)
	}
	if _, err := exec.LookPath("shellcheck"); err != nil {
		t.Skip("shellcheck is not installed")
	}
	if out, err := exec.Command("shellcheck", "--severity=style", path).CombinedOutput(); err != nil {
		t.Errorf("shellcheck: %v\n%s", err, out)
	}
}

func TestScriptFitsIntoUserData(t *testing.T) {
	if n := len(script(t)); n > 14<<10 {
		t.Errorf("the script has %d bytes; EC2 takes 16384, and names may be longer than here", n)
	}
}

func TestBoot(t *testing.T) {
	tests := []struct {
		name   string
		before func(*world)               // what is special about the instance
		change func(map[string]cty.Value) // or about what Terraform renders
		status int                        // exit status
		report string                     // what the group is told
		calls  []string                   // calls that are made, in this order
		never  []string                   // calls that are not made
		log    []string                   // what stands in the log
		after  func(*testing.T, *world)
	}{
		{
			name: "a first boot installs nothing that is there, pulls, starts, verifies and reports", report: "CONTINUE",
			calls: []string{
				"systemctl enable --now docker", "docker info", "docker compose version",
				"amazon-cloudwatch-agent-ctl -a fetch-config -m ec2 -s -c file:",
				"docker login --username AWS --password-stdin 123456789012.dkr.ecr.eu-central-1.amazonaws.com",
				"docker pull --quiet 123456789012.dkr.ecr.eu-central-1.amazonaws.com/grocery-app:backend-0123abc",
				"docker pull --quiet 123456789012.dkr.ecr.eu-central-1.amazonaws.com/grocery-app:frontend-0123abc",
				"docker logout", "--secret-id grocery-test/db", "--secret-id grocery-test/app", "truststore.pki.rds.amazonaws.com/eu-central-1/eu-central-1-bundle.pem",
				"up -d --remove-orphans", "http://127.0.0.1:5000/health", "http://127.0.0.1:80/healthz", "http://127.0.0.1:5000/ready",
				"api/token", "meta-data/instance-id",
				"aws autoscaling complete-lifecycle-action --auto-scaling-group-name grocery-test-asg --lifecycle-hook-name grocery-test-launch --instance-id i-0123456789abcdef0 --lifecycle-action-result CONTINUE",
			},
			never: []string{"dnf", "apt-get", "github.com", "sleep"},
			log:   []string{"the shop answers", "the backend reaches its database"},
		},
		{
			name: "failing pulls are tried again", report: "CONTINUE",
			before: func(w *world) { w.fail("pull", 3) },
			calls:  []string{"docker pull", "sleep 2", "docker pull", "sleep 4", "docker pull", "sleep 8", "docker pull"},
		},
		{
			name: "pulls that never succeed end the launch", status: 1, report: "ABANDON",
			before: func(w *world) { w.fail("pull", 99) },
			never:  []string{" up -d"},
			log:    []string{"gave up after 6 tries: docker", "boot failed in: pull"},
		},
		{
			name: "a login that fails is tried again", report: "CONTINUE",
			before: func(w *world) { w.fail("login", 2) },
			calls:  []string{"docker login", "docker login", "docker login", "docker pull"},
		},
		{
			name: "a missing compose plugin is fetched and checked", report: "CONTINUE",
			before: func(w *world) { w.write("no-compose", "", 0o644) },
			calls:  []string{"docker compose version", "https://github.com/docker/compose/releases/download/v2.40.3/docker-compose-linux-x86_64", "docker compose version", " up -d"},
		},
		{
			name: "a compose plugin with another checksum is not used", status: 1, report: "ABANDON",
			before: func(w *world) { w.write("no-compose", "", 0o644) },
			change: func(v map[string]cty.Value) {
				zeros := cty.StringVal(strings.Repeat("0", 64))
				v["compose_sha256"] = cty.ObjectVal(map[string]cty.Value{"x86_64": zeros, "aarch64": zeros})
			},
			never: []string{" up -d", "docker pull"},
			after: func(t *testing.T, w *world) {
				if w.read("usr/local/lib/docker/cli-plugins/docker-compose") != "" {
					t.Error("it was put in place")
				}
			},
		},
		{
			name: "a container that runs already is left to compose", report: "CONTINUE",
			before: func(w *world) {
				w.write("images", "123456789012.dkr.ecr.eu-central-1.amazonaws.com/grocery-app:backend-0123abc\n123456789012.dkr.ecr.eu-central-1.amazonaws.com/grocery-app:frontend-0123abc\n", 0o644)
				w.write("running", "backend\n", 0o644)
			},
			calls: []string{" up -d --remove-orphans"},
			never: []string{"docker pull", "docker login", "docker rm", "docker stop", " down"},
		},
		{
			name: "compose that fails to start is tried again", report: "CONTINUE",
			before: func(w *world) { w.fail("up", 2) },
			calls:  []string{" up -d", " up -d", " up -d"},
		},
		{
			name: "a page that does not answer ends the launch, though its container runs", status: 1, report: "ABANDON",
			before: func(w *world) { w.write("frontend-sick", "", 0o644) },
			calls:  []string{" up -d", " logs --no-color", "sleep 10", "ABANDON"},
			log:    []string{"backend is healthy", "frontend does not answer with 200", "boot failed in: verify"},
		},
		{
			name: "a backend that does not answer ends the launch", status: 1, report: "ABANDON",
			before: func(w *world) { w.write("backend-sick", "", 0o644) },
			log:    []string{"backend does not answer with 200"},
		},
		{
			name: "secrets that cannot be read yet are tried again", report: "CONTINUE",
			before: func(w *world) { w.fail("secret", 3) },
		},
		{
			name: "secrets that cannot be read end the launch and leave no settings", status: 1, report: "ABANDON",
			before: func(w *world) { w.fail("secret", 99) },
			never:  []string{" up -d"},
			after: func(t *testing.T, w *world) {
				if w.read("opt/grocery/backend.env") != "" {
					t.Error("half of the settings were put in place")
				}
			},
		},
		{
			name: "a password that would break the settings is refused", status: 1, report: "ABANDON",
			before: func(w *world) {
				w.write("secrets/grocery-test/db", `{"username":"grocery","password":"it's\nJWT_SECRET=chosen"}`, 0o644)
			},
			never: []string{" up -d"},
			log:   []string{"the secret has no usable password"},
		},
		{
			name: "authorities of the database are fetched again when the fetch fails", report: "CONTINUE",
			before: func(w *world) { w.fail("truststore", 2) },
		},
		{
			name: "authorities that are baked in are kept", report: "CONTINUE",
			before: func(w *world) { w.write("opt/grocery/rds-ca.pem", "baked in\n", 0o644) },
			never:  []string{"truststore"},
			after: func(t *testing.T, w *world) {
				if w.read("opt/grocery/rds-ca.pem") != "baked in\n" {
					t.Error("they were overwritten")
				}
			},
		},
		{
			name: "a report that fails is made again", report: "CONTINUE",
			before: func(w *world) { w.fail("report", 2) },
		},
		{
			name:   "a shop that answers stays up when nobody waits for the report",
			before: func(w *world) { w.fail("report", 99) },
			log:    []string{"could not report CONTINUE"},
		},
		{
			name: "an agent that does not start does not stop the shop", report: "CONTINUE",
			before: func(w *world) { w.fail("agent", 1) },
			log:    []string{"no metrics from this instance"},
		},
		{
			name: "Amazon Linux 2023 gets docker and the agent from dnf", report: "CONTINUE",
			before: func(w *world) {
				w.lack("bin/docker", "opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl")
				w.have("dnf")
			},
			calls: []string{"dnf install -y docker", "systemctl enable --now docker", "dnf install -y amazon-cloudwatch-agent", "amazon-cloudwatch-agent-ctl"},
		},
		{
			name: "Amazon Linux 2 enables docker among its extras", report: "CONTINUE",
			before: func(w *world) {
				w.lack("bin/docker", "etc/ssl/certs/ca-certificates.crt")
				w.have("yum", "amazon-linux-extras")
				w.write("etc/pki/tls/certs/ca-bundle.crt", "-----BEGIN CERTIFICATE-----\n", 0o644)
			},
			calls: []string{"amazon-linux-extras enable docker", "yum install -y docker"},
		},
		{
			name: "Debian gets docker.io, the AWS CLI and the agent's package", report: "CONTINUE",
			before: func(w *world) {
				w.lack("bin/docker", "bin/aws", "opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl")
				w.have("apt-get", "dpkg")
			},
			calls: []string{"apt-get update", "apt-get install -y --no-install-recommends awscli docker.io", "https://amazoncloudwatch-agent-eu-central-1.s3.eu-central-1.amazonaws.com/debian/amd64/latest/", "dpkg -i"},
		},
		{
			name: "package mirrors that are away for a moment are tried again", report: "CONTINUE",
			before: func(w *world) {
				w.lack("bin/docker")
				w.have("dnf")
				w.fail("packages", 2)
			},
			calls: []string{"dnf install", "sleep", "dnf install", "sleep", "dnf install", "systemctl"},
		},
		{
			name: "an image without docker and without packages is reported", status: 1, report: "ABANDON",
			before: func(w *world) { w.lack("bin/docker") },
			log:    []string{"bake docker into the image"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if test.before != nil {
				test.before(w)
			}
			change := func(map[string]cty.Value) {}
			if test.change != nil {
				change = test.change
			}
			if status := w.boot(script(t, change)); status != test.status {
				t.Errorf("exit status %d, want %d", status, test.status)
			}
			if report := w.reports(); report != test.report {
				t.Errorf("reported %q, want %q", report, test.report)
			}
			rest := w.calls()
			for _, call := range test.calls {
				_, after, found := strings.Cut(rest, call)
				if !found {
					t.Errorf("no call (in this order) of: %s", call)
				}
				rest = after
			}
			for _, call := range test.never {
				if strings.Contains(w.calls(), call) {
					t.Errorf("called: %s", call)
				}
			}
			for _, line := range test.log {
				if !strings.Contains(w.log(), line) {
					t.Errorf("the log lacks: %s", line)
				}
			}
			for _, secret := range []string{dbPassword, jwtSecret, "registry-password", "a-metadata-token"} {
				if strings.Contains(w.log(), secret) || strings.Contains(w.calls(), secret) {
					t.Errorf("a secret stands in the log or in a command line: %s", secret)
				}
			}
			if test.after != nil {
				test.after(t, w)
			}
			if t.Failed() {
				t.Logf("calls:\n%slog:\n%s", w.calls(), w.log())
			}
		})
	}
}

func TestSecondBootChangesNothing(t *testing.T) {
	w := newWorld(t)
	s := script(t)
	if status := w.boot(s); status != 0 {
		t.Fatalf("first boot: exit status %d\n%s", status, w.log())
	}
	files := []string{"opt/grocery/backend.env", "opt/grocery/docker-compose.yml", "opt/grocery/rds-ca.pem"}
	before := map[string]string{}
	for _, name := range files {
		before[name] = w.read(name)
	}
	if status := w.boot(s); status != 0 {
		t.Fatalf("second boot: exit status %d\n%s", status, w.log())
	}
	for _, name := range files {
		if w.read(name) != before[name] {
			t.Errorf("%s changed", name)
		}
	}
	for _, call := range []string{"docker pull", "docker login", "truststore", "dnf", "github.com"} {
		if strings.Contains(w.calls(), call) {
			t.Errorf("the second boot called: %s", call)
		}
	}
	if w.reports() != "CONTINUE" {
		t.Errorf("reported %q", w.reports())
	}
}

func TestBackendSettings(t *testing.T) {
	w := newWorld(t)
	if status := w.boot(script(t)); status != 0 {
		t.Fatalf("exit status %d\n%s", status, w.log())
	}
	info, err := os.Stat(filepath.Join(w.dir, "opt/grocery/backend.env"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v: others can read the secrets", info.Mode())
	}
	want := map[string]string{
		"GROCERY_ADDR": ":5000", "GROCERY_VERSION": "0123abc", "AWS_REGION": "eu-central-1",
		"DB_HOST": "db.internal", "DB_REPLICA_HOST": "replica.internal", "DB_PORT": "5432", "DB_NAME": "grocery",
		"DB_SECRET_ID": "grocery-test/db", "DB_SSLMODE": "verify-full", "DB_SSLROOTCERT": "/etc/grocery/rds-ca.pem",
		"PAYMENT_PROVIDER": "test", "S3_BUCKET": "grocery-test-123456789012-eu-central-1", "SSL_CERT_FILE": "/etc/grocery/ca-certificates.pem",
		"DB_USER": "'grocery'", "DB_PASSWORD": "'" + dbPassword + "'", "JWT_SECRET": "'" + jwtSecret + "'",
	}
	got := map[string]string{}
	for line := range strings.Lines(w.read("opt/grocery/backend.env")) {
		name, value, found := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		if !found {
			t.Errorf("no setting: %s", line)
		}
		got[name] = value
	}
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s is %s, want %s", name, got[name], value)
		}
	}
	for name := range got {
		if _, known := want[name]; !known {
			t.Errorf("unexpected setting %s", name)
		}
	}
}

func TestWithoutAReplicaNoneIsNamed(t *testing.T) {
	s := script(t, func(v map[string]cty.Value) { v["db_replica_host"] = cty.NullVal(cty.String) })
	if strings.Contains(s, "DB_REPLICA_HOST") {
		t.Error("the settings name a replica that is not there")
	}
}

func TestAgentPublishesWhatAlarmsWatch(t *testing.T) {
	w := newWorld(t)
	if status := w.boot(script(t)); status != 0 {
		t.Fatalf("exit status %d\n%s", status, w.log())
	}
	var config struct {
		Metrics struct {
			Namespace string              `json:"namespace"`
			Append    map[string]string   `json:"append_dimensions"`
			Aggregate [][]string          `json:"aggregation_dimensions"`
			Collected map[string]struct{} `json:"metrics_collected"`
		} `json:"metrics"`
	}
	if err := json.Unmarshal([]byte(w.read("agent.json")), &config); err != nil {
		t.Fatal(err)
	}
	if got := config.Metrics.Append["AutoScalingGroupName"]; got != "${aws:AutoScalingGroupName}" {
		t.Errorf("the group's name is taken from %q", got)
	}
	if config.Metrics.Namespace != "CWAgent" || len(config.Metrics.Aggregate) != 1 {
		t.Errorf("configuration: %+v", config)
	}
}
