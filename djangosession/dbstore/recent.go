package dbstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"django-sidecar/djangosession"
)

// Recent returns up to n of the live sessions that expire last.
func (s *Sessions) Recent(ctx context.Context, n int) (recent []djangosession.StoredSession, err error) {
	d := s.config.Dialect
	find := s.from.list(fmt.Sprintf(
		"SELECT session_key, COALESCE(%s, '') AS session_data FROM %s WHERE expire_date > %s "+
			"ORDER BY expire_date DESC LIMIT %d",
		d.within("session_data", min(s.config.MaxBytes, ordinaryBytes)), d.table(s.config.Table), d.placeholder, n),
		"session_key", "session_data")
	err = find.all(ctx, []any{d.now(s.config.Now(), s.config.Zone)}, func(a *answer) error {
		recent = recent[:0]
		for {
			var key, data sql.NullString
			if more, err := a.next(&key, &data); err != nil || !more {
				return err
			}
			recent = append(recent, djangosession.StoredSession{Key: key.String, Data: data.String})
		}
	})
	if err != nil {
		return nil, fmt.Errorf("reading recent sessions: %w", err)
	}
	return recent, nil
}

// ServerTime returns what time the database server says it is, and false for a database without a server.
func ServerTime(ctx context.Context, db *sql.DB, d *Dialect) (now time.Time, ok bool, err error) {
	if d.clock == "" {
		return time.Time{}, false, nil
	}
	if err := db.QueryRowContext(ctx, d.clock).Scan(&now); err != nil {
		return time.Time{}, false, fmt.Errorf("asking the server for the time: %w", err)
	}
	return now, true, nil
}
