package sidecar

import (
	"database/sql"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"django-sidecar/djangosession"
	"django-sidecar/internal/config"
	"django-sidecar/internal/observe"
)

// TestUpdateOutlastsAReload: an update whose program takes longer than any question may is saved, although other
// settings have come into force meanwhile. The stores of the old settings are closed after it.
func TestUpdateOutlastsAReload(t *testing.T) {
	t.Parallel()
	c := keyConfig(t, "5.2", config.EngineDB, func(c *config.Config) { c.Write.Update = true })
	db, err := sql.Open("sqlite", strings.TrimPrefix(c.DatabaseURL.Reveal(), "sqlite:///"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), "CREATE TABLE django_session (session_key varchar(40) PRIMARY KEY, session_data text, expire_date datetime)")
	if again := db.Close(); err != nil || again != nil {
		t.Fatal(err, again)
	}
	l := NewLive(c, slog.New(slog.DiscardHandler), observe.NewMetrics(prometheus.NewRegistry(), "", ""))
	if faults := l.Prepare(t.Context()); len(faults) > 0 {
		t.Fatal(faults)
	}
	t.Cleanup(func() { l.Close(t.Context()) })
	old := l.Current()
	fill := func(s *djangosession.Session) error { return s.Set("cart", "tea") }
	saved, err := l.UpdateSession(t.Context(), "", func(s *djangosession.Session) error {
		if err := l.replace(t.Context(), c); err != nil {
			return err
		}
		if _, err := l.UpdateSession(t.Context(), "", fill); err != nil {
			t.Errorf("another update meanwhile: %v", err)
		}
		untilHeld(t, old)
		return fill(s)
	})
	if err != nil {
		t.Errorf("the update that was running: %v", err)
	}
	if s, err := l.Session(t.Context(), saved.Key); err != nil || s.Lookup("cart").JSON() != `"tea"` {
		t.Errorf("the session is %v, %v", s, err)
	}
	l.closing.Wait()
	if old.writing.opened[0].PingContext(t.Context()) == nil || old.database.PingContext(t.Context()) == nil {
		t.Error("the stores of the old settings are open")
	}
}

// untilHeld waits until somebody wants to close a deployment, and may not yet.
func untilHeld(t *testing.T, d *Deployment) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); d.held.TryRLock(); <-tick.C {
		d.held.RUnlock()
		if time.Now().After(end) {
			t.Fatal("nobody waits for the update")
		}
	}
}
