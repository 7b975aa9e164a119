//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"grocery/localaws"
)

// The tests of this file run in the order they stand in: what kills something
// comes after what only looks.

func TestPageAndCatalogueAnswerThroughTheBalancer(t *testing.T) {
	status, page, err := shared.get("/")
	if err != nil || status != 200 || !strings.Contains(page, `<div id="root"`) {
		t.Errorf("page: %d %v %.80s", status, err, page)
	}
	status, body, err := shared.get("/api/products/all_products")
	var products []struct {
		Category string
		ImageURL string `json:"image_url"`
	}
	if err != nil || status != 200 || json.Unmarshal([]byte(body), &products) != nil {
		t.Fatalf("catalogue: %d %v %.80s", status, err, body)
	}
	categories := map[string]bool{}
	for _, p := range products {
		categories[p.Category] = true
	}
	if len(products) < 300 || len(categories) != 11 {
		t.Errorf("%d products in %d categories, want at least 300 in 11", len(products), len(categories))
	}
	resp, err := client.Get(shared.url + products[0].ImageURL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "image/") {
		t.Errorf("picture: %s %s", resp.Status, resp.Header.Get("Content-Type"))
	}
	for path, sticks := range map[string]bool{"/": true, "/api/products/all_products": false} {
		resp, err := client.Get(shared.url + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got := strings.Contains(strings.Join(resp.Header.Values("Set-Cookie"), "; "), "AWSALB="); got != sticks {
			t.Errorf("%s is bound to its instance: %v, want %v", path, got, sticks)
		}
	}
	if status, body, err := shared.get("/api/nothing"); err != nil || status != 404 || !strings.HasPrefix(body, "{") {
		t.Errorf("unknown API path: %d %v %.80s", status, err, body)
	}
}

func TestShopperBuysInABrowser(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "node", "e2e/shop.e2e.mjs", shared.url, "--screenshots", filepath.Join(shared.root, ".grocery", "screenshots"))
	cmd.Dir = filepath.Join(shared.root, "frontend")
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
}

func TestSecondPlanIsEmpty(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "terraform", "plan", "-detailed-exitcode", "-input=false", "-no-color", "-lock=false", "-var-file=dev.tfvars", "-var", "image_tag="+imageTag(t))
	cmd.Dir = filepath.Join(shared.infra, "enviroments", "dev")
	cmd.Env = append(shared.awsEnv(t), "TF_CLI_CONFIG_FILE="+filepath.Join(shared.home, "ops", "terraform", "terraform.rc"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// imageTag is the tag the backend behind the balancer reports.
func imageTag(t *testing.T) string {
	t.Helper()
	var h struct{ Version string }
	if _, body, err := shared.get("/health"); err != nil || json.Unmarshal([]byte(body), &h) != nil || h.Version == "" {
		t.Fatalf("health: %v %s", err, body)
	}
	return h.Version
}

func TestUnchangedUpChangesNothing(t *testing.T) {
	start := time.Now()
	out := shared.output(t, "up")
	t.Logf("unchanged up: %s", time.Since(start).Round(time.Second))
	if strings.Contains(out, "FAIL") || !strings.Contains(out, "skip  push") {
		t.Errorf("%s", out)
	}
}

func TestStatusTellsWhatRunsWhere(t *testing.T) {
	var s struct {
		Page      string
		Instances []struct {
			Lifecycle, Health string
			Targets           map[string]string
		}
		Databases []struct{ Role, Status string }
	}
	if err := json.Unmarshal([]byte(shared.output(t, "status", "--json")), &s); err != nil {
		t.Fatal(err)
	}
	if s.Page != "ok" || len(s.Instances) != 2 || len(s.Databases) != 2 {
		t.Fatalf("%+v", s)
	}
	for _, i := range s.Instances {
		if i.Lifecycle != "InService" || i.Health != "Healthy" || len(i.Targets) != 2 {
			t.Errorf("%+v", i)
		}
	}
	for _, d := range s.Databases {
		if d.Status != "available" {
			t.Errorf("%+v", d)
		}
	}
}

func TestAlarmsAreMailedOnceTheirReaderConfirms(t *testing.T) { confirmMails(t) }

func TestAWSCLIWorksBothWaysIn(t *testing.T) {
	for way, extra := range map[string][]string{
		"genuine host names": nil,
		"endpoint":           {"HTTPS_PROXY=", "https_proxy=", "AWS_ENDPOINT_URL=http://127.0.0.1:14566"},
	} {
		t.Run(way, func(t *testing.T) {
			if out, err := shared.aws(t, extra, "sts", "get-caller-identity", "--query", "Account", "--output", "text"); err != nil || out != "123456789012" {
				t.Errorf("%v %s", err, out)
			}
			if out, err := shared.aws(t, extra, "s3", "ls"); err != nil || !strings.Contains(out, "grocery-tfstate-123456789012-eu-central-1") {
				t.Errorf("%v %s", err, out)
			}
			if out, err := shared.aws(t, extra, "ec2", "describe-vpcs", "--filters", "Name=tag:Project,Values=grocery", "--query", "length(Vpcs)"); err != nil || out != "1" {
				t.Errorf("%v %s", err, out)
			}
		})
	}
}

func TestRefusalsSayWhatToDo(t *testing.T) {
	t.Run("an action nobody serves is named and not retried", func(t *testing.T) {
		out, err := shared.aws(t, nil, "ec2", "describe-fleets")
		if err == nil || !strings.Contains(out, "DescribeFleets") || strings.Contains(out, "max retries") {
			t.Errorf("%v %s", err, out)
		}
	})
	t.Run("wrong credentials are refused", func(t *testing.T) {
		out, err := shared.aws(t, []string{"AWS_SECRET_ACCESS_KEY=wrong"}, "sts", "get-caller-identity")
		if err == nil || !strings.Contains(out, "SignatureDoesNotMatch") {
			t.Errorf("%v %s", err, out)
		}
	})
	t.Run("a host that is not AWS's is refused by the proxy", func(t *testing.T) {
		cmd := exec.CommandContext(t.Context(), "curl", "-sS", "-o", "/dev/null", "-x", "http://127.0.0.1:14567", "https://example.org/")
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "403") {
			t.Errorf("%v %s", err, out)
		}
	})
	t.Run("a busy port is named with the way out", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:24567")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		cmd := exec.CommandContext(t.Context(), filepath.Join(shared.root, "bin", "grocery"), "localaws", "serve", "--runtime", "none")
		cmd.Dir, cmd.Env = shared.root, append(shared.env(), "GROCERY_HOME="+t.TempDir(), "GROCERY_PORT_OFFSET=20000")
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "24567 is in use") || !strings.Contains(string(out), "GROCERY_PORT_OFFSET") {
			t.Errorf("%v %s", err, out)
		}
	})
	t.Run("an invalid tfvars file is named before anything changes", func(t *testing.T) {
		e := shared
		e.infra = filepath.Join(t.TempDir(), "infra")
		if out, err := exec.Command("cp", "-a", shared.infra, e.infra).CombinedOutput(); err != nil {
			t.Fatal(err, string(out))
		}
		if out, err := exec.Command("sh", "-c", `printf 'region = eu-central-1"\n' > `+filepath.Join(e.infra, "enviroments", "dev", "dev.tfvars")).CombinedOutput(); err != nil {
			t.Fatal(err, string(out))
		}
		var out bytes.Buffer
		if err := e.grocery(t.Context(), &out, "deploy"); err == nil || !strings.Contains(out.String(), "dev.tfvars") {
			t.Errorf("%v %s", err, out.String())
		}
	})
}

func TestUserDataWroteTheComposeFileAndNoSecretLeaks(t *testing.T) {
	ids, _ := instances(t)
	for id, c := range ids {
		if out, err := inside(t, c, "stat -c %a /opt/grocery/backend.env && docker compose -f /opt/grocery/docker-compose.yml ps --format '{{.Service}} {{.State}}' | sort"); err != nil || out != "600\nbackend running\nfrontend running" {
			t.Errorf("%s: %v %s", id, err, out)
		}
		password, err := inside(t, c, "sed -n 's/^DB_PASSWORD=//p' /opt/grocery/backend.env")
		if err != nil || len(password) < 8 {
			t.Fatalf("%s: no password in backend.env: %v", id, err)
		}
		if out, err := inside(t, c, "grep -rlF -- '"+password+"' /var/log /var/lib/cloud 2>/dev/null; ps auxww | grep -F -- '"+password+"' | grep -v grep"); err == nil {
			t.Errorf("%s: the database password stands in %s", id, out)
		}
	}
}

func TestRowOfThePrimaryIsReadOnTheReplica(t *testing.T) {
	name := fmt.Sprintf("replica%d", time.Now().UnixNano()%1e9)
	resp, err := client.Post(shared.url+"/api/auth/register", "application/json", strings.NewReader(fmt.Sprintf(`{"username":%q,"email":"%s@example.org","password":"long enough"}`, name, name)))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		t.Fatal(resp.Status)
	}
	replica := databaseOf(t, "grocery-dev-db-replica")
	eventually(t, 10*time.Second, "row on the replica", func() error {
		out, err := replica.query(t, fmt.Sprintf("select pg_is_in_recovery(), count(*) from users where username = '%s'", name))
		if err != nil || out != "t|1" {
			return fmt.Errorf("%v %s", err, out)
		}
		return nil
	})
}

func TestSecurityGroupsHold(t *testing.T) {
	ids, addrs := instances(t)
	if len(ids) != 2 {
		t.Fatalf("%d instances", len(ids))
	}
	var first, second string
	for id := range ids {
		first, second = second, id
	}
	out := shared.output(t, "status", "--json")
	var s struct{ Databases []struct{ Endpoint string } }
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		t.Fatal(err)
	}
	db, _, _ := strings.Cut(s.Databases[0].Endpoint, ":")
	for _, c := range []struct {
		to   string
		open bool
	}{
		{db + "/5432", true}, {db + "/22", false}, {db + "/80", false},
		{addrs[second] + "/80", false}, {addrs[second] + "/5000", false}, {addrs[second] + "/22", false},
	} {
		_, err := inside(t, ids[first], "timeout 3 bash -c 'exec 3<>/dev/tcp/"+c.to+"'")
		if (err == nil) != c.open {
			t.Errorf("from an instance to %s: open %v, want %v", c.to, err == nil, c.open)
		}
	}
}

// TestOnlyTheBalancerIsReachedFromOutside looks at routes and listening
// sockets, not at answers: on some machines a transparent proxy answers for
// any address.
func TestOnlyTheBalancerIsReachedFromOutside(t *testing.T) {
	_, addrs := instances(t)
	route := func(to string) string {
		out, err := exec.CommandContext(t.Context(), "ip", "-o", "route", "get", to).CombinedOutput()
		if err != nil {
			return "none"
		}
		_, rest, _ := strings.Cut(string(out), " dev ")
		return strings.Fields(rest)[0]
	}
	for _, addr := range addrs {
		if got, any := route(addr), route("203.0.113.1"); got != any {
			t.Errorf("this machine has a route of its own to %s (%s, not %s)", addr, got, any)
		}
	}
	out, err := exec.CommandContext(t.Context(), "ss", "-ltnpH").Output()
	if err != nil {
		t.Fatal(err)
	}
	pid, want := fmt.Sprintf("pid=%d,", health(t).PID), []string{"127.0.0.1:14566", "127.0.0.1:14567", "127.0.0.1:18080"}
	var got []string
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); strings.Contains(line, pid) && len(f) > 3 {
			got = append(got, f[3])
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the local AWS listens at %v, want %v alone", got, want)
	}
}

// The mail of the full disk is read later, by TestAlarmsFireAndRecover.
func TestADiskFills(t *testing.T) { fillDisk(t) }

func TestMemory(t *testing.T) {
	ids := containers(t)
	total := int64(0)
	for name, id := range ids {
		out, err := exec.CommandContext(t.Context(), "docker", "stats", "--no-stream", "--format", "{{.MemUsage}}", id).Output()
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %s", name, strings.TrimSpace(string(out)))
		used, _, _ := strings.Cut(string(out), " ")
		total += bytesOf(t, strings.TrimSpace(used))
	}
	if total > 3<<30 {
		t.Errorf("containers use %d MB, want less than 3 GB", total>>20)
	}
	t.Logf("containers together: %d MB", total>>20)
}

func bytesOf(t *testing.T, s string) int64 {
	t.Helper()
	var n float64
	var unit string
	if _, err := fmt.Sscanf(s, "%f%s", &n, &unit); err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return int64(n * map[string]float64{"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}[unit])
}

func TestUploadedDumpIsRestoredAndAHostileOneRefused(t *testing.T) { restoreAndRefuse(t) }

func TestWhatWasBackedUpIsRestored(t *testing.T) { backUpAndRestore(t) }

func TestTwoUploadsAtOnceAreRestoredOneAfterTheOther(t *testing.T) { restoreTwoAtOnce(t) }

func TestACrashDuringARestoreLeavesTheOldDataOrTheNew(t *testing.T) {
	for _, c := range []struct{ victim, point string }{
		{"the local AWS", "all data replaced, not committed"}, {"the function", "rows on their way"}, {"the database", "committed, nobody told"},
	} {
		crash(t, c.victim, c.point)
	}
}

func TestTheInitialDumpFillsAShopThatNobodyHasUsed(t *testing.T) { fillAtFirst(t) }

func TestAFailedRestoreIsMailed(t *testing.T) { failedRestoreWasMailed(t) }

func TestAlarmsFireAndRecover(t *testing.T) { alarmsFireAndRecover(t) }

func TestKilledInstanceIsReplaced(t *testing.T) {
	before, _ := instances(t)
	var victim string
	for id := range before {
		victim = id
	}
	if out, err := exec.CommandContext(t.Context(), "docker", "kill", before[victim]).CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	twoHealthy(t, victim)
	if status, _, err := shared.get("/"); err != nil || status != 200 {
		t.Errorf("page: %d %v", status, err)
	}
}

// twoHealthy waits until two instances serve, without the one that is gone.
func twoHealthy(t *testing.T, victim string) {
	t.Helper()
	eventually(t, 6*time.Minute, "two healthy instances again", func() error {
		var s struct {
			Instances []struct {
				ID, Lifecycle string
				Targets       map[string]string
			}
		}
		var out bytes.Buffer
		if err := shared.grocery(t.Context(), &out, "status", "--json"); err != nil {
			return fmt.Errorf("%w %s", err, out.String())
		}
		if err := json.Unmarshal(out.Bytes(), &s); err != nil {
			return err
		}
		healthy := 0
		for _, i := range s.Instances {
			if i.ID == victim {
				return errors.New("the dead instance is still in the group")
			}
			if i.Lifecycle == "InService" && len(i.Targets) == 2 {
				healthy++
				for _, h := range i.Targets {
					if h != "healthy" {
						return fmt.Errorf("%s: target %s", i.ID, h)
					}
				}
			}
		}
		if healthy != 2 {
			return fmt.Errorf("%d in service", healthy)
		}
		return nil
	})
}

func TestKilledCloudComesBack(t *testing.T) {
	h := health(t)
	if err := exec.CommandContext(t.Context(), "kill", "-9", fmt.Sprint(h.PID)).Run(); err != nil {
		t.Fatal(err)
	}
	shared.output(t, "up")
	if again := health(t); again.PID == h.PID {
		t.Error("the process was not replaced")
	}
	eventually(t, time.Minute, "the shop serves again", func() error {
		status, _, err := shared.get("/api/products/all_products")
		if err != nil || status != 200 {
			return fmt.Errorf("%d %v", status, err)
		}
		return nil
	})
}

func health(t *testing.T) (h localaws.Health) {
	t.Helper()
	resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d%s", localaws.EndpointPort+portOffset, localaws.HealthPath))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&h); err != nil {
		t.Fatal(err)
	}
	return h
}

// The pipeline releases another version, which those before would not expect.
func TestPipelineBringsACommitToTheInstances(t *testing.T) { runPipeline(t) }

func TestAReleaseRaisesNoAlarm(t *testing.T) { releasesRaiseNoAlarm(t) }

func TestZDestroyLeavesNothing(t *testing.T) {
	start := time.Now()
	shared.output(t, "destroy")
	t.Logf("destroyed in %s", time.Since(start).Round(time.Second))
	name := localaws.Name(shared.home)
	for what, cmd := range map[string]string{
		"containers": "docker ps -aq --filter label=localaws.cloud=" + name,
		"volumes":    "docker volume ls -q --filter label=localaws.cloud=" + name,
		"namespaces": "ls /run/netns 2>/dev/null | grep -F " + name + " || true",
		"disks":      "ls -d /var/lib/localaws/disks/" + name + " 2>/dev/null || true",
		"state":      "ls -d " + shared.home + " 2>/dev/null || true",
	} {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", cmd).Output()
		if err != nil || len(out) > 0 {
			t.Errorf("%s left: %v %s", what, err, out)
		}
	}
}
