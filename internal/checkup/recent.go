package checkup

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"django-sidecar/djangosession"
	"django-sidecar/internal/config"
	"django-sidecar/signing"
)

// sample is how many recent sessions are looked at.
const sample = 100

// recentSessions judges the live sessions that expire last as requests would, and their users if those can be read.
func (d *Checkup) recentSessions(ctx context.Context, users bool) []Finding {
	const name = "recent sessions"
	if d.Recent == nil {
		return []Finding{{
			Warn, name, "cannot be listed where this engine keeps them",
			"try one that is live: echo the Cookie header of a logged-in browser | django-sidecar check --cookie",
		}}
	}
	recent, err := d.Recent(ctx, sample)
	if err != nil {
		return []Finding{{Fail, name, err.Error(), ""}}
	}
	if len(recent) == 0 {
		return []Finding{{
			Warn, name, "there is no live session to look at",
			"log in to the Django site once, and check again; if this goes on, Django keeps its sessions elsewhere",
		}}
	}
	t := tally{
		reasons: map[djangosession.Reason]int{}, keys: map[string]int{}, backends: map[string]int{},
		unlisted: map[string]int{},
	}
	verifier, err := d.judge(users)
	if err != nil {
		return []Finding{{Fail, name, err.Error(), ""}}
	}
	for _, r := range recent {
		v, err := verifier.Verify(ctx, r.Key)
		if err != nil {
			return []Finding{{Fail, name, err.Error(), ""}}
		}
		t.add(v)
		if v.Session != nil {
			for _, path := range d.Verifier.Unlisted(v.Session) {
				t.unlisted[path]++
			}
		}
	}
	findings := []Finding{d.readable(name, recent, t)}
	if logins := t.logins(); logins > 0 && users {
		findings = append(findings, d.loggedIn(logins, t))
	}
	for _, path := range slices.Sorted(maps.Keys(t.unlisted)) {
		findings = append(findings, Finding{
			Warn, "middleware", fmt.Sprintf("%d of %s %s an entry of %s, which decides on logins",
				t.unlisted[path], Counted(len(recent), "session"), Plural(t.unlisted[path], "has", "have"), path),
			"set DJANGO_MIDDLEWARE to what Django's MIDDLEWARE has",
		})
	}
	return findings
}

// judge returns a verifier of recent sessions, without users where these cannot be read. With cached_db it reads the
// table: a cache has no signatures, so that a session there does not show whether SECRET_KEY is right.
func (d *Checkup) judge(users bool) (*djangosession.Verifier, error) {
	verifier := d.Verifier
	if d.Config.SessionEngineKind == config.EngineCachedDB {
		table, err := d.Try(d.Config)
		if err != nil {
			return nil, err
		}
		verifier = verifier.With(table.Store, nil)
	}
	if !users {
		verifier = verifier.With(nil, nobody{})
	}
	return verifier, nil
}

// nobody stands for users who cannot be looked at.
type nobody struct{}

// UserByID implements djangosession.UserStore.
func (nobody) UserByID(context.Context, djangosession.Value) (*djangosession.StoredUser, error) {
	return nil, djangosession.ErrUserNotFound
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
func (d *Checkup) readable(name string, recent []djangosession.StoredSession, t tally) Finding {
	var signed []string
	for _, key := range slices.Sorted(maps.Keys(t.keys)) {
		signed = append(signed, fmt.Sprintf("%d with %s", t.keys[key], key))
	}
	read := len(recent) - t.unread()
	f := Finding{OK, name, fmt.Sprintf("%d of %d can be read", read, len(recent)), ""}
	if len(signed) > 0 {
		f.Found += ", signed " + strings.Join(signed, ", ")
	}
	if read < len(recent) {
		f.Grade, f.Remedy = d.unread(recent, read)
	}
	return f
}

// unread tries what cannot be read with other settings: evidence is better than a guess. read is how many of the
// sessions can be read.
func (d *Checkup) unread(recent []djangosession.StoredSession, read int) (Grade, string) {
	grade := Warn
	if read == 0 {
		grade = Fail
	}
	own, err := d.Try(d.Config)
	if err != nil {
		return grade, err.Error()
	}
	notJSON := 0
	var unread []string
	for _, r := range recent {
		if _, err := own.Codec.Decode(r.Data); err != nil && r.Data != "" {
			unread = append(unread, r.Data)
			if errors.As(err, new(*signing.SyntaxError)) {
				notJSON++
			}
		}
	}
	for _, v := range variants(d.Config) {
		trial, err := d.Try(v.config)
		if err != nil {
			continue // such a deployment cannot be
		}
		n := decodable(trial.Codec, unread)
		switch {
		case n == 0:
		case v.older && read > 0:
			remedy := fmt.Sprintf("%d %s left over from %s, which Django %s does not read either: users log in again, "+
				"and clearsessions deletes what has expired", n, Plural(n, "is", "are"), v.form, d.Version)
			if others := len(unread) - n; others > 0 {
				remedy += fmt.Sprintf("; %d %s signed with another key, or changed", others,
					Plural(others, "other was", "others were"))
			}
			return Warn, remedy
		case v.form != "":
			return Fail, fmt.Sprintf("%d of the unread ones %s in the form of %s: set DJANGO_VERSION to the "+
				"version that is deployed (now %s)",
				n, Plural(n, "is", "are"), v.form, d.Version)
		default:
			return grade, fmt.Sprintf("%d of the unread ones could be read %s", n, v.means)
		}
	}
	if len(unread) == 0 {
		return grade, "they are larger than SIDECAR_MAX_SESSION_BYTES, or too large to be compared here: ask verify " +
			"about one of them"
	}
	if notJSON == len(unread) {
		return grade, "they are rightly signed, but not by this serializer: compare DJANGO_SESSION_SERIALIZER with " +
			"SESSION_SERIALIZER"
	}
	if len(d.Config.SessionKeys) > 0 {
		return grade, "make DJANGO_SESSION_KEYS again from Django's SECRET_KEY and SECRET_KEY_FALLBACKS, " +
			"and compare DJANGO_SESSION_STORE_CLASS if SESSION_ENGINE is not Django's own"
	}
	return grade, "compare SECRET_KEY with Django's (also quoting and line ends), SECRET_KEY_FALLBACKS after a " +
		"change of keys, and DJANGO_SESSION_STORE_CLASS if SESSION_ENGINE is not Django's own"
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
func (d *Checkup) loggedIn(logins int, t tally) Finding {
	const name = "logins"
	alive := t.reasons[""]
	found := fmt.Sprintf("%d of %d %s to a user", alive, logins, Plural(alive, "leads", "lead"))
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
			strings.Join(slices.Sorted(maps.Keys(t.backends)), ", ")+" (one that is listed knows no users: see "+
			"docs/backends.md)"
	case alive > 0: // changed passwords and deactivated users are everyday life
	case t.reasons[djangosession.AuthHashMismatch] > 0:
		f.Grade, f.Remedy = Warn, "does the user model override get_session_auth_hash? Then say how: "+
			"DJANGO_AUTH_HASH_SALT and DJANGO_AUTH_HASH_COLUMNS. "+
			"Otherwise compare SECRET_KEY and DJANGO_AUTH_USER_PASSWORD_COLUMN"
	case t.reasons[djangosession.UserNotFound]+t.reasons[djangosession.BadUserID] > 0:
		f.Grade, f.Remedy = Warn, "is "+d.Config.AuthUserTable+" the table of AUTH_USER_MODEL, and in this database?"
	}
	if alive == 0 && f.Grade == Warn {
		f.Grade = Fail
	}
	return f
}
