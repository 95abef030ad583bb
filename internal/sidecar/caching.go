package sidecar

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"django-sidecar/djangosession/dbstore"
	"django-sidecar/internal/cache"
	"django-sidecar/internal/config"
	"django-sidecar/internal/database"
	"django-sidecar/internal/invalidate"
	"django-sidecar/internal/keyhash"
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
			sc.reportSound(ctx, "this deployment", false, err)
		}
		select {
		case <-ctx.Done():
			return
		case <-d.replaced:
		}
	}
}

// A teller tells of changes in one place, until its context ends. It says whether it tells of every change there, and
// reports that with the reason, and until when it has told of all; an error at once says that it never will.
type teller struct {
	place string
	tell  func(ctx context.Context, sound func(bool), confirm func(time.Time), report func(bool, error)) error
}

// tellers are those that together tell of every change that a verdict depends on.
func (sc *sidecar) tellers(d *Deployment) ([]teller, error) {
	var all []teller
	switch d.config.SessionEngineKind {
	case config.EngineDB:
	case config.EngineCache, config.EngineCachedDB:
		// In the engine cached_db Django deletes the row first, so that what the database tells is not enough.
		all = append(all, teller{"cache", sc.tellerOfCache(d)})
	case config.EngineFile, config.EngineSignedCookies:
		return nil, errors.New("nobody tells of sessions in files or cookies")
	}
	for _, where := range tellingDatabases(d) {
		if where.database.Dialect != dbstore.Postgres {
			return nil, errors.New("of databases, PostgreSQL alone tells of changes")
		}
		all = append(all, teller{where.place, sc.tellerOfDatabase(d, where)})
	}
	if d.users != nil && d.config.AuthUserHexID {
		return nil, errors.New("the triggers tell of users by their keys with hyphens, and DJANGO_AUTH_USER_ID_FORMAT is hex")
	}
	if d.users != nil && d.config.AuthGroups.AreNamed() {
		return nil, errors.New("the triggers know Django's own tables of groups and permissions, and not those that the settings name")
	}
	if _, simple := conditionColumns(d.config.AuthUserConditions); !simple {
		return nil, errors.New("a condition of DJANGO_AUTH_USER_…WHERE has more in it than columns, values and comparisons: " +
			"its truth may change without the user's row")
	}
	return all, nil
}

// tellingDatabase is a database with tables that verdicts depend on.
type tellingDatabase struct {
	place    string
	database *database.Database
	url      config.Secret // where it is listened to
	tables   invalidate.Tables
}

// tellingDatabases are one database, two where sessions are in another than the users, or none.
func tellingDatabases(d *Deployment) (all []tellingDatabase) {
	c := d.config
	url := c.Cache.ListenURL
	if url.Reveal() == "" {
		url = c.DatabaseURL
	}
	sessions, users := d.rows != nil, d.users != nil
	if sessions && d.apart() {
		all = append(all, tellingDatabase{"session database", d.sessionDatabase, c.SessionDatabaseURL, sessionTables(c)})
		sessions = false
	}
	switch {
	case users && d.apart():
		all = append(all, tellingDatabase{"database", d.database, url, userTables(c)})
	case users || sessions:
		all = append(all, tellingDatabase{"database", d.database, url, invalidationTables(c)})
	}
	return all
}

// hearChangesOf returns when d has been replaced, or ctx has ended, or with an error if nothing can be heard.
func (sc *sidecar) hearChangesOf(ctx context.Context, d *Deployment) error {
	tellers, err := sc.tellers(d)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var running sync.WaitGroup
	running.Go(func() {
		select {
		case <-d.replaced:
			cancel()
		case <-ctx.Done():
		}
	})
	defer running.Wait()
	s := soundness{all: len(tellers), sound: map[string]bool{}, until: map[string]time.Time{}, confirm: sc.cache.Confirm, set: func(sound bool) {
		sc.cache.SetSound(sound)
		sc.metrics.CacheSound(sound)
	}}
	failed := make(chan error, len(tellers))
	var telling sync.WaitGroup
	for _, t := range tellers {
		telling.Go(func() {
			err := t.tell(ctx, func(sound bool) { s.report(t.place, sound) }, func(until time.Time) { s.confirmed(t.place, until) },
				func(sound bool, why error) { sc.reportSound(ctx, t.place, sound, why) })
			if err != nil {
				failed <- fmt.Errorf("%s: %w", t.place, err)
				cancel()
			}
		})
	}
	telling.Wait()
	close(failed)
	return <-failed // nil where nothing has failed
}

// soundness is what all tellers come to: the cache is sound while each of them is.
type soundness struct {
	set     func(sound bool)
	confirm func(until time.Time)
	all     int

	mu    sync.Mutex
	sound map[string]bool
	until map[string]time.Time // by place: until when it has told of all
	is    bool
}

// confirmed confirms what all places have told of.
func (s *soundness) confirmed(place string, until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.until[place] = until
	for _, each := range s.until {
		if each.Before(until) {
			until = each
		}
	}
	if s.is && len(s.until) == s.all {
		s.confirm(until)
	}
}

func (s *soundness) report(place string, sound bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sound[place] = sound
	is := s.all > 0
	for _, each := range s.sound {
		is = is && each
	}
	if is = is && len(s.sound) == s.all; is != s.is {
		s.is = is
		s.set(is)
	}
}

// tellerOfDatabase listens to PostgreSQL.
func (sc *sidecar) tellerOfDatabase(d *Deployment, where tellingDatabase) func(context.Context, func(bool), func(time.Time), func(bool, error)) error {
	return func(ctx context.Context, sound func(bool), confirm func(time.Time), report func(bool, error)) error {
		listener, err := database.NewListener(where.url.Reveal(), database.Options{Timeout: d.config.StoreTimeout, LookupEnv: os.LookupEnv})
		if err != nil {
			return err
		}
		return invalidate.Listen(ctx, invalidate.Config{
			Tables: where.tables,
			Connect: func(ctx context.Context, notify func(channel, payload string)) (invalidate.Conn, error) {
				return listener.Connect(ctx, notify)
			},
			Notify: func(ctx context.Context, channel string) error {
				var nothing any // a query, because Exec prepares, which a pooler may not carry
				return where.database.QueryRowContext(ctx, "SELECT pg_notify($1, '')", channel).Scan(&nothing)
			},
			Cache:  forgetter{sc.cache, sound, confirm},
			Report: report,
			Look:   lookEvery(d.config.Cache.TTL),
			Now:    time.Now,
		})
	}
}

// forgetter is the cache as the database's listener knows it, who does not alone decide whether it is sound.
type forgetter struct {
	*verdictcache.Cache

	sound   func(bool)
	confirm func(time.Time)
}

// SetSound implements invalidate.Forgetter.
func (f forgetter) SetSound(sound bool) { f.sound(sound) }

// Confirm implements invalidate.Forgetter.
func (f forgetter) Confirm(until time.Time) { f.confirm(until) }

// lookEvery is how often a place is asked whether it still tells: a confirmation holds for the TTL, or for a second where that is
// shorter, and the next one comes early enough that it may take its time.
func lookEvery(ttl time.Duration) time.Duration {
	return min(max(ttl, time.Second)/4, time.Second)
}

// tellerOfCache listens to Redis.
func (sc *sidecar) tellerOfCache(d *Deployment) func(context.Context, func(bool), func(time.Time), func(bool, error)) error {
	return func(ctx context.Context, sound func(bool), confirm func(time.Time), report func(bool, error)) error {
		return d.cache.Track(ctx, cache.Tracking{
			Prefix:     d.cached.Prefix(),
			Heard:      func(sessionKey string) { sc.cache.ForgetSession(keyhash.Of(sessionKey)) },
			Everything: sc.cache.ForgetAll,
			Sound: func(is bool, why error) {
				sound(is)
				report(is, why)
			},
			Confirm: confirm,
			Ping:    lookEvery(d.config.Cache.TTL),
			Now:     time.Now,
		})
	}
}

// reportSound logs whether the cache is told of changes in one place, or in none.
func (sc *sidecar) reportSound(ctx context.Context, place string, sound bool, why error) {
	switch {
	case sound:
		sc.metrics.CacheUnsound(place, "")
		sc.logger.InfoContext(ctx, "the cache is told of every change", "in", place)
	case why != nil && !errors.Is(why, context.Canceled):
		doing, _, _ := strings.Cut(why.Error(), ": ") // what comes behind it may differ each time
		sc.metrics.CacheUnsound(place, doing)
		sc.logger.WarnContext(ctx, "the cache is not told of changes; what it keeps may be as old as SIDECAR_CACHE_TTL says",
			"in", place, "ttl", sc.config.Cache.TTL.String(), "error", why.Error())
	}
}
