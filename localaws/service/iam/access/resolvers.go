package access

import (
	"strings"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/service/kms"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/autoscalingapi"
	"grocery/localaws/wire/api/ec2api"
	"grocery/localaws/wire/api/iamapi"
	"grocery/localaws/wire/api/kmsapi"
	"grocery/localaws/wire/api/s3api"
	"grocery/localaws/wire/api/secretsmanagerapi"
	"grocery/localaws/wire/api/snsapi"
)

// resolver makes the ARNs, or the values of a condition key, that no template
// can make. args are the values of the fields a table names.
type resolver func(q *question, args [][]string) []string

var resolvers = map[string]resolver{
	"autoscalingGroup": groups, "memberGroup": groupOfMember, "templateRole": roleOfTemplate, "profileRole": roleOfProfile,
	"instance": func(q *question, _ [][]string) []string { return []string{q.arn("ec2", "instance/*")} },
	"template": template, "tagged": tagged, "created": created,
	"balancer": balancer, "listenerOf": child("loadbalancer", "listener"), "ruleOf": child("listener", "listener-rule"),
	"rule": rule, "bus": bus,
	"key": keys, "alias": requestAlias, "aliasKey": keys, "cipherKey": keyOfCiphertext,
	"function": function, "layer": layer,
	"logGroup": logGroup, "logStream": logStream, "taggedGroup": taggedGroup,
	"secret": secrets, "queue": queue, "parameter": parameters, "machineOfVersion": machineOfVersion,
	"publishedTo": publishedTo, "topicKey": keyOfTopic, "subscribedTopic": subscribedTopic,
	"copied": copied(false), "copiedVersion": copied(true), "deleted": deleted(false), "deletedVersion": deleted(true),
	"given": func(_ *question, args [][]string) []string { return []string{arg(args, 0)} },
	"role":  roles, "user": users, "profile": profiles, "boundary": boundaryOfRole, "userBoundary": boundaryOfUser,
	"newRole": made("role"), "newUser": made("user"), "newProfile": made("instance-profile"), "newPolicy": made("policy"),
	"newProvider": provider, "linkedRole": linkedRole, "linkedTask": linkedTask,
}

// groups are ARNs of Auto Scaling groups, which carry an id that only the group
// knows. One that is not there yet has any id.
func groups(q *question, args [][]string) (out []string) {
	names := []string{"*"}
	if len(args) > 0 && len(args[0]) > 0 {
		names = args[0]
	}
	for _, name := range names {
		found, err := wire.Ask(q.ctx, q.calls, autoscalingapi.DescribeAutoScalingGroups, &autoscalingapi.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{name}})
		if err == nil && name != "*" && len(found.AutoScalingGroups) == 1 {
			out = append(out, ptr.Val(found.AutoScalingGroups[0].AutoScalingGroupARN))
			continue
		}
		out = append(out, q.arn("autoscaling", "autoScalingGroup:*:autoScalingGroupName/"+name))
	}
	return out
}

func groupOfMember(q *question, args [][]string) []string {
	found, err := wire.Ask(q.ctx, q.calls, autoscalingapi.DescribeAutoScalingInstances, &autoscalingapi.DescribeAutoScalingInstancesInput{InstanceIds: []string{arg(args, 0)}})
	if err == nil && len(found.AutoScalingInstances) == 1 {
		return groups(q, [][]string{{ptr.Val(found.AutoScalingInstances[0].AutoScalingGroupName)}})
	}
	return groups(q, nil)
}

// template is the ARN of a launch template, by id or by name.
func template(q *question, args [][]string) []string {
	id := arg(args, 0)
	if name := arg(args, 1); id == "" && name != "" {
		found, err := wire.Ask(q.ctx, q.calls, ec2api.DescribeLaunchTemplates, &ec2api.DescribeLaunchTemplatesInput{LaunchTemplateNames: []string{name}})
		if err == nil && len(found.LaunchTemplates) == 1 {
			id = ptr.Val(found.LaunchTemplates[0].LaunchTemplateId)
		}
	}
	if id == "" {
		if len(args) > 0 && q.op.Name == "RunInstances" {
			return nil // it runs without a template
		}
		id = "*"
	}
	return []string{q.arn("ec2", "launch-template/"+id)}
}

// roleOfTemplate is the role that a launch template hands to its instances, if
// it hands one.
func roleOfTemplate(q *question, args [][]string) []string {
	in := &ec2api.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: ptr.NonZero(arg(args, 0)), LaunchTemplateName: ptr.NonZero(arg(args, 1)), Versions: []string{"$Default"}}
	if in.LaunchTemplateId == nil && in.LaunchTemplateName == nil {
		return nil
	}
	if v := arg(args, 2); v != "" {
		in.Versions[0] = v
	}
	found, err := wire.Ask(q.ctx, q.calls, ec2api.DescribeLaunchTemplateVersions, in)
	if err != nil || len(found.LaunchTemplateVersions) != 1 {
		return nil // what is not there launches nothing
	}
	d := found.LaunchTemplateVersions[0].LaunchTemplateData
	if d == nil || d.IamInstanceProfile == nil {
		return nil
	}
	return roleOfProfile(q, [][]string{{ptr.Val(d.IamInstanceProfile.Name)}, {ptr.Val(d.IamInstanceProfile.Arn)}})
}

// roleOfProfile is the role in an instance profile, by name or by ARN.
func roleOfProfile(q *question, args [][]string) []string {
	name := arg(args, 0)
	if name == "" {
		full := arg(args, 1)
		name = full[strings.LastIndexByte(full, '/')+1:]
	}
	if name == "" {
		return nil
	}
	found, err := wire.Ask(q.ctx, q.calls, iamapi.GetInstanceProfile, &iamapi.GetInstanceProfileInput{InstanceProfileName: &name})
	if err != nil || len(found.InstanceProfile.Roles) != 1 {
		return nil
	}
	return []string{ptr.Val(found.InstanceProfile.Roles[0].Arn)}
}

// kindOfID says what EC2's ids are ids of.
var kindOfID = map[string]string{
	"vpc": "vpc", "subnet": "subnet", "igw": "internet-gateway", "nat": "natgateway", "eipalloc": "elastic-ip", "rtb": "route-table", "vpce": "vpc-endpoint",
	"sg": "security-group", "sgr": "security-group-rule", "eni": "network-interface", "i": "instance", "vol": "volume", "ami": "image", "key": "key-pair",
	"lt": "launch-template", "acl": "network-acl", "dopt": "dhcp-options", "pl": "prefix-list",
}

func tagged(q *question, args [][]string) (out []string) {
	for _, id := range args[0] {
		prefix, _, _ := strings.Cut(id, "-")
		kind := kindOfID[prefix]
		if kind == "" {
			kind = "*"
		}
		out = append(out, q.arn("ec2", kind+"/"+id))
	}
	return out
}

// created are the things that a call creates with tags.
func created(q *question, args [][]string) (out []string) {
	for _, kind := range args[0] {
		out = append(out, q.arn("ec2", kind+"/*"))
	}
	return out
}

// balancer is a new load balancer of a type.
func balancer(q *question, args [][]string) []string {
	kind := map[string]string{"network": "net", "gateway": "gwy"}[arg(args, 0)]
	if kind == "" {
		kind = "app"
	}
	return []string{q.arn("elasticloadbalancing", "loadbalancer/"+kind+"/"+first(args[1], "*")+"/*")}
}

// child is a new thing below the one whose ARN is given.
func child(of, kind string) resolver {
	return func(_ *question, args [][]string) []string {
		return []string{strings.Replace(arg(args, 0), ":"+of+"/", ":"+kind+"/", 1) + "/*"}
	}
}

// rule is a rule of a bus; those of the default bus leave its name out.
func rule(q *question, args [][]string) []string {
	on := arg(args, 0)
	on = on[strings.LastIndexByte(on, '/')+1:]
	name := "*"
	if len(args) > 1 {
		name = first(args[1], "*")
	}
	if on != "" && on != "default" {
		name = on + "/" + name
	}
	return []string{q.arn("events", "rule/"+name)}
}

// bus are event buses, the default one where none is named.
func bus(q *question, args [][]string) []string {
	return q.fill("arn:aws:events:{region}:{account}:event-bus/{1}", [][]string{{first(args[0], "default")}})
}

// keys are KMS keys by id, ARN or alias.
func keys(q *question, args [][]string) (out []string) {
	if len(args) == 0 || len(args[0]) == 0 {
		return []string{q.arn("kms", "key/*")}
	}
	for _, id := range args[0] {
		found, err := wire.Ask(q.ctx, q.calls, kmsapi.DescribeKey, &kmsapi.DescribeKeyInput{KeyId: &id})
		switch {
		case err == nil:
			out = append(out, ptr.Val(found.KeyMetadata.Arn))
		case strings.HasPrefix(id, "arn:"):
			out = append(out, id)
		default:
			out = append(out, q.arn("kms", "key/"+id))
		}
	}
	return out
}

// requestAlias is the alias that a key was named by.
func requestAlias(_ *question, args [][]string) []string {
	if i := strings.Index(arg(args, 0), "alias/"); i >= 0 {
		return []string{args[0][0][i:]}
	}
	return nil
}

// keyOfCiphertext is the key that made a ciphertext.
func keyOfCiphertext(q *question, args [][]string) []string {
	in := q.in.(*kmsapi.DecryptInput)
	if in.KeyId != nil {
		return keys(q, [][]string{{*in.KeyId}})
	}
	return keys(q, [][]string{{kms.KeyOf(in.CiphertextBlob)}})
}

// function is a function or, with a qualifier, a version of it. It may be named
// by name, ARN or "account:function:name".
func function(q *question, args [][]string) []string {
	name := arg(args, 0)
	if i := strings.Index(name, "function:"); i >= 0 {
		name = name[i+len("function:"):]
	}
	if name == "" {
		name = "*"
	}
	if v := arg(args, 1); v != "" && !strings.Contains(name, ":") {
		name += ":" + v
	}
	return []string{q.arn("lambda", "function:"+name)}
}

// layer is a layer or, with a number, a version of it.
func layer(q *question, args [][]string) []string {
	name := q.fill("arn:aws:lambda:{region}:{account}:layer:{1}", args[:1])[0]
	if v := arg(args, 1); v != "" {
		name += ":" + v
	}
	return []string{name}
}

// nameOfGroup is a log group's name, given as such or as an ARN.
func nameOfGroup(s string) string {
	if p := strings.SplitN(s, ":", 7); len(p) == 7 && p[0] == "arn" {
		return strings.TrimSuffix(p[6], ":*")
	}
	return s
}

func logGroup(q *question, args [][]string) []string {
	return []string{q.arn("logs", "log-group:"+nameOfGroup(arg(args, 0)+arg(args, 1))+":log-stream:")}
}

func logStream(q *question, args [][]string) []string {
	return []string{q.arn("logs", "log-group:"+nameOfGroup(arg(args, 0)+arg(args, 1))+":log-stream:"+first(args[2], "*"))}
}

func taggedGroup(q *question, args [][]string) []string {
	return []string{q.arn("logs", "log-group:"+nameOfGroup(arg(args, 0)))}
}

// secrets are secrets by name or ARN; an ARN ends in six characters that only
// the secret knows, and that one which is not there does not have.
func secrets(q *question, args [][]string) (out []string) {
	for _, id := range args[0] {
		found, err := wire.Ask(q.ctx, q.calls, secretsmanagerapi.DescribeSecret, &secretsmanagerapi.DescribeSecretInput{SecretId: &id})
		switch {
		case err == nil:
			out = append(out, ptr.Val(found.ARN))
		case strings.HasPrefix(id, "arn:"):
			out = append(out, id)
		default:
			out = append(out, q.arn("secretsmanager", "secret:"+id))
		}
	}
	if len(args[0]) == 0 && q.op.Name != "BatchGetSecretValue" {
		out = []string{q.arn("secretsmanager", "secret:*")}
	}
	return out
}

// queue is a queue by address or name.
func queue(q *question, args [][]string) []string {
	name := strings.TrimRight(arg(args, 0), "/")
	return []string{q.arn("sqs", name[strings.LastIndexByte(name, '/')+1:])}
}

// parameters are parameters by name or ARN. Those that AWS publishes belong to
// no account.
func parameters(q *question, args [][]string) (out []string) {
	for _, name := range args[0] {
		if strings.HasPrefix(name, "arn:") {
			out = append(out, name)
			continue
		}
		name = strings.TrimPrefix(name, "/")
		account := q.call.Account
		if strings.HasPrefix(name, "aws/") {
			account = ""
		} else if q.op.Name != "GetParametersByPath" {
			name, _, _ = strings.Cut(name, ":") // a version or label is no part of the name
		}
		out = append(out, "arn:"+wire.Partition+":ssm:"+q.call.Region+":"+account+":parameter/"+name)
	}
	if len(out) == 0 {
		out = []string{q.arn("ssm", "parameter/*")}
	}
	return out
}

// machineOfVersion is the state machine of a version's ARN.
func machineOfVersion(_ *question, args [][]string) []string {
	full := arg(args, 0)
	if i := strings.LastIndexByte(full, ':'); i > 0 && strings.Count(full, ":") == 7 {
		full = full[:i]
	}
	return []string{full}
}

// publishedTo is the topic that a message goes to; to a phone there is none.
func publishedTo(q *question, args [][]string) []string {
	if to := arg(args, 0) + arg(args, 1); to != "" {
		return []string{to}
	}
	return []string{"*"}
}

// keyOfTopic is the account's key that encrypts a topic, if it has one; AWS's
// own key asks nobody.
func keyOfTopic(q *question, args [][]string) []string {
	topic := arg(args, 0) + arg(args, 1)
	if topic == "" {
		return nil
	}
	found, err := wire.Ask(q.ctx, q.calls, snsapi.GetTopicAttributes, &snsapi.GetTopicAttributesInput{TopicArn: &topic})
	if err != nil {
		return nil
	}
	if id := found.Attributes["KmsMasterKeyId"]; id != "" && !strings.HasPrefix(id, "alias/aws/") {
		return keys(q, [][]string{{id}})
	}
	return nil
}

// subscribedTopic is the topic of a subscription's ARN.
func subscribedTopic(_ *question, args [][]string) []string {
	full := arg(args, 0)
	if i := strings.LastIndexByte(full, ':'); strings.Count(full, ":") == 6 {
		full = full[:i]
	}
	return []string{full}
}

// copied is the source of a copy, when it names a version or when it does not.
func copied(version bool) resolver {
	return func(_ *question, args [][]string) []string {
		from, id, has := strings.Cut(arg(args, 0), "?versionId=")
		if has != version || has && id == "" || from == "" {
			return nil
		}
		return []string{"arn:" + wire.Partition + ":s3:::" + unescape(strings.TrimPrefix(from, "/"))}
	}
}

// deleted are the objects that one call deletes, with a version or without.
func deleted(version bool) resolver {
	return func(q *question, args [][]string) (out []string) {
		d := q.in.(*s3api.DeleteObjectsInput).Delete
		if d == nil {
			return nil
		}
		for _, o := range d.Objects {
			if (ptr.Val(o.VersionId) != "") == version {
				out = append(out, "arn:"+wire.Partition+":s3:::"+arg(args, 0)+"/"+ptr.Val(o.Key))
			}
		}
		return out
	}
}
