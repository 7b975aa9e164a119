//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

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

// upload puts a dump where it is restored from and waits for the end of the
// one execution that this starts.
func upload(t *testing.T, name, dump string) (status, cause string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(dump), 0o600); err != nil {
		t.Fatal(err)
	}
	machine, err := shared.aws(t, nil, "stepfunctions", "list-state-machines", "--query", "stateMachines[0].stateMachineArn", "--output", "text")
	if err != nil {
		t.Fatal(err, machine)
	}
	list := func() []string {
		out, err := shared.aws(t, nil, "stepfunctions", "list-executions", "--state-machine-arn", machine, "--query", "executions[].executionArn", "--output", "json")
		var arns []string
		if err != nil || json.Unmarshal([]byte(out), &arns) != nil {
			t.Fatal(err, out)
		}
		return arns
	}
	before := len(list())
	if out, err := shared.aws(t, nil, "s3", "cp", "--quiet", file, "s3://grocery-dev-123456789012-eu-central-1/db-dumps/"+name); err != nil {
		t.Fatal(err, out)
	}
	eventually(t, 30*time.Second, "the restore's end", func() error {
		arns := list()
		if len(arns) != before+1 {
			return fmt.Errorf("%d executions, and %d before", len(arns), before)
		}
		out, err := shared.aws(t, nil, "stepfunctions", "describe-execution", "--execution-arn", arns[0], "--output", "json")
		var x struct{ Status, Cause string }
		if err != nil || json.Unmarshal([]byte(out), &x) != nil {
			t.Fatal(err, out)
		}
		status, cause = x.Status, x.Cause
		if status == "RUNNING" {
			return fmt.Errorf("it runs")
		}
		return nil
	})
	return status, cause
}

// restoreAndRefuse replaces the shop's data, so it has its turn after the tests
// that look at the catalogue.
func restoreAndRefuse(t *testing.T) {
	if status, cause := upload(t, "old.sql", oldDump(318, 1235)); status != "SUCCEEDED" {
		t.Fatal(status, cause)
	}
	catalogue := func() (products []struct {
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
	eventually(t, 15*time.Second, "the shop shows the restored goods", func() error {
		if p := catalogue(); len(p) != 318 || p[0].Name != "Good 1" || p[0].Price != 0.89 {
			return fmt.Errorf("%d products, the first is %+v", len(p), p[0])
		}
		return nil
	})
	status, cause := upload(t, "hostile.sql", "DROP ROLE grocery;\nCOPY products TO PROGRAM 'id';\n")
	if status != "FAILED" || !strings.Contains(cause, "InvalidDumpError") || !strings.Contains(cause, "line 1") {
		t.Errorf("a hostile dump: %s %s", status, cause)
	}
	if p := catalogue(); len(p) != 318 {
		t.Errorf("the hostile dump left %d products", len(p))
	}
}
