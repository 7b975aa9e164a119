package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"grocery/backend/postgres"
	"grocery/internal/pgtest"
)

// bareVariable makes this test binary the bare server, with the settings that it holds.
const bareVariable = "BENCH_BARE"

// bareServer is what the shop's answers are measured against: net/http and one query,
// without limits, headers, log or a second server in mind. It sends the bytes it was given.
type bareServer struct {
	Addr, Database string
	MaxConns       int32
	SQL            string
	ByID           bool // the query takes an array of ids
	Path           string
	Bodies         map[int64][]byte // by id
}

func serveBare(settings string) int {
	var s bareServer
	err := json.Unmarshal([]byte(settings), &s)
	if err == nil {
		err = s.serve()
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

func (s *bareServer) serve() error {
	config, err := pgxpool.ParseConfig(s.Database)
	if err != nil {
		return err
	}
	config.MaxConns = s.MaxConns
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		return err
	}
	http.HandleFunc("GET "+s.Path, func(w http.ResponseWriter, r *http.Request) {
		id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
		if err == nil {
			err = s.ask(r.Context(), pool, id)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(s.Bodies[id])))
		w.Write(s.Bodies[id])
	})
	return http.ListenAndServe(s.Addr, nil)
}

// ask asks for a product and reads the one row that comes.
func (s *bareServer) ask(ctx context.Context, pool *pgxpool.Pool, id int64) error {
	var args []any
	if s.ByID {
		args = []any{[]int64{id}}
	}
	rows, err := pool.Query(ctx, s.SQL, args...)
	if err != nil {
		return err
	}
	_, err = pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) ([]any, error) { return row.Values() })
	return err
}

// queries notes what is asked.
type queries struct{ seen []pgx.TraceQueryStartData }

type noted struct{}

func (q *queries) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if ctx.Value(noted{}) != nil {
		q.seen = append(q.seen, data)
	}
	return ctx
}

func (*queries) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// startBare starts the bare server. Its query is the one that the shop makes when it is
// asked by ask, and its answers are the shop's.
func startBare(b *testing.B, db *pgtest.Database, path string, ask func(context.Context, *postgres.DB) error, bodies map[int64][]byte) *process {
	b.Helper()
	q := &queries{}
	shop := open(b, db, q)
	defer shop.Close()
	err := ask(context.WithValue(b.Context(), noted{}, true), shop)
	if err != nil || len(q.seen) != 1 {
		b.Fatalf("%d queries, %v; want one", len(q.seen), err)
	}
	s := bareServer{
		Addr: freeAddr(b), MaxConns: shop.Pools()["primary"].MaxConns(),
		Database: fmt.Sprintf("host=%s port=%s dbname=%s user=%s password='%s' sslmode=verify-full sslrootcert=%s", db.Host, db.Port, db.Name, pgtest.User, pgtest.Password, db.Server.CA),
		SQL:      q.seen[0].SQL, ByID: len(q.seen[0].Args) == 1, Path: path, Bodies: bodies,
	}
	settings, err := json.Marshal(s)
	if err != nil {
		b.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = []string{bareVariable + "=" + string(settings)}
	p, _ := start(b, cmd, s.Addr, strings.Replace(path, "{id}", "1", 1))
	return p
}
