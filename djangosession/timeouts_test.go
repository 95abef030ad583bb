package djangosession_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/signing"
)

// Items of MIDDLEWARE that end logins.
const (
	sessionSecurity = "session_security.middleware.SessionSecurityMiddleware"
	sessionTimeout  = "django_session_timeout.middleware.SessionTimeoutMiddleware"
	autoLogout      = "django_auto_logout.middleware.auto_logout"
	sessionRefresh  = "mozilla_django_oidc.middleware.SessionRefresh"
	oidc            = "mozilla_django_oidc.auth.OIDCAuthenticationBackend"
)

func TestTimeouts(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	timeouts := djangosession.Timeouts{
		SessionSecurity: 10 * time.Minute, SessionTimeout: time.Hour, AutoLogout: 5 * time.Minute,
		UseTZ: true, TimeZone: time.UTC, Now: func() time.Time { return now },
	}
	naive := timeouts
	naive.UseTZ, naive.TimeZone = false, berlin // 13:00 there
	none := timeouts
	none.AutoLogout = 0
	inSummer := naive // at 01:30 UTC clocks show 03:30, half an hour after they skipped 02:00 to 03:00
	inSummer.Now = func() time.Time { return time.Date(2026, 3, 29, 1, 30, 0, 0, time.UTC) }
	for _, tt := range []struct {
		name, middleware, entry string
		value                   string // JSON; "" for no entry
		timeouts                djangosession.Timeouts
		backend                 string
		left                    time.Duration // 0: it is over
	}{
		{"security, idle for a while", sessionSecurity, "_session_security", `"2026-11-22T11:52:00.500000"`, timeouts, backend, 2*time.Minute + time.Second/2},
		{"security, without microseconds", sessionSecurity, "_session_security", `"2026-11-22T11:52:00"`, timeouts, backend, 2 * time.Minute},
		{"security, just over", sessionSecurity, "_session_security", `"2026-11-22T11:50:00.000000"`, timeouts, backend, 0},
		{"security, in another zone", sessionSecurity, "_session_security", `"2026-11-22T12:52:00.0"`, naive, backend, 2 * time.Minute},
		{"security, UTC taken for another zone", sessionSecurity, "_session_security", `"2026-11-22T11:52:00.0"`, naive, backend, 0},
		{"security, over a skipped hour", sessionSecurity, "_session_security", `"2026-03-29T01:59:00"`, inSummer, backend, 0},
		{"security, from the future", sessionSecurity, "_session_security", `"2026-11-22T12:01:00"`, timeouts, backend, 11 * time.Minute},
		{"security, not seen yet", sessionSecurity, "", "", timeouts, backend, -1},
		{"security, with a zone", sessionSecurity, "_session_security", `"2026-11-22T11:59:00+00:00"`, timeouts, backend, 0},
		{"security, with a comma", sessionSecurity, "_session_security", `"2026-11-22T11:59:00,5"`, timeouts, backend, 0},
		{"security, no text", sessionSecurity, "_session_security", `[2026,11,22]`, timeouts, backend, 0},
		{"security, null", sessionSecurity, "_session_security", `null`, timeouts, backend, 0},
		{"security, another package's entry", sessionSecurity, "_session_init_timestamp_", `1`, timeouts, backend, -1},
		{"none of them", "django.middleware.common.CommonMiddleware", "_session_security", `"2020-01-01T00:00:00"`, timeouts, backend, -1},

		{"timeout, a fraction", sessionTimeout, "_session_init_timestamp_", `1795347000.25`, timeouts, backend, 30*time.Minute + time.Second/4},
		{"timeout, an integer", sessionTimeout, "_session_init_timestamp_", `1795347000`, timeouts, backend, 30 * time.Minute},
		{"timeout, over", sessionTimeout, "_session_init_timestamp_", `1795345199.5`, timeouts, backend, 0},
		{"timeout, NaN", sessionTimeout, "_session_init_timestamp_", `NaN`, timeouts, backend, 0},
		{"timeout, infinite", sessionTimeout, "_session_init_timestamp_", `Infinity`, timeouts, backend, 0},
		{"timeout, huge", sessionTimeout, "_session_init_timestamp_", `1e300`, timeouts, backend, 0},
		{"timeout, negative", sessionTimeout, "_session_init_timestamp_", `-1`, timeouts, backend, 0},
		{"timeout, true", sessionTimeout, "_session_init_timestamp_", `true`, timeouts, backend, 0},

		{"auto, aware", autoLogout, "django_auto_logout_last_request", `"2026-11-22T11:58:00.5+00:00"`, timeouts, backend, 3*time.Minute + time.Second/2},
		{"auto, over", autoLogout, "django_auto_logout_last_request", `"2026-11-22T11:54:59+00:00"`, timeouts, backend, 0},
		{"auto, naive where USE_TZ", autoLogout, "django_auto_logout_last_request", `"2026-11-22T11:58:00"`, timeouts, backend, 0},
		{"auto, naive", autoLogout, "django_auto_logout_last_request", `"2026-11-22T12:58:00"`, naive, backend, 3 * time.Minute},
		{"auto, aware without USE_TZ", autoLogout, "django_auto_logout_last_request", `"2026-11-22T12:58:00+00:00"`, naive, backend, 0},
		{"auto, no IDLE_TIME", autoLogout, "django_auto_logout_last_request", `"2020-11-22T12:58:00+00:00"`, none, backend, -1},

		{"OIDC, valid", sessionRefresh, "oidc_id_token_expiration", `1795348860.0`, timeouts, oidc, time.Minute},
		{"OIDC, over", sessionRefresh, "oidc_id_token_expiration", `1795348800`, timeouts, oidc, 0},
		{"OIDC, nothing", sessionRefresh, "", "", timeouts, oidc, 0},
		{"OIDC, over, through what may be a subclass", sessionRefresh, "oidc_id_token_expiration", `1795348799`, timeouts, "shop.auth.OIDC", 0},
		{"OIDC, nothing, through an unknown backend", sessionRefresh, "", "", timeouts, "shop.auth.OIDC", -1},
		{"OIDC, over, through another backend", sessionRefresh, "oidc_id_token_expiration", `1795348799`, timeouts, backend, -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			changes := map[string]any{"_auth_user_backend": tt.backend}
			payload := login(t, changes)
			if tt.entry != "" { // as Python writes it, which encoding/json cannot always
				name, err := json.Marshal(tt.entry)
				if err != nil {
					t.Fatal(err)
				}
				payload = payload[:len(payload)-1] + "," + string(name) + ":" + tt.value + "}"
			}
			for _, skip := range []bool{false, true} {
				v := newVerifier(t, "5.2", holding(t, payload), ada(djangosession.True), func(c *djangosession.VerifierConfig) {
					c.AuthenticationBackends = []string{tt.backend}
					c.Middleware, c.Timeouts, c.InsecureSkipUserCheck = []string{tt.middleware}, tt.timeouts, skip
				})
				got, err := v.Verify(t.Context(), key)
				if err != nil || (got.User != nil) != (tt.left != 0) || tt.left == 0 && got.Reason != djangosession.Expired {
					t.Fatalf("user %v, reason %q, %v", got.User, got.Reason, err)
				}
				var want time.Time
				if tt.left > 0 {
					want = tt.timeouts.Now().Add(tt.left)
				}
				if !got.Expires.Equal(want) {
					t.Errorf("it ends at %v, want %v", got.Expires, want)
				}
			}
		})
	}
}

// The first end counts, of the session and of every package's.
func TestTheFirstTimeoutCounts(t *testing.T) {
	expires := now.Add(30 * time.Minute)
	for init, want := range map[string]time.Time{"1795348800": expires, "1795345260": now.Add(time.Minute)} {
		inner := holding(t, login(t, map[string]any{"_session_security": "2026-11-22T12:00:00", "_session_init_timestamp_": json.Number(init)}))
		v := newVerifier(t, "5.2", storeFunc(func(ctx context.Context, key string) (*djangosession.Session, error) {
			s, err := inner(ctx, key)
			s.ExpireDate = expires
			return s, err
		}), ada(djangosession.True), func(c *djangosession.VerifierConfig) {
			c.Middleware = []string{sessionSecurity, sessionTimeout}
			c.Timeouts = djangosession.Timeouts{SessionSecurity: time.Hour, SessionTimeout: time.Hour, TimeZone: time.UTC, Now: func() time.Time { return now }}
		})
		if got, err := v.Verify(t.Context(), key); err != nil || !got.Expires.Equal(want) {
			t.Errorf("got %v, %v, want %v", got.Expires, err, want)
		}
	}
}

// Of what middleware has left in a session, the verifier names what it was not told of.
func TestUnlistedMiddleware(t *testing.T) {
	s, err := decode(t, "5.2", `{"_impersonate": 3, "_session_security": "x", "oidc_id_token_expiration": null, "other": {"mask_user": 1}}`)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ middleware, want []string }{
		{nil, []string{"impersonate.middleware.ImpersonateMiddleware", sessionSecurity, sessionRefresh}},
		{[]string{sessionSecurity}, []string{"impersonate.middleware.ImpersonateMiddleware", sessionRefresh}},
		{[]string{sessionSecurity, sessionRefresh, "impersonate.middleware.ImpersonateMiddleware"}, nil},
	} {
		v := newVerifier(t, "5.2", holding(t, "{}"), ada(djangosession.True), func(c *djangosession.VerifierConfig) {
			c.Middleware = tt.middleware
			c.Timeouts = djangosession.Timeouts{TimeZone: time.UTC, Now: time.Now}
		})
		if got := v.Unlisted(s); !slices.Equal(got, tt.want) {
			t.Errorf("%q: got %q, want %q", tt.middleware, got, tt.want)
		}
	}
}

func TestTimeoutsNeedAClock(t *testing.T) {
	for _, timeouts := range []djangosession.Timeouts{{}, {Now: time.Now}, {TimeZone: time.UTC}} {
		c := djangosession.VerifierConfig{
			Version: parseVersion(t, "5.2"), SecretKey: signing.SecretKey(secret), AuthenticationBackends: []string{backend},
			Middleware: []string{sessionSecurity}, Timeouts: timeouts,
		}
		if v, err := djangosession.NewVerifier(c, failing(nil), ada(djangosession.True)); err == nil || v != nil {
			t.Errorf("%v: no error", timeouts)
		}
	}
}
