package djangocache

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// primary is where Django writes: the first server.
func (b *redisBackend) primary() redis.UniversalClient { return b.clients[0] }

// Delete implements store.
func (b *redisBackend) Delete(ctx context.Context, key string) error {
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	if err := b.primary().Del(ctx, key).Err(); err != nil {
		return fmt.Errorf("deleting from the cache: %w", err)
	}
	return nil
}
