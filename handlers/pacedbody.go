package handlers

import (
	"io"
	"sync"
	"time"

	"django-sidecar/internal/upload/pace"
)

// The time that an upload may take.
const (
	uploadGrace   = 10 * time.Second // before the rate counts
	uploadIdle    = 60 * time.Second // at most between two reads, however fast it was before
	uploadRecheck = 30 * time.Second // after which the session is looked at again
)

// pacedBody reads a body that must keep a pace, of a user whose session must stay alive.
type pacedBody struct {
	body     io.Reader
	now      func() time.Time
	pace     pace.Limit
	checked  time.Time // when the session was last found to be alive
	deadline func(time.Time) error
	check    func() error
}

// Read implements io.Reader.
func (p *pacedBody) Read(b []byte) (int, error) {
	now := p.now()
	if now.Sub(p.checked) >= uploadRecheck {
		if err := p.check(); err != nil {
			return 0, err
		}
		p.checked = now
	}
	p.pace.Add(0, now) // at any rate, the idle time begins with the read
	if err := p.deadline(p.pace.Until()); err != nil {
		return 0, err
	}
	n, err := p.body.Read(b)
	p.pace.Add(n, p.now())
	return n, err
}

// end takes the time limit from the connection once nothing more is wanted of the body: net/http reads on, to see
// whether the client hangs up, and would take the limit for that.
func (p *pacedBody) end() error { return p.deadline(time.Time{}) }

// activeUploads counts the uploads that are going on, by their users.
type activeUploads struct {
	mu     sync.Mutex
	all    int
	byUser map[string]int
}

// enter counts an upload in, and returns what counts it out. It is false where there are too many already; 0 is no
// limit.
func (a *activeUploads) enter(userID string, most, mostOfUser int) (leave func(), ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if most > 0 && a.all >= most || mostOfUser > 0 && a.byUser[userID] >= mostOfUser {
		return nil, false
	}
	if a.byUser == nil {
		a.byUser = map[string]int{}
	}
	a.all++
	a.byUser[userID]++
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.all--
		if a.byUser[userID]--; a.byUser[userID] == 0 {
			delete(a.byUser, userID)
		}
	}, true
}
