package wire

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"time"
)

// ChainOptions are what a Chain needs beside its registry.
type ChainOptions struct {
	Credentials Credentials
	Now         func() time.Time // nil: time.Now
	Log         *slog.Logger
}

// Chain is the way of a call from the network: host and target -> service and
// operation -> signature -> decode -> authorization -> handler -> encode, with
// one log line. It is an http.Handler for every way in.
type Chain struct {
	r     *Registry
	o     ChainOptions
	hosts []hostHandler
}

type hostHandler struct {
	match func(host string) bool
	http.Handler
}

// NewChain makes the chain in front of a registry.
func NewChain(r *Registry, o ChainOptions) *Chain {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Chain{r: r, o: o}
}

// HandleHost sends requests for hosts that are no AWS API (a container
// registry, the trust store of RDS) to h. host comes without port, in lower
// case.
func (c *Chain) HandleHost(match func(host string) bool, h http.Handler) {
	c.hosts = append(c.hosts, hostHandler{match, h})
}

// unsignedActions are the calls that AWS takes without a signature.
var unsignedActions = map[string]bool{"sts:AssumeRoleWithWebIdentity": true}

// request is one call on its way through the chain.
type request struct {
	*http.Request
	query  url.Values
	form   url.Values // decoded form body of the query protocols
	raw    []byte     // body of the protocols that are decoded in memory
	read   bool       // raw is filled
	sig    *signature
	target target
	format format
	call   *Call
}

// ServeHTTP serves one call.
func (c *Chain) ServeHTTP(w http.ResponseWriter, hr *http.Request) {
	host := strings.ToLower(hr.Host)
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	for _, h := range c.hosts {
		if h.match(host) {
			h.ServeHTTP(w, hr)
			return
		}
	}
	start := c.o.Now()
	// A copy, because the chain puts readers of its own in place of the body:
	// net/http tells by the original whether a client still waits to send it.
	hr = hr.WithContext(hr.Context())
	q := &request{Request: hr, query: parseQuery(hr.URL.RawQuery), call: &Call{RequestID: NewRequestID(), Account: Account, Host: hr.Host, Plain: hr.TLS == nil}}
	q.call.SourceIP, _, _ = net.SplitHostPort(hr.RemoteAddr)
	e, in, err := c.prepare(q)
	if err != nil {
		c.r.finish(q.call, start, err)
		writeError(w, hr, q.format, q.target.service, err, q.call.RequestID)
		return
	}
	out, err := c.r.call(WithCall(hr.Context(), q.call), e.op, in)
	if err != nil {
		writeError(w, hr, q.format, q.target.service, err, q.call.RequestID)
		return
	}
	writeOut(w, hr, q.format, e.op, out, q.call.RequestID)
}

// parseQuery is url.ParseQuery that keeps "+" and takes what it can: a broken
// pair is left out and fails the signature.
func parseQuery(raw string) url.Values {
	v, err := url.ParseQuery(strings.ReplaceAll(raw, ";", "%3B"))
	if err != nil && v == nil {
		return url.Values{}
	}
	return v
}

// prepare finds the operation, checks who asks and decodes the request.
func (c *Chain) prepare(q *request) (*entry, any, error) {
	var err error
	if q.sig, err = parseSignature(q.Request, q.query); err != nil {
		q.format = guessFormat(q.Request)
		return nil, nil, err
	}
	if err := c.findService(q); err != nil {
		q.format = guessFormat(q.Request)
		return nil, nil, err
	}
	s := q.target.service
	q.call.Service, q.call.Region = s.Name, q.target.region
	if q.sig != nil {
		q.call.Region = q.sig.region
	}
	if q.call.Region == "" {
		q.call.Region = "us-east-1"
	}
	q.format = formatOf(q.Request, s)
	if q.target.bucket != "" { // the one form routes know is the path form
		q.URL.Path = "/" + q.target.bucket + q.URL.Path
		if q.URL.RawPath != "" {
			q.URL.RawPath = "/" + q.target.bucket + q.URL.RawPath
		}
	}
	if err := c.authenticate(q); err != nil {
		return nil, nil, forFormat(err, s, q.format)
	}
	e, labels, err := c.findOperation(q)
	if err != nil {
		return nil, nil, err
	}
	q.call.Operation = e.op.Name
	if q.sig == nil && !unsignedActions[e.op.String()] {
		return nil, nil, Errorf(403, map[bool]string{true: "AccessDenied", false: "MissingAuthenticationToken"}[s.SigningName == "s3"], "The request is not signed: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (grocery env prints them).")
	}
	in := reflect.New(e.op.in)
	if err := decode(q, e.op, in.Elem(), labels); err != nil {
		return nil, nil, err
	}
	return e, in.Interface(), nil
}

// findService sets the request's target.
func (c *Chain) findService(q *request) error {
	if t, ok := c.r.byHost(q.Host); ok {
		q.target = t
		return nil
	}
	if q.sig != nil {
		q.target.service = c.r.bySignature(q.Request, q.sig)
		if host, ok := strings.CutSuffix(strings.ToLower(q.Host), ".localhost"); ok && q.sig.service == "s3" {
			q.target.bucket = host // virtual-hosted at the endpoint address
		}
		if q.target.service == nil {
			return Errorf(400, "NotImplemented", "Local AWS does not serve the service %q. It serves: %s.", q.sig.service, strings.Join(c.r.serviceNames(), ", "))
		}
		return nil
	}
	if err := q.readForm(); err != nil {
		return err
	}
	if q.target.service = c.r.byContent(q.Request, q.form); q.target.service == nil {
		return Errorf(400, "NotImplemented", "Local AWS serves no service at host %q. It serves: %s.", q.Host, strings.Join(c.r.serviceNames(), ", "))
	}
	return nil
}

// formatOf says what the request speaks to a service.
func formatOf(req *http.Request, s *Service) format {
	ct := req.Header.Get("Content-Type")
	switch {
	case req.Header.Get("Smithy-Protocol") == "rpc-v2-cbor":
		return format{protocol: s.Protocol, cbor: true}
	case req.Header.Get("X-Amz-Target") != "":
		v := s.JSONVersion
		if _, sent, ok := strings.Cut(ct, "x-amz-json-"); ok {
			v = sent
		}
		if v == "" {
			v = "1.0"
		}
		return format{protocol: JSON, json: v}
	}
	return format{protocol: s.Protocol, json: s.JSONVersion}
}

// guessFormat picks the form of an error for a request whose service is unknown.
func guessFormat(req *http.Request) format {
	switch {
	case req.Header.Get("Smithy-Protocol") == "rpc-v2-cbor":
		return format{cbor: true}
	case req.Header.Get("X-Amz-Target") != "" || strings.Contains(req.Header.Get("Content-Type"), "json"):
		return format{protocol: JSON, json: "1.1"}
	case strings.Contains(req.Header.Get("Content-Type"), "x-www-form-urlencoded"):
		return format{protocol: Query}
	}
	return format{protocol: RestXML}
}

// authenticate checks the signature and sets the call's principal.
func (c *Chain) authenticate(q *request) error {
	if q.sig == nil {
		return nil
	}
	cred, ok, err := c.o.Credentials.Credential(q.Context(), q.sig.accessKey)
	if err != nil {
		return err
	}
	if !ok {
		return Errorf(403, "InvalidAccessKeyId", "The AWS access key id %s does not exist in local AWS: eval $(grocery env) sets one that does.", q.sig.accessKey)
	}
	payload := q.sig.payload
	if payload == "" {
		if payload, err = signBody(q.Request); err != nil {
			return err
		}
	}
	orig := *q.Request.URL
	signedReq := *q.Request
	if q.target.bucket != "" { // the client signed the path it sent
		u := orig
		u.Path = strings.TrimPrefix(u.Path, "/"+q.target.bucket)
		u.RawPath = strings.TrimPrefix(u.RawPath, "/"+q.target.bucket)
		signedReq.URL = &u
	}
	if err := q.sig.verify(&signedReq, q.query, cred, c.o.Now().UTC(), payload); err != nil {
		return err
	}
	q.Body, err = q.sig.body(q.Request)
	q.call.Principal = cred.Principal
	return err
}

// forFormat gives a refusal of the signature the code that clients of the
// protocol know.
func forFormat(err error, s *Service, f format) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || s.SigningName == "s3" {
		return err
	}
	x := *e
	switch {
	case f.protocol == EC2:
		x.Status, x.Code = 401, "AuthFailure"
	case f.protocol == JSON || f.protocol == RestJSON || f.cbor:
		x.Code = map[string]string{"InvalidAccessKeyId": "UnrecognizedClientException", "InvalidClientTokenId": "UnrecognizedClientException",
			"SignatureDoesNotMatch": "InvalidSignatureException", "RequestTimeTooSkewed": "InvalidSignatureException", "ExpiredToken": "ExpiredTokenException"}[e.Code]
		x.Status = map[bool]int{true: 403, false: 400}[f.protocol == RestJSON]
		if x.Code == "" {
			return err
		}
	case e.Code == "InvalidAccessKeyId":
		x.Code = "InvalidClientTokenId"
	}
	return &x
}

// findOperation finds the served operation a request asks for.
func (c *Chain) findOperation(q *request) (*entry, map[string]string, error) {
	s := q.target.service
	ops := c.r.byName[s.Name]
	named := func(name string) (*entry, map[string]string, error) {
		q.call.Operation = name
		if e := ops[name]; e != nil {
			return e, nil, nil
		}
		return nil, nil, notServed(s.Name, name)
	}
	if q.format.cbor {
		_, name, _ := strings.Cut(q.URL.Path, "/operation/")
		return named(name)
	}
	if t := q.Header.Get("X-Amz-Target"); t != "" {
		return named(t[strings.LastIndexByte(t, '.')+1:])
	}
	if q.format.protocol == Query || q.format.protocol == EC2 {
		if err := q.readForm(); err != nil {
			return nil, nil, err
		}
		if q.form.Get("Action") == "" {
			return nil, nil, Errorf(400, "MissingAction", "The request must contain the parameter Action.")
		}
		return named(q.form.Get("Action"))
	}
	var best *entry
	var bestLabels map[string]string
	for _, e := range ops {
		if labels, ok := e.route.match(q.Request, q.query); ok && (best == nil || e.route.better(best.route, q.Request, q.query)) {
			best, bestLabels = e, labels
		}
	}
	if best == nil || unknownSubresource(q, best) {
		q.call.Operation = q.Method + " " + q.URL.Path
		return nil, nil, notServed(s.Name, q.Method+" "+q.URL.RequestURI())
	}
	return best, bestLabels, nil
}

// s3Subresources select an operation by their mere presence in the query. One
// that no served operation takes must not fall through to the operation
// without it: DELETE ?policy is no DELETE of the bucket.
var s3Subresources = []string{"accelerate", "acl", "analytics", "attributes", "cors", "encryption", "intelligent-tiering", "inventory", "legal-hold", "lifecycle", "location", "logging", "metadataTable", "metrics", "notification", "object-lock", "ownershipControls", "policy", "policyStatus", "publicAccessBlock", "replication", "requestPayment", "restore", "retention", "select", "session", "tagging", "torrent", "uploads", "versioning", "versions", "website"}

func unknownSubresource(q *request, e *entry) bool {
	if e.op.Service.EndpointPrefix != "s3" {
		return false
	}
	for _, s := range s3Subresources {
		if _, taken := e.route.query[s]; q.query.Has(s) && !taken {
			return true
		}
	}
	return false
}

// readForm reads the form of the query protocols once: from the body, or from
// the query string of a GET.
func (q *request) readForm() error {
	if q.form != nil {
		return nil
	}
	q.form = url.Values{}
	if q.Method == http.MethodGet {
		q.form = q.query
		return nil
	}
	if ct, _, _ := mime.ParseMediaType(q.Header.Get("Content-Type")); ct != "application/x-www-form-urlencoded" {
		return nil
	}
	if err := q.readRaw(); err != nil {
		return err
	}
	form, err := url.ParseQuery(string(q.raw))
	if err != nil {
		return Errorf(400, "MalformedQueryString", "The form of the request cannot be read: %v", err)
	}
	q.form = form
	return nil
}

// readRaw reads the body once, decompressed, and leaves it to be read again.
func (q *request) readRaw() error {
	if q.read {
		return nil
	}
	raw, err := readBody(q.Body)
	if err != nil {
		return err
	}
	q.Body = io.NopCloser(bytes.NewReader(raw))
	if q.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(bytes.NewReader(raw))
		if err != nil {
			return Errorf(400, "SerializationException", "The request body is no gzip: %v", err)
		}
		if raw, err = readBody(z); err != nil {
			return err
		}
	}
	q.raw, q.read = raw, true
	return nil
}

// decode fills the operation's input from the request.
func decode(q *request, op *Operation, in reflect.Value, labels map[string]string) error {
	switch {
	case q.format.cbor:
		if err := q.readRaw(); err != nil {
			return err
		}
		tree, err := parseCBOR(q.raw)
		if err != nil {
			return err
		}
		return bindTree(in, tree, false, "")
	case q.format.protocol == JSON:
		if err := q.readRaw(); err != nil {
			return err
		}
		tree, err := parseJSON(q.raw)
		if err != nil {
			return err
		}
		return bindTree(in, tree, op.Service.Protocol == JSON, "")
	case q.format.protocol == RestJSON || q.format.protocol == RestXML:
		if q.target.account != "" && q.Header.Get("X-Amz-Account-Id") == "" {
			q.Header.Set("X-Amz-Account-Id", q.target.account) // S3 Control's account may stand in the host alone
		}
		if err := bindBody(op, in, q.Body); err != nil {
			return err
		}
		return bindHTTP(in, q.Request, labels, q.query)
	}
	return bindQuery(in, q.form, q.format.protocol == EC2)
}

// InvokeJSON calls a served operation by name with a request and an answer in
// JSON whose members have the model's names, as Step Functions' SDK
// integrations do. Timestamps, blobs and streams of the answer are a time.Time,
// []byte and io.ReadCloser, which the caller closes.
func (r *Registry) InvokeJSON(ctx context.Context, service, operation string, in map[string]any) (any, error) {
	e := r.byName[service][operation]
	if e == nil {
		return nil, notServed(service, operation)
	}
	v := reflect.New(e.op.in)
	if err := bindTree(v.Elem(), in, false, ""); err != nil {
		return nil, err
	}
	out, err := r.call(ctx, e.op, v.Interface())
	if err != nil {
		return nil, err
	}
	return toTree(reflect.ValueOf(out).Elem(), false, nil), nil
}
