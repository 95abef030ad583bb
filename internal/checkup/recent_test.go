package checkup

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"django-sidecar/djangosession"
	"django-sidecar/internal/config"
	"django-sidecar/signing"
)

// linesOf are findings as lines, without the blanks that put them in columns.
func linesOf(findings []Finding) []string {
	lines := make([]string, len(findings))
	for i, f := range findings {
		lines[i] = strings.Join(strings.Fields(f.String()), " ")
	}
	return lines
}

// TestRecentSessions: what is said of the sessions that are there, and of their users.
func TestRecentSessions(t *testing.T) {
	c := testConfig(nil)
	ada, bob, gone := login(t, c, "1", nil), login(t, c, "2", nil), login(t, c, "3", nil)
	changed := login(t, c, "1", map[string]any{"_auth_user_hash": strings.Repeat("0", 64)})
	own := login(t, c, "1", map[string]any{"_auth_user_backend": "shop.auth.Backend"})
	idle := login(t, c, "1", map[string]any{"_session_security": "2026-11-28T12:00:00.0"})
	const read = "ok recent sessions 1 of 1 can be read, signed 1 with SECRET_KEY (sha256)"
	for _, tt := range []struct {
		name string
		rows map[string]string
		want []string
	}{
		{"none", nil, []string{"warn recent sessions there is no live session to look at; log in to the Django site once, and check again; if this goes on, Django keeps its sessions elsewhere"}},
		{"a user", map[string]string{"key-of-a": ada}, []string{read, "ok logins 1 of 1 leads to a user"}},
		{"nobody", map[string]string{"key-of-a": stored(t, testKey, "5.2")[0].Data}, []string{read}},
		{"an inactive user", map[string]string{"key-of-a": bob}, []string{read, "ok logins 0 of 1 lead to a user, 1 user_inactive"}},
		{"no such user", map[string]string{"key-of-a": gone}, []string{read, "FAIL logins 0 of 1 lead to a user, 1 user_not_found; is auth_user the table of AUTH_USER_MODEL, and in this database?"}},
		{"a hash of the model's own", map[string]string{"key-of-a": changed}, []string{
			read, "FAIL logins 0 of 1 lead to a user, 1 auth_hash_mismatch; does the user model override get_session_auth_hash? Then say how: DJANGO_AUTH_HASH_SALT and " +
				"DJANGO_AUTH_HASH_COLUMNS. Otherwise compare SECRET_KEY and DJANGO_AUTH_USER_PASSWORD_COLUMN",
		}},
		{"changed passwords beside users", map[string]string{"key-of-a": ada, "key-of-b": changed, "key-of-c": gone}, []string{
			"ok recent sessions 3 of 3 can be read, signed 3 with SECRET_KEY (sha256)", "ok logins 1 of 3 leads to a user, 1 user_not_found, 1 auth_hash_mismatch",
		}},
		{"a backend that is not listed", map[string]string{"key-of-a": own}, []string{
			read, "FAIL logins 0 of 1 lead to a user, 1 unknown_backend; add to DJANGO_AUTHENTICATION_BACKENDS what Django's AUTHENTICATION_BACKENDS has: " +
				"shop.auth.Backend (one that is listed knows no users: see docs/backends.md)",
		}},
		{"the same beside a user", map[string]string{"key-of-a": own, "key-of-b": ada}, []string{
			"ok recent sessions 2 of 2 can be read, signed 2 with SECRET_KEY (sha256)", "warn logins 1 of 2 leads to a user, 1 unknown_backend; add to DJANGO_AUTHENTICATION_BACKENDS " +
				"what Django's AUTHENTICATION_BACKENDS has: shop.auth.Backend (one that is listed knows no users: see docs/backends.md)",
		}},
		{"a timeout's entry", map[string]string{"key-of-a": idle}, []string{
			read, "ok logins 1 of 1 leads to a user",
			"warn middleware 1 of 1 session has an entry of session_security.middleware.SessionSecurityMiddleware, which decides on logins; set DJANGO_MIDDLEWARE to what Django's MIDDLEWARE has",
		}},
		{"another key beside", map[string]string{"key-of-a": ada, "key-of-b": stored(t, "another", "5.2")[0].Data}, []string{
			"warn recent sessions 1 of 2 can be read, signed 1 with SECRET_KEY (sha256); compare SECRET_KEY with Django's (also quoting and line ends), " +
				"SECRET_KEY_FALLBACKS after a change of keys, and DJANGO_SESSION_STORE_CLASS if SESSION_ENGINE is not Django's own",
			"ok logins 1 of 1 leads to a user",
		}},
		{"a store that fails", map[string]string{"key-of-a": "away"}, []string{"FAIL recent sessions the store is away"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			findings := testCheckup(t, c, tt.rows, nil).recentSessions(t.Context(), true)
			if got := linesOf(findings); !slices.Equal(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

// TestRecentSessionsThatCannotBeLookedAt: without users, without a list, and with a list that fails.
func TestRecentSessionsThatCannotBeLookedAt(t *testing.T) {
	c := testConfig(nil)
	d := testCheckup(t, c, map[string]string{"key-of-a": login(t, c, "1", nil)}, nil)
	findings := d.recentSessions(t.Context(), false)
	if got := linesOf(findings); len(got) != 1 || !strings.HasPrefix(got[0], "ok recent sessions 1 of 1 can be read") {
		t.Errorf("without users: %q", got)
	}
	d.Recent = func(context.Context, int) ([]djangosession.StoredSession, error) { return nil, errAway }
	findings = d.recentSessions(t.Context(), true)
	if got := linesOf(findings); len(got) != 1 || got[0] != "FAIL recent sessions the store is away" {
		t.Errorf("a list that fails: %q", got)
	}
	d.Recent = nil
	findings = d.recentSessions(t.Context(), true)
	if got := linesOf(findings); len(got) != 1 || !strings.HasPrefix(got[0], "warn recent sessions cannot be listed") || !strings.HasSuffix(got[0], "| django-sidecar check --cookie") {
		t.Errorf("without a list: %q", got)
	}
}

// TestRecentSessionsOfCachedDB: a cache has no signatures. The table shows that the key is another one.
func TestRecentSessionsOfCachedDB(t *testing.T) {
	django := testConfig(nil)
	rows := map[string]string{"key-of-a": login(t, django, "1", nil)}
	text, err := json.Marshal(entriesOf(t, django, "1", nil))
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{testKey: "ok recent sessions 1 of 1 can be read, signed 1 with SECRET_KEY (sha256)", "another": "FAIL recent sessions 0 of 1 can be read; compare SECRET_KEY"} {
		d := testCheckup(t, testConfig(func(c *config.Config) {
			c.SessionEngineKind, c.SecretKey = config.EngineCachedDB, config.NewSecret(key)
		}), rows, cacheStore{"key-of-a": string(text)})
		findings := d.recentSessions(t.Context(), true)
		if got := linesOf(findings); len(got) == 0 || !strings.HasPrefix(got[0], want) {
			t.Errorf("%s: got %q, want %q", key, got, want)
		}
	}
}

// TestUnreadForOtherReasons: sessions that are too large to be compared, and such as are signed and no JSON.
func TestUnreadForOtherReasons(t *testing.T) {
	signer, err := signing.NewTimestampSigner(signing.Options{Secret: signing.SecretKey(testKey), Salt: "django.contrib.sessions.SessionStore"})
	if err != nil {
		t.Fatal(err)
	}
	for data, want := range map[string]string{
		"": "they are larger than SIDECAR_MAX_SESSION_BYTES",
		signer.Dumps([]byte("no JSON"), false, testTime): "they are rightly signed, but not by this serializer: compare DJANGO_SESSION_SERIALIZER with SESSION_SERIALIZER",
	} {
		d := testCheckup(t, testConfig(nil), nil, nil)
		if grade, got := d.unread([]djangosession.StoredSession{{Key: "key-of-a", Data: data}}, 0); grade != Fail || !strings.HasPrefix(got, want) {
			t.Errorf("%q: got %v %q, want %q", data, grade, got, want)
		}
	}
}
