package asl

import (
	"fmt"
	"regexp"
	"strings"
)

// Resource is what a Task calls.
type Resource struct {
	ARN      string
	Function string // ARN of a Lambda function whose input is the state's
	Type     string // such as lambda, or aws-sdk:rds
	Action   string // such as invoke or describeDBInstances
	Service  string // the service of an aws-sdk integration, such as rds
}

var (
	functionARN    = regexp.MustCompile(`^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]+(:[A-Za-z0-9$_-]+)?$`)
	integrationARN = regexp.MustCompile(`^arn:aws[a-z-]*:states:[a-z0-9-]*:[0-9]*:([A-Za-z0-9:-]+)(\..*)?$`)
)

func parseResource(arn string) (*Resource, error) {
	if functionARN.MatchString(arn) {
		return &Resource{ARN: arn, Function: arn, Type: "lambda", Action: "invoke"}, nil
	}
	m := integrationARN.FindStringSubmatch(arn)
	if m == nil {
		return nil, fmt.Errorf("the resource %q is no integration of Step Functions and no Lambda function", arn)
	}
	if m[2] != "" {
		return nil, fmt.Errorf("local AWS does not run the pattern %s: it calls and goes on with the answer", m[2])
	}
	parts := strings.Split(m[1], ":")
	switch {
	case m[1] == "lambda:invoke":
		return &Resource{ARN: arn, Type: "lambda", Action: "invoke"}, nil
	case len(parts) == 3 && parts[0] == "aws-sdk":
		return &Resource{ARN: arn, Type: "aws-sdk:" + parts[1], Action: parts[2], Service: parts[1]}, nil
	}
	return nil, fmt.Errorf("local AWS does not run the integration %q: it runs arn:aws:states:::lambda:invoke and arn:aws:states:::aws-sdk:<service>:<action>", arn)
}
