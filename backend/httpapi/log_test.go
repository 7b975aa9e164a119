package httpapi_test

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestTheLineOfARequestHasItsIDAndNoSecrets(t *testing.T) {
	s := newStore(t)
	token := s.token(t, s.user(t, "ann"))
	resp := s.do("GET", "/api/v1/me?looked-for=something-private", "", "Authorization", "Bearer "+token, "Cookie", "grocery_refresh=a-cookie", "User-Agent", "an-agent")
	id := resp.Header.Get("X-Request-Id")
	var lines []map[string]any
	for line := range strings.Lines(s.log.String()) {
		var l map[string]any
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if l["msg"] == "request" {
			lines = append(lines, l)
		}
	}
	if len(lines) != 1 || id == "" || lines[0]["request_id"] != id || lines[0]["path"] != "/api/v1/me" || lines[0]["status"] != 200.0 || lines[0]["method"] != "GET" {
		t.Errorf("X-Request-Id %q, lines %v", id, lines)
	}
	for _, secret := range []string{"something-private", "looked-for", "Authorization", "Bearer", token, strings.Split(token, ".")[2], "a-cookie"} {
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("the log holds %s: %s", secret, s.log.String())
		}
	}
	// What is logged in between can be told to be of the request.
	s.do("POST", "/api/v1/auth/register", carol, "X-Request-Id", "of-this-request")
	if !strings.Contains(s.log.String(), `"event":"registered"`) || strings.Count(s.log.String(), `"request_id":"of-this-request"`) < 2 {
		t.Errorf("the audit log does not name the request: %s", s.log.String())
	}
}
