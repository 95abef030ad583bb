package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"django-sidecar/djangosession/dbstore"
	"django-sidecar/internal/config"
	"django-sidecar/internal/database"
	"django-sidecar/internal/invalidate"
	"django-sidecar/internal/verdictcache"
)

// openCache puts a cache before the verdicts, where one is wanted.
func (sc *sidecar) openCache() error {
	c := sc.config.Cache
	if c.TTL == 0 {
		return nil
	}
	cache, err := verdictcache.New(verdictcache.Config{
		Verifier: &sc.current, Access: &sc.current, TTL: c.TTL, MaxAge: max(c.TTL, c.MaxAge), Entries: c.Entries, Now: time.Now,
	})
	if err != nil {
		return err
	}
	sc.cache = cache
	sc.answers.Verifier, sc.answers.Peek = cache, cache.Peek
	sc.answers.Access, sc.answers.PeekAccess = cache, cache.PeekAccess
	sc.metrics.Cache(cache.Stats)
	return nil
}

// hearChanges has the cache forget what changes, until ctx ends.
func (sc *sidecar) hearChanges(ctx context.Context) {
	for {
		d := sc.current.Load()
		if err := sc.hearChangesOf(ctx, d); err != nil {
			sc.reportSound(ctx, false, err)
		}
		select {
		case <-ctx.Done():
			return
		case <-d.replaced:
		}
	}
}

// hearChangesOf returns when d has been replaced, or ctx has ended, or with an error if nothing can be heard.
func (sc *sidecar) hearChangesOf(ctx context.Context, d *deployment) error {
	// Where sessions are elsewhere, nobody would tell of a logout.
	if d.rows == nil || d.database.Dialect != dbstore.Postgres {
		return errors.New("the sessions are in no table of PostgreSQL")
	}
	url := d.config.Cache.ListenURL
	if url.Reveal() == "" {
		url = d.config.DatabaseURL
	}
	listener, err := database.NewListener(url.Reveal(), database.Options{Timeout: d.config.StoreTimeout, LookupEnv: os.LookupEnv})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-d.replaced:
			cancel()
		case <-ctx.Done():
		}
	}()
	return invalidate.Listen(ctx, invalidate.Config{
		Tables: invalidationTables(d.config),
		Connect: func(ctx context.Context, notify func(channel, payload string)) (invalidate.Conn, error) {
			return listener.Connect(ctx, notify)
		},
		Notify: func(ctx context.Context, channel string) error {
			_, err := d.database.ExecContext(ctx, "SELECT pg_notify($1, '')", channel)
			return err
		},
		Cache:  forgetter{sc.cache, d.config.SessionEngineKind == config.EngineDB},
		Report: func(sound bool, why error) { sc.reportSound(ctx, sound, why) },
		Now:    time.Now,
	})
}

// reportSound logs whether the cache is told of changes.
func (sc *sidecar) reportSound(ctx context.Context, sound bool, why error) {
	sc.metrics.CacheSound(sound)
	switch {
	case sound:
		sc.logger.InfoContext(ctx, "the cache is told of every change", "max_age", sc.config.Cache.MaxAge.String())
	case why != nil && !errors.Is(why, context.Canceled):
		sc.logger.WarnContext(ctx, "the cache is not told of changes; what it keeps is as old as SIDECAR_CACHE_TTL says",
			"ttl", sc.config.Cache.TTL.String(), "error", fmt.Sprint(why))
	}
}

// forgetter is the cache as the listener knows it.
type forgetter struct {
	*verdictcache.Cache

	// exact says that what the database tells is all that a verdict depends on. In the engine cached_db a session is in a
	// cache too, which Django empties only after it has deleted the row.
	exact bool
}

// ForgetSession implements invalidate.Forgetter.
func (f forgetter) ForgetSession(hash [16]byte) { f.Cache.ForgetSession(hash) }

// SetSound implements invalidate.Forgetter.
func (f forgetter) SetSound(sound bool) { f.Cache.SetSound(sound && f.exact) }
