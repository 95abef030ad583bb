package dbstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"django-sidecar/djangosession"
)

// Recent returns up to n of the live sessions that expire last.
func (s *Sessions) Recent(ctx context.Context, n int) (recent []djangosession.StoredSession, err error) {
	d := s.config.Dialect
	rows, err := s.find.db.QueryContext(ctx, fmt.Sprintf(
		"SELECT session_key, COALESCE(%s, '') FROM %s WHERE expire_date > %s ORDER BY expire_date DESC LIMIT %d",
		d.within("session_data", min(s.config.MaxBytes, ordinaryBytes)), d.table(s.config.Table), d.placeholder, n), d.now(s.config.Now(), s.config.Zone))
	if err != nil {
		return nil, fmt.Errorf("reading recent sessions: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var r djangosession.StoredSession
		if err := rows.Scan(&r.Key, &r.Data); err != nil {
			return nil, fmt.Errorf("reading recent sessions: %w", err)
		}
		recent = append(recent, r)
	}
	return recent, rows.Err()
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
