//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"grocery/localaws"
	"grocery/ops"
)

// bucket is the environment's.
const bucket = "grocery-dev-123456789012-eu-central-1"

// oldDump is a dump of the shop that this one replaces, with the oddities such
// dumps have: a byte order mark, foreign keys before their tables, inserts
// without columns, inexact prices.
func oldDump(products, reviews int) string {
	var b strings.Builder
	b.WriteString("\ufeff-- the old shop\n" +
		"CREATE TABLE basket_items (id INTEGER PRIMARY KEY, product_id INTEGER REFERENCES products(id), quantity INTEGER, user_id INTEGER REFERENCES users(id));\n" +
		"CREATE TABLE users (id INTEGER PRIMARY KEY, username TEXT, email TEXT UNIQUE, password TEXT, fav_products TEXT, purchased_products TEXT, avatar TEXT);\n" +
		"CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT, description TEXT, price REAL, category TEXT, image_url TEXT, is_alcohol BOOLEAN);\n" +
		"CREATE TABLE reviews (id INTEGER PRIMARY KEY, product_id INTEGER, author TEXT, rating REAL, comment TEXT);\n" +
		"INSERT INTO users VALUES(1,'ann','ann@example.org','scrypt:32768:8:1$abcdefghijklmnop$" + strings.Repeat("0", 128) + "','1,2','2','default.png');\n")
	for i := 1; i <= products; i++ {
		fmt.Fprintf(&b, "INSERT INTO products VALUES(%d,'Good %d','It''s good',0.8900000000000000133,'Aisle %d','/x.png',%t);\n", i, i, i%11, i%20 == 0)
	}
	for i := 1; i <= reviews; i++ {
		fmt.Fprintf(&b, "INSERT INTO reviews VALUES(%d,%d,'author %d',%d,'fine %d');\n", i, i%products+1, i%52, i%5+1, i)
	}
	b.WriteString("INSERT INTO basket_items VALUES(1,1,2,1);\n")
	return b.String()
}

// sdk leads AWS's SDK to the cloud.
func (c *cloud) sdk(t *testing.T) aws.Config {
	t.Helper()
	env := map[string]string{}
	for _, kv := range c.awsEnv(t) {
		k, v, _ := strings.Cut(kv, "=")
		env[k] = v
	}
	return aws.Config{Region: "eu-central-1", BaseEndpoint: aws.String(fmt.Sprintf("http://127.0.0.1:%d", localaws.EndpointPort+portOffset)),
		Credentials: credentials.NewStaticCredentialsProvider(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], "")}
}

// execution is one of the restore's.
type execution struct {
	Status string
	input  struct{ Key string }
}

// executions are those of the restore, latest first.
func executions(t *testing.T) (all []execution) {
	t.Helper()
	c := sfn.NewFromConfig(shared.sdk(t))
	machine := aws.String("arn:aws:states:eu-central-1:123456789012:stateMachine:grocery-dev-restore")
	list, err := c.ListExecutions(t.Context(), &sfn.ListExecutionsInput{StateMachineArn: machine, MaxResults: 20})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range list.Executions {
		d, err := c.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: x.ExecutionArn})
		if err != nil {
			t.Fatal(err)
		}
		found := execution{Status: string(d.Status)}
		if err := json.Unmarshal([]byte(aws.ToString(d.Input)), &found.input); err != nil {
			t.Fatal(err)
		}
		all = append(all, found)
	}
	return all
}

// restoreDump runs grocery restore on a file or key and returns its result.
func restoreDump(t *testing.T, from string) (r ops.Restored, said string, err error) {
	t.Helper()
	var out bytes.Buffer
	if err := shared.grocery(t.Context(), &out, "restore", "--json", from); err != nil {
		return r, out.String(), err
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &r); err != nil {
		return r, out.String(), err
	}
	return r, out.String(), nil
}

// dumpFile stores a dump in a file.
func dumpFile(t *testing.T, name, dump string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(dump), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// restoreFile restores a dump, which must succeed.
func restoreFile(t *testing.T, dump string) ops.Restored {
	t.Helper()
	r, said, err := restoreDump(t, dumpFile(t, "dump.sql", dump))
	if err != nil {
		t.Fatal(err, said)
	}
	return r
}

// catalogue is what the shop shows.
func catalogue(t *testing.T) (products []struct {
	Name  string
	Price float64
}) {
	t.Helper()
	status, body, err := shared.get("/api/products/all_products")
	if err != nil || status != 200 || json.Unmarshal([]byte(body), &products) != nil {
		t.Fatalf("%d %v %.80s", status, err, body)
	}
	return products
}

// restoreAndRefuse replaces the shop's data, so it has its turn after the tests
// that look at the catalogue.
func restoreAndRefuse(t *testing.T) {
	key := fmt.Sprintf("db-dumps/old-%d.sql", time.Now().UnixNano())
	begin := time.Now()
	if out, err := shared.aws(t, nil, "s3", "cp", "--quiet", dumpFile(t, "old.sql", oldDump(318, 1235)), "s3://"+bucket+"/"+key); err != nil {
		t.Fatal(err, out)
	}
	eventually(t, 30*time.Second, "the upload is restored and verified", func() error {
		status, err := ended(t, key)
		if err == nil && status != "SUCCEEDED" {
			t.Fatal(status)
		}
		return err
	})
	t.Logf("upload to restored and verified: %s", time.Since(begin).Round(100*time.Millisecond))
	eventually(t, 15*time.Second, "the shop shows the restored goods", func() error {
		if p := catalogue(t); len(p) != 318 || p[0].Name != "Good 1" || p[0].Price != 0.89 {
			return fmt.Errorf("%d products, the first is %+v", len(p), p[0])
		}
		return nil
	})
	before := databaseOf(t, "grocery-dev-db").must(t, contents)
	_, said, err := restoreDump(t, dumpFile(t, "hostile.sql", oldDump(3, 3)+"DROP ROLE grocery;\nCOPY products TO PROGRAM 'id';\n"))
	if err == nil || !strings.Contains(said, "line 14") || !strings.Contains(said, "nothing was changed") {
		t.Errorf("a hostile dump: %v %s", err, said)
	}
	if databaseOf(t, "grocery-dev-db").must(t, contents) != before {
		t.Error("the hostile dump changed something")
	}
}

// restoreTwoAtOnce uploads two dumps at the same moment: both are restored, one wholly
// after the other.
func restoreTwoAtOnce(t *testing.T) {
	type end struct {
		ops.Restored
		said string
		err  error
	}
	ends := make(chan end, 2)
	db := databaseOf(t, "grocery-dev-db")
	held := holdTurn(t, db) // so that they really meet
	for _, dump := range []string{oldDump(100, 20_000), oldDump(200, 30_000)} {
		file := dumpFile(t, "dump.sql", dump)
		go func() {
			r, said, err := restoreDump(t, file)
			ends <- end{r, said, err}
		}()
	}
	db.until(t, "2 = (SELECT count(*) FROM pg_stat_activity WHERE application_name = 'grocery-restore' AND wait_event = 'advisory')")
	held.end()
	both := []end{<-ends, <-ends}
	for _, x := range both {
		if x.err != nil {
			t.Fatal(x.err, x.said)
		}
	}
	slices.SortFunc(both, func(a, b end) int { return a.Report.RestoredAt.Compare(b.Report.RestoredAt) })
	first, last := both[0].Report, both[1].Report
	if !last.RestoredAt.After(first.RestoredAt) || !maps.Equal(last.Replaced, first.Restored) {
		t.Errorf("%s brought %v, then %s replaced %v", first.RestoredAt, first.Restored, last.RestoredAt, last.Replaced)
	}
	live := db.must(t, "SELECT concat((SELECT count(*) FROM products), ' ', (SELECT count(*) FROM reviews))")
	if want := fmt.Sprintf("%d %d", last.Restored["products"], last.Restored["reviews"]); live != want {
		t.Errorf("live are %s, want %s", live, want)
	}
	t.Logf("the first took %d ms, the second waited %d ms and took %d ms", first.Durations.Total, last.Durations.Wait, last.Durations.Total)
}

// post sends JSON to the shop, as whom the token names.
func post(t *testing.T, path, token, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, shared.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(raw)
}

// signIn opens an account and returns a token.
func signIn(t *testing.T, name string) string {
	t.Helper()
	if status, body := post(t, "/api/auth/register", "", fmt.Sprintf(`{"username":%q,"email":"%s@example.org","password":"long enough"}`, name, name)); status != 201 {
		t.Fatal(status, body)
	}
	status, body := post(t, "/api/auth/login", "", fmt.Sprintf(`{"email":"%s@example.org","password":"long enough"}`, name))
	var login struct {
		Token string `json:"access_token"`
	}
	if status != 200 || json.Unmarshal([]byte(body), &login) != nil {
		t.Fatal(status, body)
	}
	return login.Token
}

// backUpAndRestore holds that a backup brings back everything as it was: accounts,
// favourites, baskets, orders, reviews, and ids that nobody has yet.
func backUpAndRestore(t *testing.T) {
	restoreFile(t, oldDump(30, 60))
	time.Sleep(1100 * time.Millisecond) // a token of the same second is not good
	token := signIn(t, "bea")
	for _, c := range []struct {
		path, body string
		want       int
	}{
		{"/api/me/favorites", `{"product_id":3}`, 201},
		{"/api/me/basket", `[{"product_id":1,"quantity":2},{"product_id":2,"quantity":30}]`, 200},
		{"/api/me/purchase", `{"purchased_products":[1,2]}`, 200},
		{"/api/products/1/add-review", `{"rating":4,"comment":"It's \\ \"fine\"\nreally"}`, 200},
		{"/api/me/basket", `[{"product_id":5,"quantity":7}]`, 200},
	} {
		if status, body := post(t, c.path, token, c.body); status != c.want {
			t.Fatal(c.path, status, body)
		}
	}
	db := databaseOf(t, "grocery-dev-db")
	before, rows := db.must(t, contents), db.must(t, "SELECT concat((SELECT count(*) FROM orders), ' ', (SELECT count(*) FROM order_items), ' ', (SELECT count(*) FROM favourites))")
	if rows != "1 2 3" {
		t.Fatalf("orders, their lines and favourites: %s", rows)
	}
	file := filepath.Join(t.TempDir(), "shop.sql.gz")
	var b ops.Backup
	lines := strings.Split(strings.TrimSpace(shared.output(t, "backup", "--json", file)), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &b); err != nil || !strings.HasPrefix(b.Key, "backups/") || b.Rows["orders"] != 1 {
		t.Fatalf("%v %+v", err, b)
	}
	for _, from := range []string{b.Key, file} {
		restoreFile(t, oldDump(5, 5))
		if db.must(t, contents) == before {
			t.Fatal("another dump is live, and nothing has changed")
		}
		if _, said, err := restoreDump(t, from); err != nil {
			t.Fatal(err, said)
		}
		if db.must(t, contents) != before {
			t.Errorf("restored from %s the data is not what was backed up", from)
		}
	}
	eventually(t, 5*time.Second, "the token from before is refused", func() error {
		if status, body := post(t, "/api/me/favorites", token, `{"product_id":3}`); status != 401 || !strings.Contains(body, `{"msg":"Token has been revoked"}`) {
			return fmt.Errorf("%d %s", status, body)
		}
		return nil
	})
	signIn(t, "cem") // gets an id that nobody has
	shared.output(t, "backup", "--key", "backups/named.sql.gz")
	var out bytes.Buffer
	if err := shared.grocery(t.Context(), &out, "backup", "--key", "db-dumps/x.sql.gz"); err == nil || !strings.Contains(out.String(), "restored at once") {
		t.Errorf("a backup where dumps arrive: %v %s", err, out.String())
	}
}

// fillAtFirst deploys with an initial dump to a shop that nobody has used, and to one
// that somebody has.
func fillAtFirst(t *testing.T) {
	db := databaseOf(t, "grocery-dev-db")
	db.must(t, "DELETE FROM restores; DELETE FROM orders; DELETE FROM users;")
	shared.output(t, "deploy", "--initial-dump", dumpFile(t, "first.sql", oldDump(7, 9)))
	if n := db.must(t, "SELECT count(*) FROM products"); n != "7" {
		t.Errorf("%s products after the first deployment, want those of the dump, 7", n)
	}
	before := db.must(t, contents)
	out := shared.output(t, "deploy", "--initial-dump", dumpFile(t, "second.sql", oldDump(11, 9)))
	if db.must(t, contents) != before || !strings.Contains(out, "skip  initial data: the shop is in use") {
		t.Errorf("a shop in use lost its data to the initial dump, or nobody was told: %s", out)
	}
}
