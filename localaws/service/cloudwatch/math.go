package cloudwatch

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire/api/cloudwatchapi"
)

// result is a time series that a query yields.
type result struct {
	label  string
	values map[time.Time]float64
	period time.Duration
}

var queryID = regexp.MustCompile(`^[a-z][a-zA-Z0-9_]*$`)

// checkQueries checks the queries of a request or an alarm without data.
func checkQueries(queries []cloudwatchapi.MetricDataQuery) error {
	_, err := resolve(queries, func(q cloudwatchapi.MetricDataQuery) (result, error) {
		m := q.MetricStat
		if _, err := checkPeriod(*m.Period); err != nil {
			return result{}, err
		}
		if !validStatistic(*m.Stat) {
			return result{}, invalid("The statistic %s is not supported.", *m.Stat)
		}
		_, err := dimensionsOf(m.Metric.Dimensions)
		return result{period: time.Duration(*m.Period) * time.Second}, err
	})
	return err
}

// evaluateQueries computes all queries over a span of time. Periods are counted
// from origin.
func evaluateQueries(tx store.Tx, region string, queries []cloudwatchapi.MetricDataQuery, from, to, origin time.Time) (map[string]result, error) {
	if err := checkQueries(queries); err != nil {
		return nil, err
	}
	return resolve(queries, func(q cloudwatchapi.MetricDataQuery) (result, error) {
		m := q.MetricStat
		dims, err := dimensionsOf(m.Metric.Dimensions)
		if err != nil {
			return result{}, err
		}
		period := time.Duration(*m.Period) * time.Second
		r := result{label: ptr.Val(m.Metric.MetricName), values: map[time.Time]float64{}, period: period}
		list := find(tx, region, ptr.Val(m.Metric.Namespace), ptr.Val(m.Metric.MetricName), ptr.Val(m.Unit), dims)
		for at, p := range read(tx, list, floor(from, origin, period), to, period, origin) {
			if v, ok := p.statistic(*m.Stat); ok {
				r.values[at] = v
			}
		}
		return r, nil
	})
}

// resolve computes queries, expressions after what they refer to.
func resolve(queries []cloudwatchapi.MetricDataQuery, fetch func(cloudwatchapi.MetricDataQuery) (result, error)) (map[string]result, error) {
	byID := map[string]cloudwatchapi.MetricDataQuery{}
	for _, q := range queries {
		id := ptr.Val(q.Id)
		if !queryID.MatchString(id) {
			return nil, invalid("The query id '%s' must begin with a lower-case letter.", id)
		}
		if _, twice := byID[id]; twice || (q.MetricStat == nil) == (q.Expression == nil) {
			return nil, invalid("The query '%s' must be unique and have either a MetricStat or an Expression.", id)
		}
		byID[id] = q
	}
	done, open := map[string]result{}, map[string]bool{}
	var get func(id string) (result, error)
	get = func(id string) (result, error) {
		if r, ok := done[id]; ok {
			return r, nil
		}
		q, ok := byID[id]
		if !ok || open[id] {
			return result{}, invalid("The expression refers to '%s', which is not a query that can be computed first.", id)
		}
		open[id] = true
		var r result
		var err error
		if q.MetricStat != nil {
			r, err = fetch(q)
		} else {
			p := parser{text: *q.Expression, get: get}
			r, err = p.parse()
			if r.label = id; q.Period != nil && r.period == 0 {
				r.period = time.Duration(*q.Period) * time.Second
			}
		}
		if err != nil {
			return result{}, err
		}
		done[id] = r
		return r, nil
	}
	for id := range byID {
		if _, err := get(id); err != nil {
			return nil, err
		}
	}
	return done, nil
}

// parser computes metric math: numbers, queries, + - * / with parentheses, and
// FILL(query, number). Everything else is refused. See
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html.
type parser struct {
	text string
	pos  int
	get  func(id string) (result, error)
}

// operand is a number or a time series.
type operand struct {
	result
	number float64
	series bool
}

func (p *parser) bad(why string) error {
	return invalid("Error in expression '%s': %s. Local AWS computes + - * / over queries and numbers, and FILL(query, number).", p.text, why)
}

func (p *parser) parse() (result, error) {
	v, err := p.sum()
	if err != nil {
		return result{}, err
	}
	if p.next(); p.pos < len(p.text) {
		return result{}, p.bad("unexpected '" + p.text[p.pos:] + "'")
	}
	if !v.series {
		return result{}, p.bad("the result is no time series")
	}
	return v.result, nil
}

// next skips spaces and returns the character that follows, or 0.
func (p *parser) next() byte {
	for p.pos < len(p.text) && strings.IndexByte(" \t\n", p.text[p.pos]) >= 0 {
		p.pos++
	}
	if p.pos == len(p.text) {
		return 0
	}
	return p.text[p.pos]
}

func (p *parser) sum() (operand, error) { return p.chain("+-", p.product) }

func (p *parser) product() (operand, error) { return p.chain("*/", p.factor) }

func (p *parser) chain(ops string, part func() (operand, error)) (operand, error) {
	a, err := part()
	for err == nil {
		op := p.next()
		if op == 0 || strings.IndexByte(ops, op) < 0 {
			return a, nil
		}
		p.pos++
		var b operand
		if b, err = part(); err == nil {
			a = apply(op, a, b)
		}
	}
	return a, err
}

func (p *parser) factor() (operand, error) {
	switch c := p.next(); {
	case c == '(':
		p.pos++
		v, err := p.sum()
		if err == nil && p.next() != ')' {
			err = p.bad("a parenthesis is not closed")
		}
		p.pos++
		return v, err
	case c == '-':
		p.pos++
		v, err := p.factor()
		return apply('-', operand{}, v), err
	case c >= '0' && c <= '9' || c == '.':
		start := p.pos
		for p.pos < len(p.text) && strings.IndexByte("0123456789.", p.text[p.pos]) >= 0 {
			p.pos++
		}
		n, err := strconv.ParseFloat(p.text[start:p.pos], 64)
		if err != nil {
			return operand{}, p.bad("not a number: " + p.text[start:p.pos])
		}
		return operand{number: n}, nil
	}
	start := p.pos
	for p.pos < len(p.text) && (p.text[p.pos] == '_' || p.text[p.pos] >= '0' && p.text[p.pos] <= '9' || p.text[p.pos]|0x20 >= 'a' && p.text[p.pos]|0x20 <= 'z') {
		p.pos++
	}
	word := p.text[start:p.pos]
	switch {
	case word == "":
		return operand{}, p.bad("something is missing")
	case word == "FILL" && p.next() == '(':
		return p.fill()
	case !queryID.MatchString(word) || p.next() == '(':
		return operand{}, p.bad(word + " is not supported")
	}
	r, err := p.get(word)
	return operand{result: r, series: true}, err
}

// fill is FILL(query, number): gaps between the first and the last value become
// the number.
func (p *parser) fill() (operand, error) {
	p.pos++
	v, err := p.sum()
	if err != nil {
		return v, err
	}
	if p.next() != ',' || !v.series {
		return v, p.bad("FILL needs a query and a number")
	}
	p.pos++
	with, err := p.sum()
	if err != nil {
		return v, err
	}
	if p.next() != ')' || with.series {
		return v, p.bad("FILL needs a query and a number")
	}
	p.pos++
	out := operand{result: result{values: map[time.Time]float64{}, period: v.period}, series: true}
	var first, last time.Time
	for t, x := range v.values {
		out.values[t] = x
		if first.IsZero() || t.Before(first) {
			first = t
		}
		if t.After(last) {
			last = t
		}
	}
	if !first.IsZero() && v.period > 0 {
		for t := first; t.Before(last); t = t.Add(v.period) {
			if _, ok := out.values[t]; !ok {
				out.values[t] = with.number
			}
		}
	}
	return out, nil
}

// apply computes one operation; two series meet where both have a value, and a
// division by zero yields none.
func apply(op byte, a, b operand) operand {
	compute := func(x, y float64) (float64, bool) {
		switch op {
		case '+':
			return x + y, true
		case '-':
			return x - y, true
		case '*':
			return x * y, true
		}
		return x / y, y != 0
	}
	if !a.series && !b.series {
		n, _ := compute(a.number, b.number)
		return operand{number: n}
	}
	out := operand{series: true, result: result{values: map[time.Time]float64{}, period: max(a.period, b.period)}}
	over := a.values
	if !a.series {
		over = b.values
	}
	for t := range over {
		x, okX := a.at(t)
		y, okY := b.at(t)
		if v, ok := compute(x, y); ok && okX && okY {
			out.values[t] = v
		}
	}
	return out
}

func (o operand) at(t time.Time) (float64, bool) {
	if !o.series {
		return o.number, true
	}
	v, ok := o.values[t]
	return v, ok
}
