package guard_test

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"django-sidecar/djangosite/guard"
)

// TestNestedMiddlewareAsksOnce: one middleware of a Guard in another asks for both, and looks the session up once.
func TestNestedMiddlewareAsksOnce(t *testing.T) {
	var asked atomic.Int32
	sidecar := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_, _ = w.Write([]byte(`{"result": true, "user": {"id": "1", "is_staff": true, "is_superuser": false}}`))
	}))
	t.Cleanup(sidecar.Close)
	site, err := guard.Ask(sidecar.URL, guard.AskOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(site.Close)
	done := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	for _, tt := range []struct {
		handler http.Handler
		status  int
	}{
		{site.Load(site.RequireUser(site.RequireStaff(done))), http.StatusNoContent},
		{site.RequireStaff(site.RequireSuperuser(done)), http.StatusForbidden},
	} {
		asked.Store(0)
		answer := httptest.NewRecorder()
		tt.handler.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
		if answer.Code != tt.status || asked.Load() != 1 {
			t.Errorf("status %d after %d questions, want %d after 1", answer.Code, asked.Load(), tt.status)
		}
	}
}

// TestGuardsOfTwoSites: a middleware passes over the user whom another Guard has found, and asks for its own.
func TestGuardsOfTwoSites(t *testing.T) {
	var guards []*guard.Guard
	for _, name := range []string{"ada", "grace"} {
		sidecar := httptest.NewServer(text(http.StatusOK, `{"result": true, "user": {"id": "1", "username": "`+name+`"}}`))
		t.Cleanup(sidecar.Close)
		site, err := guard.Ask(sidecar.URL, guard.AskOptions{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(site.Close)
		guards = append(guards, site)
	}
	w := httptest.NewRecorder()
	guards[0].RequireUser(guards[1].RequireUser(hello)).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", http.NoBody))
	if w.Body.String() != "grace true" {
		t.Errorf("the inner Guard finds %s, want grace", w.Body)
	}
}
