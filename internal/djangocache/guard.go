package djangocache

import (
	"context"
	"errors"
	"reflect"
	"time"

	"github.com/redis/go-redis/v9"

	"django-sidecar/internal/breaker"
)

// guarded is a cache that is one place. What writes is watched as a whole by its owner: a lock that it waits for says
// nothing of reading.
type guarded struct {
	breaker *breaker.Breaker
	store
}

// found is a value of a cache.
type found struct {
	value   []byte
	expires time.Time
}

// Get implements store.
func (g guarded) Get(ctx context.Context, key string) ([]byte, time.Time, error) {
	f, err := breaker.Ask(ctx, g.breaker, func(ctx context.Context) (f found, err error) {
		f.value, f.expires, err = g.store.Get(ctx, key)
		return f, err
	})
	return f.value, f.expires, err
}

// guardHook is a hook of the client of one server. Whoever asks a silent server to read does not wait for the end. A pipeline
// to a cluster is waited for: the library notes how it goes in memory that the asker goes on using.
type guardHook struct {
	breaker *breaker.Breaker
	// reload has the library ask who has which keys of a cluster, for nobody in particular, at most five times a second. By
	// itself it asks once a minute. nil: the server is no node of a cluster.
	reload func(context.Context)
	// patience is how long one node is waited for then, until the next one is asked.
	patience time.Duration
}

// readingKey marks the context of commands that only read, outside a transaction.
type readingKey struct{}

// guardedKey marks the context of a question that has been put: where it needs a new connection, what opens that goes
// through the hook as well.
type guardedKey struct{}

// answered is what has become of commands that were put.
type answered struct {
	cmds []redis.Cmder
	err  error
}

// process has the server process commands, as a part of another question if they are that. Each has its own error then.
// leave allows what only reads to go on without its asker.
func (h guardHook) process(ctx context.Context, leave bool, cmds []redis.Cmder, next redis.ProcessPipelineHook) error {
	if ctx.Value(guardedKey{}) != nil {
		return next(ctx, cmds)
	}
	guarded := context.WithValue(ctx, guardedKey{}, true)
	if _, somebody := ctx.Deadline(); h.reload != nil && !somebody {
		brief, cancel := context.WithTimeout(guarded, h.patience)
		defer cancel()
		return next(brief, cmds)
	}
	put := h.do
	if leave && ctx.Value(readingKey{}) != nil {
		put = h.read
	}
	a, failed := put(guarded, cmds, next)
	if failed != nil && h.reload != nil { // another node may have this one's place by now
		h.reload(ctx)
	}
	if a != nil {
		return a.err
	}
	for _, cmd := range cmds {
		cmd.SetErr(failed)
	}
	return failed
}

// do waits for the commands to their end.
func (h guardHook) do(ctx context.Context, cmds []redis.Cmder, next redis.ProcessPipelineHook) (a *answered, err error) {
	err = h.breaker.Do(ctx, func() error {
		a = &answered{cmds, next(ctx, cmds)}
		return unlessAnswer(a.err)
	})
	return a, err
}

// read has copies of the commands processed, which may go on when whoever has asked is gone.
func (h guardHook) read(ctx context.Context, cmds []redis.Cmder, next redis.ProcessPipelineHook) (*answered, error) {
	own := make([]redis.Cmder, len(cmds))
	for i, cmd := range cmds {
		own[i] = cmd.Clone()
	}
	a, err := breaker.Ask(ctx, h.breaker, func(ctx context.Context) (*answered, error) {
		err := next(ctx, own)
		return &answered{own, err}, unlessAnswer(err)
	})
	if a != nil {
		for i, cmd := range cmds {
			reflect.ValueOf(cmd).Elem().Set(reflect.ValueOf(own[i]).Elem())
		}
	}
	return a, err
}

// DialHook implements redis.Hook.
func (guardHook) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements redis.Hook.
func (h guardHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		return h.process(ctx, true, []redis.Cmder{cmd}, func(ctx context.Context, cmds []redis.Cmder) error {
			return next(ctx, cmds[0])
		})
	}
}

// ProcessPipelineHook implements redis.Hook.
func (h guardHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		return h.process(ctx, h.reload == nil, cmds, next)
	}
}

// unlessAnswer is nil for what a server has said, be it that it has no such key, or that another server has it.
func unlessAnswer(err error) error {
	var said redis.Error
	if errors.As(err, &said) {
		return nil
	}
	return err
}
