package dbstore

import (
	"context"
	"database/sql"
	"fmt"
	"unicode/utf8"
)

// CacheTableWriter writes to the table of a DatabaseCache: core/cache/backends/db.py. Each method is one statement
// with its condition, so that nobody's writing comes between.
type CacheTableWriter struct {
	config CacheTableConfig
	rows   *Writer // for its connections
	remove string
}

// NewCacheTableWriter returns what writes to a cache table through db. It does no I/O, and panics without a Dialect,
// and without a Zone where one is needed.
func NewCacheTableWriter(db *sql.DB, c CacheTableConfig) *CacheTableWriter {
	rows := NewWriter(db, nil, SessionsConfig{
		Dialect: c.Dialect, Table: c.Table, Zone: c.Zone, Prepare: c.Prepare, Now: c.Now,
	})
	text := func(format string) string { return c.Dialect.numbered(fmt.Sprintf(format, c.Dialect.table(c.Table))) }
	return &CacheTableWriter{config: c, rows: rows, remove: text("DELETE FROM %s WHERE cache_key = ?")}
}

// Delete deletes the value under a complete cache key. It is no error if there is none.
func (w *CacheTableWriter) Delete(ctx context.Context, key string) error {
	if !utf8.ValidString(key) {
		return nil // Python stores no such text
	}
	if _, err := w.rows.exec(ctx, w.remove, key); err != nil {
		return fmt.Errorf("deleting from the cache table: %w", err)
	}
	return nil
}
