package main

import (
	"context"

	"grocery/backend/postgres"
	"grocery/backend/secret"
)

// LoginRefusedError says that the database does not accept the current value of the
// secret. The shop may go on with the previous one.
type LoginRefusedError struct{ Err error }

// Error returns what the database said.
func (e *LoginRefusedError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *LoginRefusedError) Unwrap() error { return e.Err }

// login logs in with the current value of the secret, and no other. It is how a new
// password is checked from within the database's network.
func (h *Handler) login(ctx context.Context) error {
	c := h.db
	user, password, err := c.Login.Read(ctx, secret.Current)
	if err != nil {
		return err
	}
	c.User, c.Password, c.Login = user, password, nil
	conn, err := postgres.Connect(ctx, c, "grocery-login")
	if postgres.IsLoginRefused(err) {
		return &LoginRefusedError{err}
	}
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}
