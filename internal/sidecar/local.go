package sidecar

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"django-sidecar/djangosession"
	"django-sidecar/internal/config"
	"django-sidecar/internal/observe"
)

// Local is a deployment that answers within this process: what serve has, without its listeners, its uploads, its
// comparisons with Django, its traces and its audit log.
type Local struct {
	*Live

	stop    context.CancelFunc
	running sync.WaitGroup
}

// OpenLocal makes the deployment that the settings describe, and follows changed secrets, and sessions that change
// where the cache is told. It connects to nothing yet but to try the settings' conditions. Close ends it. The logger is
// required.
func OpenLocal(ctx context.Context, c *config.Config, logger *slog.Logger) (*Local, error) {
	own := *c
	own.Uploads, own.Shadow = config.UploadSettings{}, config.ShadowSettings{}
	live := NewLive(&own, logger, observe.NewMetrics(prometheus.NewRegistry(), "", ""))
	if faults := live.Prepare(ctx); len(faults) > 0 {
		live.Close(ctx)
		return nil, errors.Join(faults...)
	}
	for _, w := range live.Current().Warnings() {
		logger.WarnContext(ctx, "setting", "warning", w)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	l := &Local{Live: live, stop: stop}
	l.running.Go(func() { live.Watch(ctx) })
	l.running.Go(func() { live.WatchChanges(ctx) })
	return l, nil
}

// UserByName finds a user by USERNAME_FIELD.
func (l *Local) UserByName(ctx context.Context, name string) (*djangosession.StoredUser, error) {
	users := l.Current().users
	if users == nil {
		return nil, errNoUsers
	}
	ctx, cancel := context.WithTimeout(ctx, l.Config.StoreTimeout)
	defer cancel()
	return users.UserByName(ctx, name)
}

var errNoUsers = errors.New("SIDECAR_INSECURE_SKIP_USER_CHECK is on: no user is looked at")

// Ready asks the stores what a verdict would. nil says that they answer.
func (l *Local) Ready(ctx context.Context) error {
	var errs []error
	for _, c := range l.Current().Ready(ctx) {
		errs = append(errs, c.Err)
	}
	return errors.Join(errs...)
}

// Close ends what runs, waits for it, and closes the stores.
func (l *Local) Close() {
	l.stop()
	l.running.Wait()
	l.Live.Close(context.Background())
}
