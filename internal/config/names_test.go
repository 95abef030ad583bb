package config_test

import (
	"strings"
	"testing"
)

func TestMisspeltNames(t *testing.T) {
	for name, nearest := range map[string]string{
		"SIDECAR_LISTN":               "SIDECAR_LISTEN",
		"SIDECAR_LISTEN_PORT":         "SIDECAR_LISTEN", // not a service link: its value is not a URL
		"SIDECAR_PORT":                "SIDECAR_LISTEN",
		"SIDECAR_WRTE":                "SIDECAR_WRITE",
		"SIDECAR_DB_CONECS":           "SIDECAR_DB_CONNS",
		"SIDECAR_DB_CONNECTIONS":      "SIDECAR_DB_CONNS",
		"SIDECAR_CONNECTIONS":         "SIDECAR_MAX_CONNECTIONS",
		"SIDECAR_TRUSTED_PROXY":       "SIDECAR_TRUSTED_PROXIES",
		"SIDECAR_STORE_TIMEOUT_FILE":  "SIDECAR_STORE_TIMEOUT",
		"SIDECAR_INSECURE_SKIP_USER":  "SIDECAR_INSECURE_SKIP_USER_CHECK",
		"SIDECAR_MAX_SESSION_BYTE":    "SIDECAR_MAX_SESSION_BYTES",
		"SIDECAR_log_level":           "SIDECAR_LOG_LEVEL",
		"SIDECAR_SERVICE_HOSTNAME_OF": "",
	} {
		t.Run(name, func(t *testing.T) {
			wantFault(t, with(env{name: "pa55word"}), name, "is not a setting; did you mean "+nearest, nearest+"=")
		})
	}
}

func TestHostileNames(t *testing.T) {
	faults := faultsOf(t, with(env{"SIDECAR_A\nB": "pa55word", "SIDECAR_" + strings.Repeat("X", 100_000): "pa55word"}))
	if len(faults) != 2 || faults[0].Name != `SIDECAR_A\nB` {
		t.Fatalf("got %d faults, the first %v", len(faults), faults[0])
	}
	if n := len(faults[1].Name); n > 70 {
		t.Errorf("a name of %d bytes is printed", n)
	}
}

func TestServiceLinksAreIgnored(t *testing.T) {
	c := mustLoad(t, with(env{
		"SIDECAR_SERVICE_HOST": "10.0.0.1", "SIDECAR_SERVICE_PORT": "8100", "SIDECAR_SERVICE_PORT_HTTP": "8100",
		"SIDECAR_SERVICE_PORT_AUTH_HTTP": "8100", "SIDECAR_PORT": "tcp://10.0.0.1:8100",
		"SIDECAR_PORT_8100_TCP": "tcp://10.0.0.1:8100", "SIDECAR_PORT_8100_TCP_PROTO": "tcp",
		"SIDECAR_PORT_8100_TCP_PORT": "8100", "SIDECAR_PORT_8100_TCP_ADDR": "10.0.0.1",
		"SIDECAR_ADMIN_SERVICE_HOST": "10.0.0.2", "SIDECAR_ADMIN_PORT": "udp://10.0.0.2:80",
		"SIDECAR_ADMIN_PORT_80_TCP": "tcp://10.0.0.2:80", "SIDECAR_ADMIN_V2_PORT_53_UDP_ADDR": "10.0.0.2",
	}))
	if d := diff(defaults(), c); d != "" {
		t.Errorf("unexpected Config (-want +got):\n%s", d)
	}
}

func TestCloseNamesDrawAWarning(t *testing.T) {
	for name, near := range map[string]string{
		"DJANGO_SESSION_COKIE_NAME":     "DJANGO_SESSION_COOKIE_NAME",
		"DJANGO_SESSION_COOKIENAME":     "DJANGO_SESSION_COOKIE_NAME",
		"DJANGO_SESION_TABLE":           "DJANGO_SESSION_TABLE",
		"DJNAGO_SESSION_ENGINE":         "DJANGO_SESSION_ENGINE",
		"DJANGO_AUTHENTICATION_BACKEND": "DJANGO_AUTHENTICATION_BACKENDS",
		"DJANGO_SECRET_KEY_FALLBACK":    "DJANGO_SECRET_KEY_FALLBACKS",
		"DJANGO_TIMEZONE":               "DJANGO_TIME_ZONE",
		"DJANGO_USETZ":                  "DJANGO_USE_TZ",
		"DJANGO_LOGNI_URL":              "DJANGO_LOGIN_URL",
		"DJANGO_VERSON":                 "DJANGO_VERSION",
		"Django_Use_TZ":                 "DJANGO_USE_TZ",
		"DJANGO_MEDIAROOT":              "DJANGO_MEDIA_ROOT",
		"DJANGO_SESSION_ENGINE_FILE":    "DJANGO_SESSION_ENGINE",
		"DJANGO_AUTH_USER_TABLE_FILE":   "DJANGO_AUTH_USER_TABLE",
		"DJANGO_AUTH_USER_ACTIV_COLUMN": "DJANGO_AUTH_USER_ACTIVE_COLUMN",
		"DJANGO_AUTH_USER_MDEL":         "DJANGO_AUTH_USER_MODEL",
		"DJANGO_SESSION_COOKIE_NAMEX\n": "DJANGO_SESSION_COOKIE_NAME",
	} {
		t.Run(name, func(t *testing.T) {
			c := mustLoad(t, with(env{name: "pa55word"}))
			wantWarning(t, c, "did you mean "+near+"?")
			if strings.Contains(c.Warnings[0], "pa55word") || strings.Contains(c.Warnings[0], "\n") {
				t.Errorf("got %q", c.Warnings)
			}
		})
	}
}

func TestOtherDjangoNamesDrawNone(t *testing.T) {
	e := required()
	for name := range strings.FieldsSeq("DJANGO_SETTINGS_MODULE DJANGO_CONFIGURATION DJANGO_DEBUG DJANGO_ALLOWED_HOSTS DJANGO_LOG_LEVEL " +
		"DJANGO_SUPERUSER_USERNAME DJANGO_SUPERUSER_EMAIL DJANGO_SUPERUSER_PASSWORD DJANGO_ALLOW_ASYNC_UNSAFE DJANGO_COLORS DJANGO_WATCHMAN_TIMEOUT " +
		" " +
		"DJANGO_STATIC_ROOT DJANGO_STATIC_URL DJANGO_USE_I18N DJANGO_USE_L10N DJANGO_LOGOUT_REDIRECT_URL DJANGO_EMAIL_URL DJANGO_REDIS_URL DJANGO_CACHES " +
		"DJANGO_ENV DJANGO_PORT DJANGO_ADMIN_URL DJANGO_SECURE_SSL_REDIRECT") {
		e[name] = "x"
	}
	e["DJANGO_SESSION_TABLE"], e["DJANGO_SESSION_TABLES"] = "ours", "x" // the right one is there: the other is the project's own
	if c := mustLoad(t, e); len(c.Warnings) != 0 {
		t.Errorf("got %q", c.Warnings)
	}
}
