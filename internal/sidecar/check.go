package sidecar

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/checkup"
	"django-sidecar/internal/config"
)

// Check does everything that serve does at its start, and then looks at the stores. It tells what it has found in the
// order in which an operator reads it; refused gets what serve would refuse as a setting. A Cookie header, if there
// is one, is judged too.
func Check(ctx context.Context, c *config.Config, cookie *string, report func(checkup.Finding), refused func(error)) {
	sc := newSidecar(c, Options{Logger: slog.New(slog.DiscardHandler)})
	defer sc.close(ctx)
	for _, fault := range sc.prepare(ctx) {
		if errors.As(fault, new(uploadError)) {
			report(checkup.Finding{
				Grade: checkup.Fail, Name: "uploads", Found: fault.Error(),
				Remedy: "the directory must be there, and the sidecar's user must be able to write to it",
			})
			continue
		}
		refused(fault)
	}
	d := sc.current.Load()
	warnings := c.Warnings
	if d != nil {
		report(checkup.Finding{Grade: checkup.OK, Name: "settings", Found: describe(d)})
		if !c.KeyMissing {
			report(keyFinding(d))
		}
		warnings = d.warnings()
	}
	for _, w := range warnings {
		report(checkup.Finding{Grade: checkup.Warn, Name: "settings", Found: w})
	}
	for _, h := range c.Hints {
		report(checkup.Finding{Grade: checkup.OK, Name: "settings", Found: h})
	}
	for _, f := range append(certificateFindings(c, time.Now()), listenerFindings(ctx, c)...) {
		report(f)
	}
	if sc.uploads != nil {
		for _, f := range sc.uploads.findings() {
			report(f)
		}
	}
	if d == nil {
		return
	}
	look := newCheckup(d)
	look.Run(ctx, report)
	if cookie != nil {
		key, name := CookieRules(c).FirstSessionKey([]string{*cookie}, c.SessionCookieNames)
		report(look.Cookie(ctx, key, name))
	}
}

func describe(d *Deployment) string {
	return fmt.Sprintf("Django %s, engine %s, cookie %s, %d fallback keys, %d backends",
		d.version, d.config.SessionEngine, strings.Join(d.config.SessionCookieNames, " or "),
		d.config.Fallbacks(), len(d.config.AuthenticationBackends))
}

func newCheckup(d *Deployment) *checkup.Checkup {
	c := &checkup.Checkup{
		Config: d.config, Version: d.version, Places: places(d), Store: d.sessions, Sessions: d.rows, Recent: recent(d),
		Users: d.users, Access: d.access, Verifier: d.verifier, Try: d.try, Timeout: d.config.StoreTimeout,
		Now: time.Now,
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
		t.Store = other.newRows()
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

// listenerFindings tries the addresses that serve would listen on. A busy one is no failure: serve may be running.
func listenerFindings(ctx context.Context, c *config.Config) (findings []checkup.Finding) {
	for _, l := range listenerAddresses(c) {
		err := tryListen(ctx, l.address)
		switch {
		case err == nil:
		case isBusy(err):
			findings = append(findings, checkup.Finding{
				Grade: checkup.Warn, Name: "listeners", Found: l.setting + ": " + l.address + " is in use",
				Remedy: "by django-sidecar serve, if that is running; otherwise by what serve could not start beside",
			})
		default:
			findings = append(findings, checkup.Finding{
				Grade: checkup.Fail, Name: "listeners", Found: fmt.Sprintf("%s: %v", l.setting, err),
				Remedy: "the address must be one of this machine's, the folder of a socket must be there, and this " +
					"user must be allowed to listen there",
			})
		}
	}
	return findings
}
