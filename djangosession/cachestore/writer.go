package cachestore

import (
	"context"
	"time"

	"django-sidecar/djangosession"
)

// Deleter is a cache from which values can be deleted.
type Deleter interface {
	// Delete deletes the value under a complete cache key. It is no error if there is none.
	Delete(ctx context.Context, key string) error
}

// CachedDBWriter is the djangosession.Writer of cached_db: contrib/sessions/backends/cached_db.py, 1.11 to 6.1. It
// writes the row as the engine db does, and then has the cache forget the session: the next who asks takes it from the
// row, and puts it back with the row's expiry. So nobody's writing that comes between is lost, and nothing that has
// ended is put back.
//
// The row comes first: whoever asks between the two finds the session that was. Where the cache fails, the method does,
// although the row is written: the cache may still have the session that was, and nobody may call that done. Django
// from 5.1 on logs it and goes on.
type CachedDBWriter struct {
	rows   djangosession.Writer
	cache  Deleter
	prefix string
}

var _ djangosession.Writer = (*CachedDBWriter)(nil)

// WriteRows returns what writes the sessions of s, an engine cached_db, through the writer of their rows. The cache is
// that of s.
func (s *Store) WriteRows(rows djangosession.Writer, cache Deleter) *CachedDBWriter {
	return &CachedDBWriter{rows, cache, s.prefix}
}

// Create implements djangosession.Writer. The cache has nothing under a new key.
func (w *CachedDBWriter) Create(
	ctx context.Context, key string, s *djangosession.Session, expire time.Time,
) error {
	return w.rows.Create(ctx, key, s, expire)
}

// Save implements djangosession.Writer.
func (w *CachedDBWriter) Save(ctx context.Context, key string, s *djangosession.Session, expire time.Time) error {
	if err := w.rows.Save(ctx, key, s, expire); err != nil {
		return err
	}
	return w.cache.Delete(ctx, w.prefix+key)
}

// Delete implements djangosession.Writer. Where the row is gone already, the cache may still have it.
func (w *CachedDBWriter) Delete(ctx context.Context, key string) error {
	if err := w.rows.Delete(ctx, key); err != nil {
		return err
	}
	return w.cache.Delete(ctx, w.prefix+key)
}

// Touch implements djangosession.Writer. The session is one that was loaded from its row.
func (w *CachedDBWriter) Touch(ctx context.Context, key string, loaded *djangosession.Session, to time.Time) error {
	if err := w.rows.Touch(ctx, key, loaded, to); err != nil {
		return err
	}
	return w.cache.Delete(ctx, w.prefix+key)
}
