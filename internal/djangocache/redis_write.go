package djangocache

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"django-sidecar/djangosession"
)

// primary is where Django writes: the first server.
func (b *redisBackend) primary() redis.UniversalClient { return b.clients[0] }

// Delete implements store.
func (b *redisBackend) Delete(ctx context.Context, key string) error {
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	if err := b.primary().Del(ctx, key).Err(); err != nil {
		return fmt.Errorf("deleting from the cache: %w", withoutArguments(err, key))
	}
	return nil
}

// left is for how long a value lives, in the milliseconds that Redis counts; 0 where it is over.
func (b *redisBackend) left(expires time.Time) time.Duration {
	return max(0, expires.Sub(b.now()).Round(time.Millisecond))
}

// Add implements store: add() of core/cache/backends/redis.py, 6.1, SET with NX. What is over at once is not stored.
func (b *redisBackend) Add(ctx context.Context, key string, value []byte, expires time.Time) error {
	return b.set(ctx, key, expires, djangosession.ErrExists, func(ctx context.Context, left time.Duration) (bool, error) {
		if left == 0 {
			return true, nil
		}
		return b.primary().SetNX(ctx, key, value, left).Result()
	})
}

// Replace implements store: SET with XX.
func (b *redisBackend) Replace(ctx context.Context, key string, value []byte, expires time.Time) error {
	return b.set(ctx, key, expires, djangosession.ErrNotFound, func(ctx context.Context, left time.Duration) (bool, error) {
		if left == 0 { // set() of the same file: a timeout of 0 deletes
			n, err := b.primary().Del(ctx, key).Result()
			return n > 0, err
		}
		return b.primary().SetXX(ctx, key, value, left).Result()
	})
}

// set writes a value, or fails with refused where the server says that it has not done so.
func (b *redisBackend) set(
	ctx context.Context, key string, expires time.Time, refused error,
	write func(context.Context, time.Duration) (bool, error),
) error {
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	done, err := write(ctx, b.left(expires))
	switch {
	case errors.Is(err, redis.Nil), err == nil && !done:
		return refused
	case err != nil:
		return fmt.Errorf("writing to the cache: %w", withoutArguments(err, key))
	}
	return nil
}

// Touch implements store: touch() of the same file, EXPIRE, in a transaction that the server refuses where somebody has
// stored another value since it was read.
func (b *redisBackend) Touch(
	ctx context.Context, key string, same func(value []byte) bool, expires time.Time,
) error {
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	err := b.primary().Watch(ctx, func(tx *redis.Tx) error {
		stored, err := tx.Get(ctx, key).Bytes()
		if err != nil {
			return err
		}
		if value, err := b.format.decode(stored); err != nil || !same(value) {
			return djangosession.ErrNotFound
		}
		var moved *redis.BoolCmd
		_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
			moved = p.PExpire(ctx, key, b.left(expires))
			return nil
		})
		if err == nil && !moved.Val() {
			return djangosession.ErrNotFound // it has expired meanwhile
		}
		return err
	}, key)
	switch {
	case errors.Is(err, redis.Nil), errors.Is(err, redis.TxFailedErr), errors.Is(err, djangosession.ErrNotFound):
		return djangosession.ErrNotFound
	case err != nil:
		return fmt.Errorf("touching the cache: %w", withoutArguments(err, key))
	}
	return nil
}
