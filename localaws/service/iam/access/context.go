package access

import (
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"

	"grocery/localaws/wire/api/s3api"
)

// context makes the condition keys that every call has:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html.
func (a *Access) context(q *question, who *caller) map[string][]string {
	c, now := q.call, a.d.Clock.Now().UTC()
	out := map[string][]string{
		"aws:currenttime":           {now.Format(time.RFC3339)},
		"aws:epochtime":             {strconv.FormatInt(now.Unix(), 10)},
		"aws:requestedregion":       {c.Region},
		"aws:resourceaccount":       {c.Account},
		"aws:securetransport":       {strconv.FormatBool(!c.Plain)},
		"aws:viaawsservice":         {"false"},
		"aws:principalisawsservice": {strconv.FormatBool(c.Principal.Service != "")},
		"ec2:region":                {c.Region},
		"s3:resourceaccount":        {c.Account},
	}
	if _, err := netip.ParseAddr(c.SourceIP); err == nil {
		out["aws:sourceip"] = []string{c.SourceIP}
	}
	if c.Principal.Service != "" { // it acts for somebody: here always the one account
		out["aws:principalservicename"] = []string{c.Principal.Service}
		out["aws:sourceaccount"] = []string{c.Account}
		out["aws:sourceowner"] = []string{c.Account}
		if c.SourceARN != "" {
			out["aws:sourcearn"] = []string{c.SourceARN}
		}
	} else if c.Principal.ARN != "" {
		out["aws:principalaccount"] = []string{c.Account}
		out["aws:principalarn"] = []string{who.arn}
		out["aws:userid"] = []string{c.Principal.UserID}
		out["aws:principaltype"] = []string{"User"}
		if _, name, ok := strings.Cut(who.arn, ":user/"); ok {
			out["aws:username"] = []string{name[strings.LastIndexByte(name, '/')+1:]}
		}
		if who.role != "" {
			out["aws:principalarn"] = []string{who.role}
			out["aws:principaltype"] = []string{"AssumedRole"}
			out["aws:multifactorauthpresent"] = []string{"false"}
		}
		for k, v := range who.held.Tags {
			out["aws:principaltag/"+strings.ToLower(k)] = []string{v}
		}
		for k, v := range who.context {
			out[strings.ToLower(k)] = v
		}
	}
	requestTags(reflect.ValueOf(q.in).Elem(), out)
	return out
}

// requestTags adds the tags that a request sets or takes away.
func requestTags(v reflect.Value, out map[string][]string) {
	for _, name := range []string{"Tags", "TagSpecifications", "Tagging", "TagKeys", "CreateBucketConfiguration"} {
		if f := v.FieldByName(name); f.IsValid() {
			addTags(f, out)
		}
	}
}

func addTags(v reflect.Value, out map[string][]string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			addTags(v.Elem(), out)
		}
	case reflect.Slice:
		for i := range v.Len() {
			addTags(v.Index(i), out)
		}
	case reflect.String: // a key in a list of keys
		out["aws:tagkeys"] = append(out["aws:tagkeys"], v.String())
	case reflect.Map:
		for _, k := range v.MapKeys() {
			addTag(k.String(), v.MapIndex(k).String(), out)
		}
	case reflect.Struct:
		for _, names := range [][2]string{{"Key", "Value"}, {"TagKey", "TagValue"}} {
			if k, x := v.FieldByName(names[0]), v.FieldByName(names[1]); k.IsValid() && x.IsValid() && !k.IsNil() {
				value := ""
				if !x.IsNil() {
					value = x.Elem().String()
				}
				addTag(k.Elem().String(), value, out)
				return
			}
		}
		for _, name := range []string{"Tags", "TagSet"} {
			if f := v.FieldByName(name); f.IsValid() {
				addTags(f, out)
			}
		}
	}
}

func addTag(k, value string, out map[string][]string) {
	out["aws:requesttag/"+strings.ToLower(k)] = []string{value}
	out["aws:tagkeys"] = append(out["aws:tagkeys"], k)
}

// bucketOf is the ARN of the bucket that an object is asked of.
func bucketOf(in any) string {
	switch in := in.(type) {
	case *s3api.GetObjectInput:
		return "arn:aws:s3:::" + *in.Bucket
	case *s3api.HeadObjectInput:
		return "arn:aws:s3:::" + *in.Bucket
	}
	return "*"
}
