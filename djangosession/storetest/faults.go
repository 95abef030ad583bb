package storetest

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"django-sidecar/djangosession"
)

func testContext(t *testing.T, h Harness) {
	key := h.login(t, "1")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second)) //nolint:forbidigo // contexts know no other clock
	defer cancel()
	for name, ctx := range map[string]context.Context{"cancelled": cancelled, "past its deadline": late} {
		switch got := outcome(h.Store.Load(ctx, key)); {
		case strings.HasPrefix(got, "failure: "):
		case h.NoIO && got == "user 1":
		default:
			t.Errorf("a context that is %s: got %q", name, got)
		}
	}
	h.expect(t, "the session thereafter", key, "user 1")
}

func testConcurrent(t *testing.T, h Harness) {
	users := []string{"1", "2", "3", "4"}
	keys := make([]string, len(users))
	for i, user := range users {
		keys[i] = h.login(t, user)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 40 {
				n := i % len(users)
				h.expect(t, "a live session among many", keys[n], "user "+users[n])
				if got := outcome(h.Store.Load(t.Context(), newKey())); !answer(got) {
					t.Errorf("an unknown key among many: got %q", got)
				}
			}
		})
	}
	all.Wait()
}

// prober is what a store has that can be asked whether it works.
type prober interface {
	Probe(ctx context.Context) error
}

func testBroken(t *testing.T, h Harness) {
	key := h.login(t, "1")
	h.expect(t, "before", key, "user 1")
	h.probe(t, "before", true)
	if h.Break == nil {
		return
	}
	h.Break(t)
	for range 3 { // what a store has kept from before may fail in a way of its own
		h.expectFailure(t, key)
		h.expectFailure(t, newKey())
	}
	h.probe(t, "while it is broken", false)
	h.Repair(t)
	h.poll(t, key)
	h.expect(t, "after the repair", key, "user 1")
	if got := outcome(h.Store.Load(t.Context(), newKey())); !answer(got) {
		t.Errorf("an unknown key after the repair: got %q", got)
	}
	h.probe(t, "after the repair", true)
}

// patience is how long a store may take: to give up, and to notice that it works again.
const patience = 30 * time.Second

func (h Harness) expectFailure(t *testing.T, key string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	session, err := h.Store.Load(ctx, key)
	if session != nil || err == nil || djangosession.IsAnswer(err) {
		t.Errorf("a broken store: got %q, want a failure", outcome(session, err))
		return
	}
	for _, secret := range append([]string{key}, h.Secrets...) {
		if secret != "" && strings.Contains(err.Error(), secret) {
			t.Error("a broken store's error has a session key or a secret in it")
		}
	}
}

func (h Harness) probe(t *testing.T, when string, works bool) {
	t.Helper()
	p, ok := h.Store.(prober)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if err := p.Probe(ctx); (err == nil) != works {
		t.Errorf("%s: Probe says %v", when, err)
	}
}

// poll waits for the store to answer again. Until it does, it must not say that there is no session.
func (h Harness) poll(t *testing.T, key string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		one, cancelOne := context.WithTimeout(ctx, 2*time.Second)
		got := outcome(h.Store.Load(one, key))
		cancelOne()
		switch {
		case got == "user 1":
			return
		case !strings.HasPrefix(got, "failure: "):
			t.Fatalf("after the repair: got %q", got)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%v after the repair: %s", patience, got)
		}
	}
}
