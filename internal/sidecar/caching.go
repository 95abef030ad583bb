package sidecar

import (
	"context"
	"errors"
	"strings"
	"sync"

	"django-sidecar/internal/invalidate"
	"django-sidecar/internal/observe"
	"django-sidecar/internal/verdictcache"
)

// WatchChanges has the cache forget what changes, until ctx ends, if there is one that listens.
func (l *Live) WatchChanges(ctx context.Context) {
	if l.cache == nil || !l.Config.Cache.Listen {
		return
	}
	for {
		d := l.Current()
		if err := l.watchChangesOf(ctx, d); err != nil {
			l.reportFresh(ctx, "this deployment", false, err)
		}
		select {
		case <-ctx.Done():
			return
		case <-d.replaced:
		}
	}
}

// watchChangesOf returns when d has been replaced, or ctx has ended, or with an error if nothing tells of every change.
func (l *Live) watchChangesOf(ctx context.Context, d *Deployment) error {
	sources, err := d.sources()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		select {
		case <-d.replaced:
			cancel()
		case <-ctx.Done():
		}
	})
	defer running.Wait()
	defer cancel()
	return invalidate.Watch(ctx, sources, measured{l.cache, l.Metrics}, func(place string, fresh bool, why error) {
		l.reportFresh(ctx, place, fresh, why)
	})
}

// measured is the cache, with a metric of whether it is fresh.
type measured struct {
	*verdictcache.Cache

	metrics *observe.Metrics
}

// SetFresh implements invalidate.Forgetter.
func (m measured) SetFresh(fresh bool) {
	m.Cache.SetFresh(fresh)
	m.metrics.CacheFresh(fresh)
}

// reportFresh logs whether the cache hears of every change in a place.
func (l *Live) reportFresh(ctx context.Context, place string, fresh bool, why error) {
	switch {
	case fresh:
		l.Metrics.CacheNotFresh(place, "")
		l.Logger.InfoContext(ctx, "the cache is told of every change", "in", place)
	case why != nil && !errors.Is(why, context.Canceled):
		doing, _, _ := strings.Cut(why.Error(), ": ") // what comes behind it may differ each time
		l.Metrics.CacheNotFresh(place, doing)
		l.Logger.WarnContext(ctx, "the cache is not told of changes; what it keeps may be as old as SIDECAR_CACHE_TTL says",
			"in", place, "ttl", l.Config.Cache.TTL.String(), "error", why.Error())
	}
}
