package contract_test

import (
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// statement is one statement of a policy, as far as it is written out.
type statement struct {
	sid, effect string
	actions     []string
}

// statements collects every statement below an expression.
func statements(node hclsyntax.Node) []statement {
	var found []statement
	hclsyntax.VisitAll(node, func(n hclsyntax.Node) hcl.Diagnostics {
		object, ok := n.(*hclsyntax.ObjectConsExpr)
		if !ok {
			return nil
		}
		var s statement
		for _, item := range object.Items {
			value, diags := item.ValueExpr.Value(nil)
			if diags.HasErrors() {
				continue
			}
			switch hcl.ExprAsKeyword(item.KeyExpr.(*hclsyntax.ObjectConsKeyExpr).Wrapped) {
			case "Sid":
				s.sid = value.AsString()
			case "Effect":
				s.effect = value.AsString()
			case "Action":
				if !value.CanIterateElements() {
					s.actions = []string{value.AsString()}
					continue
				}
				for _, action := range value.AsValueSlice() {
					s.actions = append(s.actions, action.AsString())
				}
			}
		}
		if len(s.actions) > 0 {
			found = append(found, s)
		}
		return nil
	})
	return found
}

// allowed says whether an action, which may be a pattern itself, is within what
// the statements allow and not within what they deny.
func allowed(action string, by []statement) bool {
	yes := false
	for _, s := range by {
		for _, pattern := range s.actions {
			if match, _ := path.Match(pattern, action); match && s.effect == "Deny" {
				return false
			} else if match && s.effect == "Allow" {
				yes = true
			}
		}
	}
	return yes
}

func policy(t *testing.T, dir, resource string) []statement {
	t.Helper()
	block := load(t, dir).named("resource")[resource]
	if block == nil {
		t.Fatalf("%s has no %s", dir, resource)
	}
	found := statements(block.Body)
	if len(found) == 0 {
		t.Fatalf("%s: %s has no statement", dir, resource)
	}
	return found
}

// TestBoundaryLeavesRolesWhatTheyNeed: what a boundary does not allow is denied,
// whatever the role's own policy says.
func TestBoundaryLeavesRolesWhatTheyNeed(t *testing.T) {
	tests := []struct {
		boundary string
		of       []statement
	}{
		{"aws_iam_policy.workload_boundary", statements(load(t, "modules/iam").local("policies").(hclsyntax.Node))},
		{"aws_iam_policy.deploy_boundary", slices.Concat(
			statements(load(t, "bootstrap").local("read_policy").(hclsyntax.Node)),
			statements(load(t, "bootstrap").local("write_policy").(hclsyntax.Node)),
			statements(load(t, "bootstrap").local("roles_policy").(hclsyntax.Node)),
		)},
	}
	for _, test := range tests {
		t.Run(test.boundary, func(t *testing.T) {
			boundary := policy(t, "bootstrap", test.boundary)
			if len(test.of) < 3 {
				t.Fatalf("only %d statements were found to compare", len(test.of))
			}
			for _, s := range test.of {
				for _, action := range s.actions {
					if !allowed(action, boundary) {
						t.Errorf("%s is allowed by the statement %s and not by the boundary", action, s.sid)
					}
				}
			}
		})
	}
}

func TestActionsExistInIAM(t *testing.T) {
	// Names of API operations that are no actions, as people write them.
	wrong := []string{
		"s3:HeadObject", "s3:HeadBucket", "s3:ListObjects", "s3:ListObjectsV2", "s3:CopyObject", "s3:CreateMultipartUpload",
		"s3:GetBucketEncryption", "s3:GetBucketLifecycleConfiguration", "rds:Connect", "lambda:Invoke",
		"logs:CreateLogDeliveries", "sqs:SendMessageBatch", "ecr:PullImage", "ecr:PushImage", "sns:PublishBatch",
	}
	for _, dir := range []string{"modules/iam", "bootstrap"} {
		for _, block := range load(t, dir).blocks {
			for _, s := range statements(block.Body) {
				for _, action := range s.actions {
					service, name, ok := strings.Cut(action, ":")
					if !ok || service == "" || name == "" || slices.Contains(wrong, action) {
						t.Errorf("%s: statement %s: %s is no IAM action", dir, s.sid, action)
					}
				}
			}
		}
	}
}
