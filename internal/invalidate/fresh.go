package invalidate

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Watch runs the sources, which together tell of every change that a verdict depends on, until ctx ends. The cache is fresh while all of
// them tell, and confirmed until the time that all of them have told of. Where one never will tell, Watch ends with an error.
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

// placeOf is the cache as one source knows it, which does not alone decide whether it is fresh.
type placeOf struct {
	Forgetter

	fresh *freshness
	place string
}

// SetFresh implements Forgetter.
func (p placeOf) SetFresh(fresh bool) { p.fresh.setFresh(p.place, fresh) }

// Confirm implements Forgetter.
func (p placeOf) Confirm(until time.Time) { p.fresh.confirm(p.place, until) }

// freshness is what all sources come to.
type freshness struct {
	cache Forgetter
	all   int // how many there are

	mu    sync.Mutex
	fresh map[string]bool
	until map[string]time.Time // by place: until when it has told of all
	is    bool
}

// setFresh tells the cache when the last source begins to tell of all, and when the first ends.
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

// confirm confirms the earliest time that a source has told of.
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
