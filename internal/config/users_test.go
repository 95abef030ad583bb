package config_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"django-sidecar/djangosession"
)

func TestAuthenticationBackends(t *testing.T) {
	const name = "DJANGO_AUTHENTICATION_BACKENDS"
	for text, want := range map[string][]string{
		"a.B":              {"a.B"},
		"a.B,c.d.E":        {"a.B", "c.d.E"},
		`["a.B", "c.d.E"]`: {"a.B", "c.d.E"},
	} {
		if c := mustLoad(t, with(env{name: text})); !slices.Equal(c.AuthenticationBackends, want) {
			t.Errorf("%s: got %q", text, c.AuthenticationBackends)
		}
	}
	for text, problem := range map[string]string{
		"a.B,,c.D":       "empty item at place 2",
		"('a.B')":        `the item "('a.B')", which is not a dotted path`,
		"ModelBackend":   "which is not a dotted path",
		`['a.B']`:        "not a JSON array",
		`["a.B", " c."]`: "which is not a dotted path",
	} {
		wantFault(t, with(env{name: text}), name, problem, "django.contrib.auth.backends.ModelBackend")
	}
	c := mustLoad(t, with(env{name: "[]"}))
	if len(c.AuthenticationBackends) != 0 {
		t.Errorf("got %q", c.AuthenticationBackends)
	}
	wantWarning(t, c, "every session is anonymous")
}

func TestBackendRules(t *testing.T) {
	const name = "DJANGO_BACKEND_RULES"
	listed := env{"DJANGO_AUTHENTICATION_BACKENDS": "shop.auth.A,shop.auth.B"}
	const active, anybody = djangosession.ActiveUsers, djangosession.AnyUsers
	for text, want := range map[string]map[string]djangosession.BackendRule{
		"{}":  nil,
		" {}": nil,
		`{"shop.auth.A": "active", "shop.auth.B": "any"}`: {"shop.auth.A": {Users: active}, "shop.auth.B": {Users: anybody}},
		`{"shop.auth.A": "active+permissions", "shop.auth.B": "any+permissions"}`: {
			"shop.auth.A": {Users: active, Permissions: true}, "shop.auth.B": {Users: anybody, Permissions: true},
		},
	} {
		e := with(listed)
		e[name] = text
		if c := mustLoad(t, e); !maps.Equal(c.BackendRules, want) || len(c.Warnings) > 0 {
			t.Errorf("%s: got %v, and %q", text, c.BackendRules, c.Warnings)
		}
	}
	for text, problem := range map[string]string{
		`["shop.auth.A"]`:                                 "must be a JSON object",
		`shop.auth.A=any`:                                 "must be a JSON object",
		`{"shop.auth.A": true}`:                           "must be a JSON object",
		`{"shop.auth.A": "any"`:                           "must be a JSON object",
		`{"shop.auth.A": "any"} x`:                        "must be a JSON object",
		`{"shop.auth.A": {"users": "any"}}`:               "must be a JSON object",
		`{"shop.auth.A": "any", "shop.auth.A": "active"}`: "without a name that repeats",
		`{"shop.auth.A": "all"}`:                          `says "all" of "shop.auth.A": it must be active or any`,
		`{"shop.auth.A": "Any"}`:                          "it must be active or any",
		`{"shop.auth.A": ""}`:                             "it must be active or any",
		`{"A": "any"}`:                                    `the name "A", which is not a dotted path`,
	} {
		wantFault(t, with(env{name: text}), name, problem, "shop.auth.Backend")
	}
	wantWarning(t, mustLoad(t, with(env{name: `{"shop.auth.A": "any"}`})), "shop.auth.A, which is not in DJANGO_AUTHENTICATION_BACKENDS")
	if c := mustLoad(t, with(env{"BACKEND_RULES": `{"shop.auth.A": "any"}`})); len(c.BackendRules) > 0 {
		t.Error("a rule is taken from a variable without DJANGO_")
	}
}

func TestMiddleware(t *testing.T) {
	const name = "DJANGO_MIDDLEWARE"
	if c := mustLoad(t, required()); c.Middleware != nil {
		t.Errorf("without it: %q, want nil", c.Middleware)
	}
	if c := mustLoad(t, with(env{name: "[]"})); c.Middleware == nil || len(c.Middleware) > 0 {
		t.Errorf("an empty list: %#v", c.Middleware)
	}
	if c := mustLoad(t, with(env{"DJANGO_MIDDLEWARE": "a.B, c.D", "MIDDLEWARE": "gzip,cors", "AUTO_LOGOUT": "30"})); !slices.Equal(c.Middleware, []string{"a.B", "c.D"}) {
		t.Errorf("got %q", c.Middleware)
	}
	wantFault(t, with(env{name: "a.B,SessionMiddleware"}), name, "which is not a dotted path", "django.contrib.sessions")
}

func TestAutoLogout(t *testing.T) {
	const name = "DJANGO_AUTO_LOGOUT"
	listed := env{"DJANGO_MIDDLEWARE": "django_auto_logout.middleware.auto_logout"}
	for text, want := range map[string]time.Duration{"{}": 0, `{"IDLE_TIME": 90, "REDIRECT_TO_LOGIN_IMMEDIATELY": true}`: 90 * time.Second} {
		e := with(listed)
		e[name] = text
		if c := mustLoad(t, e); c.AutoLogoutIdle != want {
			t.Errorf("%s: %v", text, c.AutoLogoutIdle)
		}
	}
	wantFault(t, with(listed), name, "is not set, and DJANGO_MIDDLEWARE lists django-auto-logout", "IDLE_TIME")
	for text, problem := range map[string]string{
		"600": "must be a JSON object", "null": "must be a JSON object", "[]": "must be a JSON object",
		`{"IDLE_TIME": 0}`: "no whole number of seconds above 0", `{"IDLE_TIME": "600"}`: "no whole number", `{"IDLE_TIME": 1.5}`: "no whole number",
		`{"IDLE_TIME": 99999999999999}`: "no whole number",
		`{"SESSION_TIME": 3600}`:        "last_login",
	} {
		wantFault(t, with(env{name: text}), name, problem, "IDLE_TIME")
	}
}

func TestSessionExpireSeconds(t *testing.T) {
	if c := mustLoad(t, with(env{"DJANGO_SESSION_COOKIE_AGE": "77"})); c.SessionExpire != 77*time.Second {
		t.Errorf("by default: %v", c.SessionExpire)
	}
	wantFault(t, with(env{"DJANGO_SESSION_EXPIRE_SECONDS": "1h"}), "DJANGO_SESSION_EXPIRE_SECONDS", "whole number of seconds", "3600")
	wantFault(t, with(env{"DJANGO_SESSION_SECURITY_EXPIRE_AFTER": "-1"}), "DJANGO_SESSION_SECURITY_EXPIRE_AFTER", "whole number of seconds", "600")
}

func TestRequireActive(t *testing.T) {
	if c := mustLoad(t, required()); c.RequireActive {
		t.Error("it is on by default")
	}
	c := mustLoad(t, with(env{"SIDECAR_REQUIRE_ACTIVE": "true", "DJANGO_AUTH_USER_ACTIVE_COLUMN": "-"}))
	wantWarning(t, c, "SIDECAR_REQUIRE_ACTIVE refuses nobody")
	if c := mustLoad(t, with(env{"SIDECAR_REQUIRE_ACTIVE": "true", "DJANGO_AUTH_USER_ACTIVE_COLUMN": "-", "DJANGO_AUTH_USER_ACTIVE_WHERE": "status = 'active'"})); len(c.Warnings) > 0 {
		t.Errorf("with a condition: %q", c.Warnings)
	}
	if !c.RequireActive {
		t.Error("it is off")
	}
	wantFault(t, with(env{"SIDECAR_REQUIRE_ACTIVE": "true", "SIDECAR_INSECURE_SKIP_USER_CHECK": "true"}), "SIDECAR_REQUIRE_ACTIVE", "turn one of them off", "false")
}

func TestUserTable(t *testing.T) {
	for model, want := range map[string]string{
		"auth.User":           "auth_user",
		"shop.ShopUser":       "shop_shopuser",
		"accounts.user":       "accounts_user",
		"Accounts.User":       "Accounts_user", // Django keeps the label as it is
		"my_app.Kundschaft_2": "my_app_kundschaft_2",
	} {
		if c := mustLoad(t, with(env{"AUTH_USER_MODEL": model})); c.AuthUserTable != want {
			t.Errorf("%s: got %s, want %s", model, c.AuthUserTable, want)
		}
	}
	for _, model := range []string{"User", "shop.models.User", "shop.", ".User", "shop User", "shop.Us er"} {
		wantFault(t, with(env{"AUTH_USER_MODEL": model}), "AUTH_USER_MODEL", "of the form app_label.ModelName", "=auth.User")
	}
	wantFault(t, with(env{"AUTH_USER_TABLE": "a\tb"}), "AUTH_USER_TABLE", "the name of a table", "=auth_user")
}

func TestUserColumns(t *testing.T) {
	if c := mustLoad(t, with(env{"DJANGO_AUTH_USER_USERNAME_COLUMN": "-"})); c.AuthUserColumns.Username != "-" {
		t.Errorf("got %q for a model without user names", c.AuthUserColumns.Username)
	}
	for _, name := range []string{"ID", "PASSWORD"} {
		name = "DJANGO_AUTH_USER_" + name + "_COLUMN"
		wantFault(t, with(env{name: "-"}), name, "no user model is without it", name+"=")
	}
	for _, name := range []string{"ID", "USERNAME", "PASSWORD", "EMAIL", "ACTIVE", "STAFF", "SUPERUSER"} {
		name = "DJANGO_AUTH_USER_" + name + "_COLUMN"
		wantFault(t, with(env{name: "a\nb"}), name, "without control characters", name+"=")
	}
}

func TestUserIDFormat(t *testing.T) {
	if c := mustLoad(t, with(env{"DJANGO_AUTH_USER_ID_FORMAT": "hex"})); !c.AuthUserHexID {
		t.Error("hex is not hex")
	}
	wantFault(t, with(env{"DJANGO_AUTH_USER_ID_FORMAT": "uuid"}), "DJANGO_AUTH_USER_ID_FORMAT", "str or hex", "=str")
}

func TestUserConditions(t *testing.T) {
	c := mustLoad(t, with(env{
		"DJANGO_AUTH_USER_WHERE": "deleted_at IS NULL", "DJANGO_AUTH_USER_ACTIVE_WHERE": "status = 'active'", "DJANGO_AUTH_USER_ACTIVE_COLUMN": "-",
	}))
	if got := c.AuthUserConditions.List(); !slices.Equal(got, []string{"deleted_at IS NULL", "status = 'active'"}) {
		t.Errorf("got %q", got)
	}
	for _, name := range []string{"", "ACTIVE_", "STAFF_", "SUPERUSER_"} {
		name = "DJANGO_AUTH_USER_" + name + "WHERE"
		wantFault(t, with(env{name: "a = 1; SELECT 1"}), name, "has ; outside of a text", name+"=")
		wantFault(t, with(env{name: "(a = 1"}), name, "does not close its parentheses", name+"=")
	}
	for _, flag := range []string{"ACTIVE", "STAFF", "SUPERUSER"} {
		wantFault(t, with(env{"DJANGO_AUTH_USER_" + flag + "_WHERE": "a = 1", "DJANGO_AUTH_USER_" + flag + "_COLUMN": "x"}),
			"DJANGO_AUTH_USER_"+flag+"_WHERE", "leave one of them out", "_WHERE=")
	}
}

func TestAuthHash(t *testing.T) {
	if c := mustLoad(t, with(env{})); c.AuthHash.IsOwn() {
		t.Errorf("got %+v", c.AuthHash)
	}
	c := mustLoad(t, with(env{
		"DJANGO_AUTH_HASH_SALT": "shop, the user", "DJANGO_AUTH_HASH_COLUMNS": "password, email", "DJANGO_AUTH_HASH_SEPARATOR": ":",
		"DJANGO_AUTH_HASH_ALGORITHM": "sha1", "DJANGO_AUTH_HASH_METHOD": "_get_session_auth_hash",
	}))
	if h := c.AuthHash; h.Salt != "shop, the user" || !slices.Equal(h.Columns, []string{"password", "email"}) || h.Separator != ":" || h.Algorithm != "sha1" || !h.WithSecret {
		t.Errorf("got %+v", h)
	}
	const salt = "DJANGO_AUTH_HASH_SALT"
	for _, name := range []string{"SEPARATOR", "ALGORITHM", "METHOD"} {
		name = "DJANGO_AUTH_HASH_" + name
		text := map[bool]string{true: "sha1", false: "get_session_auth_hash"}[name == "DJANGO_AUTH_HASH_ALGORITHM"]
		wantFault(t, with(env{name: text}), name, "needs DJANGO_AUTH_HASH_SALT or DJANGO_AUTH_HASH_COLUMNS too", name+"=")
	}
	wantFault(t, with(env{"DJANGO_AUTH_HASH_COLUMNS": "a,,b"}), "DJANGO_AUTH_HASH_COLUMNS", "empty item", "DJANGO_AUTH_HASH_COLUMNS=")
	wantFault(t, with(env{salt: "x", "DJANGO_AUTH_HASH_ALGORITHM": "md5"}), "DJANGO_AUTH_HASH_ALGORITHM", "any, sha1 or sha256", "=any")
	wantFault(t, with(env{salt: "x", "DJANGO_VERSION": "3.0", "DJANGO_AUTH_HASH_ALGORITHM": "sha256"}), "DJANGO_AUTH_HASH_ALGORITHM", "came with 3.1", "=any")
	wantFault(t, with(env{salt: "x", "DJANGO_VERSION": "3.2", "DJANGO_AUTH_HASH_METHOD": "_get_session_auth_hash"}),
		"DJANGO_AUTH_HASH_METHOD", "came with 4.1.8", "=get_session_auth_hash")
}

func TestTimeZone(t *testing.T) {
	c := mustLoad(t, with(env{"TIME_ZONE": "America/Chicago", "USE_TZ": "no"}))
	if c.TimeZone.String() != "America/Chicago" || c.UseTZ {
		t.Errorf("got %s, USE_TZ %t", c.TimeZone, c.UseTZ)
	}
	for _, zone := range []string{"Mars/Olympus", "Local", "../UTC", "/etc/localtime", "+02:00"} {
		wantFault(t, with(env{"DJANGO_TIME_ZONE": zone}), "DJANGO_TIME_ZONE", "the IANA name of a time zone", "DJANGO_TIME_ZONE=Europe/Berlin")
	}
}
