package asl_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"grocery/localaws/service/states/asl"
)

func decode(t *testing.T, text string) any {
	t.Helper()
	v, err := asl.Decode([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// one parses a machine around one state, which may lead to B and C, and returns
// the state.
func one(t *testing.T, state string) *asl.State {
	t.Helper()
	m, err := asl.Parse(`{"StartAt":"Start","States":{"Start":{"Type":"Choice","Choices":[{"Variable":"$.x","IsNull":true,"Next":"B"},{"Variable":"$.x","IsNull":false,"Next":"C"}],"Default":"A"},
		"A":` + state + `,"B":{"Type":"Succeed"},"C":{"Type":"Succeed"}}}`)
	if err != nil {
		t.Fatalf("%s: %v", state, err)
	}
	return m.States["A"]
}

func TestPathsFindWhatJSONPathSays(t *testing.T) {
	input := decode(t, `{"a":{"b":[1,2,{"c":3}]},"d e":4,"n":null,"l":[{"x":1},{"x":2},{"y":3}]}`)
	context := decode(t, `{"Execution":{"Name":"run"}}`)
	for path, want := range map[string]string{
		"$.a.b[0]": "1", "$.a.b[-1].c": "3", "$['a']['b'][1]": "2", `$["d e"]`: "4", "$.n": "null", "$.missing": "-", "$.a.b[7]": "-", "$.a.x.y": "-",
		"$.l[*].x": "[1,2]", "$..x": "[1,2]", "$.a.b[0:2]": "[1,2]", "$.a.b[1:]": `[2,{"c":3}]`, "$.a.b[0,2]": `[1,{"c":3}]`, "$.l[5:]": "[]", "$.*.b": `[[1,2,{"c":3}]]`, "$.a['b','x']": `[[1,2,{"c":3}]]`,
		"$$.Execution.Name": `"run"`, "$": string(asl.JSON(input)), "$..c": "[3]", "$.l[-2:].x": "[2]",
	} {
		p, err := asl.ParsePath(path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		got := "-"
		if v, ok := p.Get(input, context); ok {
			got = string(asl.JSON(v))
		}
		if got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	for _, path := range []string{"a", "$a", "$.", "$[", "$['a", "$[a]", "$.l[?(@.x==1)]", "$.l.length()", "$[1,'a']", "$.a b"} {
		if _, err := asl.ParsePath(path); err == nil {
			t.Errorf("%s was read", path)
		}
	}
}

func TestIntrinsicFunctionsAnswerWhatAWSDocuments(t *testing.T) {
	input := decode(t, `{"name":"Ada","n":3,"l":[1,2,3,4,5,6,7,8,9],"o":{"a":1},"p":{"a":2,"b":3},"s":"{\"x\":1}","t":"1,2;3","dup":[1,2.0,1,2,"1"]}`)
	for call, want := range map[string]string{
		`States.Format('Hi {}, you are {}.', $.name, $.n)`:                          `"Hi Ada, you are 3."`,
		`States.Format('\{\} it\'s \\ {}', $.o)`:                                    `"{} it's \\ {\"a\":1}"`,
		`States.StringToJson($.s)`:                                                  `{"x":1}`,
		`States.JsonToString($.o)`:                                                  `"{\"a\":1}"`,
		`States.Array('a', 1, $.o, null, true)`:                                     `["a",1,{"a":1},null,true]`,
		`States.ArrayPartition($.l, 4)`:                                             `[[1,2,3,4],[5,6,7,8],[9]]`,
		`States.ArrayContains($.l, 5)`:                                              `true`,
		`States.ArrayContains($.l, '5')`:                                            `false`,
		`States.ArrayRange(1, 9, 2)`:                                                `[1,3,5,7,9]`,
		`States.ArrayRange(3, 1, -1)`:                                               `[3,2,1]`,
		`States.ArrayGetItem($.l, 5)`:                                               `6`,
		`States.ArrayLength($.l)`:                                                   `9`,
		`States.ArrayUnique($.dup)`:                                                 `[1,2.0,"1"]`,
		`States.Base64Encode('Data to encode')`:                                     `"RGF0YSB0byBlbmNvZGU="`,
		`States.Base64Decode('RGVjb2RlZCBkYXRh')`:                                   `"Decoded data"`,
		`States.Hash('input data', 'SHA-1')`:                                        `"aaff4a450a104cd177d28d18d74485e8cae074b7"`,
		`States.JsonMerge($.o, $.p, false)`:                                         `{"a":2,"b":3}`,
		`States.MathAdd($.n, -1)`:                                                   `2`,
		`States.MathRandom(4, 5)`:                                                   `4`,
		`States.StringSplit($.t, ',;')`:                                             `["1","2","3"]`,
		`States.ArrayGetItem(States.StringSplit('a/b', '/'), States.MathAdd(0, 1))`: `"b"`,
	} {
		s := one(t, fmt.Sprintf(`{"Type":"Pass","Parameters":{"v.$":%s},"End":true}`, asl.JSON(call)))
		v, err := s.Passed(input, nil)
		if err != nil || string(asl.JSON(v)) != `{"v":`+want+`}` {
			t.Errorf("%s: %s, %v", call, asl.JSON(v), err)
		}
	}
	for call, says := range map[string]string{`States.ArrayGetItem($.l, 9)`: "no element", `States.Format('{}')`: "more {}", `States.StringToJson($.name)`: "no JSON", `States.ArrayRange(1, 5000, 1)`: "1000", `States.JsonMerge($.o, $.p, true)`: "shallow"} {
		_, err := one(t, fmt.Sprintf(`{"Type":"Pass","Parameters":{"v.$":%s},"End":true}`, asl.JSON(call))).Passed(input, nil)
		if e, ok := err.(*asl.Error); !ok || e.Name != asl.IntrinsicFailure || !strings.Contains(e.Cause, says) {
			t.Errorf("%s: %v", call, err)
		}
	}
}

func TestChoicesCompareOnlyValuesOfTheirType(t *testing.T) {
	input := decode(t, `{"s":"b","n":5,"t":"2026-03-14T01:59:00Z","b":true,"null":null,"log":"zed-1.log","star":"a*b","m":5,"o":{}}`)
	for rule, want := range map[string]bool{
		`"Variable":"$.s","StringEquals":"b"`: true, `"Variable":"$.n","StringEquals":"5"`: false, `"Variable":"$.s","StringLessThan":"c"`: true, `"Variable":"$.s","StringGreaterThanEquals":"b"`: true,
		`"Variable":"$.n","NumericEquals":5.0`: true, `"Variable":"$.n","NumericGreaterThan":5`: false, `"Variable":"$.n","NumericLessThanEqualsPath":"$.m"`: true, `"Variable":"$.s","NumericLessThan":9`: false,
		`"Variable":"$.t","TimestampLessThan":"2026-03-14T02:59:00+00:30"`: true, `"Variable":"$.t","TimestampEquals":"2026-03-14T02:59:00+01:00"`: true, `"Variable":"$.s","TimestampEquals":"2026-03-14T01:59:00Z"`: false,
		`"Variable":"$.b","BooleanEquals":true`: true, `"Variable":"$.s","BooleanEquals":true`: false, `"Variable":"$.null","IsNull":true`: true, `"Variable":"$.s","IsNull":true`: false,
		`"Variable":"$.missing","IsPresent":false`: true, `"Variable":"$.null","IsPresent":true`: true, `"Variable":"$.n","IsNumeric":true`: true, `"Variable":"$.s","IsString":true`: true, `"Variable":"$.b","IsBoolean":false`: false, `"Variable":"$.t","IsTimestamp":true`: true,
		`"Variable":"$.log","StringMatches":"*.log"`: true, `"Variable":"$.log","StringMatches":"zed*og*1"`: false, `"Variable":"$.star","StringMatches":"a\\*b"`: true, `"Variable":"$.s","StringMatches":"\\*"`: false,
		`"And":[{"Variable":"$.n","NumericEquals":5},{"Variable":"$.s","StringEquals":"x"}]`: false, `"Or":[{"Variable":"$.n","NumericEquals":1},{"Not":{"Variable":"$.s","StringEquals":"x"}}]`: true,
		`"And":[{"Variable":"$.missing","IsPresent":true},{"Variable":"$.missing","NumericEquals":5}]`: false,
	} {
		s := one(t, `{"Type":"Choice","Choices":[{`+rule+`,"Next":"B"}],"Default":"C"}`)
		next, err := s.Choose(input, nil)
		if err != nil || (next == "B") != want {
			t.Errorf("%s: %s, %v", rule, next, err)
		}
	}
	if _, err := one(t, `{"Type":"Choice","Choices":[{"Variable":"$.missing","NumericEquals":5,"Next":"B"}],"Default":"C"}`).Choose(input, nil); err == nil || err.(*asl.Error).Name != asl.Runtime {
		t.Errorf("a variable that is missing: %v", err)
	}
	if _, err := one(t, `{"Type":"Choice","Choices":[{"Variable":"$.n","NumericEquals":6,"Next":"B"}]}`).Choose(input, nil); err == nil || err.(*asl.Error).Name != asl.NoChoiceMatched {
		t.Errorf("no rule and no default: %v", err)
	}
}

func TestInputAndOutputPassThroughTheirFields(t *testing.T) {
	input := decode(t, `{"a":{"b":1},"c":2}`)
	context := decode(t, `{"State":{"Name":"A"}}`)
	for fields, want := range map[string]string{
		``:                                      `{"a":{"b":1},"c":2}`,
		`"InputPath":"$.a",`:                    `{"b":1}`,
		`"InputPath":null,`:                     `{}`,
		`"OutputPath":"$.c",`:                   `2`,
		`"OutputPath":null,`:                    `{}`,
		`"Result":{"x":1},`:                     `{"x":1}`,
		`"Result":7,"ResultPath":"$.a.d",`:      `{"a":{"b":1,"d":7},"c":2}`,
		`"Result":7,"ResultPath":"$.new.deep",`: `{"a":{"b":1},"c":2,"new":{"deep":7}}`,
		`"Result":7,"ResultPath":null,`:         `{"a":{"b":1},"c":2}`,
		`"Parameters":{"k.$":"$.a.b","fixed":{"n.$":"$$.State.Name","l":[{"m.$":"$.c"}]}},`: `{"fixed":{"l":[{"m":2}],"n":"A"},"k":1}`,
		`"InputPath":"$.a","Result":7,"ResultPath":"$.r","OutputPath":"$.r",`:               `7`,
	} {
		v, err := one(t, `{"Type":"Pass",`+fields+`"End":true}`).Passed(input, context)
		if err != nil || string(asl.JSON(v)) != want {
			t.Errorf("%s: %s, %v", fields, asl.JSON(v), err)
		}
	}
	for fields, name := range map[string]string{`"InputPath":"$.x",`: asl.Runtime, `"OutputPath":"$.x",`: asl.Runtime, `"Parameters":{"k.$":"$.x"},`: asl.ParameterFailure, `"ResultPath":"$.c.d",`: asl.ResultPathFailure} {
		if _, err := one(t, `{"Type":"Pass",`+fields+`"End":true}`).Passed(input, context); err == nil || err.(*asl.Error).Name != name {
			t.Errorf("%s: %v", fields, err)
		}
	}
	if string(asl.JSON(input)) != `{"a":{"b":1},"c":2}` {
		t.Errorf("the input was changed: %s", asl.JSON(input))
	}
}

const task = `{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","End":true,`

func TestRetriersCountForThemselvesAndGrow(t *testing.T) {
	s := one(t, task+`"Retry":[{"ErrorEquals":["A"],"IntervalSeconds":2,"MaxAttempts":3,"BackoffRate":3,"MaxDelaySeconds":10},{"ErrorEquals":["Never"],"MaxAttempts":0},{"ErrorEquals":["States.TaskFailed"]},{"ErrorEquals":["States.ALL"],"MaxAttempts":1}]}`)
	for _, x := range []struct {
		rule, err string
		tried     []int64
		retrier   int
		after     time.Duration
		again     bool
	}{
		{"the first wait is the interval", "A", nil, 0, 2 * time.Second, true},
		{"it grows with the rate", "A", []int64{1}, 0, 6 * time.Second, true},
		{"up to the longest delay", "A", []int64{2}, 0, 10 * time.Second, true},
		{"as often as allowed", "A", []int64{3}, 0, 0, false},
		{"no attempts mean none, whatever follows", "Never", nil, 0, 0, false},
		{"States.TaskFailed holds for other errors, with AWS's defaults", "B", []int64{3, 0, 2}, 2, 4 * time.Second, true},
		{"but not for timeouts", asl.Timeout, nil, 3, time.Second, true},
		{"nothing holds for States.Runtime", asl.Runtime, nil, 0, 0, false},
		{"nor for too much data", asl.DataLimitExceeded, nil, 0, 0, false},
	} {
		if i, after, again := s.Again(&asl.Error{Name: x.err}, x.tried); i != x.retrier || after != x.after || again != x.again {
			t.Errorf("%s: %d, %s, %v", x.rule, i, after, again)
		}
	}
}

func TestFullJitterStaysWithinTheDelay(t *testing.T) {
	s := one(t, task+`"Retry":[{"ErrorEquals":["A"],"IntervalSeconds":10,"JitterStrategy":"FULL"}]}`)
	for range 100 {
		if _, after, _ := s.Again(&asl.Error{Name: "A"}, nil); after < 0 || after > 10*time.Second {
			t.Fatal(after)
		}
	}
}

func TestTheFirstCatcherThatHoldsCatches(t *testing.T) {
	s := one(t, task+`"Catch":[{"ErrorEquals":["A"],"Next":"B","ResultPath":"$.error"},{"ErrorEquals":["States.ALL"],"Next":"C"}]}`)
	input := decode(t, `{"k":1}`)
	for name, want := range map[string]string{"A": `B {"error":{"Cause":"why","Error":"A"},"k":1}`, "X": `C {"Cause":"why","Error":"X"}`, asl.Timeout: `C {"Cause":"why","Error":"States.Timeout"}`} {
		next, out, ok, err := s.Caught(&asl.Error{Name: name, Cause: "why"}, input)
		if got := next + " " + string(asl.JSON(out)); !ok || err != nil || got != want {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
	if _, _, ok, _ := s.Caught(&asl.Error{Name: asl.Runtime}, input); ok {
		t.Error("States.ALL caught States.Runtime")
	}
}

func TestWaitsEndAtTheirTime(t *testing.T) {
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	input := decode(t, `{"s":30,"t":"2026-03-02T11:00:00Z","bad":"soon"}`)
	for fields, want := range map[string]time.Duration{`"Seconds":5`: 5 * time.Second, `"SecondsPath":"$.s"`: 30 * time.Second, `"Timestamp":"2026-03-02T10:01:00Z"`: time.Minute, `"TimestampPath":"$.t"`: time.Hour} {
		if at, err := one(t, `{"Type":"Wait",`+fields+`,"End":true}`).WaitUntil(input, nil, now); err != nil || at.Sub(now) != want {
			t.Errorf("%s: %s, %v", fields, at, err)
		}
	}
	for _, fields := range []string{`"SecondsPath":"$.bad"`, `"TimestampPath":"$.bad"`, `"SecondsPath":"$.missing"`} {
		if _, err := one(t, `{"Type":"Wait",`+fields+`,"End":true}`).WaitUntil(input, nil, now); err == nil || err.(*asl.Error).Name != asl.Runtime {
			t.Errorf("%s: %v", fields, err)
		}
	}
}

func TestDefinitionsThatCannotRunAreRefused(t *testing.T) {
	for state, says := range map[string]string{
		`{"Type":"Parallel","End":true}`:                                                  "Parallel",
		`{"Type":"Pass"}`:                                                                 "exactly one of 'Next' and 'End'",
		`{"Type":"Pass","End":true,"Next":"A"}`:                                           "exactly one of 'Next' and 'End'",
		`{"Type":"Pass","End":true,"Seconds":1}`:                                          "Field 'Seconds' is not supported in a state of type Pass",
		`{"Type":"Wait","End":true}`:                                                      "exactly one of 'Seconds'",
		`{"Type":"Wait","Seconds":-1,"End":true}`:                                         "whole number",
		`{"Type":"Wait","Timestamp":"tomorrow","End":true}`:                               "timestamp",
		`{"Type":"Choice","Choices":[]}`:                                                  "at least one rule",
		`{"Type":"Choice","Choices":[{"Variable":"$.a","NumericEquals":"1","Next":"A"}]}`: "must be a number",
		`{"Type":"Choice","Choices":[{"Variable":"$.a","StringEquals":"1","IsNull":true,"Next":"A"}]}`: "exactly one comparison",
		`{"Type":"Choice","Choices":[{"StringEquals":"1","Next":"A"}]}`:                                "'Variable' is required",
		`{"Type":"Pass","Parameters":{"a.$":"b"},"End":true}`:                                          "valid JSONPath",
		`{"Type":"Pass","Parameters":{"a.$":"States.Nothing()"},"End":true}`:                           "no intrinsic function",
		`{"Type":"Pass","ResultPath":"$.a[*]","End":true}`:                                             "reference path",
		task + `"Retry":[{"ErrorEquals":["States.ALL","A"]}]}`:                                         "must stand alone",
		task + `"Retry":[{"ErrorEquals":["States.ALL"]},{"ErrorEquals":["A"]}]}`:                       "must stand alone",
		task + `"Retry":[{"ErrorEquals":["A"],"BackoffRate":0.5}]}`:                                    "at least 1",
		task + `"Catch":[{"ErrorEquals":["A"],"Next":"Nowhere"}]}`:                                     "Missing 'Next' target: Nowhere",
		task + `"HeartbeatSeconds":5}`:                                                                 "heartbeats",
		task + `"TimeoutSeconds":0}`:                                                                   "whole number",
		`{"Type":"Pass","Assign":{"x":1},"End":true}`:                                                  "variables",
	} {
		if _, err := asl.Parse(`{"StartAt":"A","States":{"A":` + state + `}}`); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", state, err)
		}
	}
}
