package tus

import (
	"context"
	"net/http"
	"strings"

	"django-sidecar/internal/reply"
)

// Handler answers tus requests.
type Handler struct {
	Options
	leases leases
	open   counter
	// syncEvery is how many bytes a request may bring before they are made to count.
	syncEvery int64
}

// New returns the handler. What an earlier process has left counts once Sweep has seen it.
func New(o Options) (*Handler, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	return &Handler{
		Options: o, leases: newLeases(), open: newCounter(o.MaxOpenPerUser, o.MaxOpenBytesPerUser),
		syncEvery: syncBytes,
	}, nil
}

// The protocol's version, and what is offered of its extensions.
const (
	version    = "1.0.0"
	extensions = "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination"
)

// exchange is one request and its answer.
type exchange struct {
	*Handler
	w       http.ResponseWriter
	r       *http.Request
	visit   Visit
	user    string
	drained bool // the body has been read to its end
}

// Answer answers one request.
func (h *Handler) Answer(w http.ResponseWriter, r *http.Request, v Visit) {
	header := w.Header()
	header.Set("Tus-Resumable", version)
	header.Set("Cache-Control", "no-store") // HEAD must have it; errors, since caches may keep a 404 otherwise
	header.Set("Vary", "Cookie")
	header.Set("X-Content-Type-Options", "nosniff")
	x := &exchange{Handler: h, w: w, r: r, visit: v, drained: r.ContentLength == 0}
	if err := x.serve(r.Context()); err != nil {
		x.fail(err)
	}
}

func (x *exchange) serve(ctx context.Context) error {
	if err := x.override(); err != nil {
		return err
	}
	if err := x.authenticate(); err != nil {
		return err
	}
	token, creates := x.token()
	if x.r.Method == http.MethodOptions {
		return x.options()
	}
	answer, allow := x.method(token, creates)
	if answer == nil {
		return reply.MethodNotAllowed.With(reply.Header{Name: "Allow", Value: allow}).Because(nil)
	}
	// Core protocol, Tus-Resumable: the server must not process a request of another version.
	if v, err := single(x.r.Header, "Tus-Resumable"); err != nil || v != version {
		return reply.BadVersion
	}
	return answer(ctx)
}

// override takes X-HTTP-Method-Override of a POST to an upload's URL for the method, as the core protocol demands: it
// is for clients that cannot send PATCH or DELETE. At the URL of all uploads a POST is what it says. A page of
// another site cannot send the header without being asked for in a preflight.
func (x *exchange) override() error {
	const name = "X-HTTP-Method-Override"
	method, err := single(x.r.Header, name)
	if _, creates := x.token(); err != nil || method == "" || creates || x.r.Method != http.MethodPost {
		return err
	}
	switch method {
	case http.MethodPatch, http.MethodDelete:
		r := *x.r
		r.Method = method
		x.r = &r
		return nil
	}
	return reply.BadOverride
}

// method is what answers a request, or which others are answered at its URL.
func (x *exchange) method(token string, creates bool) (answer func(context.Context) error, allow string) {
	switch {
	case creates && x.r.Method == http.MethodPost:
		return x.post, ""
	case creates:
		return nil, "OPTIONS, POST"
	case x.r.Method == http.MethodHead:
		return func(ctx context.Context) error { return x.head(ctx, token) }, ""
	case x.r.Method == http.MethodPatch:
		return func(ctx context.Context) error { return x.patch(ctx, token) }, ""
	case x.r.Method == http.MethodDelete:
		return func(ctx context.Context) error { return x.terminate(ctx, token) }, ""
	}
	return nil, "OPTIONS, HEAD, PATCH, DELETE"
}

// token is what the URL has after BasePath; creates says that the URL is that of all uploads.
func (x *exchange) token() (token string, creates bool) {
	path := x.r.URL.Path
	if path+"/" == x.BasePath {
		return "", true
	}
	token, below := strings.CutPrefix(path, x.BasePath)
	return token, below && token == ""
}

// options tells what the server can do: Core protocol, OPTIONS.
func (x *exchange) options() error {
	h := x.w.Header()
	h.Set("Tus-Version", version)
	h.Set("Tus-Extension", extensions)
	h.Set("Tus-Max-Size", decimal(x.MaxBytes))
	h.Set("Tus-Checksum-Algorithm", checksumNames())
	x.w.WriteHeader(http.StatusNoContent)
	return nil
}
