package events

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/cloudwatchapi"
)

// delivery is an event on its way to one target. It leaves the queue when the
// target took it, when its dead-letter queue did, or when it has none and its
// retries are over.
type delivery struct {
	EventID  string    `json:"event_id"`
	Region   string    `json:"region"`
	Bus      string    `json:"bus"`
	Rule     string    `json:"rule"`
	Target   target    `json:"target"` // as it was when the event came
	Event    string    `json:"event"`
	Received time.Time `json:"received"`
	Due      time.Time `json:"due"` // of the next attempt
	Retries  int64     `json:"retries,omitempty"`
	Dead     *death    `json:"dead,omitempty"` // the target will not get it
}

// death is why a delivery was given up, for the dead-letter queue.
type death struct {
	At        time.Time `json:"at"`
	Code      string    `json:"code"`
	Message   string    `json:"message"`
	Exhausted string    `json:"exhausted,omitempty"` // which limit of the retry policy
	Retries   int64     `json:"retries,omitempty"`   // of reaching the dead-letter queue
}

var deliveries = store.Table[delivery]{Name: "events.deliveries"}

func (d *delivery) key() string {
	return store.Key(d.EventID, d.Region, d.Bus, d.Rule, d.Target.ID)
}

// from is the rule the delivery comes from, as far as payloads show it.
func (d *delivery) from() *rule { return &rule{Region: d.Region, Bus: d.Bus, Name: d.Rule} }

// atOnce is how many deliveries are attempted at the same time.
const atOnce = 8

// deliver attempts every delivery that is due, and sees to it that it runs
// again when the next one is.
func (s *Service) deliver(ctx context.Context) error {
	now := s.d.Clock.Now()
	var due []delivery
	var next time.Time
	err := s.d.Store.View(func(tx store.Tx) error {
		deliveries.Each(tx, "", func(_ string, d delivery) bool {
			if !d.Due.After(now) {
				due = append(due, d)
			} else if next.IsZero() || d.Due.Before(next) {
				next = d.Due
			}
			return true
		})
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(due, func(a, b delivery) int { return a.Received.Compare(b.Received) })
	errs := make([]error, len(due))
	var wg sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for i, d := range due {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if ctx.Err() == nil {
				errs[i] = s.attempt(ctx, d)
			}
		})
	}
	wg.Wait()
	s.delivering.at(ctx, s.d.Clock, next)
	return errors.Join(errs...)
}

// attempt tries a delivery once and notes what came of it. An error means that
// it could not be noted.
func (s *Service) attempt(ctx context.Context, d delivery) error {
	if d.Dead != nil {
		return s.bury(ctx, d)
	}
	err := s.send(ctx, &d)
	if ctx.Err() != nil {
		return nil // the process ends: the next one tries again
	}
	now := s.d.Clock.Now()
	if err == nil {
		s.measure(ctx, &d, "Invocations")
		return s.settle(d, false)
	}
	maxAge := time.Duration(ptr.Or(d.Target.MaxAge, defaultMaxAge)) * time.Second
	dead := &death{At: now, Code: wire.Code(err), Message: err.Error()}
	if e, ok := errors.AsType[*wire.Error](err); ok {
		dead.Message = e.Message
	} else {
		dead.Code = "InternalError"
	}
	switch {
	case !temporary(err):
	case d.Retries >= ptr.Or(d.Target.MaxAttempts, defaultMaxAttempts):
		dead.Exhausted = "MaximumRetryAttempts"
	case !now.Before(d.Received.Add(maxAge)):
		dead.Exhausted = "MaximumEventAgeInSeconds"
	default:
		d.Retries++
		d.Due = now.Add(pause(d.Retries))
		if last := d.Received.Add(maxAge); d.Due.After(last) {
			d.Due = last // one attempt more before it is too old
		}
		s.measure(ctx, &d, "RetryInvocationAttempts")
		return s.settle(d, true)
	}
	s.measure(ctx, &d, "FailedInvocations")
	s.d.Log.Warn("an event was not delivered", "event", d.EventID, "rule", d.Rule, "target", d.Target.ARN, "code", dead.Code, "error", dead.Message)
	if d.Target.DeadLetters == "" {
		return s.settle(d, false)
	}
	d.Dead, d.Due = dead, now
	return s.settle(d, true)
}

// settle stores a delivery, or removes it.
func (s *Service) settle(d delivery, stays bool) error {
	return s.d.Store.Update(func(tx store.Tx) error {
		if stays {
			deliveries.Put(tx, d.key(), d)
		} else {
			deliveries.Delete(tx, d.key())
		}
		return nil
	})
}

// pause is how long the n-th retry waits: 1 s, doubling up to 5 minutes.
func pause(n int64) time.Duration {
	return min(time.Second<<min(n-1, 10), 5*time.Minute)
}

// temporary reports whether an error may be over soon. A target that is gone or
// forbidden is not tried again, as on AWS.
// See https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html.
func temporary(err error) bool {
	e, ok := errors.AsType[*wire.Error](err)
	if !ok || e.Status >= 500 || e.Status == 429 {
		return true
	}
	switch e.Code {
	case "ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded", "ExecutionLimitExceeded", "KMSThrottlingException", "RequestThrottled", "ResourceConflictException", "ResourceNotReadyException":
		return true
	}
	return false
}

// measure counts what became of a rule's events.
// See https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html.
func (s *Service) measure(ctx context.Context, d *delivery, metric string) {
	_, err := wire.Invoke(wire.AsService(ctx, principal, d.Region), s.d.Calls, cloudwatchapi.PutMetricData, &cloudwatchapi.PutMetricDataInput{Namespace: new("AWS/Events"), MetricData: []cloudwatchapi.MetricDatum{{
		MetricName: &metric, Value: new(1.0), Unit: new("Count"), Timestamp: new(s.d.Clock.Now()), Dimensions: []cloudwatchapi.Dimension{{Name: new("RuleName"), Value: &d.Rule}},
	}}})
	if err != nil && wire.Code(err) != "NotImplemented" {
		s.d.Log.Warn("count an event", "metric", metric, "rule", d.Rule, "error", err)
	}
}
