package sidecar

import (
	"context"
	"errors"
	"time"
)

// drain serves everything for SIDECAR_DRAIN_DELAY, while /readyz says that the sidecar is about to stop: a gateway that has not heard
// of it yet must not find the door closed. Connections end with the request that they are in.
func (sc *sidecar) drain(ctx context.Context, servers []boundServer) {
	if sc.config.DrainDelay == 0 {
		return
	}
	sc.logger.InfoContext(ctx, "draining", "for", sc.config.DrainDelay.String())
	for _, s := range servers {
		s.server.SetKeepAlivesEnabled(false)
	}
	<-time.After(sc.config.DrainDelay)
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
