package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestATokenFromBeforeARestoreIsRefused: the dump that was restored may have given the
// id in it to somebody else.
func TestATokenFromBeforeARestoreIsRefused(t *testing.T) {
	s := newStore(t)
	ann := s.user(t, "ann")
	get := func(token string) (int, string) {
		req := httptest.NewRequest(http.MethodGet, "/api/me/info", nil)
		req.Header.Set("Authorization", "Bearer "+token)
		rec := httptest.NewRecorder()
		s.api.ServeHTTP(rec, req)
		return rec.Code, strings.TrimSpace(rec.Body.String())
	}
	old := s.token(t, ann)
	if status, body := get(old); status != 200 {
		t.Fatalf("before the restore: %d %s", status, body)
	}
	s.pg.Exec(t, "INSERT INTO restores (id, source, sha256, format, rows, restored_at) VALUES ('r1', '', '', '', '{}', now() + interval '1 second')")
	within := time.Now().Add(3 * time.Second)
	for {
		status, body := get(old)
		if status == 401 {
			if body != `{"msg":"Token has been revoked"}` {
				t.Errorf("body %s", body)
			}
			break
		}
		if time.Now().After(within) {
			t.Fatalf("3 s after the restore: %d %s", status, body)
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.advance(3 * time.Second)
	if status, body := get(s.token(t, ann)); status != 200 {
		t.Errorf("a token from after the restore: %d %s", status, body)
	}
}
