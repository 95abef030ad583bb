// Package linger has an answer arrive that is given before the whole request has come.
//
// Whoever answers and closes while the client still writes loses the answer: what arrives at a closed connection is
// answered with a reset, which takes from the client, or from the proxy before it, what it has not read yet. Many
// clients read nothing before they have written everything: Java's HttpURLConnection, Python's http.client, most of
// what is embedded. So the answer goes out at once, the rest of the body is read and thrown away, and the connection
// is closed in order. nginx does the same (lingering_close, lingering_time and lingering_timeout of
// ngx_http_core_module).
package linger

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// silence is how long nothing may come before the rest of a body is given up; nginx's lingering_timeout.
	silence = 5 * time.Second
	// most is how many requests are lingered for at a time. Each costs its connection's memory and a buffer.
	most = 256
)

// Options say how long is lingered.
type Options struct {
	// Limit is how long the rest of a request's body is read after its answer; 0: not at all.
	Limit time.Duration
	// Stopping ends what is left after 5 s, once it is closed; nil: nothing does.
	Stopping <-chan struct{}
	// Answered is told of each request whose answer is on its way while the rest of its body is read; nil: nobody is.
	Answered func(*http.Request)
	// Undelivered is told of each answer whose client was still writing at the end of Limit, or when too many requests
	// were lingered for, or which could not be sent; nil: nobody is.
	Undelivered func()
	// Now is the clock; required.
	Now func() time.Time
}

// Handler returns next, with the rest of each request's body read after the answer. It is for HTTP/1.
func Handler(next http.Handler, o Options) http.Handler {
	if o.Limit <= 0 {
		return next
	}
	if o.Undelivered == nil {
		o.Undelivered = func() {}
	}
	if o.Answered == nil {
		o.Answered = func(*http.Request) {}
	}
	return &lingeringHandler{Options: o, next: next}
}

type lingeringHandler struct {
	Options

	next      http.Handler
	lingering atomic.Int64
}

// ServeHTTP implements http.Handler.
func (h *lingeringHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength == 0 { // there is no body
		h.next.ServeHTTP(w, r)
		return
	}
	control := http.NewResponseController(w)
	// Otherwise net/http holds the answer back until it has read 256 KB of the body. An error says that w is not
	// net/http's.
	_ = control.EnableFullDuplex()
	w, left := h.after(w, r)
	h.next.ServeHTTP(w, r)

	limit := left()
	defer h.lingering.Add(-1)
	if h.lingering.Add(1) > most {
		limit = 0 // what has come already is read
	}
	err := control.Flush()
	if errors.Is(err, http.ErrNotSupported) {
		err = nil
	}
	if err == nil {
		h.Answered(r)
		err = h.discard(control, r, limit)
	} else {
		h.Undelivered()
	}
	if err != nil {
		if errors.Is(err, errCut) {
			h.Undelivered()
		}
		// Where the rest has not come, no other request can be read from the connection. net/http would look for one.
		panic(http.ErrAbortHandler)
	}
}

// errCut says that the client was still writing at the end of the time.
var errCut = errors.New("the client did not stop writing")

var buffers = sync.Pool{New: func() any { return new([8 << 10]byte) }}

// discard reads the rest of a request's body for as long as the limit. It returns nil at its end.
func (h *lingeringHandler) discard(control *http.ResponseController, r *http.Request, limit time.Duration) error {
	// Go 1.27 closes a body that was to be asked for, and does not read what a client sends unasked.
	expected := r.Header.Get("Expect") != ""
	buffer, _ := buffers.Get().(*[8 << 10]byte)
	defer buffers.Put(buffer)
	p := pour{lingeringHandler: h, buffer: buffer[:], end: h.Now().Add(limit), atOnce: limit <= 0, stopping: h.Stopping}
	switch err := p.from(r.Body, control.SetReadDeadline); {
	case errors.Is(err, http.ErrBodyReadAfterClose) && !expected: // by next: net/http knows what is left
		return nil
	case errors.Is(err, io.EOF):
		// net/http has a time for the next request, and none for this one any more.
		if err := control.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return err
		}
		return nil
	case errors.Is(err, errCut), errors.Is(err, errSilent):
		return err
	default:
		return p.fromConnection(control)
	}
}

// pour throws away what comes, until its end.
type pour struct {
	*lingeringHandler

	buffer   []byte
	end      time.Time
	atOnce   bool // what has come already is read
	stopping <-chan struct{}
}

// errSilent says that nothing has come for a while.
var errSilent = errors.New("the client has stopped in the middle of a body")

// from returns what r ends with, errCut or errSilent.
func (p *pour) from(r io.Reader, deadline func(time.Time) error) error {
	for now := p.Now(); ; now = p.Now() {
		select {
		case <-p.stopping:
			p.stopping = nil
			if soon := now.Add(silence); soon.Before(p.end) {
				p.end = soon
			}
		default:
		}
		until := now.Add(silence)
		if until.After(p.end) {
			until = p.end
		}
		if err := deadline(until); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return err
		}
		if !now.Before(p.end) && !p.atOnce {
			return errCut
		}
		_, err := r.Read(p.buffer)
		switch timeout := errors.Is(err, os.ErrDeadlineExceeded); {
		case timeout && !p.Now().Before(p.end):
			return errCut
		case timeout && !p.Now().Before(until):
			return errSilent
		case err != nil:
			return err
		}
	}
}

// fromConnection is for a body whose end cannot be found any more: its chunks are malformed, or next has given up a
// read of them, which net/http does not take up again. The connection is closed for writing, so that the client knows
// that the answer is whole.
func (p *pour) fromConnection(control *http.ResponseController) error {
	conn, _, err := control.Hijack()
	if err != nil {
		return err // the connection is gone, or not one of HTTP/1
	}
	defer conn.Close() //nolint:errcheck // nothing is left to lose
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		if err := half.CloseWrite(); err != nil {
			return err
		}
	}
	if err := p.from(conn, conn.SetReadDeadline); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}
