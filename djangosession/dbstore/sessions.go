package dbstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"django-sidecar/djangosession"
	"django-sidecar/signing"
)

// SessionsConfig says where the sessions are. Only Dialect is required.
type SessionsConfig struct {
	Dialect *Dialect
	// Table is the session model's table, with a schema before a dot if need be; "" means "django_session".
	Table string
	// Zone matters to SQLite and MySQL, and to PostgreSQL in the hour that a clock change repeats.
	Zone Zone
	// Prepare reports whether queries may use prepared statements, which poolers such as pgbouncer in
	// transaction mode do not carry. It is asked before each query; nil means never.
	Prepare func() bool
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Sessions is a djangosession.Store on the session table: contrib/sessions/backends/db.py.
type Sessions struct {
	config SessionsConfig
	codec  *djangosession.Codec
	find   *statement
}

// NewSessions returns a store that reads sessions from db and decodes them with codec. It does no I/O.
func NewSessions(db *sql.DB, codec *djangosession.Codec, c SessionsConfig) *Sessions {
	if c.Table == "" {
		c.Table = "django_session"
	}
	if c.Now == nil {
		c.Now = time.Now //nolint:forbidigo // the default of a parameter
	}
	d := c.Dialect
	return &Sessions{config: c, codec: codec, find: &statement{
		db: db,
		// django/contrib/sessions/backends/db.py, 5.2: session_key=self.session_key, expire_date__gt=timezone.now().
		// The second condition is selected, not required, so that an expired session is told from none.
		text: fmt.Sprintf("SELECT session_data, %s, expire_date > %s FROM %s WHERE session_key = %s",
			d.expireDate, d.placeholder, d.table(c.Table), d.second),
		prepares: c.Prepare,
	}}
}

// Load implements djangosession.Store.
func (s *Sessions) Load(ctx context.Context, key string) (*djangosession.Session, error) {
	if !utf8.ValidString(key) {
		return nil, djangosession.ErrNotFound // Python stores no such text, and servers differ in what they make of it
	}
	now := s.config.Now()
	row, err := s.row(ctx, key, now)
	if err != nil {
		return nil, err
	}
	if !row.alive.Bool {
		return nil, djangosession.ErrExpired
	}
	session, err := s.codec.Decode(row.data.String)
	if err != nil {
		return nil, err
	}
	expireDate, ok := s.config.Dialect.instant(row.expires, s.config.Zone, now)
	if !ok {
		return nil, &signing.SyntaxError{Problem: "expire_date is not a date and time"}
	}
	session.ExpireDate = expireDate
	return session, nil
}

// Probe asks the database what Load would, for no session: nil says that the table is there, has the columns, and
// may be read.
func (s *Sessions) Probe(ctx context.Context) error {
	_, err := s.row(ctx, nil, s.config.Now()) // no key is equal to NULL
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
}

func (s *Sessions) row(ctx context.Context, key any, now time.Time) (sessionRow, error) {
	var row sessionRow
	args := []any{s.config.Dialect.now(now, s.config.Zone), key}
	switch err := s.find.one(ctx, args, &row.data, &row.expires, &row.alive); {
	case isNoRows(err):
		return row, djangosession.ErrNotFound
	case err != nil:
		return row, fmt.Errorf("reading a session: %w", err)
	}
	return row, nil
}
