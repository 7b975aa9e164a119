package access

import (
	"net/url"
	"strings"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/iamapi"
)

// global composes an ARN of IAM, which has no region.
func (q *question) global(resource string) string {
	return "arn:" + wire.Partition + ":iam::" + q.call.Account + ":" + resource
}

// made is a new thing of IAM with the path that the request gives it.
func made(kind string) resolver {
	return func(q *question, args [][]string) []string {
		return []string{q.global(kind + first(args[0], "/") + first(args[1], "*"))}
	}
}

// askRole returns what IAM knows of a role.
func (q *question) askRole(name string) (*iamapi.Role, bool) {
	found, err := wire.Ask(q.ctx, q.calls, iamapi.GetRole, &iamapi.GetRoleInput{RoleName: &name})
	if err != nil {
		return nil, false
	}
	return found.Role, true
}

func (q *question) askUser(name string) (*iamapi.User, bool) {
	found, err := wire.Ask(q.ctx, q.calls, iamapi.GetUser, &iamapi.GetUserInput{UserName: &name})
	if err != nil {
		return nil, false
	}
	return found.User, true
}

// roles are roles by name, whose ARNs have a path.
func roles(q *question, args [][]string) []string {
	name := first(args[0], "*")
	if r, ok := q.askRole(name); ok {
		return []string{ptr.Val(r.Arn)}
	}
	return []string{q.global("role/" + name)}
}

// users are users by name; without one, a call is about the caller.
func users(q *question, args [][]string) []string {
	name := arg(args, 0)
	if name == "" {
		if strings.Contains(q.call.Principal.ARN, ":user/") {
			return []string{q.call.Principal.ARN}
		}
		name = "*"
	}
	if u, ok := q.askUser(name); ok {
		return []string{ptr.Val(u.Arn)}
	}
	return []string{q.global("user/" + name)}
}

func profiles(q *question, args [][]string) []string {
	name := first(args[0], "*")
	found, err := wire.Ask(q.ctx, q.calls, iamapi.GetInstanceProfile, &iamapi.GetInstanceProfileInput{InstanceProfileName: &name})
	if err == nil {
		return []string{ptr.Val(found.InstanceProfile.Arn)}
	}
	return []string{q.global("instance-profile/" + name)}
}

// boundaryOfRole is the boundary that a role has.
func boundaryOfRole(q *question, args [][]string) []string {
	if r, ok := q.askRole(arg(args, 0)); ok && r.PermissionsBoundary != nil {
		return []string{ptr.Val(r.PermissionsBoundary.PermissionsBoundaryArn)}
	}
	return nil
}

func boundaryOfUser(q *question, args [][]string) []string {
	if u, ok := q.askUser(arg(args, 0)); ok && u.PermissionsBoundary != nil {
		return []string{ptr.Val(u.PermissionsBoundary.PermissionsBoundaryArn)}
	}
	return nil
}

// provider is a new OpenID Connect provider: its address without the scheme.
func provider(q *question, args [][]string) []string {
	return []string{q.global("oidc-provider/" + strings.TrimPrefix(first(args[0], "*"), "https://"))}
}

// linkedRole is the role that a service makes for itself.
func linkedRole(q *question, args [][]string) []string {
	return []string{q.global("role/aws-service-role/" + first(args[0], "*") + "/*")}
}

// linkedTask is the role that a task of deleting a service's role is about:
// task/aws-service-role/SERVICE/NAME/ID.
func linkedTask(q *question, args [][]string) []string {
	task := strings.TrimPrefix(arg(args, 0), "task/")
	return []string{q.global("role/" + task[:max(strings.LastIndexByte(task, '/'), 0)])}
}

// unescape undoes the escapes of a copy's source.
func unescape(s string) string {
	if u, err := url.PathUnescape(s); err == nil {
		return u
	}
	return s
}
