package storetest

import (
	"testing"
	"time"

	"django-sidecar/djangosession"
)

func testLive(t *testing.T, h Harness) {
	s := login(newKey(), "1")
	putting := time.Now() //nolint:forbidigo // Django's clock, too, goes on while it writes
	key := h.Put(t, s)
	took := time.Since(putting) //nolint:forbidigo // the same
	session, err := h.Store.Load(t.Context(), key)
	if got := outcome(session, err); got != "user 1" {
		t.Fatalf("a live session: got %q", got)
	}
	for _, v := range []struct {
		value djangosession.Value
		want  string
	}{
		{session.AuthUserID, "1"},
		{session.AuthBackend, backend},
		{session.AuthHash, "hash of 1"},
		{session.Lookup("_auth_user_hash"), "hash of 1"},
	} {
		if got, ok := v.value.Text(); !ok || got != v.want {
			t.Errorf("an entry is %q, want %q", got, v.want)
		}
	}
	if v := session.Lookup("number"); v.Kind() != djangosession.Int || v.JSON() != "42" {
		t.Errorf("the number 42 is %v %s", v.Kind(), v.JSON())
	}
	if v := session.Lookup("no such entry"); v.Kind() != djangosession.Missing {
		t.Errorf("an entry that is not there is %v %s", v.Kind(), v.JSON())
	}
	// A store may not know when a session ends. What it says, others rely on.
	if e := session.ExpireDate; !e.IsZero() && (e.Sub(s.ExpireDate) > time.Second+took || s.ExpireDate.Sub(e) > 5*time.Second) {
		t.Errorf("the session ends at %v, want %v", e, s.ExpireDate)
	}

	other := h.login(t, "2")
	h.expect(t, "somebody else's session", other, "user 2")
	h.expect(t, "the first session again", key, "user 1")
	h.expect(t, "a session saved again", h.Put(t, login(key, "3")), "user 3")
	empty := login(newKey(), "")
	empty.Entries = map[string]any{}
	h.expect(t, "an empty session", h.Put(t, empty), "anonymous")
	if got := outcome(h.Store.Load(t.Context(), newKey())); !answer(got) {
		t.Errorf("an unknown key: got %q", got)
	}
}

func testEnded(t *testing.T, h Harness) {
	neighbour := h.login(t, "1")
	if h.Expire != nil {
		want := "not found"
		if h.TellsExpired {
			want = "expired"
		}
		h.expect(t, "an expired session", h.Expire(t, h.login(t, "2")), want)
		h.expect(t, "its neighbour", neighbour, "user 1")
	}
	if h.Delete != nil {
		key := h.login(t, "3")
		h.expect(t, "a session before it is deleted", key, "user 3")
		h.Delete(t, key)
		h.expect(t, "a deleted session", key, "not found")
		h.expect(t, "its neighbour", neighbour, "user 1")
		h.expect(t, "a deleted session made again", h.Put(t, login(key, "4")), "user 4")
	}
	if h.Corrupt != nil {
		key := h.Corrupt(t, h.login(t, "5"))
		h.expect(t, "a corrupted session", key, outcome(nil, h.Corrupted))
		if _, err := h.Store.Load(t.Context(), key); !djangosession.IsAnswer(err) {
			t.Errorf("a corrupted session is no answer: %v", err)
		}
		h.expect(t, "its neighbour", neighbour, "user 1")
	}
}
