//go:build live

package djangocache_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession"
)

// written is a session of a user, as a login makes it.
func written(t *testing.T, d *deployment, user string) *djangosession.Session {
	t.Helper()
	s := djangosession.NewSession(d.version)
	for name, value := range map[string]any{"_auth_user_id": user, "odd": "\"é\u2028\x00", "more": []any{1, -70000, 1 << 40, 0.5, true, nil}} {
		if err := s.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// testWriter: Django reads what is written, and writes in turn; what has ended stays so; and nothing is left in a cache
// that is not so any more.
func testWriter(t *testing.T, d *deployment) {
	ctx, key, w := t.Context(), strings.Repeat("w", 32), d.writer
	from := djangosession.Store(d.store)
	if d.rows != nil {
		from = d.rows
	}
	is := func(what string, err, want error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	want := func(what, user string, left time.Duration) {
		t.Helper()
		said := d.django.look(t, key)
		switch {
		case user == "" && (said.User != nil || said.Cached || said.Row):
			t.Errorf("%s: there is something left: %+v", what, said)
		case user == "":
		case said.User == nil || *said.User != user:
			t.Errorf("%s: Django says %+v, not %q", what, said, user)
		case d.rows != nil && (said.Left > left.Seconds() || said.Left < left.Seconds()-60):
			t.Errorf("%s: the row lives for %v, want %v", what, said.Left, left)
		case d.rows == nil:
			s, err := d.store.Load(ctx, key)
			if err != nil {
				t.Fatal(err)
			}
			if got := time.Until(s.ExpireDate); !s.ExpireDate.IsZero() && (got > left+time.Second || got < left-time.Minute) {
				t.Errorf("%s: it lives for %v, want %v", what, got, left)
			}
		}
		if got := d.outcome(ctx, key); user != "" && got != user || user == "" && got != "not found" {
			t.Errorf("%s: we say %q", what, got)
		}
	}
	in := func(d time.Duration) time.Time { return time.Now().Add(d) }
	load := func() *djangosession.Session {
		t.Helper()
		s, err := from.Load(ctx, key)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	is("saving nothing", w.Save(ctx, key, written(t, d, "1"), in(time.Hour)), djangosession.ErrNotFound)
	is("touching nothing", w.Touch(ctx, key, written(t, d, "1"), in(time.Hour)), djangosession.ErrNotFound)
	is("deleting nothing", w.Delete(ctx, key), nil)
	want("nothing", "", 0)
	is("creating", w.Create(ctx, key, written(t, d, "1"), in(time.Hour)), nil)
	is("creating again", w.Create(ctx, key, written(t, d, "2"), in(time.Hour)), djangosession.ErrExists)
	want("created", "1", time.Hour)
	is("touching", w.Touch(ctx, key, load(), in(2*time.Hour)), nil)
	want("touched", "1", 2*time.Hour)
	is("saving", w.Save(ctx, key, written(t, d, "3"), in(3*time.Hour)), nil)
	want("saved", "3", 3*time.Hour)
	before := load()
	d.django.do(t, map[string]any{"op": "save", "key": key, "user": "4", "expiry": 1800})
	is("touching what Django has saved meanwhile", w.Touch(ctx, key, before, in(4*time.Hour)), djangosession.ErrNotFound)
	want("saved by Django", "4", 30*time.Minute)
	is("touching what Django has saved", w.Touch(ctx, key, load(), in(5*time.Hour)), nil)
	want("touched again", "4", 5*time.Hour)
	if d.rows == nil {
		testKept(t, d, key)
	}
	is("deleting", w.Delete(ctx, key), nil)
	is("creating anew", w.Create(ctx, key, written(t, d, "5"), in(time.Hour)), nil)
	is("ending", w.Touch(ctx, key, load(), in(-time.Minute)), nil)
	is("saving what is over", w.Save(ctx, key, written(t, d, "5"), in(time.Hour)), djangosession.ErrNotFound)
	is("touching what is over", w.Touch(ctx, key, before, in(time.Hour)), djangosession.ErrNotFound)
	is("deleting", w.Delete(ctx, key), nil)
	want("deleted", "", 0)
	is("touching what is gone", w.Touch(ctx, key, before, in(time.Hour)), djangosession.ErrNotFound)
	is("saving what is gone", w.Save(ctx, key, written(t, d, "5"), in(time.Hour)), djangosession.ErrNotFound)
	want("gone", "", 0)
}

// testKept: what Django has put into a session beside what is written stays as it was, also what only pickles have; and a
// session that ends now is gone.
func testKept(t *testing.T, d *deployment, key string) {
	ctx, python := t.Context(), `[float("inf"), 10**30, -10**30, -2**31, 65536, "\ud800 \u00e9", [], {}, {"a": [None, True]}]`
	if d.cache.Serializer == djangosession.Pickle {
		python = `[(1, "2"), {3: b"4"}, datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc), {5}, ` + python + `]`
	}
	odd := func(user string, put bool) bool {
		t.Helper()
		return d.django.do(t, map[string]any{"op": "odd", "key": key, "python": python, "user": user, "put": put}).Row
	}
	if !odd("4", true) {
		t.Error("Django does not find what it has saved")
	}
	s, err := d.store.Load(ctx, key)
	if err != nil {
		t.Fatal(err)
	}
	s = s.Clone()
	for _, name := range []string{"6", "7"} {
		if err := s.Set("_auth_user_id", name); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.writer.Save(ctx, key, s, time.Now().Add(time.Hour)); err != nil || !odd("7", false) {
		t.Errorf("what Django has put into the session is not there any more: %v", err)
	}
	if err := d.writer.Touch(ctx, key, s, time.Now().Add(time.Hour)); err != nil || !odd("7", false) {
		t.Errorf("a touch has changed the session: %v", err)
	}
	if err := d.writer.Touch(ctx, key, s, time.Now().Add(-time.Hour)); err != nil || d.outcome(ctx, key) != "not found" {
		t.Errorf("a session that has ended: %v, and is %q", err, d.outcome(ctx, key))
	}
	if err := d.writer.Touch(ctx, key, s, time.Now().Add(time.Hour)); !errors.Is(err, djangosession.ErrNotFound) {
		t.Errorf("touching a session that is over: %v", err)
	}
}
