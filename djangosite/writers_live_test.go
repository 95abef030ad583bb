//go:build live

package djangosite_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"django-sidecar/djangosession"
)

// testTwoWriters: Django and the site change one session in turn and at the same time. As with two Djangos, of those
// that change it at the same time the last one to save wins; a change that was alone is never lost, nor what nobody
// changes.
func (s *shared) testTwoWriters(t *testing.T) {
	b := s.ada(t)
	r := b.request()
	s.Ask(t, map[string]any{"op": "visit", "cookie": b.header(), "set": map[string]any{"kept": "é"}})
	const rounds, goroutines = 40, 3
	for round := range rounds {
		var writers sync.WaitGroup
		if round%4 != 0 { // Django alone
			for i := range goroutines {
				if round%4 == 1 && i > 0 { // the site alone
					break
				}
				writers.Go(func() { markBySite(t, s, r, fmt.Sprintf("%d site %d", round, i)) })
			}
		}
		if round%4 != 1 {
			s.Ask(t, map[string]any{"op": "mark", "cookie": b.header(), "mark": fmt.Sprintf("%d Django", round)})
		}
		writers.Wait()
	}
	var said struct {
		User    string
		Session struct {
			Kept  string
			Marks []string
		}
	}
	s.Ask(t, map[string]any{"op": "visit", "cookie": b.header()}, &said)
	if said.User != "ada" || said.Session.Kept != "é" {
		t.Errorf("Django sees %+v", said)
	}
	checkMarks(t, said.Session.Marks, rounds)
}

// markBySite is what the op mark of Django is.
func markBySite(t *testing.T, s *shared, r *http.Request, mark string) {
	t.Helper()
	err := s.Update(httptest.NewRecorder(), r, func(session *djangosession.Session) error {
		before := strings.Trim(session.Lookup("marks").JSON(), "[]")
		if before != "" {
			before += ","
		}
		return session.Set("marks", rawJSON("["+before+`"`+mark+`"]`))
	})
	if err != nil {
		t.Errorf("%s: %v", mark, err)
	}
}

// rawJSON is written as it is.
type rawJSON string

// MarshalJSON implements json.Marshaler.
func (j rawJSON) MarshalJSON() ([]byte, error) { return []byte(j), nil }

// checkMarks: each round has left a mark, in order, and none twice.
func checkMarks(t *testing.T, marks []string, rounds int) {
	t.Helper()
	seen := map[string]bool{}
	next := 0
	for _, mark := range marks {
		var round int
		if _, err := fmt.Sscanf(mark, "%d ", &round); err != nil || seen[mark] || round < next-1 || round > next {
			t.Fatalf("after round %d: %q, of %q", next-1, mark, marks)
		}
		seen[mark] = true
		next = round + 1
	}
	if next != rounds {
		t.Errorf("%d rounds have left %d: %q", rounds, next, marks)
	}
}
