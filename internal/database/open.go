package database

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/lib/pq"

	"django-sidecar/djangosession/dbstore"
	"django-sidecar/internal/databaseurl"
)

// Options say how a database is used.
type Options struct {
	// Timeout bounds connecting, and each answer; required.
	Timeout time.Duration
	// Conns is how many connections are open at most; required.
	Conns int
	// Prepare applies to PostgreSQL and MySQL.
	Prepare Prepare
	// Write lets statements change a SQLite database. Elsewhere the role decides.
	Write bool
	// LookupEnv gives libpq's environment variables; nil means none.
	LookupEnv func(string) (string, bool)
	// Primary is the primary of the replica that is opened, where its answers must not be too old; nil: it is no
	// replica. For PostgreSQL alone.
	Primary *Primary
	// URLNow is asked for the URL when a server refuses the password: it may have been changed. false: there is none
	// that can be used; nil: it never changes.
	URLNow func() (rawURL string, ok bool)
}

// Database is an open database. Nothing has been connected yet.
type Database struct {
	*sql.DB

	Dialect *dbstore.Dialect
	// Prepares reports whether queries may be prepared just now.
	Prepares func() bool
	// Location says where the database is, for messages: without user, password and options.
	Location string
}

// connLifetime is how long a connection is used: a database that has moved, behind a name or a file's path, is
// found again within it.
const connLifetime = 30 * time.Second

// Open makes ready the database that a DATABASE_URL names. It connects to nothing, so an error is a fault of the
// URL or of libpq's environment variables; it never holds the URL or a part of it that could be secret.
func Open(rawURL string, o Options) (*Database, error) {
	if o.Timeout <= 0 || o.Conns <= 0 {
		return nil, errors.New("internal error: a database needs a timeout and connections")
	}
	a, err := parseURL(rawURL)
	if err != nil {
		return nil, err
	}
	var d *Database
	switch a.vendor {
	case databaseurl.Postgres:
		d, err = openPostgres(rawURL, a, o)
	case databaseurl.MySQL:
		d, err = openMySQL(rawURL, a, o)
	case databaseurl.SQLite:
		d, err = openSQLite(a, o)
	default:
		err = errURL // parseURL has refused it
	}
	if err != nil {
		return nil, err
	}
	d.SetMaxOpenConns(o.Conns)
	d.SetMaxIdleConns(o.Conns)
	d.SetConnMaxLifetime(connLifetime)
	return d, nil
}

func openPostgres(rawURL string, a *address, o Options) (*Database, error) {
	first, config, err := newConnector(a, o, new(atomic.Int32))
	if err != nil {
		return nil, err
	}
	c := o.renew(rawURL, first, func(rawURL string) (driver.Connector, error) {
		a, err := parseURLOf(databaseurl.Postgres, rawURL)
		if err != nil {
			return nil, err
		}
		next, _, err := newConnector(a, o, first.prepares)
		return next, err
	})
	return &Database{
		DB: sql.OpenDB(c), Dialect: dbstore.Postgres, Prepares: first.Prepares,
		Location: fmt.Sprintf("PostgreSQL database %s at %s:%d", config.Database, config.Host, config.Port),
	}, nil
}

// parseURLOf is parseURL for the URL of one kind of database.
func parseURLOf(kind databaseurl.Vendor, rawURL string) (*address, error) {
	a, err := parseURL(rawURL)
	if err == nil && a.vendor != kind {
		err = errors.New("it is the URL of another kind of database")
	}
	return a, err
}

// newConnector makes ready what connects to PostgreSQL.
func newConnector(a *address, o Options, prepares *atomic.Int32) (*connector, pq.Config, error) {
	config, err := postgresConfig(a, connectTimeout(o.Timeout), o.LookupEnv)
	if err != nil {
		return nil, config, err
	}
	base, err := pq.NewConnectorConfig(config)
	if err != nil {
		return nil, config, err
	}
	base.Dialer(dialer{o.Timeout})
	return &connector{pq: base, timeout: o.Timeout, mode: o.Prepare, prepares: prepares, primary: o.Primary}, config, nil
}

func openSQLite(a *address, o Options) (*Database, error) {
	dsn, err := sqliteDSN(a, o.Timeout, o.Write)
	if err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	return &Database{
		DB: db, Dialect: dbstore.SQLite,
		Prepares: func() bool { return true }, // nothing stands between
		Location: "SQLite database " + a.path,
	}, nil
}
