package dbstore_test

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/dbstore"
	"django-sidecar/signing"
)

func TestCacheOnSQLite(t *testing.T) { testCache(t, newSQLite(t)) }

const cacheColumns = "cache_key varchar(255) NOT NULL PRIMARY KEY, value text NOT NULL, expires {datetime} NOT NULL"

func (f *fixture) cache(c dbstore.CacheTableConfig) *dbstore.CacheTable {
	c.Dialect, c.Prepare = f.Dialect, f.Prepares
	if c.Zone == (dbstore.Zone{}) {
		c.Zone.UseTZ = true
	}
	return dbstore.NewCacheTable(f.DB, c)
}

// cacheOutcome is the value, or how it was not found.
func cacheOutcome(ctx context.Context, c *dbstore.CacheTable, key string) string {
	value, _, err := c.Get(ctx, key)
	switch {
	case errors.Is(err, djangosession.ErrExpired):
		return "expired"
	case errors.Is(err, djangosession.ErrNotFound):
		return "not found"
	case errors.As(err, new(*signing.SyntaxError)):
		return "unreadable"
	case err != nil:
		return "error: " + err.Error()
	}
	return string(value)
}

// testCache is what holds for a DatabaseCache on every database.
func testCache(t *testing.T, f *fixture) {
	t.Run("sizes", func(t *testing.T) { testCacheSizes(t, f) })
	f.table(t, "cache_table", cacheColumns)
	zone := ""
	if f.Dialect == dbstore.Postgres {
		zone = "+00"
	}
	insert := func(key, value, expires string) {
		f.exec(t, "INSERT INTO cache_table (cache_key, value, expires) VALUES ('"+key+"', '"+value+"', '"+expires+zone+"')")
	}
	encoded := base64.StdEncoding.EncodeToString([]byte("a pickle"))
	// The clock shows 10:00:00.123456, and Django stores whole seconds.
	insert("alive", encoded, "2026-11-22 10:00:01")
	insert("this second", encoded, "2026-11-22 10:00:00")
	insert("this moment", encoded, "2026-11-22 10:00:00.123456")
	insert("over", encoded, "2020-01-01 00:00:00")
	insert("for ever", encoded, "9999-12-31 23:59:59")
	insert("not base64", "a pickle!", "9999-12-31 23:59:59")
	insert("nothing", "", "9999-12-31 23:59:59")
	c := f.cache(dbstore.CacheTableConfig{Table: "cache_table", Now: func() time.Time { return now }})
	for key, want := range map[string]string{
		"alive": "a pickle", "this second": "expired", "this moment": "a pickle", "over": "expired", "for ever": "a pickle",
		"not base64": "unreadable", "nothing": "", "another": "not found", "ALIVE": "not found", "alive ": "not found", "alíve": "not found",
	} {
		if got := cacheOutcome(t.Context(), c, key); got != want {
			t.Errorf("%s: got %q, want %q", key, got, want)
		}
	}
	for name, key := range oddKeys {
		if got := cacheOutcome(t.Context(), c, "alive"+key); got != "not found" {
			t.Errorf("%s: got %.200q, want not found", name, got)
		}
	}
	_, expires, err := c.Get(t.Context(), "alive")
	if want := time.Date(2026, 11, 22, 10, 0, 1, 0, time.UTC); err != nil || !expires.Equal(want) {
		t.Errorf("expires %v, %v, want %v", expires, err, want)
	}
	if err := c.Probe(t.Context()); err != nil {
		t.Errorf("Probe: %v", err)
	}
	gone := f.cache(dbstore.CacheTableConfig{Table: "no_such_table"})
	if got := cacheOutcome(t.Context(), gone, "alive"); !strings.HasPrefix(got, "error: reading the cache table") {
		t.Errorf("a missing table: got %q", got)
	}
	if err := gone.Probe(t.Context()); err == nil {
		t.Error("a missing table: Probe is content")
	}
}
