package sidecar

import (
	"context"
	"errors"
	"time"
)

// lastCalls is how long requests that are on their way when the listeners close are still answered.
const lastCalls = time.Second

// drain serves everything for SIDECAR_DRAIN_DELAY, while /readyz says that the sidecar is about to stop: a gateway
// that has not heard of it yet must not find the door closed. Then the door closes, and connections that are open
// have a moment for their last answers.
func (sc *sidecar) drain(ctx context.Context, servers []boundServer) {
	if sc.config.DrainDelay == 0 {
		return
	}
	sc.logger.InfoContext(ctx, "draining", "for", sc.config.DrainDelay.String())
	<-time.After(sc.config.DrainDelay)
	for _, s := range servers {
		if s.name != "admin" {
			logIfError(ctx, sc.logger, "closing a listener", s.listener.Leave())
		}
	}
	<-time.After(min(sc.config.DrainDelay, lastCalls))
}

// stop closes the listeners in their order, and finishes what is running: verdicts within StopTimeout, uploads within
// SIDECAR_UPLOAD_DRAIN. What is left then is cut; a resumable upload goes on elsewhere.
func (sc *sidecar) stop(ctx context.Context, servers []boundServer) error {
	limit := StopTimeout
	if sc.uploads != nil {
		limit = max(limit, sc.config.Uploads.Drain)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	var errs []error
	for _, s := range servers {
		err := s.server.Shutdown(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			err = errors.Join(err, s.server.Close())
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
