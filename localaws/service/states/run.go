package states

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"grocery/localaws/reconcile"
	"grocery/localaws/service/states/asl"
	"grocery/localaws/store"
)

// retention is how long AWS keeps an execution that ended.
const retention = 90 * 24 * time.Hour

// Loops returns the loop that runs executions, also those a crash interrupted,
// and the one that forgets old ones.
func (s *Service) Loops() []reconcile.Loop {
	return []reconcile.Loop{
		{Name: "states", Tables: []string{unfinished.Name}, Every: 30 * time.Second, Run: s.dispatch},
		{Name: "states-retention", Every: time.Hour, Run: s.expire},
	}
}

// dispatch puts somebody to work on every execution that runs and has nobody.
func (s *Service) dispatch(ctx context.Context) error {
	return s.d.Store.View(func(tx store.Tx) error {
		unfinished.Each(tx, "", func(key string, _ struct{}) bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.working[key] == nil {
				ctx, cancel := context.WithCancel(ctx)
				s.working[key] = cancel
				go s.work(ctx, key)
			}
			return true
		})
		return nil
	})
}

// cancel interrupts the work on an execution that was ended from outside.
func (s *Service) cancel(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel := s.working[key]; cancel != nil {
		cancel()
	}
}

// work takes an execution step by step to its end. When it cannot go on, the
// execution stays as the last step left it, and dispatch tries again.
func (s *Service) work(ctx context.Context, key string) {
	err := s.advance(ctx, key)
	s.mu.Lock()
	s.working[key]()
	delete(s.working, key)
	s.mu.Unlock()
	if err != nil && ctx.Err() == nil && !errors.Is(err, errStale) {
		s.d.Log.Error("run an execution", "execution", key, "error", err)
	}
}

func (s *Service) advance(ctx context.Context, key string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	var x execution
	err = s.d.Store.View(func(tx store.Tx) error {
		var ok bool
		if x, ok = executions.Get(tx, key); !ok {
			return errStale
		}
		return nil
	})
	if err != nil {
		return err
	}
	definition, err := asl.Parse(x.Runs.Definition)
	if err != nil {
		return err
	}
	for x.Status == running {
		t := s.turn(x, definition)
		if err := s.step(ctx, t); err != nil {
			return err
		}
		if err := s.commit(t); err != nil {
			return err
		}
		x = t.x
	}
	return nil
}

// maxHistory is how many events an execution may have.
const maxHistory = 25000

// step does what comes next, waiting for it where needed, and notes it in t.
func (s *Service) step(ctx context.Context, t *turn) error {
	end := t.expiry()
	switch {
	case end != nil && !t.now.Before(*end):
		t.end(timedOut, nil, new(asl.Timeout), nil)
		return nil
	case t.x.LastID > maxHistory-10:
		t.fail(&asl.Error{Name: asl.Runtime, Cause: fmt.Sprintf("The execution reached the maximum number of history events (%d).", maxHistory)})
		return nil
	}
	switch t.x.Phase {
	case entering:
		t.enterState()
		return nil
	case working:
		return s.task(ctx, t, end)
	}
	// waiting or retrying
	until := *t.x.Due
	if end != nil && end.Before(until) {
		until = *end
	}
	if err := s.sleep(ctx, until); err != nil {
		return err
	}
	t.now = s.d.Clock.Now()
	switch {
	case end != nil && !t.now.Before(*end):
		t.end(timedOut, nil, new(asl.Timeout), nil)
	case t.x.Phase == waiting:
		t.pass()
	default:
		t.schedule()
	}
	return nil
}

// sleep waits until a moment.
func (s *Service) sleep(ctx context.Context, until time.Time) error {
	d := until.Sub(s.d.Clock.Now())
	if d <= 0 {
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.d.Clock.After(d):
		return nil
	}
}

// expiry is when the whole execution times out, nil for never.
func (t *turn) expiry() *time.Time {
	if t.definition.Timeout == 0 {
		return nil
	}
	return new(t.x.Started.Add(time.Duration(t.definition.Timeout) * time.Second))
}

// enterState enters the state and does what takes no time.
func (t *turn) enterState() {
	s := t.state()
	t.x.Entered = t.now
	t.add(event{Type: s.Type + "StateEntered", Name: s.Name, Input: new(string(t.x.Data))})
	switch s.Type {
	case asl.Task:
		t.schedule()
	case asl.Wait:
		until, err := s.WaitUntil(t.data(), t.x.context(), t.now)
		if err != nil {
			t.fault(err)
			return
		}
		t.x.Phase, t.x.Due = waiting, &until
	case asl.Choice:
		next, err := s.Choose(t.data(), t.x.context())
		if err != nil {
			t.fault(err)
			return
		}
		t.passTo(next)
	case asl.Fail:
		name, cause, err := s.Failure(t.data(), t.x.context())
		if err != nil {
			t.fault(err)
			return
		}
		t.end(failed, nil, name, cause)
	default:
		t.pass()
	}
}

// pass leaves a state that calls nothing.
func (t *turn) pass() { t.passTo(t.state().Next) }

func (t *turn) passTo(next string) {
	output, err := t.state().Passed(t.data(), t.x.context())
	if err != nil {
		t.fault(err)
		return
	}
	t.leave(output, next)
}

// expire removes executions that ended long ago.
func (s *Service) expire(context.Context) error {
	limit := s.d.Clock.Now().Add(-retention)
	return s.d.Store.Update(func(tx store.Tx) error {
		for _, x := range executions.List(tx, "") {
			if x.Stopped != nil && x.Stopped.Before(limit) {
				remove(tx, &x)
			}
		}
		return nil
	})
}
