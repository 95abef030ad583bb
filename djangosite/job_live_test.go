//go:build live

package djangosite_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession"
)

// testByKey: of two sessions in the same state, a job of Django changes one and the site the other, by their keys. What
// is no session that lives is refused, and then none is begun.
func (s *shared) testByKey(t *testing.T, engine string) {
	t.Helper()
	cart := map[string]any{"cart": []any{"cake", 1.5, nil}}
	put := func(key string) error {
		return s.UpdateSession(t.Context(), key, func(session *djangosession.Session) error { return session.Set("cart", cart["cart"]) })
	}
	theirs, mine := s.adaByDjango(t), s.adaByDjango(t)
	if engine == "signed_cookies" {
		if err := put(mine.cookies["sessionid"]); err == nil || errors.Is(err, djangosession.ErrNotFound) || !strings.Contains(err.Error(), "by Update") {
			t.Errorf("a session that is in its cookie: %v", err)
		}
		return
	}
	for _, b := range []*browser{theirs, mine} {
		s.ask(t, b, map[string]any{"set": map[string]any{"kept": "é"}, "expiry": 700})
	}
	before := time.Now()
	s.Ask(t, map[string]any{"op": "job", "key": theirs.cookies["sessionid"], "set": cart})
	if err := put(mine.cookies["sessionid"]); err != nil {
		t.Fatal(err)
	}
	elapsed := time.Since(before).Seconds()
	here, there := s.ask(t, mine, nil), s.ask(t, theirs, nil)
	want := map[string]any{"cart": cart["cart"], "kept": "é"}
	if here.User != "ada" || !reflect.DeepEqual(here.Session, want) || !reflect.DeepEqual(there.Session, want) || here.Age != there.Age {
		t.Errorf("by key, Django reads %+v, and of its own %+v", here, there)
	}
	if len(here.Row) != len(there.Row) || len(here.Row) == 1 && here.Row[0]-there.Row[0] > elapsed {
		t.Errorf("by key, the row ends at %f, and Django's at %f", here.Row, there.Row)
	}
	over := s.adaByDjango(t)
	key := over.cookies["sessionid"]
	s.ask(t, over, map[string]any{"set": map[string]any{"kept": "é"}, "expiry": -60})
	gone := s.adaByDjango(t).cookies["sessionid"]
	s.Ask(t, map[string]any{"op": "end", "key": gone})
	is := s.keys(t)
	for name, key := range map[string]string{"none": "", "short": "x", "unknown": strings.Repeat("a", 32), "odd": "../../../x", "expired": key, "ended": gone} {
		if err := put(key); !errors.Is(err, djangosession.ErrNotFound) || !strings.Contains(err.Error(), "by Update") || len(key) > 8 && strings.Contains(err.Error(), key) {
			t.Errorf("a key that is %s: %v", name, err)
		}
	}
	if now := s.keys(t); !reflect.DeepEqual(is, now) {
		t.Errorf("there were the sessions %q, and are %q", is, now)
	}
}

// keys are those of all sessions that Django's tables and files have.
func (s *shared) keys(t *testing.T) []string {
	t.Helper()
	var said struct{ Keys []string }
	s.Ask(t, map[string]any{"op": "keys"}, &said)
	return said.Keys
}
