package handlers_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"django-sidecar/djangosession"
	"django-sidecar/handlers"
)

// TestTheEventOfA403NamesTheRequirement, and those of other answers do not.
func TestTheEventOfA403NamesTheRequirement(t *testing.T) {
	var log bytes.Buffer
	h := newHandler(saying(djangosession.Verdict{User: &djangosession.User{ID: "7", IsStaff: djangosession.False}}, nil), func(o *handlers.Options) {
		o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	})
	for query, want := range map[string]string{"?require=staff": "required=staff", "": ""} {
		log.Reset()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/auth/nginx"+query, http.NoBody)
		r.Header.Set("X-Original-Url", "http://shop.example/")
		r.Header.Set("X-Original-Method", "GET")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := log.String(); (w.Code == http.StatusForbidden) != (want != "") || !strings.Contains(got, want) || want == "" && strings.Contains(got, "required") {
			t.Errorf("%q: status %d, log %s", query, w.Code, got)
		}
	}
}
