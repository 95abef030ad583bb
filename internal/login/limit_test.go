package login_test

import (
	"strconv"
	"testing"
	"time"

	"django-sidecar/internal/login"
)

// TestLimit: so many tries at once, as many again in the time, and none that strangers can push out.
func TestLimit(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 29, 6, 0, 0, 0, time.UTC)
	l := login.NewTryLimit(5, 5*time.Minute)
	for i := range 5 {
		if _, ok := l.Take("ada", now); !ok {
			t.Fatalf("try %d is refused", i)
		}
	}
	for i := range 200_000 { // far more than there are counters
		l.Take("stranger"+strconv.Itoa(i), now)
	}
	if wait, ok := l.Take("ada", now); ok || wait < time.Minute {
		t.Errorf("a sixth try: %v, wait %s", ok, wait)
	}
	l = login.NewTryLimit(5, 5*time.Minute)
	for range 5 {
		l.Take("ada", now)
	}
	if wait, ok := l.Take("ada", now.Add(20*time.Second)); ok || wait != 40*time.Second {
		t.Errorf("after 20 s: %v, wait %s", ok, wait)
	}
	if _, ok := l.Take("ada", now.Add(time.Minute)); !ok {
		t.Error("after a minute there is none")
	}
	l.Give("ada")
	if _, ok := l.Take("ada", now.Add(time.Minute)); !ok {
		t.Error("a right try counts")
	}
	if _, ok := l.Take("ada", now.Add(time.Minute)); ok {
		t.Error("two tries in a minute")
	}
	l = login.NewTryLimit(5, 5*time.Minute)
	for range 5 {
		l.Take("ada", now.Add(24*time.Hour)) // and then the clock is set back
	}
	if wait, ok := l.Take("ada", now); ok || wait != time.Minute {
		t.Errorf("a day before: %v, wait %s", ok, wait)
	}
	if _, ok := l.Take("ada", now.Add(time.Minute)); !ok {
		t.Error("a clock that was set back keeps a name out")
	}
	for range 100 {
		if _, ok := login.NewTryLimit(0, time.Minute).Take("ada", now); !ok {
			t.Error("no limit is one")
		}
	}
}
