package sidecar

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"django-sidecar/djangosession"
	"django-sidecar/internal/breaker"
	"django-sidecar/internal/config"
	"django-sidecar/internal/observe"
)

// hangs is a store whose questions use up their time.
type hangs struct{}

func (hangs) UserByID(context.Context, djangosession.Value) (*djangosession.StoredUser, error) {
	return nil, os.ErrDeadlineExceeded
}

// silence has questions to the store that b watches use up their time.
func silence(t *testing.T, b *breaker.Breaker) {
	t.Helper()
	for range 5 {
		users := observe.Users{Store: hangs{}, Watch: observe.Watch{Now: time.Now, Breaker: b}}
		if _, err := users.UserByID(t.Context(), djangosession.Value{}); err == nil {
			t.Fatal("a question that hangs was answered")
		}
	}
}

// TestSilenceEndsWithItsDeployment: what a replaced deployment has found of its stores says nothing about the one in
// its place.
func TestSilenceEndsWithItsDeployment(t *testing.T) {
	registry := prometheus.NewRegistry()
	silent := func() (n float64) {
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				if f.GetName() == "django_sidecar_store_silent" {
					n += m.GetGauge().GetValue()
				}
			}
		}
		return n
	}
	c := keyConfig(t, "5.2", config.EngineDB)
	l := NewLive(c, slog.New(slog.DiscardHandler), observe.NewMetrics(registry, "", ""))
	l.use = func(*Deployment) {}
	old, err := newDeployment(c, l.Metrics, nil, l.reportSilent)
	if err != nil {
		t.Fatal(err)
	}
	l.current.Store(old)
	if silence(t, old.usersBreaker); silent() != 1 {
		t.Fatalf("%v stores are silent", silent())
	}
	if err := l.replace(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if silent() != 0 {
		t.Error("a store is silent of which nobody has asked anything yet")
	}
	if silence(t, old.accessBreaker); silent() != 0 {
		t.Error("the old deployment still speaks of its stores")
	}
	if silence(t, l.current.Load().usersBreaker); silent() != 1 {
		t.Error("the new deployment says nothing of its stores")
	}
}

// TestCloseWaitsForTheLast: a question to a silent store that nobody waits for any more ends before its deployment has
// been closed, and tells nobody of the store later.
func TestCloseWaitsForTheLast(t *testing.T) {
	var told []bool // by one at a time, or the race detector says so
	d, err := newDeployment(keyConfig(t, "5.2", config.EngineDB), nil, nil, func(_ string, silent bool) { told = append(told, silent) })
	if err != nil {
		t.Fatal(err)
	}
	silence(t, d.usersBreaker)
	answer, asked := make(chan struct{}), make(chan struct{}, 1)
	for len(asked) == 0 { // the first question after a pause
		_, err := breaker.Ask(t.Context(), d.usersBreaker, func(context.Context) (struct{}, error) {
			asked <- struct{}{}
			<-answer
			return struct{}{}, nil
		})
		if !errors.Is(err, breaker.ErrOpen) {
			t.Fatal(err)
		}
	}
	time.AfterFunc(10*time.Millisecond, func() { close(answer) })
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if !slices.Equal(told, []bool{true, false}) {
		t.Errorf("told %v until it was closed", told)
	}
}
