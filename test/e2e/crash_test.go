//go:build e2e

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"grocery/localaws"
)

// Sizes of the dump whose restore is hit.
const crashProducts, crashReviews = 400, 100_000

// lockWait is what the restore waits for when a test stands in its way.
const lockWait = "EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'grocery-restore' AND wait_event_type = 'Lock'%s)"

// points are the moments of a restore at which something dies. Each brings the restore
// there and holds it until what it returns is called.
var points = map[string]func(t *testing.T, db *database, key string) (letGo func()){
	"its turn not come": func(t *testing.T, db *database, key string) func() {
		s := holdTurn(t, db)
		put(t, key)
		db.until(t, fmt.Sprintf(lockWait, " AND wait_event = 'advisory'"))
		return s.end
	},
	"rows on their way": func(t *testing.T, db *database, key string) func() {
		const arriving = "EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'grocery-restore' AND query ILIKE 'copy%stage_reviews%')"
		s := holdTurn(t, db)
		put(t, key)
		db.until(t, fmt.Sprintf(lockWait, " AND wait_event = 'advisory'"))
		s.send(fmt.Sprintf("SELECT pg_advisory_unlock(%d) \\g /dev/null\n%s;", restoreLock, waiting(arriving)))
		s.done(t)
		id := theFunction(t)
		docker(t, "pause", id)
		if db.must(t, "SELECT "+arriving) != "t" {
			t.Fatal("all rows arrived before the function was held: give it more")
		}
		return func() { exec.Command("docker", "unpause", id).Run() } // it may be gone
	},
	"all rows checked, nothing replaced": func(t *testing.T, db *database, key string) func() {
		s := db.session(t)
		s.send("BEGIN; LOCK TABLE users IN ROW EXCLUSIVE MODE;")
		s.done(t)
		put(t, key)
		db.until(t, fmt.Sprintf(lockWait, " AND query LIKE 'LOCK TABLE%'"))
		return s.end
	},
	"all data replaced, not committed": func(t *testing.T, db *database, key string) func() {
		s := db.session(t)
		s.send("BEGIN; LOCK TABLE restores IN SHARE MODE;")
		s.done(t)
		put(t, key)
		db.until(t, fmt.Sprintf(lockWait, " AND query LIKE 'INSERT INTO restores%'"))
		return s.end
	},
	"committed, nobody told": func(t *testing.T, db *database, key string) func() {
		first, second := db.session(t), db.session(t)
		first.send("BEGIN; LOCK TABLE restores IN SHARE MODE;")
		first.done(t)
		put(t, key)
		db.until(t, fmt.Sprintf(lockWait, " AND query LIKE 'INSERT INTO restores%'"))
		// This one gets its turn when the restore is committed, and is in the way of
		// what the restore does next.
		second.send("BEGIN; LOCK TABLE order_items IN SHARE UPDATE EXCLUSIVE MODE;")
		db.until(t, "EXISTS (SELECT FROM pg_locks WHERE NOT granted AND mode = 'ShareUpdateExclusiveLock')")
		first.end()
		second.done(t)
		db.until(t, fmt.Sprintf(lockWait, " AND query LIKE 'ANALYZE%'"))
		if n := db.must(t, "SELECT count(*) FROM restores WHERE source LIKE '%/"+key+"?%'"); n != "1" {
			t.Fatalf("%s restores of %s are committed", n, key)
		}
		return second.end
	},
}

// restoreLock is the advisory lock of package dump.
const restoreLock = 0x67726f64756d70

// holdTurn keeps restores waiting, as another restore would.
func holdTurn(t *testing.T, db *database) *session {
	t.Helper()
	s := db.session(t)
	s.send(fmt.Sprintf("SELECT pg_advisory_lock(%d) \\g /dev/null", restoreLock))
	s.done(t)
	return s
}

// victims are what is killed, and what brings it back when nothing else does.
var victims = map[string]struct {
	kill   func(t *testing.T, db *database)
	revive func(t *testing.T)
}{
	"the local AWS": {func(t *testing.T, _ *database) {
		if err := syscall.Kill(health(t).PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}, serve},
	"the function": {func(t *testing.T, _ *database) {
		docker(t, "kill", theFunction(t))
	}, nil},
	"the database": {func(t *testing.T, db *database) { docker(t, "kill", containers(t)[db.container]) }, nil},
}

// theFunction is the container of the one function that runs.
func theFunction(t *testing.T) (id string) {
	t.Helper()
	for name, c := range containers(t) {
		if strings.HasPrefix(name, "lambda-grocery-dev-restore-") {
			if id != "" {
				t.Fatal("two functions run")
			}
			id = c
		}
	}
	if id == "" {
		t.Fatal("no function runs")
	}
	return id
}

func docker(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "docker", args...).CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
}

// put uploads the dump whose restore will be hit.
func put(t *testing.T, key string) {
	t.Helper()
	file := dumpFile(t, "dump.sql", oldDump(crashProducts, crashReviews))
	if out, err := shared.aws(t, nil, "s3", "cp", "--quiet", file, "s3://"+bucket+"/"+key); err != nil {
		t.Fatal(err, out)
	}
}

// crash kills a victim at a point of a restore. Afterwards the old data or the new is
// live, and whole; the execution ends by itself; and the next restore works.
func crash(t *testing.T, victim, point string) {
	t.Run(victim+" dies with "+point, func(t *testing.T) {
		db := databaseOf(t, "grocery-dev-db")
		restoreFile(t, oldDump(318, 1235)) // what is there before
		before := db.must(t, contents)
		key := fmt.Sprintf("db-dumps/crash-%d.sql", time.Now().UnixNano())

		letGo := points[point](t, db, key)
		begin := time.Now()
		victims[victim].kill(t, db)
		letGo()
		if revive := victims[victim].revive; revive != nil {
			revive(t)
		}
		var status string
		eventually(t, 5*time.Minute, "the execution's end", func() (err error) {
			status, err = ended(t, key)
			return err
		})
		t.Logf("%s, %s after the crash", status, time.Since(begin).Round(100*time.Millisecond))

		after := db.must(t, contents)
		record := db.must(t, "SELECT count(*) FROM restores WHERE source LIKE '%/"+key+"?%'")
		switch {
		case after == before:
			if status == "SUCCEEDED" || record != "0" {
				t.Errorf("the old data is live, the execution is %s, %s restores are on record", status, record)
			}
		default:
			if status != "SUCCEEDED" || record != "1" {
				t.Errorf("the new data is live, the execution is %s, %s restores are on record", status, record)
			}
			if n := db.must(t, "SELECT concat((SELECT count(*) FROM users), ' ', (SELECT count(*) FROM products), ' ', (SELECT count(*) FROM reviews), ' ', (SELECT count(*) FROM basket_items))"); n != fmt.Sprintf("1 %d %d 1", crashProducts, crashReviews) {
				t.Errorf("the data is neither the old nor the new: %s", n)
			}
		}
		restoreFile(t, oldDump(3, 5))
		if n := db.must(t, "SELECT count(*) FROM products"); n != "3" {
			t.Errorf("the next restore left %s products", n)
		}
	})
}

// contents sums up every row of the shop.
const contents = `SELECT md5(concat((SELECT string_agg((to_jsonb(t) - 'basket_version' - 'tokens_since')::text, '|' ORDER BY id) FROM users t), (SELECT string_agg(t::text, '|' ORDER BY id) FROM products t),
	(SELECT string_agg(t::text, '|' ORDER BY id) FROM reviews t), (SELECT string_agg(t::text, '|' ORDER BY id) FROM basket_items t),
	(SELECT string_agg(t::text, '|' ORDER BY t::text) FROM favourites t), (SELECT string_agg(t::text, '|' ORDER BY t::text) FROM purchases t),
	(SELECT string_agg((to_jsonb(t) - 'checked_at')::text, '|' ORDER BY id) FROM orders t), (SELECT string_agg(t::text, '|' ORDER BY t::text) FROM order_items t)))`

// ended returns how the one execution for a dump ended.
func ended(t *testing.T, key string) (status string, err error) {
	t.Helper()
	var found []string
	for _, x := range executions(t) {
		if x.input.Key == key {
			found = append(found, x.Status)
		}
	}
	switch {
	case len(found) != 1:
		return "", fmt.Errorf("%d executions for %s", len(found), key)
	case found[0] == "RUNNING":
		return "", errors.New("it runs")
	}
	return found[0], nil
}

// serve brings the local AWS back, as a supervisor would.
func serve(t *testing.T) {
	t.Helper()
	log, err := os.OpenFile(filepath.Join(shared.home, "localaws.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(filepath.Join(shared.root, "bin", "grocery"), "localaws", "serve")
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = shared.root, shared.env(), log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // it outlives the test; grocery destroy ends it
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go cmd.Wait() // a process that nobody waits for never ends
	eventually(t, 15*time.Second, "the local AWS is back", func() error {
		resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d%s", localaws.EndpointPort+portOffset, localaws.HealthPath))
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		var h localaws.Health
		if err := json.NewDecoder(resp.Body).Decode(&h); err != nil {
			return err
		}
		if h.PID != cmd.Process.Pid {
			return fmt.Errorf("process %d answers, not %d", h.PID, cmd.Process.Pid)
		}
		return nil
	})
}
