package sidecar

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/keyhash"
	"django-sidecar/signing"
)

// Explain prints each step to the verdict on a session key, and nothing secret. An error says why there is no verdict.
func (d *Deployment) Explain(ctx context.Context, key string, out io.Writer) (djangosession.Verdict, error) {
	fmt.Fprintf(out, "settings  Django %s, %s\n", d.version, d.Location())
	steps := &explained{d: d, out: out, now: time.Now()}
	if key != "" {
		fmt.Fprintf(out, "session   %s (the name that logs use for this key)\n", keyhash.Of(key).Name())
	}
	ctx, cancel := context.WithTimeout(ctx, d.config.StoreTimeout)
	defer cancel()
	verdict, err := d.verifier.With(steps, steps).Verify(ctx, key)
	if verdict.Session != nil {
		for _, path := range d.verifier.Unlisted(verdict.Session) {
			fmt.Fprintf(out, "left by   %s, which decides on logins and is not in DJANGO_MIDDLEWARE\n", path)
		}
	}
	switch {
	case err != nil:
		fmt.Fprintf(out, "verdict   could not find out: %v\n", err)
	case verdict.User == nil:
		if cause := d.cause(verdict); cause != "" {
			fmt.Fprintf(out, "because   %s\n", cause)
		}
		fmt.Fprintf(out, "verdict   no user: %s\n", verdict.Reason)
		for _, cause := range d.Checkup().Causes(ctx, key, verdict.Reason) {
			fmt.Fprintf(out, "cause     %s\n", cause)
		}
	default:
		fmt.Fprintf(out, "verdict   logged in: user %s\n", verdict.User.ID)
	}
	return verdict, err
}

// explained stands between the verifier and its stores, and tells what passes.
type explained struct {
	d   *Deployment
	out io.Writer
	now time.Time
}

// Load implements djangosession.Store.
func (e *explained) Load(ctx context.Context, key string) (*djangosession.Session, error) {
	session, err := e.d.sessions.Load(ctx, key)
	switch {
	case errors.Is(err, djangosession.ErrExpired):
		fmt.Fprintln(e.out, "stored    found, but its time is over")
	case errors.Is(err, djangosession.ErrNotFound):
		fmt.Fprintln(e.out, "stored    there is none with this session key")
	case err != nil:
		fmt.Fprintf(e.out, "stored    %s\n", DecodeProblem(err))
	default:
		e.found(session)
		e.describe(session)
	}
	return session, err
}

func (e *explained) found(session *djangosession.Session) {
	if session.ExpireDate.IsZero() {
		fmt.Fprintln(e.out, "stored    found; it does not say when it expires")
	} else {
		fmt.Fprintf(e.out, "stored    found, expires in %s (%s)\n",
			session.ExpireDate.Sub(e.now).Round(time.Second), session.ExpireDate.UTC().Format(time.RFC3339))
	}
	if e.d.cache == nil { // nothing is signed in a cache
		fmt.Fprintf(e.out, "signature right, made with %s\n", session.SignedBy)
	}
}

func (e *explained) describe(session *djangosession.Session) {
	if session.AuthUserID.Kind() == djangosession.Missing {
		fmt.Fprintln(e.out, "login     nobody has logged in in this session")
		return
	}
	backend, ok := session.AuthBackend.Text()
	if !ok {
		fmt.Fprintln(e.out, "login     the session names no backend")
		return
	}
	fmt.Fprintf(e.out, "login     user id %.80s through %.200q\n", session.AuthUserID.JSON(), backend)
}

// UserByID implements djangosession.UserStore.
func (e *explained) UserByID(ctx context.Context, id djangosession.Value) (*djangosession.StoredUser, error) {
	user, err := e.d.users.UserByID(ctx, id)
	if err != nil {
		fmt.Fprintf(e.out, "user      %v\n", err)
		return nil, err
	}
	active := map[djangosession.Flag]string{
		djangosession.True: "active", djangosession.False: "not active", djangosession.NullFlag: "is_active is NULL",
		djangosession.AbsentFlag: "the model has no is_active",
	}[user.IsActive]
	fmt.Fprintf(e.out, "user      found: id %s, %s\n", user.ID, active)
	return user, nil
}

// DecodeProblem says what is wrong with session data, and what to look at.
func DecodeProblem(err error) string {
	var syntax *signing.SyntaxError
	switch {
	case errors.Is(err, signing.ErrBadSignature):
		return string(djangosession.BadSignature) +
			": not signed with this SECRET_KEY, for this DJANGO_SESSION_STORE_CLASS, in a form that this " +
			"DJANGO_VERSION reads"
	case errors.As(err, &syntax):
		return string(djangosession.Unreadable) + ": " + syntax.Problem
	}
	return err.Error()
}
