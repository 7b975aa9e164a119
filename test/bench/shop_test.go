package bench

import (
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"grocery/backend/postgres"
	"grocery/internal/pgtest"
)

// root is the repository.
const root = "../.."

// buildLine is the command that makes the program of the backend's image.
var buildLine = regexp.MustCompile(`(?m)(go build .*) -o /grocery-api (\./cmd/grocery-api)$`)

// build returns the backend's program, made as for its image.
var build = sync.OnceValues(func() (string, error) {
	dockerfile, err := os.ReadFile(filepath.Join(root, "backend", "Dockerfile"))
	if err != nil {
		return "", err
	}
	line := buildLine.FindStringSubmatch(string(dockerfile))
	if line == nil {
		return "", errors.New("backend/Dockerfile has no line that builds /grocery-api")
	}
	program := filepath.Join(scratch, "grocery-api")
	cmd := exec.Command("sh", "-c", line[1]+` -o "$OUT" `+line[2])
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0", "OUT="+program)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", errors.New(string(out))
	}
	return program, nil
})

func program(b *testing.B) string {
	b.Helper()
	p, err := build()
	if err != nil {
		b.Fatal(err)
	}
	return p
}

// database returns a database of the shop with its first catalogue.
func database(b *testing.B) *pgtest.Database {
	b.Helper()
	return pgtest.NewFrom(b, "shop", func(db *pgtest.Database) error {
		shop := open(b, db, nil)
		shop.Close()
		db.Exec(b, "VACUUM ANALYZE") // as autovacuum does
		return nil
	})
}

// open opens a database as the server does and waits until it is ready.
func open(b *testing.B, db *pgtest.Database, tracer pgx.QueryTracer) *postgres.DB {
	b.Helper()
	shop, err := postgres.Open(postgres.Config{
		Host: db.Host, Port: db.Port, Name: db.Name, User: pgtest.User, Password: pgtest.Password, SSLRootCert: db.Server.CA, Tracer: tracer,
	})
	if err != nil {
		b.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if err := shop.Ready(b.Context()); err == nil {
			return shop
		} else if time.Now().After(end) {
			b.Fatal(err)
		}
	}
}

// shop returns the command that serves the shop on addr.
func shop(b *testing.B, db *pgtest.Database, addr string) *exec.Cmd {
	b.Helper()
	cmd := exec.Command(program(b))
	cmd.Env = []string{
		"GROCERY_ADDR=" + addr, "GROCERY_DRAIN=0s", "JWT_SECRET=" + strings.Repeat("bench", 8), "AVATAR_DIR=" + b.TempDir(),
		"DB_HOST=" + db.Host, "DB_PORT=" + db.Port, "DB_NAME=" + db.Name, "DB_USER=" + pgtest.User,
		"DB_PASSWORD=" + pgtest.Password, "DB_SSLROOTCERT=" + db.Server.CA,
	}
	return cmd
}

// startShop starts the shop on a database.
func startShop(b *testing.B, db *pgtest.Database) *process {
	b.Helper()
	addr := freeAddr(b)
	p, _ := start(b, shop(b, db, addr), addr, "/ready")
	return p
}

// fetch returns what a server answers to GET path, as the bytes it sends.
func fetch(b *testing.B, p *process, path string, headers ...string) (body []byte, header http.Header) {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, "http://"+p.addr+path, nil)
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := (&http.Transport{DisableCompression: true, DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		b.Fatalf("GET %s: %s %v", path, resp.Status, err)
	}
	return body, resp.Header
}
