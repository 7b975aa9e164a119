package pattern_test

import (
	"strings"
	"testing"

	"grocery/localaws/service/events/pattern"
)

const event = `{"id":"1","source":"aws.s3","detail-type":"Object Created","time":"2026-03-02T10:00:00Z","resources":["arn:aws:s3:::b"],
	"detail":{"bucket":{"name":"shop"},"object":{"key":"db-dumps/a.SQL","size":300,"tags":["x","y"]},"ip":"10.1.2.3","ip6":"2001:db8::1","empty":"","nothing":null,"ok":true,"price":3.5,"list":[{"k":1},{"k":2}],"odd":"a*b"}}`

func TestPatternsMatchAsAWSDocuments(t *testing.T) {
	v, err := pattern.Decode([]byte(event))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{
		`{"source":["aws.s3"]}`:  true,
		`{"source":["aws.ec2"]}`: false,
		`{"source":["aws.ec2","aws.s3"],"detail-type":["Object Created"]}`:         true,
		`{"source":["aws.s3"],"detail-type":["Object Deleted"]}`:                   false,
		`{"resources":["arn:aws:s3:::b"]}`:                                         true,
		`{"detail":{"object":{"tags":["y"]}}}`:                                     true,
		`{"detail":{"object":{"key":[{"prefix":"db-dumps/"}]}}}`:                   true,
		`{"detail":{"object":{"key":[{"prefix":"dumps/"}]}}}`:                      false,
		`{"detail":{"object":{"key":[{"prefix":{"equals-ignore-case":"DB-"}}]}}}`:  true,
		`{"detail":{"object":{"key":[{"suffix":".sql"}]}}}`:                        false,
		`{"detail":{"object":{"key":[{"suffix":{"equals-ignore-case":".sql"}}]}}}`: true,
		`{"detail":{"object":{"key":[{"equals-ignore-case":"DB-DUMPS/A.sql"}]}}}`:  true,
		`{"detail":{"object":{"key":[{"wildcard":"db-*/*.SQL"}]}}}`:                true,
		`{"detail":{"object":{"key":[{"wildcard":"db-*/*.gz"}]}}}`:                 false,
		`{"detail":{"odd":[{"wildcard":"a\\*b"}]}}`:                                true,
		`{"detail":{"odd":[{"wildcard":"*\\*"}]}}`:                                 false,
		`{"detail":{"object":{"size":[300.0]}}}`:                                   true,
		`{"detail":{"object":{"size":["300"]}}}`:                                   false,
		`{"detail":{"object":{"size":[{"numeric":[">",0,"<=",300]}]}}}`:            true,
		`{"detail":{"object":{"size":[{"numeric":["<",300]}]}}}`:                   false,
		`{"detail":{"price":[{"numeric":["=",3.50]}]}}`:                            true,
		`{"source":[{"anything-but":"aws.s3"}]}`:                                   false,
		`{"source":[{"anything-but":["aws.ec2","aws.rds"]}]}`:                      true,
		`{"detail":{"object":{"size":[{"anything-but":[1,2]}]}}}`:                  true,
		`{"source":[{"anything-but":{"prefix":"aws."}}]}`:                          false,
		`{"source":[{"anything-but":{"suffix":[".ec2",".rds"]}}]}`:                 true,
		`{"source":[{"anything-but":{"equals-ignore-case":["AWS.S3"]}}]}`:          false,
		`{"source":[{"anything-but":{"wildcard":"*s3"}}]}`:                         false,
		`{"detail":{"absent":[{"anything-but":"x"}]}}`:                             false,
		`{"detail":{"ok":[{"exists":true}]}}`:                                      true,
		`{"detail":{"absent":[{"exists":false}]}}`:                                 true,
		`{"detail":{"absent":[{"exists":true}]}}`:                                  false,
		`{"detail":{"nothing":[{"exists":true}]}}`:                                 true,
		`{"detail":{"far":{"away":[{"exists":false}]}}}`:                           true,
		`{"detail":{"absent":["x",{"exists":false}]}}`:                             true,
		`{"detail":{"nothing":[null]}}`:                                            true,
		`{"detail":{"empty":[""]}}`:                                                true,
		`{"detail":{"empty":[null]}}`:                                              false,
		`{"detail":{"ok":[true]}}`:                                                 true,
		`{"detail":{"ip":[{"cidr":"10.0.0.0/8"}]}}`:                                true,
		`{"detail":{"ip":[{"cidr":"192.168.0.0/16"}]}}`:                            false,
		`{"detail":{"ip6":[{"cidr":"2001:db8::/32"}]}}`:                            true,
		`{"detail":{"list":{"k":[2]}}}`:                                            true,
		`{"detail":{"list":{"k":[3]}}}`:                                            false,
		`{"$or":[{"source":["aws.ec2"]},{"detail":{"bucket":{"name":["shop"]}}}]}`: true,
		`{"source":["aws.s3"],"$or":[{"id":["2"]},{"id":["3"]}]}`:                  false,
		`{"detail":{"$or":[{"ok":[false]},{"price":[{"numeric":[">",3]}]}]}}`:      true,
	} {
		p, err := pattern.Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if p.Match(v) != want {
			t.Errorf("%s: %v", text, !want)
		}
	}
}

func TestPatternsThatSayNothingAreRefused(t *testing.T) {
	for text, says := range map[string]string{
		`{`:                                   "no JSON",
		`[]`:                                  "not an object",
		`{}`:                                  "empty patterns",
		`{"a":[]}`:                            "empty arrays",
		`{"a":{}}`:                            "empty objects",
		`{"a":1}`:                             "must be an object or an array",
		`{"a":[[1]]}`:                         "must be String",
		`{"a":[{"like":"x"}]}`:                "like",
		`{"a":[{"prefix":"x","suffix":"y"}]}`: "only one key",
		`{"a":[{"prefix":1}]}`:                "must be a string",
		`{"a":[{"exists":"yes"}]}`:            "true or false",
		`{"a":[{"numeric":[">"]}]}`:           "comparisons",
		`{"a":[{"numeric":["~",1]}]}`:         "operator",
		`{"a":[{"numeric":["<",1,">",0]}]}`:   "lower bound first",
		`{"a":[{"numeric":["<",1e10]}]}`:      "5.0e9",
		`{"a":[{"cidr":"10.0.0.0"}]}`:         "CIDR",
		`{"a":[{"wildcard":"a**b"}]}`:         "consecutive",
		`{"a":[{"wildcard":"a\\b"}]}`:         "escape",
		`{"a":[{"anything-but":[null]}]}`:     "not supported",
		`{"a":[{"anything-but":{"numeric":[">",1]}}]}`: "numeric",
		`{"a":["` + strings.Repeat("x", 4096) + `"]}`:  "4096",
	} {
		if _, err := pattern.Parse(text); err == nil || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(says)) {
			t.Errorf("%.60s: %v", text, err)
		}
	}
}

func FuzzMatch(f *testing.F) {
	f.Add(`{"a":[{"wildcard":"*x*"}]}`, event)
	f.Fuzz(func(t *testing.T, text, event string) {
		p, err := pattern.Parse(text)
		v, err2 := pattern.Decode([]byte(event))
		if err == nil && err2 == nil {
			p.Match(v) // must not panic
		}
	})
}
