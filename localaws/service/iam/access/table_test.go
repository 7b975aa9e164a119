package access_test

import (
	"context"
	"strings"
	"testing"

	"grocery/localaws/service/iam"
	"grocery/localaws/service/iam/access"
	"grocery/localaws/service/internal/apitest"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/iamapi"
)

func TestAnOperationWithoutALineCannotBeServed(t *testing.T) {
	clock, st := apitest.NewClock(), store.NewMemory()
	identities := iam.New(iam.Deps{Store: st, Clock: clock})
	calls := apitest.Registry()
	identities.Register(calls)
	d := access.Deps{Store: st, Clock: clock, Identities: identities, Calls: calls}
	if _, err := access.New(d); err != nil {
		t.Fatal(err)
	}
	undreamt := wire.Define[iamapi.GetUserInput, iamapi.GetUserOutput](wire.Operation{Service: iamapi.GetUser.Service, Name: "UndreamtOf"})
	wire.Handle(calls, undreamt, func(context.Context, *iamapi.GetUserInput) (*iamapi.GetUserOutput, error) { return nil, nil })
	if _, err := access.New(d); err == nil || !strings.Contains(err.Error(), "has no line for iam:UndreamtOf") {
		t.Errorf("%v", err)
	}
	few := apitest.Registry()
	wire.Handle(few, iamapi.GetUser, func(context.Context, *iamapi.GetUserInput) (*iamapi.GetUserOutput, error) { return nil, nil })
	d.Calls = few
	if _, err := access.New(d); err == nil || !strings.Contains(err.Error(), "is not served") {
		t.Errorf("a line for an operation that nobody serves: %v", err)
	}
}
