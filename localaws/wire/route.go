package wire

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// route is the parsed URI template of a REST operation, such as
// /{Bucket}/{Key+}?uploads.
type route struct {
	method   string
	segments []segment
	query    map[string]string // literal query parameters; "" means present
	literals int
	needs    []need
}

// need is a required member in the query string or a header. S3 tells
// operations of the same template apart by them: a PUT of a key with a part
// number is UploadPart, one with a copy source is CopyObject.
type need struct {
	header bool
	name   string
}

func (n need) met(req *http.Request, query url.Values) bool {
	if n.header {
		return len(req.Header.Values(n.name)) > 0
	}
	return query.Has(n.name)
}

// routeOf is the route of an operation.
func routeOf(op *Operation) *route {
	r := parseRoute(op.Method, op.Path)
	for i := range op.in.NumField() {
		tag := op.in.Field(i).Tag
		if loc := tag.Get("loc"); tag.Get("req") != "" && (loc == "header" || loc == "querystring") {
			r.needs = append(r.needs, need{loc == "header", tag.Get("as")})
		}
	}
	return r
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

// better reports whether r is more specific than o for a request both match:
// what it requires is there, then more literal query parameters, more
// requirements, more segments, more literal ones.
func (r *route) better(o *route, req *http.Request, query url.Values) bool {
	if mine, theirs := r.met(req, query), o.met(req, query); mine != theirs {
		return mine
	}
	return slices.Compare([]int{len(r.query), len(r.needs), len(r.segments), r.literals}, []int{len(o.query), len(o.needs), len(o.segments), o.literals}) > 0
}

func (r *route) met(req *http.Request, query url.Values) bool {
	return !slices.ContainsFunc(r.needs, func(n need) bool { return !n.met(req, query) })
}
