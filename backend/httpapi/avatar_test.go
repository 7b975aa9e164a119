package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image"
	"image/color"
	"image/png"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	shop "grocery/backend"
	"grocery/backend/avatar"
)

// form is a multipart body with one file and its Content-Type.
func form(t *testing.T, field, filename string, content []byte) (body, contentType string) {
	t.Helper()
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	part, err := w.CreateFormFile(field, filename)
	if err == nil {
		_, err = part.Write(content)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return buf.String(), w.FormDataContentType()
}

func pngOf(t *testing.T, c color.Color) []byte {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, 300, 200))
	for i := range 300 * 200 {
		img.Set(i%300, i/300, c)
	}
	var buf bytes.Buffer
	if err := png.Encode(&buf, img); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func (s *store) upload(t *testing.T, method, path, token, filename string, content []byte) *http.Response {
	t.Helper()
	body, contentType := form(t, "file", filename, content)
	return s.do(method, path, body, "Authorization", "Bearer "+token, "Content-Type", contentType)
}

func TestAvatars(t *testing.T) {
	s := newStore(t)
	token := s.token(t, s.user(t, "ann"))
	other := s.token(t, s.user(t, "bob"))
	red, blue := pngOf(t, color.NRGBA{255, 0, 0, 255}), pngOf(t, color.NRGBA{0, 0, 255, 255})
	url := func(body string) string {
		t.Helper()
		_, rest, ok := strings.Cut(body, `"avatar_url":"`)
		if !ok {
			t.Fatalf("no address in %s", body)
		}
		address, _, _ := strings.Cut(rest, `"`)
		return address
	}
	legacy := status(t, s.upload(t, "POST", "/api/me/avatar", token, "../../etc/passwd.html", red), 200)
	if !strings.Contains(legacy, `"message":"Avatar uploaded successfully"`) {
		t.Error(legacy)
	}
	first := url(legacy)
	// The address is the same wherever and how often it is asked for.
	for range 2 {
		if body := status(t, s.me(token), 200); url(body) != first {
			t.Errorf("%s, want %s", body, first)
		}
		if body := status(t, s.do("GET", "/api/me/info", "", "Authorization", "Bearer "+token), 200); !strings.Contains(body, `"avatar":"`+first+`"`) {
			t.Errorf("%s, want %s", body, first)
		}
	}
	if again := url(status(t, s.upload(t, "PUT", "/api/v1/me/avatar", token, "me.png", red), 200)); again != first {
		t.Errorf("the same picture has another address: %s, then %s", first, again)
	}
	resp := s.do("GET", first, "")
	body := status(t, resp, 200)
	for header, want := range map[string]string{"Content-Type": "image/png", "X-Content-Type-Options": "nosniff", "Cache-Control": "public, max-age=31536000, immutable", "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"} {
		if got := resp.Header.Get(header); got != want {
			t.Errorf("%s: %q, want %q", header, got, want)
		}
	}
	img, err := png.Decode(strings.NewReader(body))
	if err != nil || img.Bounds().Dx() != 256 || img.Bounds().Dy() != 256 {
		t.Fatalf("%v", err)
	}
	if again := status(t, s.do("GET", first, ""), 200); again != body {
		t.Error("the picture is not the same byte for byte")
	}

	second := url(status(t, s.upload(t, "PUT", "/api/v1/me/avatar", token, "me.png", blue), 200))
	if second == first {
		t.Error("another picture has the same address: browsers would show the old one")
	}
	byDefault := status(t, s.do("GET", "/api/me/avatar/user_default.png", ""), 200)
	if got := status(t, s.do("GET", first, ""), 200); got != byDefault {
		t.Error("the picture before is still there")
	}
	bobs := url(status(t, s.upload(t, "PUT", "/api/v1/me/avatar", other, "me.png", blue), 200))
	status(t, s.do("DELETE", "/api/v1/me/avatar", "", "Authorization", "Bearer "+token), 204)
	if got := status(t, s.do("GET", second, ""), 200); got != byDefault {
		t.Error("the removed picture is still there")
	}
	if got := status(t, s.do("GET", bobs, ""), 200); got == byDefault {
		t.Error("ann's removal took bob's picture of the same content")
	}
	if body := status(t, s.me(token), 200); !strings.HasSuffix(url(body), "/user_default.png") {
		t.Error(body)
	}
}

func TestUploadsThatAreRefused(t *testing.T) {
	s := newStore(t)
	token := s.token(t, s.user(t, "ann"))
	svg := []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`)
	file := func(field, name string, content []byte) [2]string {
		body, contentType := form(t, field, name, content)
		return [2]string{body, contentType}
	}
	for name, tt := range map[string]struct {
		request [2]string
		status  int
		message string
		code    string
	}{
		"an SVG called PNG":        {file("file", "me.png", svg), 400, "File type not allowed", "file_type"},
		"a page called PNG":        {file("file", "me.png", []byte("<html><script>alert(1)</script>")), 400, "File type not allowed", "file_type"},
		"a page that starts right": {file("file", "me.png", []byte("\x89PNG\r\n\x1a\n<script>alert(1)</script>")), 400, "File type not allowed", "file_type"},
		"another field":            {file("picture", "me.png", pngOf(t, color.Black)), 400, "No file part", "file_missing"},
		"an empty file":            {file("file", "", nil), 400, "No selected file", "file_missing"},
		"no form":                  {[2]string{"x", "image/png"}, 400, "No file part", "file_missing"},
		"a form cut off":           {[2]string{"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nabc", "multipart/form-data; boundary=x"}, 400, "could not be read", "invalid"},
		"six megabytes":            {file("file", "me.png", make([]byte, 6<<20)), 413, "at most 5 MB", "too_large"},
		"a megabyte in front":      {[2]string{"--x\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\n" + strings.Repeat("a", 6<<20), "multipart/form-data; boundary=x"}, 413, "at most 5 MB", "too_large"},
	} {
		for path, method := range map[string]string{"/api/me/avatar": "POST", "/api/v1/me/avatar": "PUT"} {
			body := status(t, s.do(method, path, tt.request[0], "Authorization", "Bearer "+token, "Content-Type", tt.request[1]), tt.status)
			if !strings.Contains(body, tt.message) || strings.Contains(path, "v1") != strings.Contains(body, `"code":"`+tt.code+`"`) {
				t.Errorf("%s, %s: %s", name, path, body)
			}
		}
		s.advance(1 << 40) // the uploads are throttled too
	}
	if body := status(t, s.do("GET", "/api/v1/me", "", "Authorization", "Bearer "+s.token(t, 1)), 200); !strings.Contains(body, "user_default.png") {
		t.Error(body)
	}
	throttled := false
	for range 25 {
		throttled = throttled || s.upload(t, "PUT", "/api/v1/me/avatar", s.token(t, 1), "me.png", svg).StatusCode == 429
	}
	if !throttled {
		t.Error("25 uploads at once are let through")
	}
}

func TestNamesOfPicturesLeadNowhereElse(t *testing.T) {
	s := newStore(t)
	want := text(t, s.do("GET", "/api/me/avatar/user_default.png", ""))
	for _, name := range []string{"x", "..%2f..%2fetc%2fpasswd", "%00", strings.Repeat("a", 32) + ".svg", strings.Repeat("a", 32) + ".png", strings.Repeat("x", 5000)} {
		resp := s.do("GET", "/api/me/avatar/"+name, "")
		if body := status(t, resp, 200); body != want || resp.Header.Get("Content-Type") != "image/png" || resp.Header.Get("Cache-Control") != "public, max-age=300" {
			t.Errorf("%.40s: %v", name, resp.Header)
		}
	}
}

// away is a store of pictures that is not there.
type away struct{ avatar.Store }

func (away) Get(context.Context, string) ([]byte, error) { return nil, errors.New("10.0.0.9 is away") }
func (away) Put(context.Context, string, []byte) error   { return errors.New("10.0.0.9 is away") }

func TestWithoutTheStoreOfPictures(t *testing.T) {
	s := newStore(t)
	token := s.token(t, s.user(t, "ann"))
	for name, store := range map[string]avatar.Store{"away": away{}, "none": nil} {
		s.server.Avatars = store
		if body := status(t, s.upload(t, "PUT", "/api/v1/me/avatar", token, "me.png", pngOf(t, color.Black)), 503); strings.Contains(body, "10.0.0.9") || strings.Contains(body, "S3_BUCKET") {
			t.Errorf("%s: %s", name, body)
		}
		rec := httptest.NewRecorder()
		s.api.ServeHTTP(rec, httptest.NewRequest("GET", "/api/me/avatar/"+strings.Repeat("a", 32)+".png", nil))
		if b, err := io.ReadAll(rec.Body); err != nil || rec.Code != 200 || !bytes.Equal(b, avatar.Default()) {
			t.Errorf("%s: %d, %v", name, rec.Code, err)
		}
		if cache := rec.Header().Get("Cache-Control"); name == "away" && cache != "no-store" {
			t.Errorf("browsers keep the default picture: %q", cache)
		}
	}
}

// slow is a body that says when it is asked for, and comes when it is let go on.
type slow struct {
	io.Reader
	asked chan<- struct{}
	going <-chan struct{}
	first sync.Once
}

func (b *slow) Read(p []byte) (int, error) {
	b.first.Do(func() {
		b.asked <- struct{}{}
		<-b.going
	})
	return b.Reader.Read(p)
}

func TestAFewPicturesAreReceivedAtATime(t *testing.T) {
	s := newStore(t)
	token := s.token(t, s.user(t, "ann"))
	body, contentType := form(t, "file", "me.png", pngOf(t, color.Black))
	upload := func(ctx context.Context, body io.Reader) *httptest.ResponseRecorder {
		req := httptest.NewRequestWithContext(ctx, "PUT", "/api/v1/me/avatar", body)
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Content-Type", contentType)
		rec := httptest.NewRecorder()
		s.api.ServeHTTP(rec, req)
		return rec
	}
	const places = 4
	asked, going := make(chan struct{}, places+1), make(chan struct{})
	var wg sync.WaitGroup
	for range places {
		wg.Go(func() {
			if rec := upload(t.Context(), &slow{Reader: strings.NewReader(body), asked: asked, going: going}); rec.Code != 200 {
				t.Errorf("one that had a place: %d %s", rec.Code, rec.Body)
			}
		})
	}
	for range places {
		<-asked
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	rec := upload(ctx, &slow{Reader: strings.NewReader(body), asked: asked, going: going})
	if rec.Code != 503 || rec.Header().Get("Retry-After") == "" {
		t.Errorf("one more: %d %v", rec.Code, rec.Header())
	}
	if len(asked) > 0 {
		t.Error("what has no place is read")
	}
	close(going)
	wg.Wait()
	if rec := upload(t.Context(), strings.NewReader(body)); rec.Code != 200 {
		t.Errorf("afterwards: %d %s", rec.Code, rec.Body)
	}
}

// timed tells how long a change of a picture may take.
type timed struct {
	shop.UserService
	until chan time.Time
}

func (u *timed) SetAvatar(ctx context.Context, id int64, name string, store func() error) (string, error) {
	until, _ := ctx.Deadline()
	u.until <- until
	return u.UserService.SetAvatar(ctx, id, name, store)
}

func TestASlowClientMayUpload(t *testing.T) {
	s := newStore(t)
	token := s.token(t, s.user(t, "ann"))
	users := &timed{s.server.Users, make(chan time.Time, 1)}
	s.server.Users = users
	srv := httptest.NewUnstartedServer(s.server)
	const readTimeout = 500 * time.Millisecond
	srv.Config.ReadTimeout, srv.Config.WriteTimeout = readTimeout, 2*readTimeout
	srv.Start()
	defer srv.Close()
	body, contentType := form(t, "file", "me.png", pngOf(t, color.Black))
	half := len(body) / 2
	read, write := io.Pipe()
	whole := make(chan time.Time, 1)
	go func() {
		io.WriteString(write, body[:half])
		time.Sleep(3 * readTimeout)
		whole <- time.Now()
		io.WriteString(write, body[half:])
		write.Close()
	}()
	req, err := http.NewRequestWithContext(t.Context(), "PUT", srv.URL+"/api/v1/me/avatar", read)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", contentType)
	resp, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Fatalf("%d %s", resp.StatusCode, text(t, resp))
	}
	if left := (<-users.until).Sub(<-whole); left < 15*time.Second {
		t.Errorf("the time of the upload is taken from that of the request: %v are left", left)
	}
}

// lingering is a store that waits before it removes.
type lingering struct {
	avatar.Store
	deleting chan struct{}
	going    chan struct{}
}

func (l *lingering) Delete(ctx context.Context, name string) error {
	l.deleting <- struct{}{}
	<-l.going
	return l.Store.Delete(ctx, name)
}

func TestAPictureThatIsRemovedAndUploadedAtOnceIsThere(t *testing.T) {
	s := newStore(t)
	token := s.token(t, s.user(t, "ann"))
	picture := pngOf(t, color.NRGBA{255, 0, 0, 255})
	status(t, s.upload(t, "PUT", "/api/v1/me/avatar", token, "me.png", picture), 200)
	store := &lingering{s.server.Avatars, make(chan struct{}, 1), make(chan struct{})}
	s.server.Avatars = store
	var wg sync.WaitGroup
	wg.Go(func() { status(t, s.do("DELETE", "/api/v1/me/avatar", "", "Authorization", "Bearer "+token), 204) })
	<-store.deleting
	uploaded := make(chan struct{})
	wg.Go(func() {
		defer close(uploaded)
		status(t, s.upload(t, "PUT", "/api/v1/me/avatar", token, "me.png", picture), 200)
	})
	select {
	case <-uploaded:
	case <-time.After(time.Second): // it waits for the removal
	}
	close(store.going)
	wg.Wait()
	var me struct {
		Avatar string `json:"avatar_url"`
	}
	if err := json.Unmarshal([]byte(status(t, s.me(token), 200)), &me); err != nil {
		t.Fatal(err)
	}
	if body := status(t, s.do("GET", me.Avatar, ""), 200); strings.Contains(me.Avatar, "default") || body == string(avatar.Default()) {
		t.Errorf("the account has %s, which is gone", me.Avatar)
	}
}
