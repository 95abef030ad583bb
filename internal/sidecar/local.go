package sidecar

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"django-sidecar/djangosession"
	"django-sidecar/internal/check"
	"django-sidecar/internal/config"
)

// Local is a deployment that answers within this process: what [Run] has, without listeners and uploads.
type Local struct {
	sc      *sidecar
	stop    context.CancelFunc
	running sync.WaitGroup
}

// OpenLocal makes the deployment that the settings describe, and follows changed secrets, and sessions that change
// where the cache is told. It connects to nothing yet. Close ends it. The logger is required.
func OpenLocal(ctx context.Context, c *config.Config, logger *slog.Logger) (*Local, error) {
	own := *c
	own.Uploads, own.Shadow = config.UploadSettings{}, config.ShadowSettings{}
	sc := newSidecar(&own, Options{Logger: logger})
	if faults := sc.prepare(ctx); len(faults) > 0 {
		sc.close(ctx)
		return nil, errors.Join(faults...)
	}
	for _, w := range sc.current.Load().warnings() {
		logger.WarnContext(ctx, "setting", "warning", w)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	l := &Local{sc: sc, stop: stop}
	l.running.Go(func() { sc.watch(ctx) })
	if sc.cache != nil && own.Cache.Listen {
		l.running.Go(func() { sc.watchChanges(ctx) })
	}
	return l, nil
}

// Answers answers questions, for as long as the Local is open.
func (l *Local) Answers() *check.Service { return l.sc.answers }

// Config is what the settings say. Nobody changes it.
func (l *Local) Config() *config.Config { return l.sc.config }

// UserByName finds a user by USERNAME_FIELD.
func (l *Local) UserByName(ctx context.Context, name string) (*djangosession.StoredUser, error) {
	users := l.sc.current.Load().users
	if users == nil {
		return nil, errNoUsers
	}
	ctx, cancel := context.WithTimeout(ctx, l.sc.config.StoreTimeout)
	defer cancel()
	return users.UserByName(ctx, name)
}

var errNoUsers = errors.New("SIDECAR_INSECURE_SKIP_USER_CHECK is on: no user is looked at")

// Ready asks the stores what a verdict would. nil says that they answer.
func (l *Local) Ready(ctx context.Context) error {
	var errs []error
	for _, c := range l.sc.current.Load().ready(ctx) {
		errs = append(errs, c.Err)
	}
	return errors.Join(errs...)
}

// Close ends what runs, waits for it, and closes the stores.
func (l *Local) Close() {
	l.stop()
	l.running.Wait()
	l.sc.close(context.Background())
}
