package answer

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

// Verifier gives the verdict on a session key, "" for a request without one. An error says that it could not be
// found out; its text is logged, and must hold nothing secret. The context has a deadline, and outlives a client
// that hangs up.
type Verifier interface {
	Verify(ctx context.Context, sessionKey string) (djangosession.Verdict, error)
}

// AccessStore finds out what a user may do. An error that is djangosession.ErrNoPermissionsMixin says that the user model
// has no groups and permissions; any other, that it could not be found out.
type AccessStore interface {
	AccessOf(ctx context.Context, userID string) (djangosession.Access, error)
}

// Service finds answers. Every field but Peek, PeekAccess, Cookies, Access, NoPermissions, Login and Observe is required.
type Service struct {
	Verifier Verifier
	// Peek gives a verdict that is at hand, to a question put at the time asked; nil means that none ever is.
	Peek func(id keyhash.Hash, asked time.Time) (v djangosession.Verdict, ok bool)
	// PeekAccess gives what Access would, where that is at hand; nil means that it never is.
	PeekAccess func(userID string) (a djangosession.Access, ok bool)
	// CookieNames are the names of the session cookie: the first that a request has decides.
	CookieNames []string
	// Cookies are how Cookie headers are read; the zero value is WSGI's way.
	Cookies djangosession.CookieRules
	// Timeout bounds a verdict, and once more what is looked up after it; past it the answer is Unavailable.
	Timeout time.Duration
	// Access finds out what users may do, for gateways; nil where that cannot be known.
	Access AccessStore
	// NoPermissions says why permissions cannot be demanded, although Access tells of some; nil where they can.
	NoPermissions error
	// Login is where gateways send a browser; the zero value sends nobody anywhere.
	Login gateway.LoginURL
	// Observe counts a verdict; nil means nobody does.
	Observe func(outcome string, reason djangosession.Reason, took time.Duration)
	// Now is the clock.
	Now func() time.Time
}

// Verify asks for the verdict on a request's Cookie headers, a question put at the time asked, and puts it into the request's event.
func (s *Service) Verify(ctx context.Context, cookies []string, asked time.Time, e *observe.Event) (djangosession.Verdict, Outcome) {
	if len(cookies) > 1 {
		e.CookieLines = len(cookies)
	}
	key, _ := s.Cookies.FirstSessionKey(cookies, s.CookieNames)
	e.Session = keyhash.Of(key)
	v, took, err := s.verify(ctx, key, e.Session, asked)
	out := outcomeOf(v, err)
	if s.Observe != nil {
		s.Observe(string(out), v.Reason, took)
	}
	e.Outcome, e.Reason, e.Err = string(out), v.Reason, err
	if v.User != nil {
		e.UserID = v.User.ID
	}
	return v, out
}

// verify makes no context where nobody waits, and takes no time for what is at hand: reading the clock would take as long.
func (s *Service) verify(ctx context.Context, key string, id keyhash.Hash, asked time.Time) (v djangosession.Verdict, took time.Duration, err error) {
	if s.Peek != nil {
		if v, ok := s.Peek(id, asked); ok {
			return v, 0, nil
		}
	}
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	v, err = s.Verifier.Verify(ctx, key)
	return v, s.Now().Sub(asked), err
}

// bounded gives a question to the stores its deadline, which is all that ends it: a client that hangs up must not tear
// down a database connection under its query.
func (s *Service) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), s.Timeout)
}

// errNoAccess says that a requirement asks for what nobody can have in this deployment.
var errNoAccess = errors.New("groups and permissions are not known here")

// accessOf looks up what a user may do: for the requirements, and for Remote-Groups.
func (s *Service) accessOf(ctx context.Context, user *djangosession.User, demands gateway.Requirements) (djangosession.Access, error) {
	if user == nil {
		return djangosession.Access{}, nil
	}
	if len(demands.Permissions) > 0 && s.NoPermissions != nil {
		return djangosession.Access{}, fmt.Errorf("%w: %w", errNoAccess, s.NoPermissions)
	}
	if s.PeekAccess != nil {
		if access, ok := s.PeekAccess(user.ID); ok {
			return meeting(access, demands)
		}
	}
	err := errNoAccess
	var access djangosession.Access
	if s.Access != nil {
		ctx, cancel := s.bounded(ctx)
		defer cancel()
		access, err = s.Access.AccessOf(ctx, user.ID)
		if errors.Is(err, djangosession.ErrNoPermissionsMixin) {
			err = fmt.Errorf("%w: %w", errNoAccess, err)
		}
	}
	if errors.Is(err, errNoAccess) && !demands.NeedsAccess() {
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
		return djangosession.Access{}, fmt.Errorf("%w: the tables of permissions are not those of django.contrib.auth; see django-sidecar check", errNoAccess)
	}
	return access, nil
}
