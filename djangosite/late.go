package djangosite

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync/atomic"
)

// answered is the http.ResponseWriter of a handler behind [Site.CSRF]. It knows whether the answer has begun, so that a
// cookie would come too late. What net/http's own can do beside, it does too, but for HTTP/2's push.
type answered struct {
	http.ResponseWriter

	begun atomic.Bool
}

// Unwrap is for http.ResponseController.
func (a *answered) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// WriteHeader implements http.ResponseWriter. What it is told beforehand (1xx), as of hints, begins no answer.
func (a *answered) WriteHeader(status int) {
	if status >= http.StatusOK || status == http.StatusSwitchingProtocols {
		a.begun.Store(true)
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (a *answered) Write(b []byte) (int, error) {
	a.begun.Store(true)
	return a.ResponseWriter.Write(b)
}

// ReadFrom implements io.ReaderFrom, by which files are sent.
func (a *answered) ReadFrom(r io.Reader) (int64, error) {
	a.begun.Store(true)
	return io.Copy(a.ResponseWriter, r)
}

// FlushError is for http.ResponseController.
func (a *answered) FlushError() error {
	a.begun.Store(true)
	return http.NewResponseController(a.ResponseWriter).Flush()
}

// Flush implements http.Flusher.
func (a *answered) Flush() { _ = a.FlushError() } // as for any Flusher, nobody hears of it

// Hijack implements http.Hijacker.
func (a *answered) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(a.ResponseWriter).Hijack()
}

// sets notes that a call sets cookies in the answer. Where that has begun, the log says so, once: the browser does not
// get them, and who calls like that does so for everybody.
func (v *visit) sets(r *http.Request, call string) {
	if v == nil || !v.answer.begun.Load() || v.site.late.Swap(true) {
		return
	}
	v.site.logger.ErrorContext(r.Context(), "a cookie is lost: it was set after the answer had begun (logged once)",
		"call", call, "remedy", "call it before the first byte or status, such as before a template is executed",
		"method", r.Method, "path", r.URL.Path)
}
