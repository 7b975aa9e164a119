package wire

import (
	"net/http"
	"net/url"
	"strings"
)

// route is the parsed URI template of a REST operation, such as
// /{Bucket}/{Key+}?uploads.
type route struct {
	method   string
	segments []segment
	query    map[string]string // literal query parameters; "" means present
	literals int
}

type segment struct {
	name   string // member name of a label, or the literal text
	label  bool
	greedy bool
}

func parseRoute(method, template string) *route {
	path, query, _ := strings.Cut(template, "?")
	r := &route{method: method, query: map[string]string{}}
	for part := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		switch {
		case part == "":
		case strings.HasPrefix(part, "{"):
			name := strings.Trim(part, "{}")
			r.segments = append(r.segments, segment{name: strings.TrimSuffix(name, "+"), label: true, greedy: strings.HasSuffix(name, "+")})
		default:
			r.segments = append(r.segments, segment{name: part})
			r.literals++
		}
	}
	for kv := range strings.SplitSeq(query, "&") {
		if k, v, _ := strings.Cut(kv, "="); k != "" {
			r.query[k] = v
		}
	}
	return r
}

// match returns the labels of a path (still escaped where it was sent so), or
// ok false. A greedy label takes the rest of the path as it stands: S3 keys
// are never cleaned.
func (r *route) match(req *http.Request, query url.Values) (labels map[string]string, ok bool) {
	if r.method != req.Method {
		return nil, false
	}
	for k, v := range r.query {
		if !query.Has(k) || v != "" && query.Get(k) != v {
			return nil, false
		}
	}
	rest := strings.TrimPrefix(req.URL.EscapedPath(), "/")
	labels = map[string]string{}
	for i, s := range r.segments {
		if s.greedy {
			if rest == "" {
				return nil, false
			}
			v, err := url.PathUnescape(rest)
			labels[s.name], rest = v, ""
			return labels, err == nil && i == len(r.segments)-1
		}
		part, after, more := strings.Cut(rest, "/")
		if part == "" {
			return nil, false
		}
		if s.label {
			v, err := url.PathUnescape(part)
			if err != nil {
				return nil, false
			}
			labels[s.name] = v
		} else if part != s.name {
			return nil, false
		}
		rest = after
		if more && i == len(r.segments)-1 && after != "" {
			return nil, false
		}
	}
	return labels, rest == ""
}

// better reports whether r is more specific than o: more literal query
// parameters, then more segments, then more literal ones.
func (r *route) better(o *route) bool {
	if len(r.query) != len(o.query) {
		return len(r.query) > len(o.query)
	}
	if len(r.segments) != len(o.segments) {
		return len(r.segments) > len(o.segments)
	}
	return r.literals > o.literals
}
