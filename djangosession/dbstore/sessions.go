package dbstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"django-sidecar/djangosession"
	"django-sidecar/signing"
)

// SessionsConfig says where the sessions are. Dialect is required, and Zone for SQLite and MySQL.
type SessionsConfig struct {
	Dialect *Dialect
	// Table is the session model's table, with a schema before a dot if need be; "" means "django_session".
	Table string
	// Zone is required for SQLite and MySQL. It matters to PostgreSQL in the hour that a clock change repeats.
	Zone Zone
	// Prepare reports whether queries may use prepared statements, which poolers such as pgbouncer in
	// transaction mode do not carry. It is asked before each query; nil means never.
	Prepare func() bool
	// Batcher lets lookups share queries, where the dialect can; nil means that each is a query of its own.
	Batcher *Batcher
	// MaxBytes bounds session data as it is stored, in bytes; 0 means djangosession.DefaultMaxBytes. What is larger
	// does not leave the database.
	MaxBytes int
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Sessions is a djangosession.Store on the session table: contrib/sessions/backends/db.py.
type Sessions struct {
	config SessionsConfig
	codec  *djangosession.Codec
	from   source
	find   *statement // session data that are ordinary, and NULL in the place of larger ones
	large  *statement // any that are allowed
	gate   gate       // of large
	queue  lookupQueue[sessionRow]
}

// NewSessions returns a store that reads sessions from db and decodes them with codec. It does no I/O, and panics
// without a Dialect, and without a Zone where one is needed.
func NewSessions(db *sql.DB, codec *djangosession.Codec, c SessionsConfig) *Sessions {
	c = c.complete()
	d := c.Dialect
	// django/contrib/sessions/backends/db.py, 5.2: session_key=self.session_key, expire_date__gt=timezone.now().
	// The second condition is selected, not required, so that an expired session is told from none.
	from := source{db, d, c.Prepare}
	query := func(before string, maxBytes int, is string) *statement {
		selected := fmt.Sprintf("%s%s, %s, expire_date > %s",
			before, d.within("session_data", maxBytes), d.expireDate, d.placeholder)
		return from.find(selected, d.table(c.Table), "session_key", "session_key = "+is)
	}
	ordinary := min(c.MaxBytes, ordinaryBytes)
	s := &Sessions{
		config: c, codec: codec, from: from, gate: make(gate, maxLarge),
		find: query("", ordinary, d.second), large: query("", c.MaxBytes, d.second),
	}
	s.queue = lookupQueue[sessionRow]{one: func(ctx context.Context, key string) (sessionRow, error) {
		return s.row(ctx, s.find, key)
	}}
	if d.any != "" {
		all := query("session_key, ", ordinary, fmt.Sprintf(d.any, d.second))
		s.queue.batcher, s.queue.absent = c.Batcher, djangosession.ErrNotFound
		s.queue.many = func(ctx context.Context, keys []string, found func(string, sessionRow)) error {
			return s.rows(ctx, all, keys, found)
		}
	}
	return s
}

// complete is c with what it means where it says nothing. It panics as NewSessions does.
func (c SessionsConfig) complete() SessionsConfig {
	c.Table, c.Now, c.MaxBytes = cmp.Or(c.Table, "django_session"), clock(c.Now), bound(c.MaxBytes)
	c.Zone = c.Zone.known(needed(c.Dialect, "SessionsConfig"), "SessionsConfig")
	return c
}

// Load implements djangosession.Store.
func (s *Sessions) Load(ctx context.Context, key string) (*djangosession.Session, error) {
	if !utf8.ValidString(key) {
		return nil, djangosession.ErrNotFound // Python stores no such text, and servers differ in what they make of it
	}
	row, err := s.queue.find(ctx, key)
	switch {
	case err != nil:
		return nil, err
	case row.alive.Bool && !row.data.Valid && s.config.MaxBytes > ordinaryBytes:
		return s.loadLarge(ctx, key)
	}
	return s.session(row)
}

// loadLarge is Load for a session that is more than ordinary.
func (s *Sessions) loadLarge(ctx context.Context, key string) (*djangosession.Session, error) {
	leave, err := s.gate.pass(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	row, err := s.row(ctx, s.large, key)
	if err != nil {
		return nil, err
	}
	return s.session(row)
}

func (s *Sessions) session(row sessionRow) (*djangosession.Session, error) {
	switch {
	case !row.alive.Bool:
		return nil, djangosession.ErrExpired
	case !row.data.Valid:
		return nil, tooLarge(s.config.MaxBytes)
	}
	session, err := s.codec.Decode(row.data.String)
	if err != nil {
		return nil, err
	}
	expireDate, ok := s.config.Dialect.instant(row.expires, s.config.Zone, row.asked)
	if !ok {
		return nil, &signing.SyntaxError{Problem: "expire_date is not a date and time"}
	}
	session.ExpireDate = expireDate
	return session, nil
}

// Probe asks the database what Load would, for no session: nil says that the table is there, has the columns, and
// may be read.
func (s *Sessions) Probe(ctx context.Context) error {
	_, err := s.row(ctx, s.find, nil) // no key is equal to NULL
	if errors.Is(err, djangosession.ErrNotFound) {
		return nil
	}
	return err
}

// sessionRow is a row as it is scanned.
type sessionRow struct {
	data    sql.NullString
	expires any
	alive   sql.NullBool
	asked   time.Time // when it was alive, or not
}

func (s *Sessions) row(ctx context.Context, find *statement, key any) (sessionRow, error) {
	row := sessionRow{asked: s.config.Now()}
	args := []any{s.config.Dialect.now(row.asked, s.config.Zone), key}
	switch err := find.one(ctx, args, &row.data, &row.expires, &row.alive); {
	case isNoRows(err):
		return row, djangosession.ErrNotFound
	case err != nil:
		return row, fmt.Errorf("reading a session: %w", err)
	}
	return row, nil
}

func (s *Sessions) rows(ctx context.Context, find *statement, keys []string, found func(key string, row sessionRow)) error {
	asked := s.config.Now()
	args := []any{s.config.Dialect.now(asked, s.config.Zone), array(keys)}
	err := find.all(ctx, args, func(a *answer) error {
		var key sql.NullString
		row := sessionRow{asked: asked}
		for {
			if more, err := a.next(&key, &row.data, &row.expires, &row.alive); err != nil || !more {
				return err
			}
			found(key.String, row)
		}
	})
	if err != nil {
		return fmt.Errorf("reading a session: %w", err)
	}
	return nil
}
