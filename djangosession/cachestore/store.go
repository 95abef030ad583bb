package cachestore

import (
	"cmp"
	"context"
	"errors"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/signing"
)

// Getter is where Django's cache framework keeps values.
type Getter interface {
	// Get returns the serialized value under a complete cache key, and when it expires, the zero Time where the
	// cache does not tell. The value is what the cache's serializer wrote, without compression or any other wrapping.
	// Get need not check whether it is a session.
	//
	// An error that is djangosession.ErrNotFound says that there is no value, or can be none under such a key.
	// ErrNotDict says that the value is no dict, and a *signing.SyntaxError that Django could not read it. Any other
	// error says that the cache failed.
	Get(ctx context.Context, key string) (value []byte, expires time.Time, err error)
}

// ErrNotDict says that the cache holds a value which Django can read and which is no dict: an integer, a list. Django
// takes it for the session and fails with a TypeError. It is a *signing.SyntaxError.
var ErrNotDict error = &signing.SyntaxError{Problem: "a value in the cache that is no dict"}

// The cache keys of sessions begin with KEY_PREFIX of contrib/sessions/backends/cache.py and cached_db.py, which are
// the same from 1.11 to 6.1.
const (
	prefixCache    = "django.contrib.sessions.cache"
	prefixCachedDB = "django.contrib.sessions.cached_db"
)

// Config says where the sessions are. Cache and Version are required.
type Config struct {
	Cache Getter
	// Then is where sessions are when the cache does not have them: the session table for cached_db, nil for cache.
	Then djangosession.Store
	// Serializer is how the cache writes values. Every cache of Django's own pickles.
	Serializer djangosession.Serializer
	// KeyPrefix is KEY_PREFIX of the cache.
	KeyPrefix string
	// KeyVersion is VERSION of the cache; "" means "1".
	KeyVersion string
	// SessionKeyPrefix is cache_key_prefix of the session store's class; "" means Django's own.
	SessionKeyPrefix string
	// Version is the deployment's Django.
	Version djangosession.Version
	// MaxBytes bounds a value, in bytes; 0 means djangosession.DefaultMaxBytes.
	MaxBytes int
}

// Store is a djangosession.Store on a cache.
type Store struct {
	config Config
	prefix string
}

// New returns a store that reads sessions as c describes. It does no I/O.
func New(c Config) (*Store, error) {
	if c.Cache == nil || c.Version == (djangosession.Version{}) {
		return nil, errors.New("a cache store needs a cache and Django's version")
	}
	c.KeyVersion = cmp.Or(c.KeyVersion, "1")
	if c.MaxBytes <= 0 {
		c.MaxBytes = djangosession.DefaultMaxBytes
	}
	if c.SessionKeyPrefix == "" {
		c.SessionKeyPrefix = prefixCache
		if c.Then != nil {
			c.SessionKeyPrefix = prefixCachedDB
		}
	}
	// core/cache/backends/base.py, 6.1, default_key_func: "%s:%s:%s" % (key_prefix, version, key)
	return &Store{config: c, prefix: c.KeyPrefix + ":" + c.KeyVersion + ":" + c.SessionKeyPrefix}, nil
}

// Prefix is what the keys of sessions begin with in the cache. The session key follows.
func (s *Store) Prefix() string { return s.prefix }

// Load implements djangosession.Store.
func (s *Store) Load(ctx context.Context, key string) (*djangosession.Session, error) {
	if s.config.Then == nil {
		return s.cached(ctx, key)
	}
	// The cache is given half of the time, so that one which hangs leaves the other half to the table.
	cacheCtx, cancel := halfOf(ctx)
	session, err := s.cached(cacheCtx, key)
	cancel()
	// contrib/sessions/backends/cached_db.py, 6.1, load: whatever exception the cache raises, and None, is "ask the
	// database"; any other value is the session.
	if err == nil || errors.Is(err, ErrNotDict) {
		return session, err
	}
	return s.config.Then.Load(ctx, key)
}

// cached is load of contrib/sessions/backends/cache.py, 6.1, except that Django takes a failing cache for an empty one.
func (s *Store) cached(ctx context.Context, key string) (*djangosession.Session, error) {
	value, expires, err := s.config.Cache.Get(ctx, s.prefix+key)
	switch {
	case err != nil:
		return nil, err
	case len(value) > s.config.MaxBytes:
		// ParseSession refuses it.
	case isNone(value, s.config.Serializer):
		return nil, djangosession.ErrNotFound // session_data is None: as if there were nothing
	case isOtherThanDict(value, s.config.Serializer):
		return nil, ErrNotDict
	}
	session, err := djangosession.ParseSession(value, s.config.Serializer, s.config.Version, s.config.MaxBytes)
	if err != nil {
		return nil, err
	}
	session.ExpireDate = expires
	return session, nil
}

func halfOf(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(deadline)/2)
}

// prober is what a cache or a store has that can be asked whether it works.
type prober interface {
	Probe(ctx context.Context) error
}

// Probe asks for what Load cannot do without: nil says that it can find out about sessions. That is the table for
// cached_db, which goes on without its cache.
func (s *Store) Probe(ctx context.Context) error {
	if s.config.Then != nil {
		if p, ok := s.config.Then.(prober); ok {
			return p.Probe(ctx)
		}
		return nil
	}
	if p, ok := s.config.Cache.(prober); ok {
		if err := p.Probe(ctx); err != nil {
			return err
		}
	}
	_, err := s.cached(ctx, "probe") // shorter than any session key
	if djangosession.IsAnswer(err) {
		return nil
	}
	return err
}
