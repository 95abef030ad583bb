package sidecar

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/dbstore"
	"django-sidecar/internal/config"
	"django-sidecar/internal/database"
	"django-sidecar/internal/login"
	"django-sidecar/internal/observe"
)

// writing is what writes to sessions and users, where SIDECAR_WRITE says so.
type writing struct {
	sessions djangosession.Writer // watched; nil with seal
	// seal signs a session that is in its cookie; nil where Django stores sessions.
	seal func(*djangosession.Session) (key string, err error)
	// loaded is where sessions are loaded from that are to be written: where the writer looks for what they were.
	loaded djangosession.Store
	probes []func(context.Context) error // ask whether the stores would let be written; nil says that they would
	users  login.UserWriter              // nil where nobody logs in
	room   chan struct{}                 // for what is written at a time: it leaves connections to those who read
	opened []*database.Database          // connections of its own: those that read a SQLite database cannot write
}

// openWriting makes what SIDECAR_WRITE names. Nil metrics count nothing.
func (d *Deployment) openWriting(metrics *observe.Metrics) error {
	c, w := d.config, &d.writing
	if !c.Write.Any() {
		return nil
	}
	w.room = make(chan struct{}, max(1, c.DBConns/2))
	sessions, err := d.newSessionWriter()
	if err != nil {
		return err
	}
	if sessions != nil {
		w.sessions = &observe.Writer{Writer: sessions, Watch: d.watchWrites(metrics, d.storeKind(), "session")}
	}
	if c.Write.Saves() {
		d.openSaver()
	}
	if !c.Write.Login {
		return nil
	}
	users, err := d.writable("DATABASE_URL", d.database)
	if err != nil {
		return err
	}
	writer := d.users.Writer(users.DB, d.zone())
	w.users = &observe.UserWriter{Writer: writer, Watch: d.watchWrites(metrics, "database", "user")}
	w.probes = append(w.probes, writer.Probe)
	return d.openLogin()
}

// watchWrites watches what writes on its own: a table that is locked against writing is read all the same. Half of the
// connections are enough for what hangs there.
func (d *Deployment) watchWrites(metrics *observe.Metrics, store, what string) observe.Watch {
	return metrics.Watch(store, "write "+what, observe.Watch{
		Now: time.Now, Breaker: d.newBreaker("writing of " + what + "s"), Room: d.writing.room,
		Span: d.span("write "+what, store),
	})
}

// newSessionWriter makes what writes the sessions of SESSION_ENGINE; nil where they are in their cookies.
func (d *Deployment) newSessionWriter() (djangosession.Writer, error) {
	c, w := d.config, &d.writing
	w.loaded = d.sessions
	switch c.SessionEngineKind {
	case config.EngineDB:
		return d.newRowWriter()
	case config.EngineCachedDB:
		rows, err := d.newRowWriter()
		if err != nil {
			return nil, err
		}
		w.loaded = d.sessionRows
		w.probes = append(w.probes, d.probeCacheWriting)
		if cache, err := d.cache.Changer(); err == nil {
			w.probes = append(w.probes, d.probeSessionWriting(d.cached.Writer(cache)))
			return d.cached.WriteRows(rows, cache), nil
		}
		return d.cached.WriteRows(rows, d.cache), nil // it forgets what is written
	case config.EngineSignedCookies:
		if c.SessionSerializer == djangosession.JSON {
			w.seal = d.cookies.Seal
			return nil, nil //nolint:nilnil // nothing is stored
		}
		return nil, errors.New("SIDECAR_WRITE: pickled sessions in cookies are not written; unset it")
	case config.EngineFile:
		w.probes = append(w.probes, d.files.ProbeWriting)
		return d.files, nil
	case config.EngineCache:
		cache, err := d.cache.Changer()
		if err != nil {
			return nil, fmt.Errorf("SIDECAR_WRITE, DJANGO_CACHE_URL: %w; unset SIDECAR_WRITE", err)
		}
		sessions := d.cached.Writer(cache)
		w.probes = append(w.probes, d.probeSessionWriting(sessions))
		// Nothing else deletes, nor has the role the right, but for Redis: a session that is saved when it is over.
		if c.Write.Logout || c.Write.Login || c.Write.Update && cacheTable(c) == "" {
			w.probes = append(w.probes, d.probeCacheWriting)
		}
		return sessions, nil
	}
	return nil, fmt.Errorf("SIDECAR_WRITE: sessions of the engine %s are not written; unset it", c.SessionEngine)
}

// newRowWriter makes what writes the session table.
func (d *Deployment) newRowWriter() (djangosession.Writer, error) {
	setting := "DATABASE_URL"
	if d.apart() {
		setting = "DJANGO_SESSION_DATABASE_URL"
	}
	db, err := d.writable(setting, d.sessionDatabase)
	if err != nil {
		return nil, err
	}
	c := d.config
	rows := dbstore.NewWriter(db.DB, d.codec, dbstore.SessionsConfig{
		Dialect: db.Dialect, Table: c.SessionTable, Zone: d.zone(), Prepare: db.Prepares,
	})
	d.writing.probes = append(d.writing.probes, func(ctx context.Context) error {
		return rows.Probe(ctx, dbstore.Writes(c.Write))
	})
	return rows, nil
}

// probeCacheWriting has the cache delete what is never there: a key that is shorter than any session key.
func (d *Deployment) probeCacheWriting(ctx context.Context) error {
	if err := d.cache.Delete(ctx, d.cached.Prefix()+"probe"); err != nil {
		return fmt.Errorf("%s: %w", d.cache.Location, err)
	}
	return nil
}

// probeSessionWriting changes in a cache, as SIDECAR_WRITE names, a session that is never there: its key is shorter
// than any.
func (d *Deployment) probeSessionWriting(sessions djangosession.Writer) func(context.Context) error {
	return func(ctx context.Context) error {
		none := djangosession.NewSession(d.version)
		var errs []error
		if d.config.Write.Touch {
			errs = append(errs, sessions.Touch(ctx, "probe", none, time.Now().Add(time.Minute)))
		}
		if d.config.Write.Saves() {
			errs = append(errs, sessions.Save(ctx, "probe", none, time.Now().Add(time.Minute)))
		}
		for i, err := range errs {
			if errors.Is(err, djangosession.ErrNotFound) {
				errs[i] = nil
			}
		}
		return errors.Join(errs...)
	}
}

// ProbeWriting asks the stores whether they would let be written what SIDECAR_WRITE names; nil says that they would.
func (d *Deployment) ProbeWriting(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, d.config.StoreTimeout)
	defer cancel()
	var errs []error
	for _, probe := range d.writing.probes {
		errs = append(errs, probe(ctx))
	}
	return errors.Join(errs...)
}

// writable is a database whose connections may write. A server asks the role; SQLite has its readers write nothing.
func (d *Deployment) writable(setting string, reads *database.Database) (*database.Database, error) {
	if reads.Dialect != dbstore.SQLite {
		return reads, nil
	}
	for _, db := range d.writing.opened {
		if db.Location == reads.Location {
			return db, nil
		}
	}
	c := d.config
	url := c.DatabaseURL
	if setting != "DATABASE_URL" {
		url = c.SessionDatabaseURL
	}
	db, err := database.Open(url.Reveal(), database.Options{
		Timeout: c.StoreTimeout, Conns: 1, Prepare: database.PrepareAuto, Write: true, LookupEnv: os.LookupEnv,
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", setting, err)
	}
	d.writing.opened = append(d.writing.opened, db)
	return db, nil
}

func (w *writing) close() error {
	var errs []error
	for _, db := range w.opened {
		errs = append(errs, db.Close())
	}
	return errors.Join(errs...)
}
