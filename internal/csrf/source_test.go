package csrf_test

import (
	"errors"
	"strings"
	"testing"

	"django-sidecar/internal/csrf"
)

// TestSourceErrors: a refusal names the origin and, for the log, what would let it in; and nothing else of the request.
func TestSourceErrors(t *testing.T) {
	t.Parallel()
	const cut = 100
	long := "https://" + strings.Repeat("a", 9000) + ".example"
	for _, tt := range []struct {
		of      string
		now     bool // Django 4.0 or newer
		request csrf.Request
		is      error
		says    string
		log     string // what it has beside that
	}{
		{
			"another site", true,
			csrf.Request{Origin: []string{"https://app.example.com"}},
			csrf.ErrBadOrigin,
			`origin checking failed: "https://app.example.com" does not match any trusted origins`,
			`the request came to "http://shop.example.com"; if the page is one of yours, add "https://app.example.com" to DJANGO_CSRF_TRUSTED_ORIGINS`,
		},
		{
			"a gateway of https", true,
			csrf.Request{Origin: []string{"https://Shop.example.com"}},
			csrf.ErrBadOrigin,
			`origin checking failed: "https://Shop.example.com" does not match any trusted origins`,
			`the request came to "http://shop.example.com", as far as is known: behind a gateway that speaks https, DJANGO_SECURE_PROXY_SSL_HEADER`,
		},
		{
			"a sandbox", true,
			csrf.Request{Origin: []string{"null"}},
			csrf.ErrBadOrigin,
			`origin checking failed: "null" does not match any trusted origins`, "Referrer-Policy",
		},
		{
			"a Referer", true,
			csrf.Request{Secure: true, Referer: []string{"https://u:s3cret@app.example.com:8443/reset/s3cret?s3cret#s3cret"}},
			csrf.ErrBadReferer,
			`referer checking failed: "https://app.example.com:8443" does not match any trusted origins`,
			`the request came to "https://shop.example.com"; if the page is one of yours, add "https://app.example.com:8443" to`,
		},
		{
			"a Referer, before 4.0", false,
			csrf.Request{Secure: true, Referer: []string{"https://app.example.com/"}},
			csrf.ErrBadReferer,
			`referer checking failed: "https://app.example.com" does not match any trusted origins`, `add "app.example.com" to`,
		},
		{
			"two lines", true,
			csrf.Request{Origin: []string{"https://a.example", "https://b.example\x00"}},
			csrf.ErrBadOrigin,
			`origin checking failed: "https://a.example,https:" does not match any trusted origins`, "",
		},
		{
			"control characters", true,
			csrf.Request{Origin: []string{"x\n\x1b[2J\""}},
			csrf.ErrBadOrigin,
			`origin checking failed: "x\n\x1b[2J\"" does not match any trusted origins`, "",
		},
		{
			"a long one", true,
			csrf.Request{Origin: []string{long}},
			csrf.ErrBadOrigin,
			`origin checking failed: "` + long[:cut] + `" does not match any trusted origins`, `add "` + long[:cut] + `" to`,
		},
	} {
		tt.request.Method, tt.request.Host = "POST", "shop.example.com"
		err := csrf.Rules{ChecksOrigin: tt.now}.CheckSource(tt.request)
		if !errors.Is(err, tt.is) || err.Error() != tt.says {
			t.Errorf("%s: %v", tt.of, err)
		}
		logged := csrf.ForLog(err)
		if !errors.Is(logged, tt.is) || !strings.HasPrefix(logged.Error(), tt.says+": ") || !strings.Contains(logged.Error(), tt.log) || strings.Contains(logged.Error(), "s3cret") {
			t.Errorf("%s: the log gets %v", tt.of, logged)
		}
	}
	if err := csrf.ForLog(csrf.ErrNoCookie); err != csrf.ErrNoCookie { //nolint:errorlint // itself
		t.Error(err)
	}
}
