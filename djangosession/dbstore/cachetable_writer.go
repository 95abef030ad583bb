package dbstore

import (
	"context"
	"database/sql"
	"encoding/base64"
	"fmt"
	"time"
	"unicode/utf8"

	"django-sidecar/djangosession"
)

// CacheTableWriter writes to the table of a DatabaseCache: core/cache/backends/db.py. Each method is one statement
// with its condition, so that nobody's writing comes between.
type CacheTableWriter struct {
	config CacheTableConfig
	rows   *Writer // for its connections

	create, save, touch, find, remove string
}

// NewCacheTableWriter returns what writes to a cache table through db. It does no I/O, and panics without a Dialect,
// and without a Zone where one is needed.
func NewCacheTableWriter(db *sql.DB, c CacheTableConfig) *CacheTableWriter {
	c = c.complete()
	rows := NewWriter(db, nil, SessionsConfig{
		Dialect: c.Dialect, Table: c.Table, Zone: c.Zone, Prepare: c.Prepare, Now: c.Now,
	})
	text := func(format string) string { return c.Dialect.numbered(fmt.Sprintf(format, c.Dialect.table(c.Table))) }
	return &CacheTableWriter{
		config: c, rows: rows,
		create: text("INSERT INTO %s (cache_key, value, expires) VALUES (?, ?, ?)" + c.Dialect.unlessTaken),
		save:   text("UPDATE %s SET value = ?, expires = ? WHERE cache_key = ? AND expires >= ?"),
		touch:  text("UPDATE %s SET expires = ? WHERE cache_key = ? AND value = ? AND expires >= ?"),
		find:   text("SELECT value FROM %s WHERE cache_key = ? AND expires >= ?"),
		remove: text("DELETE FROM %s WHERE cache_key = ?"),
	}
}

// expires is an instant as Django stores it here, without microseconds.
func (w *CacheTableWriter) expires(t time.Time) any { return w.rows.stored(t.Truncate(time.Second)) }

// Add stores a pickle until it expires. It fails with djangosession.ErrExists where the key has a row.
func (w *CacheTableWriter) Add(ctx context.Context, key string, value []byte, expires time.Time) error {
	data := base64.StdEncoding.EncodeToString(value)
	rows, err := w.rows.exec(ctx, w.create, key, data, w.expires(expires))
	if w.config.Dialect.unlessTaken == "" && err != nil {
		// The error of a key that is taken has no form that all drivers share.
		if stored, findErr := w.stored(ctx, key); findErr == nil && stored == data {
			return nil // it is this one
		} else if findErr == nil {
			return djangosession.ErrExists
		}
	}
	if err != nil {
		return fmt.Errorf("writing to the cache table: %w", err)
	}
	if rows == 0 {
		return djangosession.ErrExists
	}
	return nil
}

// Replace stores a pickle in the place of another one. It fails with djangosession.ErrNotFound where there is none.
func (w *CacheTableWriter) Replace(ctx context.Context, key string, value []byte, expires time.Time) error {
	data := base64.StdEncoding.EncodeToString(value)
	rows, err := w.rows.exec(ctx, w.save, data, w.expires(expires), key, w.rows.stored(w.config.Now()))
	if err == nil && rows == 0 && w.config.Dialect.countsChanged {
		// Nothing was changed, perhaps because the row was the same before.
		if stored, err := w.stored(ctx, key); err != nil || stored == data {
			return err
		}
	}
	return w.done(rows, err)
}

// Touch has a pickle expire at another time, if it is what same says. It fails with djangosession.ErrNotFound where
// there is none, or it is not, or somebody has stored another one meanwhile.
func (w *CacheTableWriter) Touch(
	ctx context.Context, key string, same func(value []byte) bool, expires time.Time,
) error {
	data, err := w.stored(ctx, key)
	if err != nil {
		return err
	}
	value, err := base64.StdEncoding.DecodeString(data)
	if err != nil || len(value) > w.config.MaxBytes || !same(value) {
		return djangosession.ErrNotFound
	}
	return w.done(w.rows.exec(ctx, w.touch, w.expires(expires), key, data, w.rows.stored(w.config.Now())))
}

// stored is the value of a row that has not expired, as it is in the table.
func (w *CacheTableWriter) stored(ctx context.Context, key string) (data string, err error) {
	if !utf8.ValidString(key) {
		return "", djangosession.ErrNotFound
	}
	row := w.rows.from.db.QueryRowContext(ctx, w.find, key, w.rows.stored(w.config.Now()))
	switch err := row.Scan(&data); {
	case isNoRows(err):
		return "", djangosession.ErrNotFound
	case err != nil:
		return "", fmt.Errorf("reading the cache table: %w", err)
	}
	return data, nil
}

// done says what came of changing a row.
func (w *CacheTableWriter) done(rows int64, err error) error {
	switch {
	case err != nil:
		return fmt.Errorf("writing to the cache table: %w", err)
	case rows == 0:
		return djangosession.ErrNotFound
	}
	return nil
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
