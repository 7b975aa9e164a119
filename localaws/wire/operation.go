package wire

import "reflect"

// Protocol names one of AWS's wire protocols.
// See https://smithy.io/2.0/aws/protocols/index.html.
type Protocol string

// The protocols in use, as AWS's models name them.
const (
	Query    Protocol = "query"
	EC2      Protocol = "ec2"
	JSON     Protocol = "json"
	RestJSON Protocol = "rest-json"
	RestXML  Protocol = "rest-xml"
)

// Service is what a model's metadata says about a service. Values are
// generated.
type Service struct {
	Name           string   // localaws's name of the service and the folder of its code, such as "elbv2"
	ID             string   // AWS's service id, such as "Elastic Load Balancing v2"
	SigningName    string   // the service in a SigV4 credential scope, such as "elasticloadbalancing"
	EndpointPrefix string   // the first host label, such as "api.ecr"
	Protocol       Protocol // what clients of the model speak
	JSONVersion    string   // "1.0" or "1.1"; JSON only
	TargetPrefix   string   // the part of X-Amz-Target before the dot; JSON only
	APIVersion     string   // the Version parameter of the query protocols
	Namespace      string   // the XML namespace of answers
	QueryErrors    bool     // JSON service whose errors also carry a query-era code
}

// Operation describes one API operation. Values are generated.
type Operation struct {
	Service       *Service
	Name          string
	Method        string // HTTP method of the REST protocols; POST otherwise
	Path          string // URI template of the REST protocols; "/" otherwise
	Status        int    // HTTP status of success
	InputRoot     string // root element of a rest-xml request body
	OutputRoot    string // root element of a rest-xml answer
	ResultWrapper string // element around a query answer's members

	in, out reflect.Type
}

// Op is an Operation together with the Go types of its request and answer.
type Op[In, Out any] struct{ *Operation }

// Define makes an Op; only generated code calls it.
func Define[In, Out any](op Operation) Op[In, Out] {
	op.in, op.out = reflect.TypeFor[In](), reflect.TypeFor[Out]()
	if op.Status == 0 {
		op.Status = 200
	}
	return Op[In, Out]{&op}
}

// String is "service:Operation", the form IAM policies use for actions.
func (o *Operation) String() string { return o.Service.Name + ":" + o.Name }

// Input is the Go type of the operation's request, a struct.
func (o *Operation) Input() reflect.Type { return o.in }

// Output is the Go type of the operation's answer, a struct.
func (o *Operation) Output() reflect.Type { return o.out }
