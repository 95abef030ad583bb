package djangocache

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

// A Guard keeps a server that does not answer from holding each question for the whole of its time. Each server has one:
// of several, the others go on answering for the sessions that they have.
type Guard interface {
	// Ask puts the question, or fails at once. nil says that the server has answered, whatever it has said.
	Ask(ctx context.Context, question func() error) error
}

// unguarded puts every question.
type unguarded struct{}

// Ask implements Guard.
func (unguarded) Ask(_ context.Context, question func() error) error { return question() }

// guarded is a cache that is one place. What writes is watched as a whole by its owner: a lock that it waits for says
// nothing of reading.
type guarded struct {
	guard Guard
	store
}

// Get implements store.
func (g guarded) Get(ctx context.Context, key string) (value []byte, expires time.Time, err error) {
	err = g.guard.Ask(ctx, func() error {
		value, expires, err = g.store.Get(ctx, key)
		return err
	})
	return value, expires, err
}

// guardHook is a hook of the client of one server.
type guardHook struct {
	guard Guard
	// reload has the library ask who has which keys of a cluster, for nobody in particular, at most five times a second. By
	// itself it asks once a minute. nil: the server is no node of a cluster.
	reload func(context.Context)
	// patience is how long one node is waited for then, until the next one is asked.
	patience time.Duration
}

// guardedKey marks the context of a question that has been put: where it needs a new connection, what opens that goes
// through the hook as well.
type guardedKey struct{}

// ask puts the question, as a part of another one if it is that.
func (h guardHook) ask(ctx context.Context, question func(context.Context) error) error {
	if ctx.Value(guardedKey{}) != nil {
		return question(ctx)
	}
	guarded := context.WithValue(ctx, guardedKey{}, true)
	if _, somebody := ctx.Deadline(); h.reload != nil && !somebody {
		brief, cancel := context.WithTimeout(guarded, h.patience)
		defer cancel()
		return question(brief)
	}
	err := h.guard.Ask(ctx, func() error { return unlessAnswer(question(guarded)) })
	if err != nil && h.reload != nil { // another node may have this one's place by now
		h.reload(ctx)
	}
	return err
}

// DialHook implements redis.Hook.
func (guardHook) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements redis.Hook.
func (h guardHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) (err error) {
		if failed := h.ask(ctx, func(ctx context.Context) error {
			err = next(ctx, cmd)
			return err
		}); failed != nil {
			cmd.SetErr(failed)
			return failed
		}
		return err
	}
}

// ProcessPipelineHook implements redis.Hook.
func (h guardHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) (err error) {
		asked := false
		failed := h.ask(ctx, func(ctx context.Context) error {
			asked = true
			err = next(ctx, cmds)
			return err
		})
		if asked {
			return err // each command has its own
		}
		for _, cmd := range cmds {
			cmd.SetErr(failed)
		}
		return failed
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
