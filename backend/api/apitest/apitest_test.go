package apitest_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"grocery/backend/api/apitest"
)

func TestAnAnswerThatIsNotAsDescribedIsNoticed(t *testing.T) {
	for name, tt := range map[string]struct {
		path    string
		status  int
		body    string
		noticed bool
	}{
		"all as described":        {"/api/v1/categories", 200, `{"items":[{"name":"Fruit","count":1,"image_url":""}]}`, false},
		"a field is missing":      {"/api/v1/categories", 200, `{"items":[{"name":"Fruit","count":1}]}`, true},
		"a field of another type": {"/api/v1/categories", 200, `{"items":[{"name":"Fruit","count":"1","image_url":""}]}`, true},
		"an undescribed status":   {"/api/v1/categories", 418, `{"error":"teapot"}`, true},
		"a refusal without code":  {"/api/v1/products/1", 404, `{"error":"Product not found"}`, true},
		"an undescribed path":     {"/api/v1/teapot", 200, `{}`, true},
		"no such path":            {"/api/v1/teapot", 404, `{"error":"Not found","code":"not_found"}`, false},
		"nothing of the API":      {"/teapot", 418, `short and stout`, false},
	} {
		t.Run(name, func(t *testing.T) {
			answer := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(tt.status)
				io.WriteString(w, tt.body)
			})
			inside := &deaf{TB: t}
			rec := httptest.NewRecorder()
			apitest.Handler(inside, answer).ServeHTTP(rec, httptest.NewRequest("GET", tt.path, nil))
			if inside.failed != tt.noticed || rec.Code != tt.status || rec.Body.String() != tt.body {
				t.Errorf("as a handler: noticed %v; %d %s", inside.failed, rec.Code, rec.Body)
			}
			server := httptest.NewServer(answer)
			defer server.Close()
			outside := &deaf{TB: t}
			client := http.Client{Transport: apitest.Transport(outside, http.DefaultTransport)}
			resp, err := client.Get(server.URL + tt.path)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if body, err := io.ReadAll(resp.Body); err != nil || outside.failed != tt.noticed || resp.StatusCode != tt.status || string(body) != tt.body {
				t.Errorf("over the net: noticed %v; %d %s, %v", outside.failed, resp.StatusCode, body, err)
			}
		})
	}
}

// deaf remembers an error instead of failing.
type deaf struct {
	testing.TB
	failed bool
}

func (d *deaf) Errorf(string, ...any) { d.failed = true }
