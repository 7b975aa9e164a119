// Command gen writes the Go shapes of the operations that local AWS serves,
// from AWS's public API models. It runs in a folder below wire/api (through
// go generate) and reads operations.txt there:
//
//	model rds/2014-10-31
//	name  rds
//	DescribeDBInstances
//	...
//
// The models are as old as that module. What AWS added since is said in lines
// of the form
//
//	member PutObjectRequest IfNoneMatch IfNoneMatch header If-None-Match
//
// (shape, member, the member's own shape, and, when it has one, its location
// and the name there).
//
// The models are those that the module github.com/aws/aws-sdk-go ships; they
// are an input at development time only.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"go/format"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"unicode"
)

// models is the module version whose models are read.
const models = "github.com/aws/aws-sdk-go@v1.55.8"

type ref struct {
	Shape           string
	LocationName    string
	Location        string
	QueryName       string
	Flattened       bool
	XMLAttribute    bool `json:"xmlAttribute"`
	XMLNamespace    *ns  `json:"xmlNamespace"`
	Streaming       bool
	TimestampFormat string
	Idempotency     bool `json:"idempotencyToken"`
	ResultWrapper   string
}

type ns struct{ Prefix, URI string }

// UnmarshalJSON accepts both forms models use: an object and a bare address.
func (n *ns) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &n.URI)
	}
	type plain ns
	return json.Unmarshal(b, (*plain)(n))
}

type shape struct {
	Type            string
	Members         map[string]ref
	Required        []string
	Member          *ref
	Key, Value      *ref
	Flattened       bool
	Payload         string
	LocationName    string
	Streaming       bool
	TimestampFormat string
}

type operation struct {
	Name string
	HTTP struct {
		Method, RequestURI string
		ResponseCode       int
	}
	Input, Output *ref
}

type api struct {
	Metadata   map[string]any
	Operations map[string]operation
	Shapes     map[string]shape
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("gen: ")
	model, name, ops, added := spec("operations.txt")
	var a api
	raw, err := os.ReadFile(filepath.Join(modelsDir(), "models", "apis", model, "api-2.json"))
	check(err)
	check(json.Unmarshal(raw, &a))
	for _, m := range added {
		a.add(m)
	}
	src := generate(&a, name, ops)
	out, err := format.Source(src)
	if err != nil {
		os.Stderr.Write(src)
	}
	check(err)
	check(os.WriteFile("api_gen.go", out, 0o644))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// add puts a member into a shape; m are the words of a "member" line.
func (a *api) add(m []string) {
	s, ok := a.Shapes[m[0]]
	if _, known := a.Shapes[m[2]]; !ok || !known {
		log.Fatalf("member %s: the model lacks shape %s or %s", m[1], m[0], m[2])
	}
	r := ref{Shape: m[2]}
	if len(m) == 5 {
		r.Location, r.LocationName = m[3], m[4]
	}
	if s.Members == nil {
		s.Members = map[string]ref{}
	}
	s.Members[m[1]] = r
	a.Shapes[m[0]] = s
}

// spec reads operations.txt.
func spec(file string) (model, name string, ops []string, added [][]string) {
	f, err := os.Open(file)
	check(err)
	defer f.Close()
	seen := map[string]bool{}
	for sc := bufio.NewScanner(f); sc.Scan(); {
		w := strings.Fields(sc.Text())
		switch {
		case len(w) == 0 || strings.HasPrefix(w[0], "#"):
		case w[0] == "model" && len(w) == 2:
			model = w[1]
		case w[0] == "name" && len(w) == 2:
			name = w[1]
		case w[0] == "member" && (len(w) == 4 || len(w) == 6):
			added = append(added, w[1:])
		case len(w) == 1 && !seen[w[0]]:
			seen[w[0]] = true
			ops = append(ops, w[0])
		default:
			log.Fatalf("%s: cannot read line %q", file, sc.Text())
		}
	}
	sort.Strings(ops)
	return model, name, ops, added
}

// modelsDir is the module's folder in the module cache.
func modelsDir() string {
	cmd := exec.Command("go", "mod", "download", "-json", models)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	check(err)
	var m struct{ Dir string }
	check(json.Unmarshal(out, &m))
	return m.Dir
}

type writer struct {
	bytes.Buffer
	api    *api
	rename map[string]string // shape name -> Go name
	todo   []string
	done   map[string]bool
	time   bool
	io     bool
}

func generate(a *api, name string, ops []string) []byte {
	w := &writer{api: a, rename: map[string]string{}, done: map[string]bool{}}
	uses := map[string]int{}
	for _, o := range a.Operations {
		for _, r := range []*ref{o.Input, o.Output} {
			if r != nil {
				uses[r.Shape]++
			}
		}
	}
	for _, s := range a.Shapes {
		for _, m := range s.Members {
			uses[m.Shape]++
		}
		for _, m := range []*ref{s.Member, s.Key, s.Value} {
			if m != nil {
				uses[m.Shape]++
			}
		}
	}
	body := &bytes.Buffer{}
	for _, n := range ops {
		o, ok := a.Operations[n]
		if !ok {
			log.Fatalf("the model has no operation %s", n)
		}
		for suffix, r := range map[string]*ref{"Input": o.Input, "Output": o.Output} {
			if r != nil && uses[r.Shape] == 1 && (a.Shapes[n+suffix].Type == "" || r.Shape == n+suffix) {
				w.rename[r.Shape] = n + suffix
			}
		}
	}
	for _, n := range ops {
		o := a.Operations[n]
		fmt.Fprintf(body, "// %s is the operation of that name.\nvar %s = wire.Define[%s, %s](wire.Operation{Service: &Service, Name: %q",
			n, n, w.io2(n, "Input", o.Input), w.io2(n, "Output", o.Output), n)
		if p := a.Metadata["protocol"]; p == "rest-json" || p == "rest-xml" {
			fmt.Fprintf(body, ", Method: %q, Path: %q", o.HTTP.Method, o.HTTP.RequestURI)
			if c := o.HTTP.ResponseCode; c != 0 && c != 200 {
				fmt.Fprintf(body, ", Status: %d", c)
			}
		}
		if p := a.Metadata["protocol"]; p == "rest-xml" {
			if o.Input != nil && o.Input.LocationName != "" {
				fmt.Fprintf(body, ", InputRoot: %q", o.Input.LocationName)
			}
			if o.Output != nil {
				root := a.Shapes[o.Output.Shape].LocationName
				if root == "" {
					root = strings.TrimSuffix(strings.TrimSuffix(o.Output.Shape, "Output"), "Result") + "Result"
				}
				fmt.Fprintf(body, ", OutputRoot: %q", root)
			}
		}
		if o.Output != nil && o.Output.ResultWrapper != "" {
			fmt.Fprintf(body, ", ResultWrapper: %q", o.Output.ResultWrapper)
		}
		fmt.Fprintf(body, "})\n\n")
	}
	for len(w.todo) > 0 {
		s := w.todo[0]
		w.todo = w.todo[1:]
		w.structure(s)
	}
	m := func(k string) string { s, _ := a.Metadata[k].(string); return s }
	signing := m("signingName")
	if signing == "" {
		signing = m("endpointPrefix")
	}
	out := &bytes.Buffer{}
	fmt.Fprintf(out, "// Code generated by localaws/wire/gen from AWS's public API model; DO NOT EDIT.\n\n")
	fmt.Fprintf(out, "// Package %sapi holds the shapes of the operations of %s that local AWS serves.\npackage %sapi\n\n", name, m("serviceId"), name)
	fmt.Fprintf(out, "import (\n")
	if w.io {
		fmt.Fprintf(out, "\"io\"\n")
	}
	if w.time {
		fmt.Fprintf(out, "\"time\"\n")
	}
	fmt.Fprintf(out, "\n\"grocery/localaws/wire\"\n)\n\n")
	fmt.Fprintf(out, "// Service describes %s on the wire.\nvar Service = wire.Service{Name: %q, ID: %q, SigningName: %q, EndpointPrefix: %q, Protocol: %q, JSONVersion: %q, TargetPrefix: %q, APIVersion: %q, Namespace: %q, QueryErrors: %v}\n\n",
		m("serviceId"), name, m("serviceId"), signing, m("endpointPrefix"), m("protocol"), m("jsonVersion"), m("targetPrefix"), m("apiVersion"), m("xmlNamespace"), a.Metadata["awsQueryCompatible"] != nil)
	out.Write(body.Bytes())
	out.Write(w.Bytes())
	return out.Bytes()
}

// io2 names the Go type of an operation's input or output and makes sure that
// <Operation><suffix> exists.
func (w *writer) io2(op, suffix string, r *ref) string {
	name := op + suffix
	switch {
	case r == nil:
		fmt.Fprintf(w, "// %s has no members.\ntype %s struct{}\n\n", name, name)
	case w.rename[r.Shape] == name || r.Shape == name:
		w.need(r.Shape)
	default:
		w.need(r.Shape)
		fmt.Fprintf(w, "// %s is what %s exchanges.\ntype %s = %s\n\n", name, op, name, w.goName(r.Shape))
	}
	return name
}

func (w *writer) need(s string) {
	if !w.done[s] {
		w.done[s] = true
		w.todo = append(w.todo, s)
	}
}

func (w *writer) goName(s string) string {
	if n := w.rename[s]; n != "" {
		return n
	}
	r := []rune(s)
	r[0] = unicode.ToUpper(r[0])
	return string(r)
}

// typ is the Go type of a shape as a list element or map value.
func (w *writer) typ(s string) string {
	sh := w.api.Shapes[s]
	switch sh.Type {
	case "structure":
		w.need(s)
		return w.goName(s)
	case "list":
		return "[]" + w.typ(sh.Member.Shape)
	case "map":
		return "map[string]" + w.typ(sh.Value.Shape)
	case "string", "character":
		return "string"
	case "integer", "long":
		return "int64"
	case "float", "double":
		return "float64"
	case "boolean":
		return "bool"
	case "blob":
		return "[]byte"
	case "timestamp":
		w.time = true
		return "time.Time"
	}
	log.Fatalf("shape %s: unknown type %q", s, sh.Type)
	return ""
}

func (w *writer) structure(s string) {
	sh := w.api.Shapes[s]
	fmt.Fprintf(w, "// %s is the shape of that name in AWS's model.\ntype %s struct {\n", w.goName(s), w.goName(s))
	required := map[string]bool{}
	for _, r := range sh.Required {
		required[r] = true
	}
	names := make([]string, 0, len(sh.Members))
	for n := range sh.Members {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		m := sh.Members[n]
		t := w.api.Shapes[m.Shape]
		gt := w.typ(m.Shape)
		if t.Type != "list" && t.Type != "map" && t.Type != "blob" {
			gt = "*" + gt
		}
		if t.Type == "blob" && (m.Streaming || t.Streaming) {
			gt, w.io = "io.ReadCloser", true
		}
		var tags []string
		tag := func(k, v string) {
			if v != "" {
				tags = append(tags, fmt.Sprintf("%s:%q", k, v))
			}
		}
		yes := func(k string, v bool) {
			if v {
				tag(k, "1")
			}
		}
		tag("name", n)
		tag("as", m.LocationName)
		tag("loc", m.Location)
		tag("query", m.QueryName)
		yes("flat", m.Flattened || t.Flattened)
		if t.Type == "list" {
			tag("list", t.Member.LocationName)
		}
		if t.Type == "map" {
			tag("key", t.Key.LocationName)
			tag("value", t.Value.LocationName)
		}
		if t.Type == "timestamp" {
			ts := m.TimestampFormat
			if ts == "" {
				ts = t.TimestampFormat
			}
			tag("ts", ts)
		}
		if m.XMLNamespace != nil && m.XMLNamespace.URI != "" {
			tag("ns", strings.TrimSpace(m.XMLNamespace.Prefix+" "+m.XMLNamespace.URI))
		}
		yes("attr", m.XMLAttribute)
		yes("payload", sh.Payload == n)
		yes("token", m.Idempotency)
		yes("req", required[n])
		r := []rune(n)
		r[0] = unicode.ToUpper(r[0])
		fmt.Fprintf(w, "%s %s `%s`\n", string(r), gt, strings.Join(tags, " "))
	}
	fmt.Fprintf(w, "}\n\n")
}
