package cachestore

import (
	"context"
	"errors"
	"time"

	"django-sidecar/djangosession"
)

// Deleter is a cache from which values can be deleted.
type Deleter interface {
	// Delete deletes the value under a complete cache key. It is no error if there is none.
	Delete(ctx context.Context, key string) error
}

// Changer is a cache that values can be written to, as Getter.Get returns them. Each method is one step: it is done, or
// it is not.
type Changer interface {
	Deleter
	// Add stores a value until it expires. It fails with djangosession.ErrExists where there is one.
	Add(ctx context.Context, key string, value []byte, expires time.Time) error
	// Replace stores a value in the place of another one. It fails with djangosession.ErrNotFound where there is none.
	Replace(ctx context.Context, key string, value []byte, expires time.Time) error
	// Touch has a value expire at another time, if it is what same says. It fails with djangosession.ErrNotFound where
	// there is none, or it is not, or somebody has stored another one meanwhile.
	Touch(ctx context.Context, key string, same func(value []byte) bool, expires time.Time) error
}

// Writer is the djangosession.Writer of the engine cache: contrib/sessions/backends/cache.py, 1.11 to 6.1. Django looks
// whether there is a session and then stores it; here both are one step, so that none that has ended comes back.
type Writer struct {
	cache  Changer
	config Config
	prefix string
}

var _ djangosession.Writer = (*Writer)(nil)

// Writer returns what writes the sessions of s, an engine cache. The cache is that of s.
func (s *Store) Writer(cache Changer) *Writer { return &Writer{cache, s.config, s.prefix} }

// dump is a session as the cache keeps it.
func (w *Writer) dump(s *djangosession.Session) ([]byte, error) {
	return djangosession.DumpSession(s, w.config.Serializer, w.config.MaxBytes)
}

// Create implements djangosession.Writer.
func (w *Writer) Create(ctx context.Context, key string, s *djangosession.Session, expire time.Time) error {
	value, err := w.dump(s)
	if err != nil {
		return err
	}
	return w.cache.Add(ctx, w.prefix+key, value, expire)
}

// Save implements djangosession.Writer.
func (w *Writer) Save(ctx context.Context, key string, s *djangosession.Session, expire time.Time) error {
	value, err := w.dump(s)
	if err != nil {
		return err
	}
	return w.cache.Replace(ctx, w.prefix+key, value, expire)
}

// Delete implements djangosession.Writer.
func (w *Writer) Delete(ctx context.Context, key string) error {
	return w.cache.Delete(ctx, w.prefix+key)
}

// keyExpiry is the entry that set_expiry() makes. With the time of saving, it decides when a session ends.
const keyExpiry = "_session_expiry"

// Touch implements djangosession.Writer. Of what somebody has saved since the session was loaded, the expiry stays,
// where set_expiry() has changed it; and so does everything else.
func (w *Writer) Touch(ctx context.Context, key string, loaded *djangosession.Session, to time.Time) error {
	expiry := loaded.Lookup(keyExpiry).JSON()
	return w.cache.Touch(ctx, w.prefix+key, func(value []byte) bool {
		s, err := djangosession.ParseSession(value, w.config.Serializer, w.config.Version, w.config.MaxBytes)
		return err == nil && s.Lookup(keyExpiry).JSON() == expiry
	}, to)
}

// CachedDBWriter is the djangosession.Writer of cached_db: contrib/sessions/backends/cached_db.py, 1.11 to 6.1. It
// writes the row as the engine db does, and then the cache as Django does, but that it puts nothing back that is not
// there any more: so nothing that has ended comes back.
//
// A cache that was made to forget the session would be filled again by whoever asks next, from the row, and may get one
// that is older than what somebody saves at that moment. So a session is forgotten only where the cache's values are
// not written here: those in msgpack, and those of an engine of the project's own, which may have more in them.
//
// The row comes first: whoever asks between the two finds the session that was. Where the cache fails, the method does,
// although the row is written: the cache may still have the session that was, and nobody may call that done. Django
// from 5.1 on logs it and goes on.
type CachedDBWriter struct {
	rows   djangosession.Writer
	cache  Deleter
	values *Writer // nil: they are not written
	prefix string
}

var _ djangosession.Writer = (*CachedDBWriter)(nil)

// WriteRows returns what writes the sessions of s, an engine cached_db, through the writer of their rows. The cache is
// that of s. One that is a Changer is written, and one that is not forgets.
func (s *Store) WriteRows(rows djangosession.Writer, cache Deleter) *CachedDBWriter {
	w := &CachedDBWriter{rows: rows, cache: cache, prefix: s.prefix}
	if c, ok := cache.(Changer); ok && s.config.SessionKeyPrefix == prefixCachedDB {
		w.values = s.Writer(c)
	}
	return w
}

// Create implements djangosession.Writer. The cache has nothing under a new key. Where it cannot take the session, the
// next who asks finds the row.
func (w *CachedDBWriter) Create(
	ctx context.Context, key string, s *djangosession.Session, expire time.Time,
) error {
	if err := w.rows.Create(ctx, key, s, expire); err != nil || w.values == nil {
		return err
	}
	ctx, cancel := halfOf(ctx) // a cache that hangs leaves the other half to what is left to do
	defer cancel()
	_ = w.values.Create(ctx, key, s, expire)
	return nil
}

// Save implements djangosession.Writer.
func (w *CachedDBWriter) Save(ctx context.Context, key string, s *djangosession.Session, expire time.Time) error {
	if err := w.rows.Save(ctx, key, s, expire); err != nil {
		return err
	}
	if w.values == nil {
		return w.cache.Delete(ctx, w.prefix+key)
	}
	value, err := w.values.dump(s)
	if err != nil { // the cache has no form for it
		return w.cache.Delete(ctx, w.prefix+key)
	}
	return unlessGone(w.values.cache.Replace(ctx, w.prefix+key, value, expire))
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
	if w.values == nil {
		return w.cache.Delete(ctx, w.prefix+key)
	}
	return unlessGone(w.values.Touch(ctx, key, loaded, to))
}

// unlessGone is nil where the cache has no such session: the row is what counts then.
func unlessGone(err error) error {
	if errors.Is(err, djangosession.ErrNotFound) {
		return nil
	}
	return err
}
