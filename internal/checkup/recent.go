package checkup

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/dbstore"
	"django-sidecar/signing"
)

// sample is how many recent sessions are looked at.
const sample = 100

// recentSessions judges the live sessions that expire last, as requests would.
func (d *Deployment) recentSessions(ctx context.Context) ([]Finding, bool) {
	const name = "recent sessions"
	if d.Recent == nil {
		return []Finding{{
			Warn, name, "cannot be listed where this engine keeps them",
			"try one that is live: echo its cookie's value | django-sidecar verify",
		}}, true
	}
	recent, err := d.Recent(ctx, sample)
	if err != nil {
		return []Finding{{Fail, name, err.Error(), ""}}, false
	}
	if len(recent) == 0 {
		return []Finding{{Warn, name, "there is no live session to look at", "log in to the Django site once, and check again"}}, true
	}
	t := tally{reasons: map[djangosession.Reason]int{}, keys: map[string]int{}, backends: map[string]int{}, unlisted: map[string]int{}}
	for _, r := range recent {
		v, err := d.Verifier.Verify(ctx, r.Key)
		if err != nil {
			return []Finding{{Fail, name, err.Error(), ""}}, false
		}
		t.add(v)
		if v.Session != nil {
			for _, path := range d.Verifier.Unlisted(v.Session) {
				t.unlisted[path]++
			}
		}
	}
	findings := []Finding{d.readable(name, recent, t)}
	if logins := t.logins(); logins > 0 {
		findings = append(findings, d.loggedIn(logins, t))
	}
	for _, path := range slices.Sorted(maps.Keys(t.unlisted)) {
		findings = append(findings, Finding{
			Warn, "middleware", fmt.Sprintf("%d of %d sessions have an entry of %s, which decides on logins", t.unlisted[path], len(recent), path),
			"set DJANGO_MIDDLEWARE to what Django's MIDDLEWARE has",
		})
	}
	return findings, true
}

// tally counts verdicts.
type tally struct {
	reasons  map[djangosession.Reason]int // "" for a user
	keys     map[string]int               // which keys signed
	backends map[string]int               // of the logins whose backend is unknown
	unlisted map[string]int               // middleware that has been there, and is not in DJANGO_MIDDLEWARE
}

func (t tally) add(v djangosession.Verdict) {
	t.reasons[v.Reason]++
	if v.Session == nil {
		return
	}
	t.keys[v.Session.SignedBy.String()]++
	if v.Reason == djangosession.UnknownBackend {
		backend, _ := v.Session.AuthBackend.Text()
		t.backends[backend]++
	}
}

func (t tally) unread() int {
	return t.reasons[djangosession.BadSignature] + t.reasons[djangosession.Unreadable]
}

// logins is how many sessions somebody has logged in to.
func (t tally) logins() int {
	n := 0
	for reason, count := range t.reasons {
		switch reason {
		case djangosession.BadSignature, djangosession.Unreadable, djangosession.Anonymous,
			djangosession.NotFound, djangosession.Expired, djangosession.NoCookie, djangosession.BadSessionKey:
		case djangosession.UnknownBackend, djangosession.BadUserID, djangosession.UserNotFound,
			djangosession.UserInactive, djangosession.AuthHashMismatch:
			n += count
		default: // a user
			n += count
		}
	}
	return n
}

// readable says how many of the sessions can be read, and why the others cannot.
func (d *Deployment) readable(name string, recent []dbstore.StoredSession, t tally) Finding {
	var signed []string
	for _, key := range slices.Sorted(maps.Keys(t.keys)) {
		signed = append(signed, fmt.Sprintf("%d with %s", t.keys[key], key))
	}
	found := fmt.Sprintf("%d of %d can be read", len(recent)-t.unread(), len(recent))
	if len(signed) > 0 {
		found += ", signed " + strings.Join(signed, ", ")
	}
	switch unread := t.unread(); {
	case unread == 0:
		return Finding{OK, name, found, ""}
	case unread < len(recent):
		return Finding{Warn, name, found, d.unreadRemedy(recent)}
	}
	return Finding{Fail, name, found, d.unreadRemedy(recent)}
}

// candidates stand for the three ways in which Djangos have written sessions.
var candidates = []djangosession.Version{
	{Major: 5, Minor: 2, Patch: djangosession.LatestPatch},
	{Major: 3, Minor: 2, Patch: djangosession.LatestPatch},
	{Major: 3, Minor: 0, Patch: djangosession.LatestPatch},
}

// unreadRemedy tries the sessions as other Djangos would read them: evidence is better than a guess.
func (d *Deployment) unreadRemedy(recent []dbstore.StoredSession) string {
	own, err := d.CodecFor(d.Version)
	if err != nil {
		return err.Error()
	}
	notJSON := 0
	var unread []string
	for _, r := range recent {
		if _, err := own.Decode(r.Data); err != nil && r.Data != "" {
			unread = append(unread, r.Data)
			if errors.As(err, new(*signing.SyntaxError)) {
				notJSON++
			}
		}
	}
	for _, version := range candidates {
		codec, err := d.CodecFor(version)
		if err != nil {
			return err.Error()
		}
		if n := decodable(codec, unread); n > 0 {
			return fmt.Sprintf("%d of the unread ones are in the form of Django %s: set DJANGO_VERSION to the version that is deployed (now %s)",
				n, versionRange(version), d.Version)
		}
	}
	if len(unread) == 0 {
		return "they are larger than SIDECAR_MAX_SESSION_BYTES, or too large to be compared here: ask verify about one of them"
	}
	if notJSON == len(unread) {
		return "they are rightly signed, but not by this serializer: compare DJANGO_SESSION_SERIALIZER with SESSION_SERIALIZER"
	}
	return "compare SECRET_KEY with Django's (also quoting and line ends), SECRET_KEY_FALLBACKS after a change of keys, " +
		"and DJANGO_SESSION_STORE_CLASS if SESSION_ENGINE is not Django's own"
}

func versionRange(v djangosession.Version) string {
	switch v.Minor {
	case 0:
		return "3.0 or older"
	case 2:
		if v.Major == 3 {
			return "3.1 or 3.2"
		}
	}
	return "4.0 or newer"
}

func decodable(codec *djangosession.Codec, data []string) int {
	n := 0
	for _, text := range data {
		if _, err := codec.Decode(text); err == nil {
			n++
		}
	}
	return n
}

// loggedIn says how many of the logins lead to a user, and what stands in the way of the others.
func (d *Deployment) loggedIn(logins int, t tally) Finding {
	const name = "logins"
	alive := t.reasons[""]
	found := fmt.Sprintf("%d of %d lead to a user", alive, logins)
	for _, r := range []djangosession.Reason{
		djangosession.UnknownBackend, djangosession.BadUserID, djangosession.UserNotFound,
		djangosession.UserInactive, djangosession.AuthHashMismatch,
	} {
		if n := t.reasons[r]; n > 0 {
			found += fmt.Sprintf(", %d %s", n, r)
		}
	}
	f := Finding{OK, name, found, ""}
	switch {
	case t.reasons[djangosession.UnknownBackend] > 0:
		f.Grade, f.Remedy = Warn, "add to DJANGO_AUTHENTICATION_BACKENDS what Django's AUTHENTICATION_BACKENDS has: "+
			strings.Join(slices.Sorted(maps.Keys(t.backends)), ", ")+" (one that is listed knows no users: see docs/backends.md)"
	case alive > 0: // changed passwords and deactivated users are everyday life
	case t.reasons[djangosession.AuthHashMismatch] > 0:
		f.Grade, f.Remedy = Warn, "does the user model override get_session_auth_hash? Then say how: DJANGO_AUTH_HASH_SALT and DJANGO_AUTH_HASH_COLUMNS. "+
			"Otherwise compare SECRET_KEY and DJANGO_AUTH_USER_PASSWORD_COLUMN"
	case t.reasons[djangosession.UserNotFound]+t.reasons[djangosession.BadUserID] > 0:
		f.Grade, f.Remedy = Warn, "is "+d.UserTable+" the table of AUTH_USER_MODEL, and in this database?"
	}
	if alive == 0 && f.Grade == Warn {
		f.Grade = Fail
	}
	return f
}
