package events

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// schedule tells the moments of a rate or a cron expression.
// See https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html.
type schedule interface {
	// next is the first moment after t, zero when there is none.
	next(t time.Time) time.Time
}

type rate time.Duration

func (r rate) next(t time.Time) time.Time { return t.Add(time.Duration(r)) }

var rateForm = regexp.MustCompile(`^rate\(([0-9]+) (minutes?|hours?|days?)\)$`)

func parseSchedule(text string) (schedule, error) {
	if m := rateForm.FindStringSubmatch(text); m != nil {
		n, err := strconv.ParseInt(m[1], 10, 32)
		if err != nil || n < 1 || (n == 1) == strings.HasSuffix(m[2], "s") {
			return nil, fmt.Errorf("%q: write rate(1 minute), or rate(5 minutes)", text)
		}
		unit := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}[strings.TrimSuffix(m[2], "s")]
		return rate(time.Duration(n) * unit), nil
	}
	fields, ok := strings.CutPrefix(text, "cron(")
	fields, ok2 := strings.CutSuffix(fields, ")")
	if !ok || !ok2 {
		return nil, fmt.Errorf("%q is neither rate(...) nor cron(...)", text)
	}
	return parseCron(fields)
}

// cron is a set of moments, in UTC.
type cron struct {
	minutes, hours, months, years map[int]bool
	day                           func(time.Time) bool
}

var monthNames = []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}
var dayNames = []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}

const firstYear, lastYear = 1970, 2199

func parseCron(text string) (schedule, error) {
	f := strings.Fields(text)
	if len(f) != 6 {
		return nil, fmt.Errorf("cron(%s) has %d fields instead of 6: minutes, hours, day of month, month, day of week, year", text, len(f))
	}
	c := &cron{}
	for i, x := range []struct {
		to         *map[int]bool
		least, top int
		names      []string
	}{{&c.minutes, 0, 59, nil}, {&c.hours, 0, 23, nil}, {nil, 0, 0, nil}, {&c.months, 1, 12, monthNames}, {nil, 0, 0, nil}, {&c.years, firstYear, lastYear, nil}} {
		if x.to == nil {
			continue
		}
		set, err := cronSet(f[i], x.least, x.top, x.names)
		if err != nil {
			return nil, err
		}
		*x.to = set
	}
	ofMonth, ofWeek := f[2], f[4]
	if (ofMonth == "?") == (ofWeek == "?") {
		return nil, fmt.Errorf("cron(%s): exactly one of day of month and day of week must be ?", text)
	}
	var err error
	if ofWeek == "?" {
		c.day, err = dayOfMonth(ofMonth)
	} else {
		c.day, err = dayOfWeek(ofWeek)
	}
	return c, err
}

// cronSet reads lists, ranges and steps of numbers or names.
func cronSet(field string, least, top int, names []string) (map[int]bool, error) {
	wrong := fmt.Errorf("the cron field %q has no value from %d to %d", field, least, top)
	value := func(s string) (int, error) {
		for i, n := range names {
			if strings.EqualFold(s, n) {
				return i + least, nil
			}
		}
		n, err := strconv.Atoi(s)
		if err != nil || n < least || n > top {
			return 0, wrong
		}
		return n, nil
	}
	set := map[int]bool{}
	for _, part := range strings.Split(field, ",") {
		span, step, hasStep := strings.Cut(part, "/")
		by := 1
		if hasStep {
			var err error
			if by, err = strconv.Atoi(step); err != nil || by < 1 {
				return nil, wrong
			}
		}
		from, to := least, top
		if span != "*" {
			a, b, isRange := strings.Cut(span, "-")
			var err error
			if from, err = value(a); err != nil {
				return nil, err
			}
			if isRange {
				if to, err = value(b); err != nil {
					return nil, err
				}
			} else if !hasStep {
				to = from
			}
		}
		if to < from { // such as FRI-MON
			for n := from; n <= top; n += by {
				set[n] = true
			}
			from = least
		}
		for n := from; n <= to; n += by {
			set[n] = true
		}
	}
	return set, nil
}

// lastOf is the number of the last day of t's month.
func lastOf(t time.Time) int { return time.Date(t.Year(), t.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day() }

// dayOfMonth reads numbers, L (the last day) and 15W (the weekday nearest to
// the 15th).
func dayOfMonth(field string) (func(time.Time) bool, error) {
	if field == "L" {
		return func(t time.Time) bool { return t.Day() == lastOf(t) }, nil
	}
	if n, ok := strings.CutSuffix(field, "W"); ok {
		day, err := strconv.Atoi(n)
		if n == "L" {
			day, err = 31, nil
		}
		if err != nil || day < 1 || day > 31 {
			return nil, fmt.Errorf("the cron field %q is no day and W", field)
		}
		return func(t time.Time) bool { return t.Day() == nearestWeekday(t, day) }, nil
	}
	set, err := cronSet(field, 1, 31, nil)
	return func(t time.Time) bool { return set[t.Day()] }, err
}

// nearestWeekday is the day from Monday to Friday nearest to a day of t's month.
func nearestWeekday(t time.Time, day int) int {
	last := lastOf(t)
	day = min(day, last)
	switch time.Date(t.Year(), t.Month(), day, 0, 0, 0, 0, time.UTC).Weekday() {
	case time.Saturday:
		if day == 1 {
			return 3
		}
		return day - 1
	case time.Sunday:
		if day == last {
			return day - 2
		}
		return day + 1
	}
	return day
}

// dayOfWeek reads numbers from 1 (Sunday), names, L (Saturday), 6L (the last
// Friday of the month) and 3#2 (its second Tuesday).
func dayOfWeek(field string) (func(time.Time) bool, error) {
	if field == "L" {
		field = "7"
	}
	name, nth, hash := strings.Cut(field, "#")
	name, last := strings.CutSuffix(name, "L")
	if !hash && !last {
		set, err := cronSet(field, 1, 7, dayNames)
		return func(t time.Time) bool { return set[int(t.Weekday())+1] }, err
	}
	set, err := cronSet(name, 1, 7, dayNames)
	if err != nil || len(set) != 1 {
		return nil, fmt.Errorf("the cron field %q must name one day of the week", field)
	}
	if last {
		return func(t time.Time) bool { return set[int(t.Weekday())+1] && t.Day()+7 > lastOf(t) }, nil
	}
	n, err := strconv.Atoi(nth)
	if err != nil || n < 1 || n > 5 {
		return nil, fmt.Errorf("the cron field %q has no week from 1 to 5", field)
	}
	return func(t time.Time) bool { return set[int(t.Weekday())+1] && (t.Day()-1)/7+1 == n }, nil
}

func (c *cron) next(t time.Time) time.Time {
	t = t.UTC().Truncate(time.Minute).Add(time.Minute)
	for t.Year() <= lastYear {
		switch {
		case !c.years[t.Year()]:
			t = time.Date(t.Year()+1, 1, 1, 0, 0, 0, 0, time.UTC)
		case !c.months[int(t.Month())]:
			t = time.Date(t.Year(), t.Month()+1, 1, 0, 0, 0, 0, time.UTC)
		case !c.day(t):
			t = time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, time.UTC)
		case !c.hours[t.Hour()]:
			t = t.Truncate(time.Hour).Add(time.Hour)
		case !c.minutes[t.Minute()]:
			t = t.Add(time.Minute)
		default:
			return t
		}
	}
	return time.Time{}
}
