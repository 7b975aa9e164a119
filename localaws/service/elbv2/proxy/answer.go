package proxy

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// serverName is what a balancer calls itself in answers of its own.
const serverName = "awselb/2.0"

// reasons are the texts AWS shows where they differ from Go's.
var reasons = map[int]string{503: "Service Temporarily Unavailable", 504: "Gateway Time-out"}

// fail answers with the balancer's own page for an error; see
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html.
func (b *Balancer) fail(w http.ResponseWriter, l *Listener, status int) {
	reason := reasons[status]
	if reason == "" {
		reason = http.StatusText(status)
	}
	title := fmt.Sprintf("%d %s", status, reason)
	page := "<html>\r\n<head><title>" + title + "</title></head>\r\n<body>\r\n<center><h1>" + title + "</h1></center>\r\n</body>\r\n</html>\r\n"
	b.answer(w, l, status, "text/html", page)
}

// answer writes an answer that comes from the balancer itself.
func (b *Balancer) answer(w http.ResponseWriter, l *Listener, status int, contentType, body string) {
	b.Stats.own(status)
	h := w.Header()
	if !l.HideServer {
		h.Set("Server", serverName)
	}
	l.setHeaders(h)
	if contentType != "" {
		h.Set("Content-Type", contentType)
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	io.WriteString(w, body)
}

// setHeaders puts the listener's headers into an answer.
func (l *Listener) setHeaders(h http.Header) {
	for k, v := range l.Headers {
		h.Set(k, v)
	}
	if l.HideServer {
		h.Del("Server")
	}
}

// location expands a redirect's placeholders for a request.
func (r *Redirect) location(req *http.Request, l *Listener, shift int) string {
	protocol := "http"
	if l.Secure {
		protocol = "https"
	}
	expand := strings.NewReplacer("#{protocol}", protocol, "#{host}", hostName(req.Host), "#{port}", strconv.Itoa(l.Port),
		"#{path}", strings.TrimPrefix(req.URL.EscapedPath(), "/"), "#{query}", req.URL.RawQuery)
	port := expand.Replace(r.Port)
	if shift > 0 && strings.HasSuffix(req.Host, ":"+strconv.Itoa(l.Port+shift)) { // the client came through the front door
		if n, err := strconv.Atoi(port); err == nil {
			port = strconv.Itoa(n + shift)
		}
	}
	to := strings.ToLower(expand.Replace(r.Protocol)) + "://" + expand.Replace(r.Host) + ":" + port + expand.Replace(r.Path)
	if q := expand.Replace(r.Query); q != "" {
		to += "?" + q
	}
	return to
}
