package handlers

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"django-sidecar/internal/check"
	"django-sidecar/internal/observe"
	"django-sidecar/internal/reply"
	"django-sidecar/internal/tracing"
)

// Options are what the public listener needs. Answers and Logger are required.
type Options struct {
	// Answers finds the answers that are written here.
	Answers *check.Service
	// Logger takes one event a request.
	Logger *slog.Logger
	// Tracer makes a span of each request; nil: nobody does.
	Tracer *tracing.Tracer
	// EndedStatus answers a request without a user; 0 means 401.
	EndedStatus int
	// Explain puts the reason into answers. For development: it tells strangers why they are refused.
	Explain bool
	// TrustedProxies are whose X-Forwarded-* headers are believed; none by default.
	TrustedProxies []netip.Prefix
	// OnSocket says that the listener is a unix socket: whoever may open it is a trusted proxy.
	OnSocket bool
	// Uploads is what /upload needs; nil: there is no such path.
	Uploads *UploadOptions
	// Login is what /login needs; nil: there is no such path.
	Login *LoginOptions
	// Writes is what /touch and /logout need; nil: there are no such paths.
	Writes *WriteOptions
	// Audit takes what is worth an audit; nil: nobody does.
	Audit *observe.Audit
}

type server struct {
	Options
	active activeUploads
}

// authenticatePath is for clients of the API. The router has it too, and answers the methods that are not among these.
const authenticatePath = "/authenticate"

var authenticateMethods = []string{http.MethodGet, http.MethodHead, http.MethodPost}

// New returns the handler of the public listener.
func New(o Options) http.Handler {
	if o.EndedStatus == 0 {
		o.EndedStatus = http.StatusUnauthorized
	}
	s := &server{Options: o}
	e := newEcho(ipExtractor(o.TrustedProxies))
	e.Use(s.logged, recovered)
	e.Match(authenticateMethods, authenticatePath, s.authenticate)
	if o.Uploads != nil {
		e.Match([]string{http.MethodPost, http.MethodPut}, uploadPath, s.cors(uploadCORS, s.audited(s.upload)))
		e.OPTIONS(uploadPath, s.cors(uploadCORS, uploadOptions))
		if o.Uploads.Tus != nil {
			tus := s.cors(tusCORS, s.audited(s.tus))
			e.Any(tusPath, tus)
			e.Any(tusPath+"/*", tus)
		}
	}
	if o.Login != nil {
		o.Login.CSRF.BelievesHost = s.trusted
		e.POST(loginPath, s.auditedAs(observe.AuditLogin, observe.AuditLoginDenied, s.login))
	}
	s.routeWrites(e)
	gateway := func(a adapter) echo.HandlerFunc {
		watch := new(check.CookieWatch)
		return s.logged(recovered(func(c echo.Context) error { return s.judge(c, a, watch) }))
	}
	return &entrance{
		echo: e, authenticate: s.logged(recovered(s.authenticate)), pathless: s.logged(pathless),
		nginx: gateway(nginxAdapter), forward: gateway(forwardAdapter), envoy: gateway(envoyAdapter),
	}
}

// entrance answers what is asked most before Echo's router does. The router knows only some methods, while a gateway
// may ask with the client's own; and with Echo's chain of middleware, which is put together anew for each request, it
// takes a fiftieth of a request whose verdict is kept.
type entrance struct {
	echo *echo.Echo

	authenticate, nginx, forward, envoy, pathless echo.HandlerFunc
}

// pathless refuses a request whose target is no path: an absolute URL, "*" or a host (RFC 9112, 3.2). No gateway asks
// so by itself, and a client who gets his own target into a gateway's question would choose the endpoint.
func pathless(echo.Context) error { return echo.ErrBadRequest }

// ServeHTTP implements http.Handler, as Echo's own does.
func (e *entrance) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	handle := e.handler(r.Method, r.URL.Path)
	if !strings.HasPrefix(r.RequestURI, "/") {
		handle = e.pathless
	}
	if handle == nil {
		e.echo.ServeHTTP(w, r)
		return
	}
	c := e.echo.AcquireContext()
	c.Reset(r, w)
	if err := handle(c); err != nil {
		e.echo.HTTPErrorHandler(err, c)
	}
	e.echo.ReleaseContext(c)
}

// handler is nil where the router is to be asked.
func (e *entrance) handler(method, path string) echo.HandlerFunc {
	switch {
	case path == authenticatePath && slices.Contains(authenticateMethods, method):
		return e.authenticate
	case path == nginxPath:
		return e.nginx
	case path == forwardPath:
		return e.forward
	case path == envoyPath || strings.HasPrefix(path, envoyPath+"/") || strings.HasPrefix(path, envoyPath+";"):
		return e.envoy
	}
	return nil
}

// newEcho returns an Echo that trusts nobody and answers every error in JSON.
func newEcho(extract echo.IPExtractor) *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.IPExtractor = extract // Echo's own believes X-Forwarded-For from anybody
	e.HTTPErrorHandler = answerError
	e.Use(unstored)
	return e
}

// unstored keeps every answer out of caches, also those that the router gives by itself (OPTIONS) and others write
// (metrics).
func unstored(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Response().Header()[echo.HeaderCacheControl] = noStore
		return next(c)
	}
}

// ipExtractor finds the client's address, for the logs and for the bounds on tries to log in.
func ipExtractor(trusted []netip.Prefix) echo.IPExtractor {
	if len(trusted) == 0 {
		return echo.ExtractIPDirect()
	}
	options := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, p := range trusted {
		options = append(options, echo.TrustIPRange(&net.IPNet{
			IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen()),
		}))
	}
	return echo.ExtractIPFromXFFHeader(options...)
}

// recovered turns a panic into an error, which is answered and logged once like any other.
func recovered(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if p == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so
				panic(p)
			}
			err = fmt.Errorf("panic: %v", p)
			if x, ok := c.(*requestContext); ok {
				x.event.Err, x.event.Stack = err, string(debug.Stack())
			}
		}()
		return next(c)
	}
}

// answerError answers what went wrong outside of a verdict, in the shape of every other answer.
func answerError(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	status := http.StatusInternalServerError
	if he := new(echo.HTTPError); errors.As(err, &he) {
		status = he.Code
	}
	_ = refuse(c, reply.Of(status)) // it fails where the client is gone
}
