package sidecar

import (
	"context"
	"sync"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/config"
	"django-sidecar/internal/keyhash"
	"django-sidecar/internal/observe"
)

const (
	// maxActive bounds the sessions that are remembered.
	maxActive = 100_000
	// maxWaiting bounds those whose expiry is still to be moved.
	maxWaiting = 1000
	// activityFailuresEach bounds what the log says of expiries that cannot be moved.
	activityFailuresEach = 10 * time.Second
)

// activity has the sessions of users who do something kept alive. It writes behind the answers, one session after the
// other: a lock on the session table holds nobody's verdict up, and takes one connection.
type activity struct {
	live *Live
	ctx  context.Context // of what is written
	end  context.CancelFunc

	mu      sync.Mutex
	looked  map[keyhash.Hash]time.Time
	waiting []keyhash.Key
	writing bool // something takes from waiting
	writers sync.WaitGroup

	failures observe.Seldom
}

// newActivity returns nil where no expiry moves: that of a signed cookie does with another cookie alone.
func newActivity(l *Live) *activity {
	c := l.Config
	if !c.Write.Touch || !c.SessionCookie.SaveEveryRequest || c.SessionEngineKind == config.EngineSignedCookies {
		return nil
	}
	a := &activity{live: l, looked: map[keyhash.Hash]time.Time{}}
	a.ctx, a.end = context.WithCancel(context.Background())
	return a
}

// told returns what check.Service tells of each session; nil where there is nothing to be told.
func (a *activity) told() func(context.Context, keyhash.Key, djangosession.Verdict) {
	if a == nil {
		return nil
	}
	return func(_ context.Context, key keyhash.Key, _ djangosession.Verdict) { a.active(key, time.Now()) }
}

// active has the expiry of the session moved, unless somebody has looked at it within the interval. Where too many are
// waiting, the session's next question has it moved.
func (a *activity) active(key keyhash.Key, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.due(key.Hash, now) || len(a.waiting) >= maxWaiting {
		return
	}
	a.looked[key.Hash] = now
	a.waiting = append(a.waiting, key)
	if !a.writing {
		a.writing = true
		a.writers.Go(a.write)
	}
}

// due reports whether nobody has looked at a session for the interval. It is called with the lock held.
func (a *activity) due(id keyhash.Hash, now time.Time) bool {
	interval := a.live.Config.TouchInterval
	if at, known := a.looked[id]; known && now.Sub(at) < interval {
		return false
	}
	if len(a.looked) >= maxActive {
		for other, at := range a.looked {
			if now.Sub(at) >= interval {
				delete(a.looked, other)
			}
		}
		if len(a.looked) > maxActive*3/4 { // or the next ones would have all of them looked through again
			clear(a.looked)
		}
	}
	return true
}

// write moves the expiries of all that wait.
func (a *activity) write() {
	for {
		a.mu.Lock()
		if len(a.waiting) == 0 {
			a.writing, a.waiting = false, nil
			a.mu.Unlock()
			return
		}
		key := a.waiting[0]
		a.waiting = a.waiting[1:]
		a.mu.Unlock()
		a.touch(key)
	}
}

// touch moves the expiry of one session. A failure goes into the log.
func (a *activity) touch(key keyhash.Key) {
	l := a.live
	d := l.Current()
	ctx, cancel := context.WithTimeout(a.ctx, l.Config.StoreTimeout)
	defer cancel()
	s, err := d.writing.loaded.Load(ctx, key.Text)
	if err == nil {
		_, err = l.move(ctx, d, key, s)
	}
	if err == nil || djangosession.IsAnswer(err) || !a.failures.Due(time.Now(), activityFailuresEach) {
		return
	}
	l.Logger.WarnContext(ctx, "the expiry of a session could not be moved", "session", key.Hash.Name(),
		"error", err.Error())
}

// close waits for what is still to be written, for SIDECAR_STORE_TIMEOUT at most.
func (a *activity) close() {
	if a == nil {
		return
	}
	written := make(chan struct{})
	go func() {
		a.writers.Wait()
		close(written)
	}()
	limit := a.live.Config.StoreTimeout
	select {
	case <-written:
		a.end()
		return
	case <-time.After(limit):
	}
	a.end()
	select {
	case <-written:
	case <-time.After(limit): // a file system that hangs knows no contexts
	}
}
