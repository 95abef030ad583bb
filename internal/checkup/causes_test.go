package checkup

import (
	"slices"
	"strings"
	"testing"

	"django-sidecar/djangosession"
	"django-sidecar/internal/config"
)

const testSessionKey = "aaaabbbbccccddddeeeeffff00001111"

// TestCauses: what probably stands behind each reason, the likeliest first. A line stands for the beginning of a cause.
func TestCauses(t *testing.T) {
	django := testConfig(nil)
	ada := map[string]string{testSessionKey: login(t, django, "1", nil)}
	old := testConfig(func(c *config.Config) { c.DjangoVersion = "3.0" })
	changed := map[string]string{testSessionKey: login(t, django, "1", map[string]any{"_auth_user_hash": strings.Repeat("0", 64)})}
	const ended = "the user has logged out, or the session has expired and was removed"
	for _, tt := range []struct {
		name   string
		change func(*config.Config)
		key    string
		rows   map[string]string
		reason djangosession.Reason
		want   []string
	}{
		{"a user logged out", nil, testSessionKey, ada, djangosession.NotFound, []string{ended, "compare SESSION_ENGINE, DATABASE_URL (server, database and schema)"}},
		{
			"sessions in another database", func(c *config.Config) { c.SessionDatabaseURL = config.NewSecret("postgres://h/n") }, testSessionKey, ada,
			djangosession.NotFound,
			[]string{ended, "compare SESSION_ENGINE, DJANGO_SESSION_DATABASE_URL"},
		},
		{"no session at all", nil, testSessionKey, nil, djangosession.NotFound, []string{"there is no live session at all", ended, "compare SESSION_ENGINE"}},
		{"a key cut or changed", nil, "AAAABBBB%20", ada, djangosession.NotFound, []string{"Django makes session keys of small letters and digits alone", ended, "compare SESSION_ENGINE"}},
		{"a signed cookie", nil, "e30:1wbGhM:c2lnbmF0dXJl", ada, djangosession.NotFound, []string{"this looks like a signed cookie", ended, "compare SESSION_ENGINE"}},
		{
			"a cache", func(c *config.Config) { c.SessionEngineKind = config.EngineCache }, testSessionKey, ada,
			djangosession.NotFound,
			[]string{ended, "or the cache was emptied or restarted", "compare SESSION_ENGINE, the server and database number in DJANGO_CACHE_URL"},
		},
		{
			"files", func(c *config.Config) { c.SessionEngineKind = config.EngineFile }, testSessionKey, ada,
			djangosession.NotFound,
			[]string{ended, "compare SESSION_ENGINE and SESSION_FILE_PATH"},
		},

		{"quotes around the key", func(c *config.Config) { c.SecretKey = config.NewSecret(`"` + testKey + `"`) }, testSessionKey, ada, djangosession.BadSignature, []string{"it can be read with DJANGO_SECRET_KEY without the quotes"}},
		{
			"another version", nil, testSessionKey,
			map[string]string{testSessionKey: login(t, old, "1", nil)},
			djangosession.BadSignature,
			[]string{"it can be read with DJANGO_VERSION of Django 3.0 or older"},
		},
		{
			"a fallback key that does not count", func(c *config.Config) {
				c.DjangoVersion, c.SecretKey, c.SecretKeyFallbacks = "4.0", config.NewSecret("another"), []config.Secret{config.NewSecret(testKey)}
			}, testSessionKey, ada, djangosession.BadSignature, []string{"it can be read with item 1 of DJANGO_SECRET_KEY_FALLBACKS as SECRET_KEY: Django 4.0 does not take it as a fallback"},
		},
		{
			"another key", func(c *config.Config) { c.SecretKey = config.NewSecret("another") }, testSessionKey, ada, djangosession.BadSignature,
			[]string{"it was signed with another SECRET_KEY", "after a change of keys", "for a session store of the project's own"},
		},
		{"broken", nil, testSessionKey, map[string]string{testSessionKey: "e30"}, djangosession.Unreadable, []string{"compare DJANGO_SESSION_SERIALIZER"}},

		{"a changed password", nil, testSessionKey, changed, djangosession.AuthHashMismatch, []string{
			"the user's password has been changed since this login", "the user model has a get_session_auth_hash() of its own", "DJANGO_AUTH_USER_PASSWORD_COLUMN",
		}},
		{
			"a fallback key that makes no hashes", func(c *config.Config) {
				c.DjangoVersion, c.SecretKeyFallbacks = "4.0", []config.Secret{config.NewSecret("older")}
			},
			testSessionKey, changed, djangosession.AuthHashMismatch,
			[]string{
				"the user's password", "the login was before a change of SECRET_KEY: Django 4.0 makes no hashes with fallback keys", "the user model", "DJANGO_AUTH_USER_PASSWORD_COLUMN",
			},
		},
		{
			"a cache, which proves no key", func(c *config.Config) { c.SessionEngineKind = config.EngineCachedDB }, testSessionKey, changed, djangosession.AuthHashMismatch,
			[]string{"the user's password", "the SECRET_KEY is not Django's: nothing in a cache is signed", "the user model", "DJANGO_AUTH_USER_PASSWORD_COLUMN"},
		},

		{"no session key", nil, "short", ada, djangosession.BadSessionKey, []string{"a session key has at least 8 characters"}},
		{"no backend", nil, testSessionKey, ada, djangosession.UnknownBackend, []string{"Django's AUTHENTICATION_BACKENDS has the backend"}},
		{"no user", nil, testSessionKey, ada, djangosession.UserNotFound, []string{"the user has been deleted; or auth_user is not the table"}},
		{"no such id", nil, testSessionKey, ada, djangosession.BadUserID, []string{"the user has been deleted; or auth_user is not the table"}},
		{"reasons that say all", nil, testSessionKey, ada, djangosession.UserInactive, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := testCheckup(t, testConfig(tt.change), tt.rows, nil).Causes(t.Context(), tt.key, tt.reason)
			if !slices.EqualFunc(got, tt.want, strings.HasPrefix) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
			if text := strings.Join(got, "\n"); strings.Contains(text, testKey) || strings.Contains(text, testSessionKey) {
				t.Error("a cause shows a key")
			}
		})
	}
}

// TestOtherHash: a key that was changed on its way is told from a changed password, where nothing is signed.
func TestOtherHash(t *testing.T) {
	django := testConfig(nil)
	d := testCheckup(t, testConfig(func(c *config.Config) { c.SecretKey = config.NewSecret("'" + testKey + "'") }), map[string]string{testSessionKey: login(t, django, "1", nil)}, nil)
	if got := d.otherHash(t.Context(), testSessionKey); len(got) != 1 || !strings.HasPrefix(got[0], "the hash is right with DJANGO_SECRET_KEY without the quotes") {
		t.Errorf("got %q", got)
	}
}

// TestCookie: a Cookie header that somebody brings along.
func TestCookie(t *testing.T) {
	c := testConfig(func(c *config.Config) { c.SessionCookieNames = []string{"sid", "sessionid"} })
	rows := map[string]string{testSessionKey: login(t, c, "1", nil), "0000bbbbccccddddeeeeffff00001111": login(t, c, "2", nil), "away0000": "away"}
	for _, tt := range []struct{ key, name, want string }{
		{"", "", "FAIL cookie the header has no cookie sid or sessionid; compare DJANGO_SESSION_COOKIE_NAME with SESSION_COOKIE_NAME"},
		{testSessionKey, "sid", "ok cookie sid leads to user 1"},
		{"0000bbbbccccddddeeeeffff00001111", "sid", "FAIL cookie sid is nobody's: user_inactive"},
		{"nothere0", "sessionid", "FAIL cookie sessionid is nobody's: not_found; the user has logged out"},
		{"away0000", "sid", "FAIL cookie could not find out: the store is away"},
	} {
		got := linesOf([]Finding{testCheckup(t, c, rows, nil).Cookie(t.Context(), tt.key, tt.name)})[0]
		if !strings.HasPrefix(got, tt.want) || tt.key != "" && strings.Contains(got, tt.key) {
			t.Errorf("%s: got %q, want %q", tt.key, got, tt.want)
		}
	}
}
