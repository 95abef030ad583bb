package invalidate

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Watch runs all sources until ctx ends. Together they must hear of every change that a verdict depends on. The cache
// is fresh while all of them hear everything, and Watch confirms it up to the earliest time that a source vouches
// for. If a source never can hear, Watch ends with its error.
func Watch(ctx context.Context, sources []Source, cache Forgetter, report func(place string, fresh bool, why error)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f := &freshness{cache: cache, all: len(sources), fresh: map[string]bool{}, until: map[string]time.Time{}}
	failed := make(chan error, len(sources))
	var watching sync.WaitGroup
	for _, s := range sources {
		watching.Go(func() {
			err := s.Watch(ctx, placeOf{cache, f, s.Place}, func(fresh bool, why error) { report(s.Place, fresh, why) })
			if err != nil {
				failed <- fmt.Errorf("%s: %w", s.Place, err)
				cancel()
			}
		})
	}
	watching.Wait()
	close(failed)
	return <-failed // nil where nothing has failed
}

// placeOf is the cache as one source sees it. One source alone does not decide whether the cache is fresh.
type placeOf struct {
	Forgetter

	fresh *freshness
	place string
}

// SetFresh implements Forgetter.
func (p placeOf) SetFresh(fresh bool) { p.fresh.setFresh(p.place, fresh) }

// Confirm implements Forgetter.
func (p placeOf) Confirm(until time.Time) { p.fresh.confirm(p.place, until) }

// freshness combines what the sources say.
type freshness struct {
	cache Forgetter
	all   int // how many there are

	mu    sync.Mutex
	fresh map[string]bool
	until map[string]time.Time // by place: every change before this time has been heard
	is    bool
}

// setFresh sets one source's state. It calls the cache when the last source begins to hear everything, and when the
// first one stops.
func (f *freshness) setFresh(place string, fresh bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fresh[place] = fresh
	is := f.all > 0
	for _, each := range f.fresh {
		is = is && each
	}
	if is = is && len(f.fresh) == f.all; is != f.is {
		f.is = is
		f.cache.SetFresh(is)
	}
}

// confirm sets how far one source has heard everything. It confirms the earliest of these times to the cache.
func (f *freshness) confirm(place string, until time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.until[place] = until
	for _, each := range f.until {
		if each.Before(until) {
			until = each
		}
	}
	if f.is && len(f.until) == f.all {
		f.cache.Confirm(until)
	}
}
