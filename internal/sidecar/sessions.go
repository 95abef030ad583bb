package sidecar

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/cachestore"
	"django-sidecar/djangosession/cookiestore"
	"django-sidecar/djangosession/dbstore"
	"django-sidecar/djangosession/filestore"
	"django-sidecar/internal/breaker"
	"django-sidecar/internal/config"
	"django-sidecar/internal/database"
	"django-sidecar/internal/djangocache"
	"django-sidecar/internal/observe"
)

// openSessions makes the store that SESSION_ENGINE names. It connects to nothing. Nil metrics count nothing.
func (d *Deployment) openSessions(metrics *observe.Metrics) (err error) {
	c := d.config
	watched := observe.Sessions{Watch: observe.Watch{
		Now: time.Now, Span: d.span("load session", d.storeKind()),
	}}
	if c.SessionEngineKind == config.EngineDB || c.SessionEngineKind == config.EngineCachedDB {
		if d.sessionDatabase == nil {
			return nil // which could not be opened
		}
		d.rows = d.rowsIn(d.sessionDatabase, d.sessionBatcher)
	}
	switch c.SessionEngineKind {
	case config.EngineDB:
		watched.Store, watched.Watch.Breaker = d.rows, d.newBreaker("session table")
		d.probeSessions = d.rows.Probe
	case config.EngineCachedDB:
		d.sessionRows = &observe.Sessions{
			Store: d.rows, Watch: observe.Watch{Now: time.Now, Breaker: d.newBreaker("session table")},
		}
		err = d.openCache(d.sessionRows)
		// An outage of the cache alone is none: the table has every session.
		watched.Store, d.probeSessions = d.cached, d.rows.Probe
	case config.EngineCache:
		if err = d.openCache(nil); err == nil {
			watched.Store, d.probeSessions = d.cached, d.cache.Probe
		}
	case config.EngineFile:
		d.files, err = filestore.New(filestore.Config{
			Dir: c.SessionFilePath, Prefix: c.SessionCookieName, CookieAge: c.SessionCookieAge, Codec: d.codec,
			Version: d.version, Local: d.zone().Local, MaxBytes: int(c.MaxSessionBytes),
		})
		if err == nil {
			watched.Store, d.probeSessions = d.files, d.files.Probe
		}
	case config.EngineSignedCookies:
		watched.Store, d.probeSessions = d.cookies, d.cookies.Probe
	}
	watched.Watch = metrics.Watch(d.storeKind(), "load", watched.Watch)
	d.sessions = &watched
	return err
}

// newCookies makes the store of sessions that are in their cookies.
func (d *Deployment) newCookies() (*cookiestore.Store, error) {
	c := d.config
	return cookiestore.New(cookiestore.Config{
		Version: d.version, SecretKey: d.keys.primary(), SecretKeyFallbacks: d.keys.fallbacks(),
		HashingAlgorithm: hashingAlgorithm(c), MaxAge: c.SessionCookieAge, Serializer: c.SessionSerializer,
		MaxBytes: int(c.MaxSessionBytes),
	})
}

// openCache makes the store of a cache engine; then is where sessions are that the cache does not have, nil for none.
func (d *Deployment) openCache(then djangosession.Store) (err error) {
	c := d.config
	var writes *database.Database
	if c.Write.Any() && cacheTable(c) != "" && d.database != nil {
		if writes, err = d.writable("DATABASE_URL", d.database); err != nil {
			return err
		}
	}
	d.cache, err = djangocache.Open(c.CacheURL.Reveal(), djangocache.Options{
		Timeout: c.StoreTimeout, Conns: c.DBConns, MaxBytes: int(c.MaxSessionBytes), Database: d.database,
		Zone: d.zone(), Writes: writes,
		// Without it a verdict would be kept for no longer than that, and an expiry be moved that has just been.
		Expiry:  c.Cache.TTL > 0 || c.Write.Touch && c.SessionEngineKind == config.EngineCache,
		Breaker: d.cacheBreakers(),
	})
	if err != nil {
		return fmt.Errorf("DJANGO_CACHE_URL: %w", err)
	}
	settings := cachestore.Config{
		Cache: d.cache, Then: then, Serializer: d.cache.Serializer, Version: d.version,
		MaxBytes:  int(c.MaxSessionBytes),
		KeyPrefix: cmp.Or(c.CacheKeyPrefix, d.cache.KeyPrefix), KeyVersion: strconv.Itoa(c.CacheVersion),
		SessionKeyPrefix: c.SessionCacheKeyPrefix,
	}
	if d.cache.KeyVersion != "" {
		settings.KeyVersion = d.cache.KeyVersion
	}
	d.cached, err = cachestore.New(settings)
	return err
}

// cacheBreakers makes a breaker of each server of the cache. A server that leaves a cluster and comes back has the one
// that it had.
func (d *Deployment) cacheBreakers() func(server string) *breaker.Breaker {
	var mu sync.Mutex
	known := map[string]*breaker.Breaker{}
	return func(server string) *breaker.Breaker {
		name := "cache"
		if server != "" {
			name = "cache server " + server
		}
		mu.Lock()
		defer mu.Unlock()
		if known[name] == nil {
			known[name] = d.newBreaker(name)
		}
		return known[name]
	}
}

// Location says where the sessions are, for messages.
func (d *Deployment) Location() string {
	var places []string
	switch {
	case d.cache != nil:
		places = append(places, d.cache.Location)
	case d.files != nil:
		places = append(places, "folder "+d.config.SessionFilePath)
	case d.rows == nil:
		places = append(places, "signed cookies")
	}
	if d.sessionDatabase != nil && d.apart() {
		places = append(places, "sessions in "+d.sessionDatabase.Location)
	}
	if d.database != nil {
		places = append(places, d.database.Location)
	}
	return strings.Join(places, ", ")
}

// storeKind is what metrics call the store of sessions.
func (d *Deployment) storeKind() string {
	if d.config.SessionEngineKind == config.EngineDB {
		if d.apart() {
			return "session_database"
		}
		return "database"
	}
	return string(d.config.SessionEngineKind)
}

// zone is how Django keeps instants in columns that know no time zone.
func (d *Deployment) zone() dbstore.Zone { return zoneOf(d.config) }

func zoneOf(c *config.Config) dbstore.Zone {
	if c.UseTZ {
		return dbstore.Zone{UseTZ: true}
	}
	return dbstore.Zone{Local: c.TimeZone}
}

// rowsIn finds sessions in the session table of a database.
func (d *Deployment) rowsIn(db *database.Database, batcher *dbstore.Batcher) *dbstore.Sessions {
	return dbstore.NewSessions(db.DB, d.codec, dbstore.SessionsConfig{
		Dialect: db.Dialect, Table: d.config.SessionTable, Zone: d.zone(),
		Prepare: db.Prepares, Batcher: batcher,
		MaxBytes: int(d.config.MaxSessionBytes),
	})
}
