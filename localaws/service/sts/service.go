package sts

import (
	"context"
	"strings"
	"time"

	"grocery/localaws/oidc"
	"grocery/localaws/reconcile"
	"grocery/localaws/service/iam"
	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/stsapi"
)

// Deps is what the service needs.
type Deps struct {
	Store store.Store
	Clock store.Clock
	Calls *wire.Registry
	// Issuers has the keys of identity providers; nil makes one.
	Issuers *oidc.Issuers
}

// Service is STS.
type Service struct{ d Deps }

// New makes the service.
func New(d Deps) *Service {
	if d.Issuers == nil {
		d.Issuers = oidc.New(d.Clock.Now)
	}
	return &Service{d}
}

// Register offers STS's operations.
func (s *Service) Register(r *wire.Registry) {
	wire.Handle(r, stsapi.GetCallerIdentity, s.getCallerIdentity)
	wire.Handle(r, stsapi.GetAccessKeyInfo, s.getAccessKeyInfo)
	wire.Handle(r, stsapi.GetSessionToken, s.getSessionToken)
	wire.Handle(r, stsapi.AssumeRole, s.assumeRole)
	wire.Handle(r, stsapi.AssumeRoleWithWebIdentity, s.assumeRoleWithWebIdentity)
}

// Loops forgets temporary credentials some time after they expired.
func (s *Service) Loops() []reconcile.Loop {
	return []reconcile.Loop{{Name: "sts-sessions", Every: time.Hour, Run: s.forget}}
}

// Session is a set of temporary credentials.
type Session struct {
	AccessKeyID string
	Secret      string
	Token       string
	Expires     time.Time
	ARN         string // of the principal, such as arn:aws:sts::123456789012:assumed-role/app/i-0123
	UserID      string // such as AROA...:i-0123
	Role        string // ARN of the role that was taken, "" for a user's session
	// Policies narrow what the session may do: documents and ARNs that the
	// caller passed.
	Policy     string
	PolicyARNs []string
	// Context are the condition keys that stay with the session.
	Context map[string][]string
}

var sessions = store.Table[Session]{Name: "sts.sessions"}

// Credential finds what a temporary access key stands for; it implements
// wire.Credentials. Expired credentials are still found, so that their use is
// answered with ExpiredToken.
func (s *Service) Credential(_ context.Context, id string) (c wire.Credential, ok bool, err error) {
	err = s.d.Store.View(func(tx store.Tx) error {
		var x Session
		if x, ok = sessions.Get(tx, id); ok {
			c = wire.Credential{Secret: x.Secret, Token: x.Token, Expires: x.Expires, Principal: wire.Principal{ARN: x.ARN, UserID: x.UserID, AccessKeyID: id}}
		}
		return nil
	})
	return c, ok, err
}

// FindSession returns the session of a temporary access key.
func FindSession(tx store.Tx, accessKeyID string) (Session, bool) {
	return sessions.Get(tx, accessKeyID)
}

func (s *Service) forget(context.Context) error {
	return s.d.Store.Update(func(tx store.Tx) error {
		before := s.d.Clock.Now().Add(-24 * time.Hour)
		for _, x := range sessions.List(tx, "") {
			if x.Expires.Before(before) {
				sessions.Delete(tx, x.AccessKeyID)
			}
		}
		return nil
	})
}

// issue keeps a new session and returns its credentials.
func (s *Service) issue(x Session, length time.Duration) (*stsapi.Credentials, error) {
	x.AccessKeyID, x.Secret = iam.NewKey("ASIA")
	x.Token = newToken()
	x.Expires = s.d.Clock.Now().Add(length).Truncate(time.Second)
	err := s.d.Store.Update(func(tx store.Tx) error { sessions.Put(tx, x.AccessKeyID, x); return nil })
	return &stsapi.Credentials{AccessKeyId: &x.AccessKeyID, SecretAccessKey: &x.Secret, SessionToken: &x.Token, Expiration: &x.Expires}, err
}

func (s *Service) getCallerIdentity(ctx context.Context, _ *stsapi.GetCallerIdentityInput) (*stsapi.GetCallerIdentityOutput, error) {
	c := wire.CallFrom(ctx)
	return &stsapi.GetCallerIdentityOutput{Account: &c.Account, Arn: &c.Principal.ARN, UserId: &c.Principal.UserID}, nil
}

// getAccessKeyInfo tells the account of a key. Every key that could exist here
// belongs to the one account.
func (s *Service) getAccessKeyInfo(ctx context.Context, in *stsapi.GetAccessKeyInfoInput) (*stsapi.GetAccessKeyInfoOutput, error) {
	if id := *in.AccessKeyId; len(id) < 16 || !strings.HasPrefix(id, "AKIA") && !strings.HasPrefix(id, "ASIA") {
		return nil, wire.Errorf(400, "ValidationError", "Invalid type for parameter AccessKeyId")
	}
	return &stsapi.GetAccessKeyInfoOutput{Account: &wire.CallFrom(ctx).Account}, nil
}

func (s *Service) getSessionToken(ctx context.Context, in *stsapi.GetSessionTokenInput) (*stsapi.GetSessionTokenOutput, error) {
	p := wire.CallFrom(ctx).Principal
	if in.SerialNumber != nil || in.TokenCode != nil {
		return nil, wire.Errorf(403, "AccessDenied", "MultiFactorAuthentication failed: no MFA device is known.")
	}
	if !strings.Contains(p.ARN, ":user/") {
		return nil, wire.Errorf(403, "AccessDenied", "Cannot call GetSessionToken with session credentials")
	}
	length, err := duration(in.DurationSeconds, 43200, 129600)
	if err != nil {
		return nil, err
	}
	c, err := s.issue(Session{ARN: p.ARN, UserID: p.UserID}, length)
	return &stsapi.GetSessionTokenOutput{Credentials: c}, err
}

// duration checks how long a session is to last, in seconds.
func duration(asked *int64, otherwise, longest int64) (time.Duration, error) {
	n := ptr.Or(asked, otherwise)
	if n < 900 || n > 129600 {
		return 0, wire.Errorf(400, "ValidationError", "1 validation error detected: Value '%d' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900", n)
	}
	if n > longest {
		return 0, wire.Errorf(400, "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	return time.Duration(n) * time.Second, nil
}
