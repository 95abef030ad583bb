package dbstore

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"django-sidecar/djangosession"
	"django-sidecar/signing"
)

// CacheTableConfig says where a cache table is. Dialect and Table are required; the rest is as in SessionsConfig.
type CacheTableConfig struct {
	Dialect *Dialect
	// Table is LOCATION of the cache, the name that was given to the command createcachetable.
	Table   string
	Zone    Zone
	Prepare func() bool
	Now     func() time.Time
	// MaxBytes bounds a value, in bytes; 0 means djangosession.DefaultMaxBytes. What is larger does not leave the
	// database.
	MaxBytes int
}

// CacheTable is the table of a DatabaseCache: core/cache/backends/db.py. It gives what a cachestore.Getter has to give.
type CacheTable struct {
	config CacheTableConfig
	find   *statement
}

// NewCacheTable returns a reader of a cache table. It does no I/O, and panics without a Dialect,
// and without a Zone where one is needed.
func NewCacheTable(db *sql.DB, c CacheTableConfig) *CacheTable {
	c = c.complete()
	d := c.Dialect
	// core/cache/backends/db.py, 6.1, get_many: "if expires < tz_now()" is expired, and the very moment is not.
	selected := fmt.Sprintf("cache_key, %s, %s, expires < %s",
		d.within("value", base64.StdEncoding.EncodedLen(c.MaxBytes)),
		strings.ReplaceAll(d.expireDate, "expire_date", "expires"), d.placeholder)
	find := source{db, d, c.Prepare}.find(selected, d.table(c.Table), "cache_key", "cache_key = "+d.second)
	return &CacheTable{config: c, find: find}
}

func (c CacheTableConfig) complete() CacheTableConfig {
	c.Now, c.MaxBytes = clock(c.Now), bound(c.MaxBytes)
	c.Zone = c.Zone.known(needed(c.Dialect, "CacheTableConfig"), "CacheTableConfig")
	return c
}

// Get returns the pickle under a complete cache key, and when it expires.
func (c *CacheTable) Get(ctx context.Context, key string) (value []byte, expires time.Time, err error) {
	if !utf8.ValidString(key) {
		return nil, time.Time{}, djangosession.ErrNotFound // Python stores no such text
	}
	now := c.config.Now()
	row, err := c.row(ctx, key, now)
	switch {
	case err != nil:
		return nil, time.Time{}, err
	case row.key.String != key:
		// result[key_map.get(key)]: a row whose key is another to Python is none, whatever its collation says.
		return nil, time.Time{}, djangosession.ErrNotFound
	case row.expired.Bool:
		return nil, time.Time{}, djangosession.ErrExpired
	}
	if !row.value.Valid {
		return nil, time.Time{}, tooLarge(c.config.MaxBytes)
	}
	expires, ok := c.config.Dialect.instant(row.expires, c.config.Zone, now)
	if !ok {
		return nil, time.Time{}, &signing.SyntaxError{Problem: "expires is not a date and time"}
	}
	// base64.b64decode(value.encode()), which passed over stray characters before 6.1; Django writes none.
	value, err = base64.StdEncoding.DecodeString(row.value.String)
	if err != nil {
		return nil, time.Time{}, &signing.SyntaxError{Problem: "not base64"}
	}
	return value, expires, nil
}

// Probe asks the database what Get would, for no key: nil says that the table is there, has the columns, and may be
// read.
func (c *CacheTable) Probe(ctx context.Context) error {
	_, err := c.row(ctx, nil, c.config.Now()) // no key is equal to NULL
	if errors.Is(err, djangosession.ErrNotFound) {
		return nil
	}
	return err
}

// cacheRow is a row as it is scanned.
type cacheRow struct {
	key     sql.NullString
	value   sql.NullString
	expires any
	expired sql.NullBool
}

func (c *CacheTable) row(ctx context.Context, key any, now time.Time) (cacheRow, error) {
	var row cacheRow
	args := []any{c.config.Dialect.now(now, c.config.Zone), key}
	switch err := c.find.one(ctx, args, &row.key, &row.value, &row.expires, &row.expired); {
	case isNoRows(err):
		return row, djangosession.ErrNotFound
	case err != nil:
		return row, fmt.Errorf("reading the cache table: %w", err)
	}
	return row, nil
}
