package serving

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
func (sv *server) drain(ctx context.Context, servers []boundServer) {
	if sv.Config.DrainDelay == 0 {
		return
	}
	sv.Logger.InfoContext(ctx, "draining", "for", sv.Config.DrainDelay.String())
	<-time.After(sv.Config.DrainDelay)
	for _, s := range servers {
		if s.name != "admin" {
			sv.LogIfError(ctx, "closing a listener", s.listener.Leave())
		}
	}
	<-time.After(min(sv.Config.DrainDelay, lastCalls))
}

// stop closes the listeners in their order, and finishes what is running, within StopTimeout; where uploads are on, within
// SIDECAR_UPLOAD_DRAIN if that is longer. What is left then is cut; a resumable upload goes on elsewhere.
func (sv *server) stop(ctx context.Context, servers []boundServer) error {
	limit := StopTimeout
	if sv.uploads != nil {
		limit = max(limit, sv.Config.Uploads.Drain)
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
