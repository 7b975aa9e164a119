package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
)

// bindHTTP sets the members of a REST request that stand in path, query string
// and headers.
func bindHTTP(v reflect.Value, req *http.Request, labels map[string]string, query url.Values) error {
	for _, f := range fieldsOf(v.Type()) {
		x, name := v.Field(f.index), f.wireName()
		var err error
		switch f.loc {
		case "uri":
			if s, ok := labels[name]; ok {
				err = setText(x, s, f.name)
			}
		case "querystring":
			switch {
			case x.Kind() == reflect.Map && f.typ.Elem().Kind() == reflect.String:
				m := map[string]string{}
				for k := range query {
					m[k] = query.Get(k)
				}
				x.Set(reflect.ValueOf(m))
			case x.Kind() == reflect.Slice:
				if l, ok := query[name]; ok {
					x.Set(reflect.ValueOf(l))
				}
			case query.Has(name):
				err = setText(x, query.Get(name), f.name)
			}
		case "header":
			if s := req.Header.Get(name); s != "" || len(req.Header.Values(name)) > 0 {
				if x.Kind() == reflect.Slice && f.typ != bytesType {
					var l []string
					for part := range strings.SplitSeq(strings.Join(req.Header.Values(name), ","), ",") {
						l = append(l, strings.TrimSpace(part))
					}
					x.Set(reflect.ValueOf(l))
				} else {
					err = setText(x, s, f.name)
				}
			}
		case "headers":
			m := map[string]string{}
			for k := range req.Header {
				if low := strings.ToLower(k); strings.HasPrefix(low, strings.ToLower(name)) {
					m[low[len(name):]] = req.Header.Get(k)
				}
			}
			if len(m) > 0 {
				x.Set(reflect.ValueOf(m))
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// bindBody sets the members of a REST request that stand in its body.
func bindBody(op *Operation, v reflect.Value, body io.ReadCloser) error {
	p := payloadOf(v.Type())
	if p != nil && p.typ == readerType {
		v.Field(p.index).Set(reflect.ValueOf(body))
		return nil
	}
	raw, err := readBody(body)
	if err != nil {
		return err
	}
	if p != nil && p.typ == bytesType {
		v.Field(p.index).SetBytes(raw)
		return nil
	}
	if p != nil && p.typ.Elem().Kind() == reflect.String {
		v.Field(p.index).Set(reflect.ValueOf(new(string(raw))))
		return nil
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil
	}
	target := v
	if p != nil {
		target = v.Field(p.index)
	}
	if op.Service.Protocol == RestJSON {
		tree, err := parseJSON(raw)
		if err != nil {
			return err
		}
		return bindTree(target, tree, true, "")
	}
	n, err := parseXML(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	return bindXML(target, n, "")
}

// maxBody bounds a request body that is decoded in memory, in bytes. Streams
// (S3 objects) are not bounded. Lambda's zip limit, 50 MB as base64, is the
// largest that AWS's APIs know.
const maxBody = 80 << 20

func readBody(r io.Reader) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxBody+1))
	if err != nil {
		if e, ok := errors.AsType[*Error](err); ok {
			return nil, e
		}
		return nil, Errorf(400, "IncompleteBody", "The request body could not be read: %v", err)
	}
	if len(raw) > maxBody {
		return nil, Errorf(413, "RequestEntityTooLargeException", "The request body is larger than %d bytes.", maxBody)
	}
	return raw, nil
}

func parseJSON(raw []byte) (any, error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return map[string]any{}, nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var tree any
	if err := d.Decode(&tree); err != nil {
		return nil, Errorf(400, "SerializationException", "The request body is no JSON: %v", err)
	}
	return tree, nil
}

// writeREST answers a REST operation: headers, status and body from the shape.
func writeREST(w http.ResponseWriter, req *http.Request, op *Operation, out any, requestID string) {
	v := reflect.ValueOf(out).Elem()
	status := op.Status
	var p *field
	hasBody := false
	for _, f := range fieldsOf(v.Type()) {
		x := v.Field(f.index)
		switch {
		case f.payload:
			p = f
		case f.loc == "" && isSet(x):
			hasBody = true
		}
		if !isSet(x) {
			continue
		}
		switch f.loc {
		case "header":
			ts := f.ts
			if ts == "" {
				ts = "rfc822"
			}
			if x.Kind() == reflect.Slice && f.typ != bytesType {
				w.Header()[http.CanonicalHeaderKey(f.wireName())] = x.Interface().([]string)
			} else {
				w.Header().Set(f.wireName(), text(x, ts))
			}
		case "headers":
			for k, s := range x.Interface().(map[string]string) {
				w.Header().Set(f.wireName()+k, s)
			}
		case "statusCode":
			status = int(x.Elem().Int())
		}
	}
	idHeader := "x-amzn-RequestId"
	if op.Service.Protocol == RestXML {
		idHeader = "x-amz-request-id"
	}
	w.Header().Set(idHeader, requestID)

	var body []byte
	switch {
	case p != nil && !isSet(v.Field(p.index)):
	case p != nil && p.typ == readerType:
		r := v.Field(p.index).Interface().(io.ReadCloser)
		defer r.Close()
		if w.Header().Get("Content-Type") == "" {
			w.Header().Set("Content-Type", "application/octet-stream")
		}
		w.WriteHeader(status)
		if req.Method != http.MethodHead {
			io.Copy(w, r) // a client that went away is no error of ours
		}
		return
	case p != nil && p.typ == bytesType:
		body = v.Field(p.index).Bytes()
	case p != nil && p.typ.Elem().Kind() == reflect.String:
		body = []byte(v.Field(p.index).Elem().String())
	case op.Service.Protocol == RestJSON:
		target := v
		if p != nil {
			target = v.Field(p.index)
		}
		if hasBody || p != nil || status != http.StatusNoContent {
			body = marshalJSON(target)
			setDefault(w.Header(), "Content-Type", "application/json")
		}
	default:
		x := &xmlWriter{}
		switch {
		case op.Name == "GetBucketLocation": // the one answer whose root element is the value
			x.WriteString(xmlHeader)
			f := fieldsOf(v.Type())[0]
			s := ""
			if isSet(v.Field(f.index)) {
				s = text(v.Field(f.index), "")
			}
			x.open(f.wireName(), ` xmlns="`+s3Namespace+`"`)
			x.text(s)
			x.close(f.wireName())
		case p != nil:
			x.WriteString(xmlHeader)
			pf := *p
			if pf.ns == "" {
				pf.ns = s3Namespace
			}
			x.value(p.wireName(), &pf, v.Field(p.index))
		case hasBody || op.OutputRoot != "" && status == 200 && !emptyShape(v.Type()):
			x.WriteString(xmlHeader)
			x.open(op.OutputRoot, ` xmlns="`+s3Namespace+`"`)
			x.members(v)
			x.close(op.OutputRoot)
		}
		body = x.Bytes()
		if len(body) > 0 {
			setDefault(w.Header(), "Content-Type", "application/xml")
		}
	}
	writeBody(w, req, status, body)
}

const (
	xmlHeader   = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"
	s3Namespace = "http://s3.amazonaws.com/doc/2006-03-01/"
)

// emptyShape reports whether a shape has no member that could stand in a body.
func emptyShape(t reflect.Type) bool {
	for _, f := range fieldsOf(t) {
		if f.loc == "" {
			return false
		}
	}
	return true
}

func setDefault(h http.Header, name, value string) {
	if h.Get(name) == "" {
		h.Set(name, value)
	}
}

func marshalJSON(v reflect.Value) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(toTree(v, true, nil)); err != nil {
		panic("wire: a generated shape cannot be written as JSON: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
