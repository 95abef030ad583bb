package linger

import (
	"net/http"
	"time"
)

// AfterBody is a header by which a gateway asks for its answer after the body, and not before. Envoy, Caddy and
// Traefik pass an early answer on, and then close the connection while their client still writes, which loses it the
// answer. Anybody may say it: who does waits longer for an answer, and nothing else.
const AfterBody = "X-Answer-After-Body"

// afterBody is a response that begins when the rest of the request's body has been read, or when the time for it is
// over.
type afterBody struct {
	http.ResponseWriter

	read func()
}

// WriteHeader implements http.ResponseWriter.
func (w *afterBody) WriteHeader(status int) {
	if status >= http.StatusOK { // an interim answer waits for nothing
		w.wait()
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *afterBody) Write(p []byte) (int, error) {
	w.wait()
	return w.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (w *afterBody) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *afterBody) wait() {
	if w.read != nil {
		w.read()
		w.read = nil
	}
}

// after returns w, to be written to after the body where the request says so. Who waits for a 100 sends no body
// before. The function returned says how much of the time is left for the rest of the body.
func (h *lingeringHandler) after(w http.ResponseWriter, r *http.Request) (later http.ResponseWriter, left func() time.Duration) {
	left = func() time.Duration { return h.Limit }
	if r.Header.Get(AfterBody) == "" || r.Header.Get("Expect") != "" {
		return w, left
	}
	var began time.Time
	read := func() {
		began = h.Now()
		defer h.lingering.Add(-1)
		if h.lingering.Add(1) > most {
			return
		}
		h.Answered(r)
		buffer, _ := buffers.Get().(*[8 << 10]byte)
		defer buffers.Put(buffer)
		p := pour{lingeringHandler: h, buffer: buffer[:], end: began.Add(h.Limit), stopping: h.Stopping}
		control := http.NewResponseController(w)
		_ = p.from(r.Body, control.SetReadDeadline) // what ends it, ends the next reading too
		// The server's own time for the answer began with the request. Where this fails, so does the answer.
		_ = control.SetWriteDeadline(h.Now().Add(silence))
	}
	return &afterBody{w, read}, func() time.Duration {
		if began.IsZero() {
			return h.Limit
		}
		return max(h.Limit-h.Now().Sub(began), 0)
	}
}
