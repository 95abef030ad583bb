package check

import (
	"context"
	"errors"
	"fmt"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/gateway"
	"django-sidecar/internal/keyhash"
	"django-sidecar/internal/observe"
)

// VerdictSource gives the verdict on a session key, to a question put at the time asked, and says whether it was kept,
// so that nobody had to wait for it. A request without a key has the empty one. An error says that it could not be
// found out; its text is logged, and must hold nothing secret. A client that hangs up ends ctx, but not the question:
// that has a deadline of its own.
type VerdictSource interface {
	Verify(ctx context.Context, key keyhash.Key, asked time.Time) (v djangosession.Verdict, kept bool, err error)
}

// Service checks requests. Every field but Cookies, Access, NoPermissions, Login, Observe,
// Answered, Active and Audit is required.
type Service struct {
	// Verifier gives the verdicts.
	Verifier VerdictSource
	// CookieNames are the names of the session cookie: the first that a request has decides.
	CookieNames []string
	// Cookies are how Cookie headers are read; the zero value is WSGI's way.
	Cookies djangosession.CookieRules
	// Access finds out what users may do, for gateways, and is asked as a VerdictSource is; nil where that cannot be
	// known.
	Access djangosession.AccessStore
	// NoPermissions says why permissions cannot be demanded, although Access tells of some; nil where they can.
	NoPermissions error
	// Login is where gateways send a browser; the zero value sends nobody anywhere.
	Login gateway.LoginURL
	// Observe counts a verdict, the zero Verdict where it could not be found out; nil means nobody does.
	Observe func(outcome string, v djangosession.Verdict, took time.Duration)
	// Answered is told of each verdict, and must not wait; nil: nobody is.
	Answered func(cookies []string, v djangosession.Verdict)
	// Active is told of each session of a user that was asked about, and may write; nil: nobody is.
	Active func(ctx context.Context, key keyhash.Key, v djangosession.Verdict)
	// Audit takes verdicts that differ from the ones before; nil: nobody does.
	Audit *observe.Audit
	// Now is the clock.
	Now func() time.Time
}

// NamedKey is a session key of a request, with the name of its cookie.
type NamedKey struct{ Name, Key string }

// SessionKeys are those in the cookies of each of CookieNames that a request has, in their order: the first decides,
// and without it the next one would.
func (s *Service) SessionKeys(header []string) (all []NamedKey) {
	for i := range s.CookieNames {
		if key, name := s.Cookies.FirstSessionKey(header, s.CookieNames[i:i+1]); name != "" {
			all = append(all, NamedKey{name, key})
		}
	}
	return all
}

// Verify asks for the verdict on a request's Cookie headers, a question put at the time asked, and puts it into the
// request's event.
func (s *Service) Verify(
	ctx context.Context, cookies []string, asked time.Time, e *observe.Event,
) (djangosession.Verdict, Outcome) {
	if len(cookies) > 1 {
		e.CookieLines = len(cookies)
	}
	text, _ := s.Cookies.FirstSessionKey(cookies, s.CookieNames)
	key := keyhash.New(text)
	e.Session = key.Hash
	v, kept, err := s.Verifier.Verify(ctx, key, asked)
	var took time.Duration
	if !kept { // what is kept takes less than reading the clock
		took = s.Now().Sub(asked)
	}
	out := outcomeOf(v, err)
	if s.Observe != nil {
		s.Observe(string(out), v, took)
	}
	e.Outcome, e.Reason, e.Err = string(out), v.Reason, err
	if v.User != nil {
		e.UserID = v.User.ID
	}
	if s.Answered != nil && err == nil {
		s.Answered(cookies, v)
	}
	if s.Audit != nil && err == nil {
		s.Audit.Verdict(e, v)
	}
	if s.Active != nil && out == Alive {
		s.Active(ctx, key, v)
	}
	return v, out
}

// AccessOf looks up what a user may do: for the requirements, and for Remote-Groups. An error is [gateway.ErrNoAccess],
// or says that it could not be found out.
func (s *Service) AccessOf(
	ctx context.Context, user *djangosession.User, demands gateway.Requirements,
) (djangosession.Access, error) {
	if user == nil {
		return djangosession.Access{}, nil
	}
	if len(demands.Permissions) > 0 && s.NoPermissions != nil {
		return djangosession.Access{}, fmt.Errorf("%w: %w", gateway.ErrNoAccess, s.NoPermissions)
	}
	access, err := djangosession.Access{}, gateway.ErrNoAccess
	if s.Access != nil {
		access, err = s.Access.AccessOf(ctx, user.ID)
		if errors.Is(err, djangosession.ErrNoPermissionsMixin) {
			err = fmt.Errorf("%w: %w", gateway.ErrNoAccess, err)
		}
	}
	if errors.Is(err, gateway.ErrNoAccess) && !demands.NeedsAccess() {
		return djangosession.Access{}, nil // there are none to tell of
	}
	if err != nil {
		return access, err
	}
	return meeting(access, demands)
}

// meeting refuses to judge demands by permissions that are not known.
func meeting(access djangosession.Access, demands gateway.Requirements) (djangosession.Access, error) {
	if access.PermissionsUnknown && len(demands.Permissions) > 0 {
		return djangosession.Access{}, fmt.Errorf("%w: the tables of permissions are not those of "+
			"django.contrib.auth; see django-sidecar check", gateway.ErrNoAccess)
	}
	return access, nil
}
