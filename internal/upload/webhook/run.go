package webhook

import (
	"context"
	"errors"
	"net/http"
	"time"
)

const (
	lookAgain = 30 * time.Second // for what other processes have added, and for what an operator has moved back
	stopGrace = 3 * time.Second  // for the tries that are on their way when Run is to end; past it they come again
)

// Run delivers events until ctx ends, and then waits for the tries that are on their way, up to 3 s. Whatever fails is
// reported and tried again: the only error is that Run runs already.
func (q *Queue) Run(ctx context.Context) error {
	if !q.running.CompareAndSwap(false, true) {
		return errors.New("the webhook's queue is being delivered already")
	}
	defer q.running.Store(false)
	if q.options.Client == nil { // the client is nobody else's
		defer q.client.CloseIdleConnections()
	}
	tries, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	r := &runner{
		queue: q, ctx: tries, busy: map[string]bool{}, avoid: map[string]time.Time{},
		results: make(chan result), stale: true,
	}
	for ctx.Err() == nil {
		timer := time.NewTimer(r.work())
		select {
		case <-q.added:
			r.stale = true
		case result := <-r.results:
			r.ended(result)
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
	defer time.AfterFunc(stopGrace, cancel).Stop()
	for len(r.busy) > 0 {
		r.ended(<-r.results)
	}
	return nil
}

// runner is the state of a Run. It belongs to Run's goroutine; the tries have theirs.
type runner struct {
	queue   *Queue
	ctx     context.Context // of the tries, which outlive Run's own by stopGrace
	results chan result
	busy    map[string]bool      // the keys of the events that are on their way
	avoid   map[string]time.Time // the keys of the events whose files failed, and until when they are left alone
	due     []eventFile          // to be tried next, as the folder was read
	stale   bool                 // the folder may hold more that is due
	lookAt  time.Time            // when it may do so without our doing
	pause   pause
}

// work starts as many tries as there may be, and returns after how long there may be more to do.
func (r *runner) work() time.Duration {
	q := r.queue
	now := q.options.Now()
	if wait := r.pause.until.Sub(now); wait > 0 {
		return wait
	}
	for len(r.busy) < r.pause.width() {
		if len(r.due) == 0 && (r.stale || !now.Before(r.lookAt)) {
			r.look(now)
		}
		if len(r.due) == 0 {
			break
		}
		e := r.due[0]
		r.due = r.due[1:]
		r.busy[e.key()] = true
		since := r.pause.since
		go func() { r.results <- q.deliver(r.ctx, e, since) }()
	}
	if len(r.busy) >= r.pause.width() {
		return lookAgain // or until one of them ends, which is sooner
	}
	return r.lookAt.Sub(now)
}

// skips reports whether an event is not to be tried now, whatever its file says.
func (r *runner) skips(key string, now time.Time) bool {
	return r.busy[key] || now.Before(r.avoid[key])
}

// look reads the folder.
func (r *runner) look(now time.Time) {
	q := r.queue
	l, err := q.list(func(key string) bool { return r.skips(key, now) })
	r.due, r.stale, r.lookAt = l.due, l.truncated, now.Add(lookAgain)
	if l.wait >= 0 && l.wait < lookAgain {
		r.lookAt = now.Add(l.wait)
	}
	for _, name := range l.foreign {
		a := Attempt{Outcome: Corrupt, Err: errCorrupt}
		if err := q.dir.setAside(name); err != nil {
			a.Outcome, a.Err = Broken, err
		}
		q.options.Report(a)
	}
	if err != nil {
		q.options.Report(Attempt{Outcome: Broken, Err: err})
	}
}

// ended takes the result of a try.
func (r *runner) ended(t result) {
	q := r.queue
	delete(r.busy, t.entry.key())
	if t.silent {
		return
	}
	now := q.options.Now()
	switch t.attempt.Outcome {
	case Delivered:
		r.pause.succeeded(t.since)
	case Corrupt: // says nothing of the application
	case GivenUp:
		if t.attempt.Status == http.StatusGone { // a decision, and no failure
			r.pause.succeeded(t.since)
			break
		}
		r.pause.failed(t.since, now, q.options.FirstBackoff, t.least)
	case PutOff, Broken:
		if t.attempt.Outcome == Broken {
			t.attempt.Next = q.options.MaxBackoff
			r.avoidUntil(t.entry, now.Add(t.attempt.Next))
		}
		r.pause.failed(t.since, now, q.options.FirstBackoff, t.least)
		r.again(now, t.attempt.Next)
	}
	q.options.Report(t.attempt)
}

// avoidUntil leaves an event alone whose file cannot say so, lest it comes first each time and no other one does.
func (r *runner) avoidUntil(e eventFile, until time.Time) {
	if len(r.avoid) >= windowEntries {
		clear(r.avoid)
	}
	r.avoid[e.key()] = until
}

// again sees to it that the folder is read when an event is due again.
func (r *runner) again(now time.Time, wait time.Duration) {
	if at := now.Add(wait); at.Before(r.lookAt) {
		r.lookAt = at
	}
}
