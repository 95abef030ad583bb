package djangocache

import (
	"context"
	"errors"
	"fmt"

	"github.com/bradfitz/gomemcache/memcache"
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

// put has the server of a key do something. An error that the server has answered is no failure to its guard.
func (b *memcachedBackend) put(ctx context.Context, key string, do func() error) (err error) {
	failed := b.guards[b.selector.of(key)].Ask(ctx, func() error {
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
