package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/config"
	"django-sidecar/internal/sessionid"
)

// maxCookieBytes bounds what verify reads: more than any server lets through in a header.
const maxCookieBytes = 64 << 10

func verify(ctx context.Context, args []string, s stdio) int {
	f := flags("verify")
	isCookie := f.Bool("cookie", false, "stdin is a Cookie header, not a session key")
	if code, ok := parseFlags(f, args, s); !ok {
		return code
	}
	c, ok := readConfig(s, config.FromProcess)
	if !ok {
		return exitUsage
	}
	text, err := readCookie(s.in)
	if err != nil {
		fmt.Fprintf(s.err, "reading stdin: %v\n", err)
		return exitUnknown
	}
	key, name := text, ""
	if *isCookie || isHeader(text, c.SessionCookieNames) {
		key, name = djangosession.FirstSessionKey([]string{withoutHeaderName(text)}, c.SessionCookieNames)
		switch {
		case name == "":
			fmt.Fprintf(s.out, "cookie    the header has no cookie %s\n", strings.Join(c.SessionCookieNames, " or "))
		case key == "":
			fmt.Fprintf(s.out, "cookie    %s is empty\n", name)
		default:
			fmt.Fprintf(s.out, "cookie    %s has a value of %d characters\n", name, len([]rune(key)))
		}
	}
	return explain(ctx, c, key, s)
}

// readCookie reads what verify and check have on stdin.
func readCookie(in io.Reader) (string, error) {
	input, err := io.ReadAll(io.LimitReader(in, maxCookieBytes))
	return strings.TrimRight(string(input), "\r\n"), err
}

const cookieHeader = "cookie:"

func hasHeaderName(text string) bool {
	return len(text) >= len(cookieHeader) && strings.EqualFold(text[:len(cookieHeader)], cookieHeader)
}

// withoutHeaderName is a Cookie header as it is copied from a browser, without its name.
func withoutHeaderName(text string) string {
	if hasHeaderName(text) {
		return strings.TrimSpace(text[len(cookieHeader):])
	}
	return text
}

// isHeader reports whether text is a Cookie header and not a session key: it has the header's name, or a cookie of one of
// the names. No key that Django makes has a "=", neither a random one (contrib/sessions/backends/base.py, 5.2, VALID_KEY_CHARS)
// nor a signed cookie (core/signing.py, 5.2, b64_encode strips them).
func isHeader(text string, names []string) bool {
	_, name := djangosession.FirstSessionKey([]string{text}, names)
	return hasHeaderName(text) || name != ""
}

// explain prints each step to the verdict on key, and nothing secret.
func explain(ctx context.Context, c *config.Config, key string, s stdio) int {
	d, err := newDeployment(c, nil)
	if err != nil {
		fmt.Fprintf(s.err, "django-sidecar: %v\n", err)
		return exitUsage
	}
	defer d.Close() //nolint:errcheck // nothing has been written
	fmt.Fprintf(s.out, "settings  Django %s, %s\n", d.version, d.location())
	steps := &explained{d: d, out: s.out, now: time.Now()}
	if key != "" {
		fmt.Fprintf(s.out, "session   %s (the name that logs use for this key)\n", sessionid.Of(key).Name())
	}
	ctx, cancel := context.WithTimeout(ctx, c.StoreTimeout)
	defer cancel()
	verdict, err := d.verifier.With(steps, steps).Verify(ctx, key)
	if verdict.Session != nil {
		for _, path := range d.verifier.Unlisted(verdict.Session) {
			fmt.Fprintf(s.out, "left by   %s, which decides on logins and is not in DJANGO_MIDDLEWARE\n", path)
		}
	}
	switch {
	case err != nil:
		fmt.Fprintf(s.out, "verdict   could not find out: %v\n", err)
		return exitUnknown
	case verdict.User == nil:
		if cause := d.cause(verdict); cause != "" {
			fmt.Fprintf(s.out, "because   %s\n", cause)
		}
		fmt.Fprintf(s.out, "verdict   no user: %s\n", verdict.Reason)
		for _, cause := range newCheckup(d).Causes(ctx, key, verdict.Reason) {
			fmt.Fprintf(s.out, "cause     %s\n", cause)
		}
		return exitNo
	}
	fmt.Fprintf(s.out, "verdict   logged in: user %s\n", verdict.User.ID)
	return exitYes
}

// explained stands between the verifier and its stores, and tells what passes.
type explained struct {
	d   *deployment
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
		fmt.Fprintf(e.out, "stored    %s\n", explainDecode(err))
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
