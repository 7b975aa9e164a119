package asl

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"time"
)

// Retrier says which errors are tried again, and when.
type Retrier struct {
	errors   []string
	interval float64 // seconds
	backoff  float64
	attempts int64
	longest  float64 // seconds; 0: no limit
	jitter   bool
}

// Catcher says where an error leads.
type Catcher struct {
	errors []string
	Next   string
	result location
}

func (o object) retriers() []Retrier {
	all := o.elements("Retry", "a retrier", []string{"Comment", "ErrorEquals", "IntervalSeconds", "BackoffRate", "MaxAttempts", "MaxDelaySeconds", "JitterStrategy"})
	out := make([]Retrier, len(all))
	for i, o := range all {
		r := Retrier{errors: o.errorNames(i == len(all)-1), interval: 1, backoff: 2, attempts: 3}
		if n, ok := o.integer("IntervalSeconds", 1, 99999999); ok {
			r.interval = float64(n)
		}
		if n, ok := o.integer("MaxAttempts", 0, 99999999); ok {
			r.attempts = n
		}
		if n, ok := o.integer("MaxDelaySeconds", 1, 31622400); ok {
			if r.longest = float64(n); r.longest <= r.interval {
				o.p.add(o.at+"/MaxDelaySeconds", "The value of 'MaxDelaySeconds' must be greater than 'IntervalSeconds'")
			}
		}
		if v, ok := o.m["BackoffRate"]; ok {
			n, _ := v.(json.Number)
			f, err := n.Float64()
			if err != nil || f < 1 {
				o.p.add(o.at+"/BackoffRate", "The value of 'BackoffRate' must be a number, at least 1")
			}
			r.backoff = f
		}
		switch j := o.text("JitterStrategy"); j {
		case "", "NONE":
		case "FULL":
			r.jitter = true
		default:
			o.p.add(o.at+"/JitterStrategy", "The value of 'JitterStrategy' must be FULL or NONE")
		}
		out[i] = r
	}
	return out
}

func (o object) catchers() []Catcher {
	all := o.elements("Catch", "a catcher", []string{"Comment", "ErrorEquals", "Next", "ResultPath"})
	out := make([]Catcher, len(all))
	for i, o := range all {
		out[i] = Catcher{errors: o.errorNames(i == len(all)-1), Next: o.need("Next"), result: o.location("ResultPath", true)}
	}
	return out
}

// Again says whether a Task that failed with err is tried again: which of its
// retriers holds, and after how long. tried counts the retries each retrier
// allowed since the state was entered.
func (s *State) Again(err *Error, tried []int64) (retrier int, after time.Duration, ok bool) {
	for i, r := range s.Retry {
		if !matches(r.errors, err.Name) {
			continue
		}
		var n int64
		if i < len(tried) {
			n = tried[i]
		}
		if n >= r.attempts {
			return 0, 0, false
		}
		seconds := r.interval * math.Pow(r.backoff, float64(n))
		if r.longest > 0 {
			seconds = min(seconds, r.longest)
		}
		seconds = min(seconds, 99999999)
		if r.jitter {
			seconds *= rand.Float64()
		}
		return i, time.Duration(seconds * float64(time.Second)), true
	}
	return 0, 0, false
}

// Caught returns where err leads and with which output, if a catcher holds.
func (s *State) Caught(err *Error, input any) (next string, output any, ok bool, failed error) {
	for _, c := range s.Catch {
		if matches(c.errors, err.Name) {
			output, failed = c.result.put(input, map[string]any{"Error": err.Name, "Cause": err.Cause})
			return c.Next, output, true, failed
		}
	}
	return "", nil, false, nil
}
