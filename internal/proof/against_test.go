package proof_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/checkup"
	"django-sidecar/internal/proof"
)

// aSession is what each side has of one session. The zero values are those of a session with a user on both sides, of
// which nothing has changed.
type aSession struct {
	nobody   bool                 // for Django
	reason   djangosession.Reason // why the sidecar has nobody
	changed  bool                 // other data are stored than Django has seen
	missing  bool                 // nothing is stored, or what is there is too large
	password string               // what the sidecar reads, if it is not Django's
	staff    bool                 // only here
}

// aSite is a deployment and a sample of its sessions.
type aSite struct {
	t        *testing.T
	sessions []aSession
}

func (s aSite) key(i int) string { return fmt.Sprintf("%032d", i) }

func mark(key, text string) string {
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(text))
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func (s aSite) sample() *proof.Sample {
	var sessions []map[string]any
	for i, one := range s.sessions {
		key := s.key(i)
		hash := sha256.Sum256([]byte(key))
		entry := map[string]any{
			"key": hex.EncodeToString(hash[:16]), "user": "42", "data_mark": mark(key, "data"),
			"password_mark": mark(key, "password"), "expires": 1,
		}
		if one.nobody {
			entry["user"] = nil
		}
		sessions = append(sessions, entry)
	}
	text, err := json.Marshal(map[string]any{
		"format": "django-sidecar sample", "version": 2, "sessions": sessions,
		"users": map[string]any{"42": map[string]any{"is_staff": false}},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	sample, err := proof.ReadSample(strings.NewReader(string(text)))
	if err != nil {
		s.t.Fatal(err)
	}
	return sample
}

func (s aSite) of(key string) aSession {
	for i, one := range s.sessions {
		if s.key(i) == key {
			return one
		}
	}
	s.t.Fatalf("%s is asked for", key)
	return aSession{}
}

func (s aSite) keys(context.Context, string, int) (keys []string, err error) {
	for i := range s.sessions {
		keys = append(keys, s.key(i))
	}
	return keys, nil
}

func (s aSite) stored(_ context.Context, key string) (string, error) {
	switch one := s.of(key); {
	case one.missing:
		return "", nil
	case one.changed:
		return "other data", nil
	}
	return "data", nil
}

func (s aSite) verify(key string) djangosession.Verdict {
	one := s.of(key)
	v := djangosession.Verdict{Reason: one.reason, Session: &djangosession.Session{}}
	if one.reason == "" {
		v.User = &djangosession.User{ID: "42"}
		if one.staff {
			v.User.IsStaff = djangosession.True
		}
	}
	return v
}

// compare returns the lines, and whether one of them fails.
func (s aSite) compare() (lines string, fails bool) {
	var asked string
	d := &proof.Side{
		Keys: s.keys, Stored: s.stored, Timeout: time.Minute, Now: time.Now,
		Known: func(_ context.Context, key string) (proof.Known, error) {
			asked = key
			return proof.Known{Verdict: s.verify(key)}, nil
		},
		Password: func(context.Context, *djangosession.Session) (string, error) {
			if p := s.of(asked).password; p != "" {
				return p, nil
			}
			return "password", nil
		},
	}
	d.Against(s.t.Context(), s.sample(), func(f checkup.Finding) {
		lines += fmt.Sprintln(f)
		fails = fails || f.Grade == checkup.Fail
	})
	return lines, fails
}

// TestAgainst: a change explains those differences alone that come of it.
func TestAgainst(t *testing.T) {
	users := func(n int, others ...aSession) []aSession { return append(make([]aSession, n), others...) }
	times := func(n int, one aSession) (all []aSession) {
		for range n {
			all = append(all, one)
		}
		return all
	}
	newPassword := aSession{reason: djangosession.AuthHashMismatch, password: "another"}
	const changed = "(ended since, or not in this store: 0; changed, or its user: 1)"
	const ended = "(ended since, or not in this store: 1; changed, or its user: 0)"
	for _, c := range []struct {
		name     string
		sessions []aSession
		fails    bool
		says     string
	}{
		{"no difference", users(2), false, "2 of 2 compared sessions agree: 2 of a user, 0 nobody's"},
		{"a new password", users(2, newPassword), false, changed},
		{"many new passwords", users(4, times(4, newPassword)...), true, "4 of 8 differ (user: auth_hash_mismatch)"},
		{"new passwords in a large sample", users(100, times(5, newPassword)...), false, "changed, or its user: 5)"},
		{"a wrong password column", times(3, newPassword), true, "3 of 3 differ (user: auth_hash_mismatch)"},
		{"staff with a new password", users(2, aSession{staff: true, password: "another"}), true, "1 of 3 differs (is_staff)"},
		{
			"a new password, and another reason", users(2, aSession{reason: djangosession.UserInactive, password: "another"}), true,
			"1 of 3 differs (user: user_inactive)",
		},
		{"data that have changed", users(2, aSession{reason: djangosession.Anonymous, changed: true}), false, changed},
		{"many sessions that have gone", users(10, times(4, aSession{reason: djangosession.NotFound, missing: true})...), true, "10 of 10 compared sessions agree: 10 of a user, 0 nobody's; 4 of 14 are not compared; too few to call the two equal"},
		{"few of a large sample that have gone", users(90, times(9, aSession{reason: djangosession.NotFound, missing: true})...), false, "9 of 99 are not compared"},
		{"a session that has gone", users(2, aSession{reason: djangosession.NotFound, missing: true}), false, ended},
		{"a session that is there, and not found", users(2, aSession{reason: djangosession.NotFound}), true, "1 of 3 differs (user: not_found)"},
		{"a session that has expired", users(2, aSession{reason: djangosession.Expired}), false, ended},
		{"a session that is too large here", users(2, aSession{reason: djangosession.Unreadable, missing: true}), true, "1 of 3 differs (user: unreadable)"},
		{"a user here alone", users(2, aSession{nobody: true}), true, "1 of 3 differs (user: only here)"},
		{"no user at all", times(3, aSession{nobody: true, reason: djangosession.Anonymous}), true, "without a user this proves nothing"},
		{
			"no user who is compared",
			[]aSession{{reason: djangosession.NotFound, missing: true}, {nobody: true, reason: djangosession.Anonymous}},
			true,
			"no session of a user has been compared",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			said, fails := aSite{t, c.sessions}.compare()
			if fails != c.fails || !strings.Contains(said, c.says) {
				t.Errorf("fails: %t, want %t and %q:\n%s", fails, c.fails, c.says, said)
			}
		})
	}
}
