package sidecar

import (
	"cmp"
	"context"
	"time"

	"django-sidecar/djangosession/dbstore"
)

// rowsEvery is how often the statistics of the session table are read. The database renews them far more rarely.
const rowsEvery = 5 * time.Minute

// WatchRows reads the statistics of the session table until ctx ends: beside the requests, and not at the start, when
// there is more to do. For every, 0 is five minutes.
func (l *Live) WatchRows(ctx context.Context, every time.Duration) {
	every = cmp.Or(every, rowsEvery)
	tick := time.NewTicker(every)
	defer tick.Stop()
	first := time.After(min(every, time.Minute))
	for {
		select {
		case <-ctx.Done():
			return
		case <-first:
		case <-tick.C:
		}
		d := l.Current()
		if d.rows == nil {
			continue // another engine
		}
		asking, cancel := context.WithTimeout(ctx, d.config.StoreTimeout)
		e, err := dbstore.EstimateSessions(asking, d.sessionDatabase.DB, d.sessionDatabase.Dialect,
			d.config.SessionTable, d.zone(), time.Now())
		cancel()
		if err != nil {
			l.Logger.DebugContext(ctx, "the statistics of the session table are not known", "error", err.Error())
		}
		l.Metrics.SessionRows(e) // after an error, nothing is known
	}
}
