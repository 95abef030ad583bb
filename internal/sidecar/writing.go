package sidecar

import (
	"errors"
	"fmt"
	"os"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/dbstore"
	"django-sidecar/internal/config"
	"django-sidecar/internal/database"
)

// writing is what writes to sessions and users, where SIDECAR_WRITE says so.
type writing struct {
	sessions djangosession.Writer
	users    *dbstore.UserWriter  // nil where nobody logs in
	opened   []*database.Database // connections of its own: those that read a SQLite database cannot write
}

// openWriting makes what SIDECAR_WRITE names.
func (d *Deployment) openWriting() error {
	c := d.config
	if !c.Write.Any() {
		return nil
	}
	if c.SessionEngineKind != config.EngineDB {
		return fmt.Errorf("SIDECAR_WRITE: sessions of the engine %s are not written; unset it", c.SessionEngine)
	}
	sessions, err := d.writable("DATABASE_URL", d.sessionDatabase)
	if d.apart() {
		sessions, err = d.writable("DJANGO_SESSION_DATABASE_URL", d.sessionDatabase)
	}
	if err != nil {
		return err
	}
	d.writing.sessions = dbstore.NewWriter(sessions.DB, d.codec, dbstore.SessionsConfig{
		Dialect: sessions.Dialect, Table: c.SessionTable, Zone: d.zone(), Prepare: sessions.Prepares,
	})
	if !c.Write.Login {
		return nil
	}
	users := sessions
	if d.apart() {
		if users, err = d.writable("DATABASE_URL", d.database); err != nil {
			return err
		}
	}
	d.writing.users = d.users.Writer(users.DB, d.zone())
	return d.openLogin()
}

// writable is a database whose connections may write. A server asks the role; SQLite has its readers write nothing.
func (d *Deployment) writable(setting string, reads *database.Database) (*database.Database, error) {
	if reads.Dialect != dbstore.SQLite {
		return reads, nil
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
