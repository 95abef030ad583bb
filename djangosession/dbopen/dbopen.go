// Package dbopen opens the database that a DATABASE_URL names, for the stores of package dbstore: PostgreSQL, MySQL,
// MariaDB or SQLite, with the forms and options of dj-database-url and django-environ, libpq and mysqlclient.
//
// It closes gaps of the drivers on which a verdict must not depend. With it, the deadline of a context holds on a
// network that has gone silent; a pooler in transaction mode mixes nothing up; and a connection that broke is replaced
// within a question. What only database/sql and a driver open has none of this: see dbstore.CheckDriver.
package dbopen

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"django-sidecar/djangosession/dbstore"
	"django-sidecar/internal/database"
)

// The defaults of Options.
const (
	DefaultTimeout = 2 * time.Second
	DefaultConns   = 4
)

// Options say how a database is used. The zero value is good for most.
type Options struct {
	// Timeout bounds connecting, and each answer, where no context does so earlier; 0 means DefaultTimeout.
	Timeout time.Duration
	// Conns is how many connections are open at most; 0 means DefaultConns.
	Conns int
	// NeverPrepare says that no query is prepared. Otherwise, queries are prepared on connections that are seen to be
	// direct, which makes them three times faster.
	NeverPrepare bool
	// LookupEnv gives the environment variables of libpq (PGSSLMODE and its like), such as os.LookupEnv; nil means
	// none.
	LookupEnv func(string) (string, bool)
	// Lazy has Open connect to nothing.
	Lazy bool
}

// Database is an open database, and what the configurations of package dbstore take of it.
type Database struct {
	*sql.DB

	// Dialect, Prepare and Batcher are for the configurations of all stores on this database.
	Dialect *dbstore.Dialect
	Prepare func() bool
	Batcher *dbstore.Batcher
	// Location says where the database is, for messages: without user, password and options.
	Location string
}

// Open opens the database that a DATABASE_URL names, and connects once, to see that it can, unless it is to be Lazy.
// No error holds the URL, or a part of it that could be secret. Whoever opens a database closes it.
func Open(ctx context.Context, url string, o Options) (*Database, error) {
	if o.Timeout < 0 || o.Conns < 0 {
		return nil, errors.New("opening the database: Timeout and Conns of dbopen.Options must not be negative")
	}
	conns, prepare := cmp.Or(o.Conns, DefaultConns), database.PrepareAuto
	if o.NeverPrepare {
		prepare = database.PrepareOff
	}
	d, err := database.Open(url, database.Options{
		Timeout: cmp.Or(o.Timeout, DefaultTimeout), Conns: conns, Prepare: prepare, LookupEnv: o.LookupEnv,
	})
	if err != nil {
		return nil, fmt.Errorf("the URL of the database: %w", err)
	}
	if !o.Lazy {
		if err := d.PingContext(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("connecting to %s: %w", d.Location, err), d.Close())
		}
	}
	return &Database{
		DB: d.DB, Dialect: d.Dialect, Prepare: d.Prepares,
		Batcher: dbstore.NewBatcher(conns), Location: d.Location,
	}, nil
}
