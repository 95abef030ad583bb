package dbstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"django-sidecar/djangosession"
)

// Keys returns up to n session keys, in the database's own order, from the first one that is not before from.
func (s *Sessions) Keys(ctx context.Context, from string, n int) (keys []string, err error) {
	d := s.config.Dialect
	find := s.from.list(fmt.Sprintf("SELECT session_key FROM %s WHERE session_key >= %s ORDER BY session_key LIMIT %d",
		d.table(s.config.Table), d.placeholder, n), "session_key")
	err = find.all(ctx, []any{from}, func(a *answer) error {
		keys = keys[:0]
		for {
			var key sql.NullString
			if more, err := a.next(&key); err != nil || !more {
				return err
			}
			keys = append(keys, key.String)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("reading session keys: %w", err)
	}
	return keys, nil
}

// Stored returns the session data that are stored under a key, as they are, whether they are over or not. There are
// none where there is no such row, or they are too large.
func (s *Sessions) Stored(ctx context.Context, key string) (string, error) {
	row, err := s.row(ctx, s.large, key)
	switch {
	case errors.Is(err, djangosession.ErrNotFound):
		return "", nil
	case err != nil:
		return "", err
	}
	return row.data.String, nil
}
