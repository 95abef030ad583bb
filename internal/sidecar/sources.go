package sidecar

import (
	"context"
	"errors"
	"os"
	"time"

	"django-sidecar/djangosession/dbstore"
	"django-sidecar/internal/config"
	"django-sidecar/internal/database"
	"django-sidecar/internal/invalidate"
	"django-sidecar/internal/invalidate/postgres"
	"django-sidecar/internal/invalidate/redis"
	"django-sidecar/internal/keyhash"
)

// sources returns the sources that together hear of every change on which a verdict depends. An error says why there
// are none.
func (d *Deployment) sources() ([]invalidate.Source, error) {
	var all []invalidate.Source
	switch d.config.SessionEngineKind {
	case config.EngineDB:
	case config.EngineCache, config.EngineCachedDB:
		// In the engine cached_db Django deletes the row first, so that what the database tells is not enough.
		all = append(all, d.cacheSource())
	case config.EngineFile, config.EngineSignedCookies:
		return nil, errors.New("nobody tells of sessions in files or cookies")
	}
	for _, where := range d.databaseSources() {
		if where.database.Dialect != dbstore.Postgres {
			return nil, errors.New("of databases, PostgreSQL alone tells of changes")
		}
		all = append(all, where.source(d.config))
	}
	if d.users != nil && d.config.AuthUserHexID {
		return nil, errors.New("the triggers tell of users by their keys with hyphens, and " +
			"DJANGO_AUTH_USER_ID_FORMAT is hex")
	}
	if d.users != nil && d.config.AuthGroups.AreNamed() {
		return nil, errors.New("the triggers know Django's own tables of groups and permissions, and not those that " +
			"the settings name")
	}
	if _, simple := conditionColumns(d.config.AuthUserConditions); !simple {
		return nil, errors.New("a condition of DJANGO_AUTH_USER_…WHERE has more in it than columns, values and " +
			"comparisons: its truth may change without the user's row")
	}
	return all, nil
}

// databaseSource is a database with tables that verdicts depend on.
type databaseSource struct {
	place    string
	database *database.Database
	url      config.Secret // where it is listened to
	tables   postgres.Tables
}

// databaseSources are one database, two where sessions are in another than the users, or none.
func (d *Deployment) databaseSources() (all []databaseSource) {
	c := d.config
	url := c.Cache.ListenURL
	if url.Reveal() == "" {
		url = c.DatabaseURL
	}
	sessions, users := d.rows != nil, d.users != nil
	if sessions && d.apart() {
		all = append(all, databaseSource{"session database", d.sessionDatabase, c.SessionDatabaseURL, sessionTables(c)})
		sessions = false
	}
	switch {
	case users && d.apart():
		all = append(all, databaseSource{"database", d.database, url, userTables(c)})
	case users || sessions:
		all = append(all, databaseSource{"database", d.database, url, invalidationTables(c)})
	}
	return all
}

// source listens to PostgreSQL.
func (s databaseSource) source(c *config.Config) invalidate.Source {
	return invalidate.Source{Place: s.place, Watch: func(ctx context.Context, cache invalidate.Forgetter, report func(bool, error)) error {
		listener, err := database.NewSubscriber(s.url.Reveal(),
			database.Options{Timeout: c.StoreTimeout, LookupEnv: os.LookupEnv})
		if err != nil {
			return err
		}
		return postgres.Listen(ctx, postgres.Config{
			Tables: s.tables,
			Connect: func(ctx context.Context, notify func(channel, payload string)) (postgres.NotificationConn, error) {
				return listener.Connect(ctx, notify)
			},
			Notify: func(ctx context.Context, channel string) error {
				var nothing any // a query, because Exec prepares, which a pooler may not carry
				return s.database.QueryRowContext(ctx, "SELECT pg_notify($1, '')", channel).Scan(&nothing)
			},
			Cache: cache, Report: report, Look: lookEvery(c.Cache.TTL), Now: time.Now,
		})
	}}
}

// cacheSource listens to Redis.
func (d *Deployment) cacheSource() invalidate.Source {
	return invalidate.Source{Place: "cache", Watch: func(ctx context.Context, cache invalidate.Forgetter, report func(bool, error)) error {
		return redis.Track(ctx, d.cache, redis.Tracking{
			Prefix:     d.cached.Prefix(),
			Heard:      func(sessionKey string) { cache.ForgetSession(keyhash.Of(sessionKey)) },
			Everything: cache.ForgetAll,
			Fresh: func(is bool, why error) {
				cache.SetFresh(is)
				report(is, why)
			},
			Confirm: cache.Confirm,
			Ping:    lookEvery(d.config.Cache.TTL),
			Now:     time.Now,
		})
	}}
}

// lookEvery is how often a place is asked whether it still tells: a confirmation holds for the TTL, or for a second
// where that is shorter, and the next one comes early enough that it may take its time.
func lookEvery(ttl time.Duration) time.Duration {
	return min(max(ttl, time.Second)/4, time.Second)
}
