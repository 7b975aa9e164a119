package wire

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Credential is what an access key id stands for.
type Credential struct {
	Secret    string
	Token     string    // session token of temporary credentials, "" otherwise
	Expires   time.Time // zero: never
	Principal Principal
}

// Credentials finds credentials by access key id. ok is false for an id nobody
// issued.
type Credentials interface {
	Credential(ctx context.Context, accessKeyID string) (c Credential, ok bool, err error)
}

// maxSkew is how far a signature's time may be from ours. AWS: 15 minutes for
// S3, 5 for most others; local clocks have no reason to differ, so the wider
// bound serves all.
const maxSkew = 15 * time.Minute

const (
	algorithm   = "AWS4-HMAC-SHA256"
	isoBasic    = "20060102T150405Z"
	unsigned    = "UNSIGNED-PAYLOAD"
	emptySHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// signature is the parsed signature of a request, from its headers or, when
// presigned, from its query string.
// See https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html.
type signature struct {
	accessKey, date, region, service string // the credential scope
	signedHeaders                    []string
	value                            string
	time                             time.Time
	token                            string
	presigned                        bool
	expires                          time.Duration
	payload                          string // the payload hash that was signed
	key                              []byte // the signing key, after verification
}

// parseSignature returns nil when the request is not signed.
func parseSignature(req *http.Request, query url.Values) (*signature, error) {
	s := &signature{payload: req.Header.Get("X-Amz-Content-Sha256")}
	var credential, headers, date string
	switch auth := req.Header.Get("Authorization"); {
	case strings.HasPrefix(auth, algorithm):
		for part := range strings.SplitSeq(strings.TrimSpace(auth[len(algorithm):]), ",") {
			k, v, _ := strings.Cut(strings.TrimSpace(part), "=")
			switch k {
			case "Credential":
				credential = v
			case "SignedHeaders":
				headers = v
			case "Signature":
				s.value = v
			}
		}
		date = req.Header.Get("X-Amz-Date")
		s.token = req.Header.Get("X-Amz-Security-Token")
	case query.Get("X-Amz-Algorithm") == algorithm:
		s.presigned = true
		credential, headers, s.value = query.Get("X-Amz-Credential"), query.Get("X-Amz-SignedHeaders"), query.Get("X-Amz-Signature")
		date, s.token = query.Get("X-Amz-Date"), query.Get("X-Amz-Security-Token")
		sec, err := strconv.Atoi(query.Get("X-Amz-Expires"))
		if err != nil || sec < 1 || sec > 7*24*3600 {
			return nil, Errorf(400, "AuthorizationQueryParametersError", "X-Amz-Expires must be between 1 and 604800 seconds.")
		}
		s.expires = time.Duration(sec) * time.Second
		if s.payload == "" {
			s.payload = unsigned
		}
	case auth == "" && !query.Has("X-Amz-Algorithm"):
		return nil, nil
	default:
		return nil, Errorf(400, "IncompleteSignature", "Only the signature algorithm %s is served.", algorithm)
	}
	scope := strings.Split(credential, "/")
	if len(scope) != 5 || scope[4] != "aws4_request" || headers == "" || s.value == "" {
		return nil, Errorf(400, "IncompleteSignature", "The signature must have Credential (KEY/DATE/REGION/SERVICE/aws4_request), SignedHeaders and Signature.")
	}
	s.accessKey, s.date, s.region, s.service = scope[0], scope[1], scope[2], scope[3]
	s.signedHeaders = strings.Split(headers, ";")
	t, err := time.Parse(isoBasic, date)
	if err != nil {
		if t, err = time.Parse(time.RFC1123, req.Header.Get("Date")); err != nil {
			return nil, Errorf(400, "IncompleteSignature", "The request needs an X-Amz-Date like 20060102T150405Z.")
		}
	}
	s.time = t.UTC()
	return s, nil
}

// verify checks the signature of req against the credential. payload is the
// hash of the body for requests that do not state one.
func (s *signature) verify(req *http.Request, query url.Values, c Credential, now time.Time, payload string) error {
	age := now.Sub(s.time)
	switch {
	case s.presigned && age > s.expires:
		return Errorf(403, "AccessDenied", "Request has expired")
	case !s.presigned && age > maxSkew, age < -maxSkew:
		return Errorf(403, "RequestTimeTooSkewed", "The difference between the request time (%s) and the current time (%s) is too large.", s.time.Format(time.RFC3339), now.Format(time.RFC3339))
	case s.date != s.time.Format("20060102"):
		return Errorf(403, "SignatureDoesNotMatch", "Date in Credential scope does not match the date of the request.")
	case !c.Expires.IsZero() && now.After(c.Expires):
		return Errorf(403, "ExpiredToken", "The security token included in the request is expired")
	case subtle.ConstantTimeCompare([]byte(s.token), []byte(c.Token)) != 1:
		return Errorf(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
	}
	if !slices.Contains(s.signedHeaders, "host") {
		return Errorf(403, "SignatureDoesNotMatch", "The header host must be signed.")
	}
	s.key = signingKey(c.Secret, s.date, s.region, s.service)
	scope := s.date + "/" + s.region + "/" + s.service + "/aws4_request"
	sum := sha256.Sum256([]byte(s.canonical(req, query, payload)))
	want := hex.EncodeToString(mac(s.key, algorithm+"\n"+s.time.Format(isoBasic)+"\n"+scope+"\n"+hex.EncodeToString(sum[:])))
	if subtle.ConstantTimeCompare([]byte(want), []byte(s.value)) != 1 {
		return Errorf(403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.")
	}
	return nil
}

func mac(key []byte, s string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(s))
	return h.Sum(nil)
}

func signingKey(secret, date, region, service string) []byte {
	return mac(mac(mac(mac([]byte("AWS4"+secret), date), region), service), "aws4_request")
}

// canonical is the canonical request.
func (s *signature) canonical(req *http.Request, query url.Values, payload string) string {
	var b strings.Builder
	b.WriteString(req.Method + "\n")
	path := req.URL.EscapedPath()
	if path == "" {
		path = "/"
	}
	if s.service == "s3" { // S3 encodes once, the others encode what is encoded
		if p, err := url.PathUnescape(path); err == nil {
			path = p
		}
	}
	b.WriteString(uriEncode(path, true) + "\n")
	var pairs []string
	for k, vs := range query {
		if s.presigned && k == "X-Amz-Signature" {
			continue
		}
		for _, v := range vs {
			pairs = append(pairs, uriEncode(k, false)+"="+uriEncode(v, false))
		}
	}
	slices.Sort(pairs)
	b.WriteString(strings.Join(pairs, "&") + "\n")
	for _, h := range s.signedHeaders {
		var v string
		switch h {
		case "host":
			v = req.Host
		case "content-length":
			v = strconv.FormatInt(req.ContentLength, 10)
		case "transfer-encoding":
			v = strings.Join(req.TransferEncoding, ",")
		default:
			values := slices.Clone(req.Header.Values(h))
			for i := range values {
				values[i] = strings.Join(strings.Fields(values[i]), " ")
			}
			v = strings.Join(values, ",")
		}
		b.WriteString(h + ":" + v + "\n")
	}
	b.WriteString("\n" + strings.Join(s.signedHeaders, ";") + "\n" + payload)
	return b.String()
}

// uriEncode is AWS's UriEncode: every byte but the unreserved ones.
func uriEncode(s string, keepSlash bool) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '.', c == '_', c == '~', c == '/' && keepSlash:
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		}
	}
	return b.String()
}

// hashingBody checks a body against the signed hash while it is read; the
// reader gets an error instead of the end of a body that does not match.
type hashingBody struct {
	io.ReadCloser
	hash hash.Hash
	want string
}

func (h *hashingBody) Read(p []byte) (int, error) {
	n, err := h.ReadCloser.Read(p)
	h.hash.Write(p[:n])
	if err == io.EOF && hex.EncodeToString(h.hash.Sum(nil)) != h.want {
		return n, Errorf(400, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.")
	}
	return n, err
}

// body returns the request's body with the checks its signed hash asks for.
func (s *signature) body(req *http.Request) (io.ReadCloser, error) {
	switch {
	case s.payload == unsigned || s.payload == "":
		return req.Body, nil
	case strings.HasPrefix(s.payload, "STREAMING-"):
		return newChunked(s, req)
	case len(s.payload) != 64:
		return nil, Errorf(400, "InvalidArgument", "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, a STREAMING- form or a valid sha256 value.")
	}
	return &hashingBody{req.Body, sha256.New(), s.payload}, nil
}

// signBody returns the hash of a body that a request without
// X-Amz-Content-Sha256 signed, and a body to read again.
func signBody(req *http.Request) (string, error) {
	raw, err := readBody(req.Body)
	if err != nil {
		return "", err
	}
	req.Body = io.NopCloser(bytes.NewReader(raw))
	if len(raw) == 0 {
		return emptySHA256, nil
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:]), nil
}

// chunkScope is the string a chunk's signature covers, without the hashes.
func (s *signature) chunkScope(kind string) string {
	return fmt.Sprintf("%s\n%s\n%s/%s/%s/aws4_request\n", kind, s.time.Format(isoBasic), s.date, s.region, s.service)
}
