package apitest

import (
	"bytes"
	"compress/gzip"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"

	"grocery/backend/api"
)

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

// Handler returns next with every answer held against openapi.yaml, as by Check.
func Handler(t testing.TB, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		next.ServeHTTP(rec, r)
		resp := rec.Result()
		Check(t, r, resp)
		maps.Copy(w.Header(), resp.Header)
		w.WriteHeader(resp.StatusCode)
		io.Copy(w, resp.Body)
	})
}

// Transport returns next with every answer held against openapi.yaml, as by Check.
func Transport(t testing.TB, next http.RoundTripper) http.RoundTripper {
	return transport{t, next}
}

type transport struct {
	t    testing.TB
	next http.RoundTripper
}

// RoundTrip is of http.RoundTripper.
func (tr transport) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := tr.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	Check(tr.t, req, resp)
	return resp, nil
}

// Check fails the test unless path, status, type and shape of an answer are described.
// Only what is not served at all may be missing: what is not of the API, and answers that
// say so. The body can still be read afterwards.
func Check(t testing.TB, req *http.Request, resp *http.Response) {
	t.Helper()
	v, err := description()
	if err != nil {
		t.Fatalf("openapi.yaml: %v", err)
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	if err != nil {
		t.Errorf("%s %s: %v", req.Method, req.URL.Path, err)
		return
	}
	if !strings.Contains(req.URL.Path, "/api/") && !slices.Contains([]string{"/health", "/ready"}, req.URL.Path) || req.Method == http.MethodOptions {
		return
	}
	seen := *resp
	seen.Body = io.NopCloser(bytes.NewReader(body))
	if resp.Header.Get("Content-Encoding") == "gzip" { // what is inside has to be as described
		zip, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			t.Errorf("%s %s: %v", req.Method, req.URL.Path, err)
			return
		}
		seen.Body = io.NopCloser(zip)
	}
	ok, errs := v.ValidateHttpResponse(req, &seen)
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
