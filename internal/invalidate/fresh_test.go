package invalidate_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"django-sidecar/internal/invalidate"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// notes is a cache that writes down what it is told of itself.
type notes struct {
	invalidate.Forgetter // of which nothing is asked here

	mu   sync.Mutex
	said []string
}

func (n *notes) SetFresh(fresh bool) { n.say("fresh %v", fresh) }

func (n *notes) Confirm(until time.Time) { n.say("until %d", until.Unix()) }

func (n *notes) say(format string, a ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.said = append(n.said, fmt.Sprintf(format, a...))
}

// TestWatchIsAsFreshAsItsSources: the cache is fresh while each source tells, until the earliest time that one has told of.
func TestWatchIsAsFreshAsItsSources(t *testing.T) {
	type step struct {
		place string
		fresh bool
		until int64 // 0: it says whether it tells
	}
	for _, tt := range []struct {
		name   string
		places []string
		steps  []step
		want   []string
	}{
		{"one source", []string{"a"}, []step{{"a", true, 0}, {"a", false, 5}, {"a", false, 0}, {"a", false, 6}}, []string{"fresh true", "until 5", "fresh false"}},
		{"the second is missing", []string{"a", "b"}, []step{{"a", true, 0}, {"a", false, 5}}, nil},
		{
			"both",
			[]string{"a", "b"},
			[]step{{"a", true, 0}, {"b", true, 0}, {"a", false, 5}, {"b", false, 3}, {"b", false, 9}},
			[]string{"fresh true", "until 3", "until 5"},
		},
		{
			"one ends, and begins again",
			[]string{"a", "b"},
			[]step{{"a", true, 0}, {"b", true, 0}, {"a", false, 0}, {"b", false, 0}, {"b", true, 0}, {"a", true, 0}},
			[]string{"fresh true", "fresh false", "fresh true"},
		},
		{"told twice", []string{"a"}, []step{{"a", true, 0}, {"a", true, 0}, {"a", false, 0}, {"a", false, 0}}, []string{"fresh true", "fresh false"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			caches := map[string]invalidate.Forgetter{}
			var ready sync.WaitGroup
			var mu sync.Mutex
			var sources []invalidate.Source
			for _, place := range tt.places {
				ready.Add(1)
				sources = append(sources, invalidate.Source{Place: place, Watch: func(ctx context.Context, cache invalidate.Forgetter, _ func(bool, error)) error {
					mu.Lock()
					caches[place] = cache
					mu.Unlock()
					ready.Done()
					<-ctx.Done()
					return nil
				}})
			}
			n := &notes{}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- invalidate.Watch(ctx, sources, n, func(string, bool, error) {}) }()
			ready.Wait()
			for _, s := range tt.steps {
				if s.until != 0 {
					caches[s.place].Confirm(time.Unix(s.until, 0))
					continue
				}
				caches[s.place].SetFresh(s.fresh)
			}
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
			if !slices.Equal(n.said, tt.want) {
				t.Errorf("the cache was told %q, want %q", n.said, tt.want)
			}
		})
	}
}

// TestWatchEndsWhereOneNeverTells: the others end too, and the error names the place.
func TestWatchEndsWhereOneNeverTells(t *testing.T) {
	never := errors.New("nobody tells here")
	sources := []invalidate.Source{
		{Place: "here", Watch: func(ctx context.Context, _ invalidate.Forgetter, _ func(bool, error)) error { <-ctx.Done(); return nil }},
		{Place: "there", Watch: func(context.Context, invalidate.Forgetter, func(bool, error)) error { return never }},
	}
	err := invalidate.Watch(t.Context(), sources, &notes{}, func(string, bool, error) {})
	if !errors.Is(err, never) || err.Error() != "there: nobody tells here" {
		t.Errorf("got %v", err)
	}
}
