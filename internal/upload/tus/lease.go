package tus

import (
	"context"
	"net/http"
	"sync"
	"time"

	"django-sidecar/internal/reply"
)

// leases say which request has an upload: the newest. An older one is told to end, and does so within one read.
type leases struct {
	mu     *sync.Mutex
	ticket uint64 // of the newest request
	held   map[string]*lease
}

func newLeases() leases { return leases{mu: new(sync.Mutex), held: map[string]*lease{}} }

// lease is the right of one request to use an upload.
type lease struct {
	ticket uint64
	done   chan struct{} // closed by release

	mu      sync.Mutex
	control *http.ResponseController // while the request's body is read
	taken   bool                     // somebody newer waits
}

// acquire takes the upload over from the request that has it. It fails if that one came later than this one.
func (l *leases) acquire(ctx context.Context, id string) (*lease, error) {
	l.mu.Lock()
	l.ticket++
	mine := &lease{ticket: l.ticket, done: make(chan struct{})}
	l.mu.Unlock()
	for {
		holder := l.enter(id, mine)
		switch {
		case holder == mine:
			return mine, nil
		case holder.ticket > mine.ticket:
			return nil, reply.TakenOver
		}
		holder.takeOver()
		select {
		case <-holder.done:
		case <-ctx.Done():
			return nil, reply.BodyEndedEarly
		}
	}
}

// try is acquire without taking over: nil while a request has the upload.
func (l *leases) try(id string) *lease {
	mine := &lease{done: make(chan struct{})}
	if l.enter(id, mine) != mine {
		return nil
	}
	return mine
}

// enter makes a lease the upload's if nobody has it, and returns whose it is.
func (l *leases) enter(id string, mine *lease) *lease {
	l.mu.Lock()
	defer l.mu.Unlock()
	if holder := l.held[id]; holder != nil {
		return holder
	}
	l.held[id] = mine
	return mine
}

func (l *leases) release(id string, mine *lease) {
	l.mu.Lock()
	delete(l.held, id)
	l.mu.Unlock()
	close(mine.done)
}

// past ends a read at once.
var past = time.Unix(1, 0)

// await lets the holder read its body until then.
func (l *lease) await(control *http.ResponseController, until time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.taken {
		until = past
	}
	l.control = control
	return control.SetReadDeadline(until)
}

// finish says that no more of the body is read, and reports whether the connection can be used for another request.
// The deadline must not stay: after a body the server goes on reading for the end of the connection, and takes a read
// that fails for it. Where takeOver has ended such a read already, every later request of the connection would be
// taken for one whose client is gone.
func (l *lease) finish() (reusable bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.control != nil {
		_ = l.control.SetReadDeadline(time.Time{})
	}
	l.control = nil
	return !l.taken
}

func (l *lease) takeOver() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.taken = true
	if l.control != nil {
		_ = l.control.SetReadDeadline(past) // it worked for await
	}
}

func (l *lease) isTaken() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.taken
}
