package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// ErrFull says that MaxPending events are waiting.
var ErrFull = errors.New("too many undelivered events")

// Queue keeps events until Django has them. It is safe for concurrent use.
type Queue struct {
	options Options
	dir     queueFolder
	target  *url.URL
	client  *http.Client
	added   chan struct{}
	running atomic.Bool

	mu      sync.Mutex
	pending int
	changes int   // how often pending has changed
	last    int64 // when the last event was added, so that no two are of an age
}

// Open opens the queue, and finds what an earlier process has not delivered.
func Open(o Options) (*Queue, error) {
	o, target, err := o.validated()
	if err != nil {
		return nil, err
	}
	q := &Queue{
		options: o, dir: queueFolder(o.Dir), target: target, client: clientOf(o), added: make(chan struct{}, 1),
	}
	if err := q.dir.make(); err != nil {
		return nil, fmt.Errorf("making the webhook's queue: %w", err)
	}
	if err := q.dir.sweep(o.Now()); err != nil {
		return nil, fmt.Errorf("sweeping the webhook's queue: %w", err)
	}
	l, err := q.list(func(string) bool { return false })
	if err != nil {
		return nil, fmt.Errorf("reading the webhook's queue: %w", err)
	}
	q.pending = l.pending
	return q, nil
}

// Add takes an event: when it returns nil, the event would survive a power cut. After an error nothing was taken, as
// a rule; where the disk failed at the last moment the event may come nevertheless, and so may one whose context has
// ended.
func (q *Queue) Add(ctx context.Context, e UploadEvent) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	text, err := e.encode()
	if err != nil {
		return err
	}
	added, err := q.reserve()
	if err != nil {
		return err
	}
	if err := q.dir.add(eventFile{added: added, id: e.ID}, text); err != nil {
		q.gone()
		return fmt.Errorf("storing an event for the webhook: %w", err)
	}
	select {
	case q.added <- struct{}{}:
	default: // Run knows already
	}
	return nil
}

// reserve counts an event and gives it its age.
func (q *Queue) reserve() (added int64, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.pending >= q.options.MaxPending {
		return 0, ErrFull
	}
	q.pending++
	q.changes++
	q.last = max(q.last+1, q.options.Now().UnixNano())
	return q.last, nil
}

func (q *Queue) gone() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pending--
	q.changes++
}

// list reads the folder, and corrects the count if nothing has changed meanwhile.
func (q *Queue) list(skip func(key string) bool) (listing, error) {
	q.mu.Lock()
	before := q.changes
	q.mu.Unlock()
	l, err := q.dir.list(q.options.Now(), q.longest(), skip)
	q.mu.Lock()
	defer q.mu.Unlock()
	if err == nil && q.changes == before {
		q.pending = l.pending
	}
	return l, err
}

// longest is the longest time that an event is ever put off for.
func (q *Queue) longest() time.Duration { return max(2*q.options.MaxBackoff, maxRetryAfter) }
