package ops

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// Rotated is what RotatePassword or RotateKeys achieved.
type Rotated struct {
	Version int `json:"version"` // the number that the tfvars file has now
}

// loginWithin is how long RDS may take, after it accepted a new password, until
// that works.
const loginWithin = 2 * time.Minute

// RotatePassword gives secret and database a new password: it raises
// db_password_version in the tfvars file, applies with the image tag that runs,
// and logs in with what the secret holds now. Where the database does not
// accept that, secret and database have parted, and both are written once more.
// The shop goes on: an open connection stays, and a refused one reads the
// secret again. A rotation that was interrupted is finished first, instead of
// another one.
func (e *Environment) RotatePassword(ctx context.Context) (*Rotated, error) {
	r, o, err := e.beginRotation(ctx)
	if err != nil {
		return nil, err
	}
	defer r.done()
	const tries = 2
	for try := 1; ; try++ {
		n, err := r.next(ctx, "db_password_version", func(n numbers) *int { return n.database })
		if err != nil {
			return nil, err
		}
		if err := r.raise(ctx, "db_password_version", n); err != nil {
			return nil, err
		}
		err = r.step(ctx, "log in", func(ctx context.Context, info func(string, ...any)) error { return r.login(ctx, o) })
		if _, parted := errors.AsType[*loginError](err); parted && try < tries {
			continue
		}
		if err != nil {
			return nil, err
		}
		return &Rotated{n}, r.verified(ctx, r.shopURL(o))
	}
}

// RotateKeys gives the backend new keys: it raises app_secret_version in the
// tfvars file, applies with the image tag that runs, and replaces the
// instances, which read keys when they boot. Everybody has to sign in again.
func (e *Environment) RotateKeys(ctx context.Context) (*Rotated, error) {
	r, _, err := e.beginRotation(ctx)
	if err != nil {
		return nil, err
	}
	defer r.done()
	n, err := r.next(ctx, "app_secret_version", func(n numbers) *int { return n.keys })
	if err != nil {
		return nil, err
	}
	if err := r.raise(ctx, "app_secret_version", n); err != nil {
		return nil, err
	}
	o, err := r.outputs(ctx, r.tf) // with the version that the apply made
	if err != nil {
		return nil, err
	}
	if err := r.release(ctx, o, releaseOptions{all: true}); err != nil {
		return nil, err
	}
	return &Rotated{n}, r.verified(ctx, r.shopURL(o))
}

// beginRotation starts a run on what is deployed.
func (e *Environment) beginRotation(ctx context.Context) (*run, Output, error) {
	r, err := e.begin(ctx)
	if err != nil {
		return nil, Output{}, err
	}
	o, err := r.stateOutputs(ctx, r.cfg)
	if err == nil {
		err = r.stay(ctx, o)
	}
	if err != nil {
		r.done()
		return nil, Output{}, err
	}
	return r, o, nil
}

// next is the number to apply: the one after that of the tfvars file, or that
// one itself where it was not applied yet.
func (r *run) next(ctx context.Context, name string, of func(numbers) *int) (int, error) {
	set, err := r.number(name)
	if err != nil {
		return 0, err
	}
	state, err := r.state(ctx)
	if err != nil {
		return 0, err
	}
	n, err := written(state)
	if err != nil {
		return 0, err
	}
	if applied := of(n); applied == nil || *applied != set {
		return set, nil
	}
	return set + 1, nil
}

// loginError says that the database does not accept what the secret holds.
type loginError struct{ reason string }

func (e *loginError) Error() string {
	return "the database does not accept the password of the secret: " + e.reason + " (the shop goes on with the previous one where that is still good; grocery rotate password writes both anew)"
}

// login lets the restore function, which is in the database's network, log in
// with the current value of the secret.
func (r *run) login(ctx context.Context, o Output) error {
	if o.LambdaFunctionName == "" {
		return errors.New("there is no restore function, which logs in: grocery deploy makes it")
	}
	ctx, cancel := context.WithTimeout(ctx, loginWithin)
	defer cancel()
	c := lambda.NewFromConfig(r.cfg)
	for {
		out, err := c.Invoke(ctx, &lambda.InvokeInput{FunctionName: &o.LambdaFunctionName, Payload: []byte(`{"action":"login"}`)})
		if err != nil {
			return fmt.Errorf("call the function %s: %w", o.LambdaFunctionName, err)
		}
		if out.FunctionError == nil {
			return nil
		}
		var failure struct {
			Type string `json:"errorType"`
			Text string `json:"errorMessage"`
		}
		if err := json.Unmarshal(out.Payload, &failure); err != nil {
			return fmt.Errorf("the function %s failed: %s", o.LambdaFunctionName, strings.TrimSpace(string(out.Payload)))
		}
		if failure.Type != "LoginRefusedError" {
			return fmt.Errorf("the function %s failed: %s", o.LambdaFunctionName, failure.Text)
		}
		if pause(ctx, pollEvery) != nil {
			return &loginError{failure.Text}
		}
	}
}
