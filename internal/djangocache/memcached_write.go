package djangocache

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"django-sidecar/djangosession"
)

// Delete implements store.
func (b *memcachedBackend) Delete(ctx context.Context, key string) error {
	if !validMemcachedKey(key) {
		return nil // nothing can be there
	}
	err := b.put(ctx, key, func() error { return b.client.Delete(key) })
	if err != nil && !errors.Is(err, memcache.ErrCacheMiss) {
		return fmt.Errorf("deleting from the cache: %w", err)
	}
	return nil
}

// put has the server of a key do something. An error that the server has answered is no failure to its Breaker.
func (b *memcachedBackend) put(ctx context.Context, key string, do func() error) (err error) {
	failed := b.breakers[b.selector.of(key)].Do(ctx, func() error {
		_, err = ask(ctx, b, func() (struct{}, error) { return struct{}{}, do() })
		for _, answer := range []error{memcache.ErrCacheMiss, memcache.ErrNotStored, memcache.ErrCASConflict} {
			if errors.Is(err, answer) {
				return nil
			}
		}
		return err
	})
	if failed != nil {
		return failed
	}
	return err
}

// expiration is get_backend_timeout of core/cache/backends/memcached.py, 6.1: whole seconds, beyond 30 days as an
// instant; negative where the time is over.
func (b *memcachedBackend) expiration(expires time.Time) int32 {
	const longest = 30 * 24 * time.Hour
	left := expires.Sub(b.now()).Round(time.Second)
	switch {
	case left <= 0:
		return -1
	case left > longest:
		return int32(min(expires.Unix(), math.MaxInt32)) //nolint:gosec // bounded
	}
	return int32(left / time.Second)
}

// item is a value with the flags that all of Django's clients give a pickle.
func (b *memcachedBackend) item(key string, value []byte, expires time.Time) *memcache.Item {
	return &memcache.Item{Key: key, Value: value, Flags: flagPickle, Expiration: b.expiration(expires)}
}

// Add implements store.
func (b *memcachedBackend) Add(ctx context.Context, key string, value []byte, expires time.Time) error {
	if !validMemcachedKey(key) {
		return errors.New("writing to the cache: Memcached takes no such key") // Django: InvalidCacheKey
	}
	item := b.item(key, value, expires)
	switch err := b.put(ctx, key, func() error { return b.client.Add(item) }); {
	case errors.Is(err, memcache.ErrNotStored):
		return djangosession.ErrExists
	case err != nil:
		return fmt.Errorf("writing to the cache: %w", err)
	}
	return nil
}

// Replace implements store.
func (b *memcachedBackend) Replace(ctx context.Context, key string, value []byte, expires time.Time) error {
	if !validMemcachedKey(key) {
		return djangosession.ErrNotFound
	}
	item := b.item(key, value, expires)
	return written(b.put(ctx, key, func() error { return b.client.Replace(item) }))
}

// Touch implements store: it stores the value again, where nobody has stored another one meanwhile.
func (b *memcachedBackend) Touch(
	ctx context.Context, key string, same func(value []byte) bool, expires time.Time,
) error {
	if !validMemcachedKey(key) {
		return djangosession.ErrNotFound
	}
	var item *memcache.Item
	err := b.put(ctx, key, func() (err error) {
		item, err = b.client.Get(key)
		return err
	})
	if err != nil {
		return written(err)
	}
	value, err := decodeMemcached(item.Value, item.Flags, b.maxBytes)
	if err != nil || !same(value) {
		return djangosession.ErrNotFound
	}
	item.Expiration = b.expiration(expires)
	return written(b.put(ctx, key, func() error { return b.client.CompareAndSwap(item) }))
}

// written says what came of storing in the place of a value.
func written(err error) error {
	switch {
	case errors.Is(err, memcache.ErrCacheMiss), errors.Is(err, memcache.ErrNotStored),
		errors.Is(err, memcache.ErrCASConflict):
		return djangosession.ErrNotFound
	case err != nil:
		return fmt.Errorf("writing to the cache: %w", err)
	}
	return nil
}
