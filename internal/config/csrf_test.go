package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"django-sidecar/internal/config"
	"django-sidecar/internal/setcookie"
)

// TestCSRFCookie: the attributes of the cookie, as the deployment's Django would write them.
func TestCSRFCookie(t *testing.T) {
	given := env{
		"DJANGO_CSRF_COOKIE_PATH": "/shop", "DJANGO_CSRF_COOKIE_DOMAIN": ".example.com", "DJANGO_CSRF_COOKIE_SECURE": "True",
		"DJANGO_CSRF_COOKIE_HTTPONLY": "1", "DJANGO_CSRF_COOKIE_SAMESITE": "Strict", "CSRF_COOKIE_AGE": "None",
	}
	want := config.CSRF{CookieName: "csrftoken", HeaderName: "X-CSRFTOKEN", Cookie: setcookie.Attributes{Path: "/shop", Domain: ".example.com", Secure: true, HTTPOnly: true, SameSite: "Strict"}}
	if c := mustLoad(t, with(given)); !cmp.Equal(c.CSRF, want) {
		t.Error(cmp.Diff(want, c.CSRF))
	}
	for _, tt := range []struct{ version, given, want string }{
		{"1.11", "", ""}, {"2.1", "", "Lax"}, {"3.0", "None", ""}, {"3.1", "None", "None"}, {"5.2", "False", ""}, {"5.2", "lax", "lax"},
	} {
		if c := mustLoad(t, with(env{"DJANGO_VERSION": tt.version, "DJANGO_CSRF_COOKIE_SAMESITE": tt.given})); c.CSRF.Cookie.SameSite != tt.want {
			t.Errorf("%+v: got %q", tt, c.CSRF.Cookie.SameSite)
		}
	}
	wantFault(t, with(env{"DJANGO_CSRF_COOKIE_SAMESITE": "Loose"}), "DJANGO_CSRF_COOKIE_SAMESITE", "Lax, Strict, None or False", "=Lax")
	wantFault(t, with(env{"DJANGO_CSRF_COOKIE_SAMESITE": "Lax", "DJANGO_VERSION": "2.0"}), "DJANGO_CSRF_COOKIE_SAMESITE", "leave it out", "=Lax")
	wantFault(t, with(env{"DJANGO_CSRF_COOKIE_DOMAIN": "a; Secure"}), "DJANGO_CSRF_COOKIE_DOMAIN", "semicolons", "=.example.com")
	wantFault(t, with(env{"DJANGO_CSRF_USE_SESSIONS": "true", "SIDECAR_UPLOAD_CSRF_TOKEN": "true"}), "DJANGO_CSRF_USE_SESSIONS", "turn one of them off", "=false")
	if c := mustLoad(t, with(env{"DJANGO_CSRF_USE_SESSIONS": "true"})); !c.CSRF.UseSessions {
		t.Error("CSRF_USE_SESSIONS is refused where no token is needed")
	}
}

// TestCSRFTrustedOrigins: an origin counts for tokens where it counts for Django: with its scheme from 4.0 on, and without
// one before. One without a scheme is refused where Django refuses it. What counts for uploads is another matter.
func TestCSRFTrustedOrigins(t *testing.T) {
	const whole = "https://shop.example.org,http://*.example.org,null"
	const given = "app.example.com,.example.net,*.example.info," + whole
	for version, want := range map[string][]string{
		"3.2": {"https://app.example.com", "http://app.example.com", "https://*.example.net", "http://*.example.net"},
		"4.0": {"https://shop.example.org", "http://*.example.org", "null"},
	} {
		given, ofUploads := given, 9
		if version == "4.0" {
			for i, host := range []string{"app.example.com", ".example.net", "*.example.info", "app.example.com:8443"} {
				list := strings.Repeat("https://a.example,", i) + host
				wantFault(t, with(env{"DJANGO_VERSION": version, "DJANGO_CSRF_TRUSTED_ORIGINS": list}), "DJANGO_CSRF_TRUSTED_ORIGINS",
					fmt.Sprintf("has no scheme in entry %d, which Django 4.0 refuses (4_0.E001): write https://app.example.com for", i+1), "=https://")
			}
			given, ofUploads = whole, 3
		}
		c := mustLoad(t, with(env{"DJANGO_VERSION": version, "DJANGO_CSRF_TRUSTED_ORIGINS": given}))
		if diff := cmp.Diff(want, c.CSRF.TrustedOrigins); diff != "" {
			t.Errorf("Django %s: %s", version, diff)
		}
		if len(c.Uploads.TrustedOrigins) != ofUploads {
			t.Errorf("Django %s: for uploads there are %q", version, c.Uploads.TrustedOrigins)
		}
	}
}
