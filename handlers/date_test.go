package handlers_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"django-sidecar/handlers"
)

// TestDate: an answer tells of its own second, once, however many share the header, and in whatever zone the clock is.
func TestDate(t *testing.T) {
	at := time.Date(2026, 12, 31, 23, 59, 58, 900_000_000, time.FixedZone("", -5*60*60))
	var now time.Time
	server := httptest.NewServer(newHandler(saying(ada(), nil), func(o *handlers.Options) {
		o.Answers.Now = func() time.Time { return now }
	}))
	defer server.Close()
	for _, step := range []struct {
		after time.Duration
		want  string
	}{
		{0, "Fri, 01 Jan 2027 04:59:58 GMT"},
		{99 * time.Millisecond, "Fri, 01 Jan 2027 04:59:58 GMT"},
		{100 * time.Millisecond, "Fri, 01 Jan 2027 04:59:59 GMT"},
		{24 * time.Hour, "Sat, 02 Jan 2027 04:59:58 GMT"},
		{0, "Fri, 01 Jan 2027 04:59:58 GMT"}, // the clock was set back
	} {
		now = at.Add(step.after)
		for _, path := range []string{"/authenticate", "/auth/nginx"} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("X-Original-URI", "/")
			r.Header.Set("X-Original-Method", "GET")
			response, err := server.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			if err := response.Body.Close(); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff([]string{step.want}, response.Header["Date"]); diff != "" {
				t.Errorf("%s: -want +got\n%s", path, diff)
			}
		}
	}
}
