package wire

import (
	"encoding/json"
	"hash/crc32"
	"net/http"
	"reflect"
	"strconv"

	"github.com/fxamacker/cbor/v2"
)

// format is what one request speaks: a protocol of a model, or rpc-v2-cbor,
// which clients may use for a service whose model says otherwise.
type format struct {
	protocol Protocol
	cbor     bool
	json     string // the JSON version the client spoke
}

// writeOut answers with a shape.
func writeOut(w http.ResponseWriter, req *http.Request, f format, op *Operation, out any, requestID string) {
	v := reflect.ValueOf(out).Elem()
	switch {
	case f.cbor:
		w.Header().Set("smithy-protocol", "rpc-v2-cbor")
		w.Header().Set("Content-Type", "application/cbor")
		w.Header().Set("x-amzn-RequestId", requestID)
		writeBody(w, req, http.StatusOK, marshalCBOR(toTree(v, false, nil)))
	case f.protocol == RestJSON || f.protocol == RestXML:
		writeREST(w, req, op, out, requestID)
	case f.protocol == JSON:
		w.Header().Set("Content-Type", "application/x-amz-json-"+f.json)
		w.Header().Set("x-amzn-RequestId", requestID)
		body := marshalJSON(v)
		checksum(w, op.Service, body)
		writeBody(w, req, http.StatusOK, body)
	default:
		x := &xmlWriter{ec2: f.protocol == EC2}
		x.WriteString(xmlHeader)
		root := op.Name + "Response"
		x.open(root, ` xmlns="`+namespace(op.Service)+`"`)
		if x.ec2 {
			x.element("requestId", requestID)
			x.members(v)
		} else {
			if op.ResultWrapper != "" { // sent also when it is empty
				x.open(op.ResultWrapper, "")
				x.members(v)
				x.close(op.ResultWrapper)
			}
			x.open("ResponseMetadata", "")
			x.element("RequestId", requestID)
			x.close("ResponseMetadata")
		}
		x.close(root)
		w.Header().Set("Content-Type", "text/xml")
		w.Header().Set("x-amzn-RequestId", requestID)
		writeBody(w, req, http.StatusOK, x.Bytes())
	}
}

// checksum adds the header by which DynamoDB's clients check an answer.
func checksum(w http.ResponseWriter, s *Service, body []byte) {
	if s != nil && s.Name == "dynamodb" {
		w.Header().Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 10))
	}
}

// namespace is the XML namespace of a service's answers; ec2's model leaves the
// closing slash out, and so does ec2 itself for errors only.
func namespace(s *Service) string {
	if s.Protocol == EC2 {
		return s.Namespace + "/"
	}
	return s.Namespace
}

// writeError answers with an error in the form the request speaks. op may be
// nil when the request was refused before its operation was known.
func writeError(w http.ResponseWriter, req *http.Request, f format, s *Service, err error, requestID string) {
	e := asError(err)
	for k, v := range e.Headers {
		w.Header()[k] = v
	}
	w.Header().Set("x-amzn-RequestId", requestID)
	switch {
	case f.cbor:
		w.Header().Set("smithy-protocol", "rpc-v2-cbor")
		w.Header().Set("Content-Type", "application/cbor")
		writeBody(w, req, e.Status, marshalCBOR(map[string]any{"__type": e.Code, "message": e.Message}))
	case f.protocol == JSON || f.protocol == RestJSON:
		body := map[string]any{"message": e.Message, "Message": e.Message}
		w.Header().Set("x-amzn-ErrorType", e.Code)
		if f.protocol == JSON {
			w.Header().Set("Content-Type", "application/x-amz-json-"+f.json)
			body["__type"] = e.Code
		} else {
			w.Header().Set("Content-Type", "application/json")
		}
		if s != nil && s.QueryErrors {
			w.Header().Set("x-amzn-query-error", e.Code+";Sender")
		}
		for k, v := range e.Fields {
			body[k] = v
		}
		raw, err := json.Marshal(body)
		if err != nil {
			panic("wire: an error cannot be written as JSON: " + err.Error())
		}
		checksum(w, s, raw)
		writeBody(w, req, e.Status, raw)
	default:
		x := &xmlWriter{}
		x.WriteString(xmlHeader)
		details := func() {
			x.element("Code", e.Code)
			x.element("Message", e.Message)
			for k, v := range e.Fields {
				x.element(k, v)
			}
		}
		switch {
		case f.protocol == EC2:
			x.open("Response", "")
			x.open("Errors", "")
			x.open("Error", "")
			details()
			x.close("Error")
			x.close("Errors")
			x.element("RequestID", requestID)
			x.close("Response")
		case f.protocol == RestXML && (s == nil || s.SigningName == "s3" && s.EndpointPrefix == "s3"):
			w.Header().Set("x-amz-request-id", requestID)
			x.open("Error", "")
			details()
			x.element("RequestId", requestID)
			x.element("HostId", requestID)
			x.close("Error")
		default:
			ns := ""
			if s != nil && s.Namespace != "" {
				ns = ` xmlns="` + s.Namespace + `"`
			}
			x.open("ErrorResponse", ns)
			x.open("Error", "")
			x.element("Type", map[bool]string{true: "Receiver", false: "Sender"}[e.Status >= 500])
			details()
			x.close("Error")
			x.element("RequestId", requestID)
			x.close("ErrorResponse")
		}
		w.Header().Set("Content-Type", "text/xml")
		if f.protocol == RestXML {
			w.Header().Set("Content-Type", "application/xml")
		}
		writeBody(w, req, e.Status, x.Bytes())
	}
}

// writeBody sends a body; to HEAD and with the statuses that have none, only
// the headers.
func writeBody(w http.ResponseWriter, req *http.Request, status int, body []byte) {
	if status == http.StatusNoContent || status == http.StatusNotModified || req.Method == http.MethodHead {
		if req.Method == http.MethodHead && w.Header().Get("Content-Length") == "" && len(body) == 0 {
			w.Header().Set("Content-Length", "0")
		}
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body) // a client that went away is no error of ours
}

// cborMode writes timestamps as tag 1 with seconds, as rpc-v2-cbor wants them.
// See https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html.
var cborMode = func() cbor.EncMode {
	m, err := cbor.EncOptions{Time: cbor.TimeUnixDynamic, TimeTag: cbor.EncTagRequired}.EncMode()
	if err != nil {
		panic(err) // the options are constant
	}
	return m
}()

var cborDecode = func() cbor.DecMode {
	m, err := cbor.DecOptions{DefaultMapType: reflect.TypeFor[map[string]any](), IntDec: cbor.IntDecConvertSignedOrFail}.DecMode()
	if err != nil {
		panic(err) // the options are constant
	}
	return m
}()

func marshalCBOR(tree any) []byte {
	b, err := cborMode.Marshal(tree)
	if err != nil {
		panic("wire: a generated shape cannot be written as CBOR: " + err.Error())
	}
	return b
}

func parseCBOR(raw []byte) (any, error) {
	if len(raw) == 0 {
		return map[string]any{}, nil
	}
	var tree any
	if err := cborDecode.Unmarshal(raw, &tree); err != nil {
		return nil, Errorf(400, "SerializationException", "The request body is no CBOR: %v", err)
	}
	return tree, nil
}
