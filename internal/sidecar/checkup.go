package sidecar

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/checkup"
	"django-sidecar/internal/config"
)

// Describe is the deployment in one line.
func (d *Deployment) Describe() string {
	return fmt.Sprintf("Django %s, engine %s, cookie %s, %s, %s",
		d.version, d.config.SessionEngine, strings.Join(d.config.SessionCookieNames, " or "),
		checkup.Counted(d.config.Fallbacks(), "fallback key"),
		checkup.Counted(len(d.config.AuthenticationBackends), "backend"))
}

// Checkup looks at the deployment's stores.
func (d *Deployment) Checkup() *checkup.Checkup {
	c := &checkup.Checkup{
		Config: d.config, Version: d.version, Places: places(d), Store: d.sessions, Sessions: d.rows, Recent: recent(d),
		Users: d.users, Access: d.access, Verifier: d.verifier, Try: d.try, Timeout: d.config.StoreTimeout,
		Now: time.Now,
	}
	if d.config.Write.Any() {
		c.Writing = d.ProbeWriting
	}
	if d.replica != nil {
		c.Replica = &checkup.Replica{Location: d.replica.database.Location, Probe: d.probeReplica}
	}
	if d.database != nil {
		c.UserDatabase = &checkup.NamedDatabase{
			Name: "database", Setting: "DATABASE_URL", DB: d.database.DB, Dialect: d.database.Dialect,
			Location: d.database.Location,
		}
	}
	if d.rows != nil {
		c.SessionDatabase = c.UserDatabase
		if d.apart() {
			c.SessionDatabase = &checkup.NamedDatabase{
				Name: "session database", Setting: "DJANGO_SESSION_DATABASE_URL", DB: d.sessionDatabase.DB,
				Dialect: d.sessionDatabase.Dialect, Location: d.sessionDatabase.Location,
			}
		}
	}
	return c
}

// try is the deployment with other settings, on the same stores.
func (d *Deployment) try(c *config.Config) (t checkup.Trial, err error) {
	other := &Deployment{
		config: c, database: d.database, batcher: d.batcher, sessionDatabase: d.sessionDatabase,
		sessionBatcher: d.sessionBatcher,
	}
	if err = other.openKeys(); err != nil {
		return t, err
	}
	t.Codec = other.codec
	switch c.SessionEngineKind {
	case config.EngineCache: // nothing there is signed
	case config.EngineCachedDB:
		t.Store = other.rowsIn(other.sessionDatabase, other.sessionBatcher)
	case config.EngineDB, config.EngineFile, config.EngineSignedCookies:
		if err = other.openSessions(nil); err != nil {
			return t, err
		}
		t.Store = other.sessions
	}
	t.Verifier = other.rules.With(d.sessions, d.userStore(nil))
	return t, nil
}

// places are where the engine keeps sessions outside the session table.
func places(d *Deployment) []checkup.SessionPlace {
	switch {
	case d.cache != nil:
		return []checkup.SessionPlace{{
			Name: "cache", Location: d.cache.Location, Probe: d.probeCache, Setting: "DJANGO_CACHE_URL",
			Remedy: "compare DJANGO_CACHE_URL with LOCATION and OPTIONS of the cache that SESSION_CACHE_ALIAS names " +
				"in Django's CACHES",
		}}
	case d.files != nil:
		return []checkup.SessionPlace{{
			Name: "sessions", Location: "folder " + d.config.SessionFilePath, Probe: d.files.Probe,
			Remedy: "set DJANGO_SESSION_FILE_PATH to Django's SESSION_FILE_PATH, and let this user read the folder " +
				"and its files",
		}}
	}
	return nil
}

// probeCache asks for a session that is not there: a cluster's node, and a user without rights, answer a ping all the
// same.
func (d *Deployment) probeCache(ctx context.Context) error {
	if err := d.cache.Probe(ctx); err != nil {
		return err
	}
	_, _, err := d.cache.Get(ctx, d.cached.Prefix()+"django-sidecar-check")
	if errors.Is(err, djangosession.ErrNotFound) {
		return nil
	}
	return err
}

// recent lists live sessions, as far as the engine keeps them where they can be listed.
func recent(d *Deployment) func(ctx context.Context, n int) ([]djangosession.StoredSession, error) {
	switch {
	case d.rows != nil:
		return d.rows.Recent
	case d.files != nil:
		return d.files.Recent
	}
	return nil
}
