//go:build live

package e2e

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"django-sidecar/internal/serving"
)

// TestMetricsHoldNothingSecret: whoever reaches the admin listener learns of no user, session or secret.
func TestMetricsHoldNothingSecret(t *testing.T) {
	site := newUploadSite(t, t.TempDir(), map[string]string{"SIDECAR_CACHE_TTL": "1h", "SIDECAR_CACHE_INVALIDATION": "off"})
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	listening, done := make(chan serving.Listeners, 1), make(chan error, 1)
	go func() {
		done <- serving.Run(ctx, site.config, serving.Options{
			Logger: slog.New(slog.DiscardHandler), Listening: func(at serving.Listeners) { listening <- at },
		})
	}()
	defer func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	at := <-listening
	get := func(addr net.Addr, path, cookie string) string {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr.String()+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Cookie", cookie)
		request.Close = true
		response, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close() //nolint:errcheck // it has been read to its end
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	if said := get(at.Public.Addr(), "/authenticate", site.cookie); !strings.Contains(said, `"username":"ada"`) {
		t.Fatal(said)
	}
	get(at.Public.Addr(), "/auth/nginx?require=staff", site.other)
	said := ""
	for _, path := range []string{"/metrics", "/readyz", "/livez", "/version"} {
		said += get(at.Admin.Addr(), path, "")
	}
	if !strings.Contains(said, `django_sidecar_verdicts_total{outcome="alive",reason=""}`) {
		t.Fatalf("nothing has been counted:\n%s", said)
	}
	_, key, _ := strings.Cut(site.cookie, "=")
	for _, secret := range []string{key, rigSecret, "grace", "@example", "pbkdf2", "db.sqlite3"} {
		if strings.Contains(said, secret) {
			t.Errorf("the admin listener tells %q", secret)
		}
	}
	if said := get(at.Public.Addr(), "/metrics", ""); strings.Contains(said, "django_sidecar") {
		t.Errorf("the public listener has metrics: %s", said)
	}
}
