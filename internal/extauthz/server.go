package extauthz

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"time"

	"django-sidecar/internal/check"
	"django-sidecar/internal/observe"
	"django-sidecar/internal/reply"
	"django-sidecar/internal/tracing"
)

// The methods that are answered. Reflection, and everything else, is not implemented.
const (
	checkMethod  = "/envoy.service.auth.v3.Authorization/Check"
	healthMethod = "/grpc.health.v1.Health/Check"
)

// Options are what the gRPC listener needs. Answers, Logger, Serving and Now are required.
type Options struct {
	Answers *check.Service
	// Logger takes one event a question.
	Logger *slog.Logger
	// Tracer makes a span of each question; nil: nobody does.
	Tracer *tracing.Tracer
	// Serving is what Health/Check tells: false while the sidecar stops. Stores do not count, since their failure has
	// an answer of its own.
	Serving func() bool
	// Whole is called when the message of a call has arrived whole, and Answered when the call has been answered; nil:
	// nothing is called.
	Whole, Answered func(*http.Request)
	// Ended is called for each call that ends because too many messages are not whole; nil: nothing is called.
	Ended func()
	// Now is the clock.
	Now func() time.Time
}

type authorization struct {
	Options
	intake  arrivals
	cookies check.CookieWatch
}

// New returns the handler of the gRPC listener, for a server that has been through Configure.
func New(o Options) http.Handler { return &authorization{Options: o, intake: arrivals{ended: o.Ended}} }

// The bounds of a connection of Envoy's, which keeps few of them and asks many things at once.
const (
	maxStreams     = 250
	maxHeaderBytes = 16 << 10         // the client's cookies are in the message
	frameBytes     = 16 << 10         // the least that the protocol has: each connection has room for one
	streamBuffer   = 32 << 10         // what comes before it is read, of a call
	connBuffer     = 64 << 10         // and of all calls of a connection
	tableBytes     = 4 << 10          // of headers that are compressed
	pingInterval   = 60 * time.Second // of silence, after which the peer is asked whether it is there
	pingTimeout    = 15 * time.Second // for its answer
)

// Configure makes a server speak HTTP/2 and nothing else, as gRPC does: without TLS, unless Protocols are changed.
func Configure(s *http.Server) {
	s.Protocols = new(http.Protocols)
	s.Protocols.SetUnencryptedHTTP2(true)
	s.MaxHeaderBytes = maxHeaderBytes
	s.HTTP2 = &http.HTTP2Config{
		MaxConcurrentStreams: maxStreams, SendPingTimeout: pingInterval, PingTimeout: pingTimeout,
		MaxReadFrameSize: frameBytes, MaxReceiveBufferPerStream: streamBuffer,
		MaxReceiveBufferPerConnection: connBuffer,
		MaxDecoderHeaderTableSize:     tableBytes, MaxEncoderHeaderTableSize: tableBytes,
	}
}

// ServeHTTP answers one call.
func (s *authorization) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case !isGRPC(r):
		// As the specification of gRPC over HTTP/2 has it for what is none.
		http.Error(w, reply.NotGRPC.Message, reply.NotGRPC.Status)
	case r.URL.Path == checkMethod:
		s.call(w, r, s.check)
	case r.URL.Path == healthMethod:
		s.call(w, r, s.health)
	default:
		fail(w, reply.NoMethod)
	}
}

// A method takes the bytes of a message, and returns those of its answer.
type method func(r *http.Request, message []byte) ([]byte, error)

// call reads the one message of a unary call and answers it. A panic fails this call alone.
func (s *authorization) call(w http.ResponseWriter, r *http.Request, m method) {
	defer func() {
		if p := recover(); p != nil {
			s.Logger.ErrorContext(r.Context(), "panic", "path", r.URL.Path, "error", fmt.Sprint(p), "stack",
				string(debug.Stack()))
			fail(w, reply.CallBroken)
		}
	}()
	arrival := s.intake.begin(w)
	message, err := readMessage(r, arrival)
	arrival.end()
	if s.Whole != nil && err == nil {
		s.Whole(r)
		defer s.Answered(r)
	}
	if err == nil {
		message, err = m(r, message)
	}
	if err != nil {
		fail(w, err)
		return
	}
	writeMessage(w, message)
}

// check answers Authorization/Check.
func (s *authorization) check(r *http.Request, message []byte) ([]byte, error) {
	began := s.Now()
	request, err := parseCheckRequest(message)
	if err != nil {
		return nil, reply.CallBadCheck
	}
	e := &observe.Event{Method: r.Method, Path: r.URL.Path, Remote: remote(r), Began: began}
	q := request.question()
	if s.cookies.Missing(q) {
		s.Logger.WarnContext(r.Context(), "cookies", "path", r.URL.Path, "warning", check.NoCookies+
			"add cookie to allowed_headers or take it out of disallowed_headers (Envoy), add it to headersToExtAuth "+
			"(Envoy Gateway) or allowedHeaders (Gateway API)")
	}
	// The second is of the request under judgement, for an Envoy that does not tell of its own trace.
	parent := cmp.Or(tracing.Parent(r.Header), tracing.Parent(request.of().values))
	e.Trace = tracing.TraceID(parent)
	ctx, ended := r.Context(), func() {}
	if s.Tracer != nil {
		ctx, ended = s.Tracer.Request(ctx, checkMethod[1:], parent, e)
	}
	a := s.Answers.Gateway(ctx, q, style, e)
	e.End(a.Status, s.Now())
	ended()
	e.Write(r.Context(), s.Logger)
	return appendCheckResponse(make([]byte, 0, 1024), a, request.of().aliases), nil
}

// health answers Health/Check for the listener as a whole, and for the one service that it has.
func (s *authorization) health(_ *http.Request, message []byte) ([]byte, error) {
	service := ""
	err := fields(message, func(number int, value []byte) error {
		if number == 1 { // HealthCheckRequest.service
			service = string(value)
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, reply.CallBadHealth
	case service != "" && service != "envoy.service.auth.v3.Authorization":
		return nil, reply.NoService
	case s.Serving():
		return numberField(1), nil // SERVING
	}
	return numberField(2), nil // NOT_SERVING
}

// remote is the address of the peer, "" on a unix socket.
func remote(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return peer.Addr().Unmap().String()
}

func callOf(err error) *reply.Call {
	if c := (*reply.Call)(nil); errors.As(err, &c) {
		return c
	}
	return reply.CallBroken
}
