package extauthz

import (
	"container/list"
	"net/http"
	"sync"
	"time"
)

// What calls may have in memory before their messages are whole, over all connections. Where there would be more, the
// call that has waited longest for the rest of its message ends.
const (
	maxWaiting      = 256
	maxWaitingBytes = 2 << 20
)

// arrivals knows the calls whose messages are not whole, in the order of their beginning.
type arrivals struct {
	mu      sync.Mutex
	waiting list.List // of *arrival
	bytes   int64
	ended   func() // is told of each call that is ended for others; nil: nobody is
}

// arrival is a message that arrives.
type arrival struct {
	intake  *arrivals
	control *http.ResponseController
	at      *list.Element // nil once it is whole, or ended
	bytes   int64
}

// begin lets a call in.
func (i *arrivals) begin(w http.ResponseWriter) *arrival {
	a := &arrival{intake: i, control: http.NewResponseController(w)}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.waiting.Len() >= maxWaiting {
		i.endOldest()
	}
	a.at = i.waiting.PushBack(a)
	return a
}

// add counts bytes that have come. It is false where the call has been ended.
func (a *arrival) add(n int) bool {
	i := a.intake
	i.mu.Lock()
	defer i.mu.Unlock()
	if a.at == nil {
		return false
	}
	a.bytes += int64(n)
	i.bytes += int64(n)
	for i.bytes > maxWaitingBytes && a.at != nil {
		i.endOldest()
	}
	return a.at != nil
}

// end says that the message is whole, or will not be.
func (a *arrival) end() {
	a.intake.mu.Lock()
	defer a.intake.mu.Unlock()
	a.intake.remove(a)
}

// endOldest ends the call that has waited longest. intake.mu is held.
func (i *arrivals) endOldest() {
	a, ok := i.waiting.Front().Value.(*arrival)
	if !ok {
		panic("extauthz: internal error: something else waits")
	}
	i.remove(a)
	_ = a.control.SetReadDeadline(time.Unix(1, 0)) // past: its read ends at once
	if i.ended != nil {
		i.ended()
	}
}

func (i *arrivals) remove(a *arrival) {
	if a.at != nil {
		i.waiting.Remove(a.at)
		i.bytes -= a.bytes
		a.at = nil
	}
}
