package httpapi_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"

	"grocery/backend/api"
)

// description validates answers against openapi.yaml.
var description = sync.OnceValues(func() (validator.Validator, error) {
	document, err := libopenapi.NewDocument(api.OpenAPI)
	if err != nil {
		return nil, err
	}
	v, errs := validator.NewValidator(document)
	if len(errs) > 0 {
		return nil, errs[0]
	}
	return v, nil
})

// held holds an answer against openapi.yaml: its path, status, type and shape have to
// be described there. Only what is not served at all may be missing.
func held(t testing.TB, req *http.Request, resp *http.Response) {
	t.Helper()
	v, err := description()
	if err != nil {
		t.Fatalf("openapi.yaml: %v", err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	again := func() { resp.Body = io.NopCloser(strings.NewReader(string(body))) }
	again()
	defer again()
	if !strings.Contains(req.URL.Path, "/api/") && !slices.Contains([]string{"/health", "/ready"}, req.URL.Path) || req.Method == http.MethodOptions {
		return
	}
	if resp.Header.Get("Content-Encoding") == "gzip" { // what is inside has to be as described
		zip, err := gzip.NewReader(strings.NewReader(string(body)))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body = io.NopCloser(zip)
	}
	ok, errs := v.ValidateHttpResponse(req, resp)
	for _, e := range errs {
		if e.IsPathMissingError() || e.IsOperationMissingError() {
			if resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusMethodNotAllowed {
				continue
			}
		}
		t.Errorf("%s %s: the answer %d is not as openapi.yaml says: %s: %s\n%.300s", req.Method, req.URL.Path, resp.StatusCode, e.Message, e.Reason, body)
	}
	if !ok && len(errs) == 0 {
		t.Errorf("%s %s: the answer is not as openapi.yaml says", req.Method, req.URL.Path)
	}
}

func TestAnAnswerThatIsNotAsDescribedIsNoticed(t *testing.T) {
	for name, answer := range map[string]struct {
		status int
		body   string
	}{
		"a field is missing":      {200, `{"items":[{"name":"Fruit","count":1}]}`},
		"a field of another type": {200, `{"items":[{"name":"Fruit","count":"1","image_url":""}]}`},
		"an undescribed status":   {418, `{"error":"teapot"}`},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequest("GET", "http://shop.example/api/v1/categories", nil)
			if err != nil {
				t.Fatal(err)
			}
			resp := &http.Response{StatusCode: answer.status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(answer.body)), Request: req}
			noticed := &deaf{TB: t}
			held(noticed, req, resp)
			if !noticed.failed {
				t.Error("it was not noticed")
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
