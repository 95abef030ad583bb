package handlers

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/labstack/echo/v4"

	"django-sidecar/djangosession"
	"django-sidecar/internal/answer"
	"django-sidecar/internal/gateway"
	"django-sidecar/internal/observe"
)

// Options are what the public listener needs. Verifier, Logger, CookieName and VerifyTimeout are required.
type Options struct {
	Verifier answer.Verifier
	// Logger takes one event a request.
	Logger *slog.Logger
	// CookieName is SESSION_COOKIE_NAME.
	CookieName string
	// VerifyTimeout bounds a verdict; past it the answer is 503.
	VerifyTimeout time.Duration
	// EndedStatus answers a request without a user; 0 means 401.
	EndedStatus int
	// Explain puts the reason into answers. For development: it tells strangers why they are refused.
	Explain bool
	// TrustedProxies are whose X-Forwarded-* headers are believed; none by default.
	TrustedProxies []netip.Prefix
	// OnSocket says that the listener is a unix socket: whoever may open it is a trusted proxy.
	OnSocket bool
	// Login is where gateways send a browser; the zero value sends nobody anywhere.
	Login gateway.LoginURL
	// Access finds out what users may do, for gateways; nil where that cannot be known.
	Access answer.AccessStore
	// Uploads is what /upload needs; nil: there is no such path.
	Uploads *Uploads
	// Observe counts a verdict; nil means nobody does.
	Observe func(outcome string, reason djangosession.Reason, took time.Duration)
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

type server struct {
	Options
	answers *answer.Service
	active  activeUploads
}

// New returns the handler of the public listener.
func New(o Options) http.Handler {
	if o.EndedStatus == 0 {
		o.EndedStatus = http.StatusUnauthorized
	}
	if o.Now == nil {
		o.Now = time.Now //nolint:forbidigo // the default of a parameter
	}
	s := &server{Options: o, answers: &answer.Service{
		Verifier: o.Verifier, CookieName: o.CookieName, Timeout: o.VerifyTimeout, Access: o.Access, Login: o.Login,
		Observe: o.Observe, Now: o.Now,
	}}
	e := newEcho(ipExtractor(o.TrustedProxies))
	e.Pre(s.gateways)
	e.Use(s.logged, recovered)
	e.Match([]string{http.MethodGet, http.MethodHead, http.MethodPost}, "/authenticate", s.authenticate)
	if o.Uploads != nil {
		e.Match([]string{http.MethodPost, http.MethodPut}, uploadPath, s.upload)
		if o.Uploads.Tus != nil {
			e.Any(tusPath, s.tus)
			e.Any(tusPath+"/*", s.tus)
		}
	}
	return e
}

// newEcho returns an Echo that trusts nobody and answers every error in JSON.
func newEcho(extract echo.IPExtractor) *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.IPExtractor = extract // Echo's own believes X-Forwarded-For from anybody
	e.HTTPErrorHandler = answerError
	return e
}

// ipExtractor finds the client's address, which only goes into the log.
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
			if e, ok := c.Get(eventKey).(*observe.Event); ok {
				e.Err, e.Stack = err, string(debug.Stack())
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
	message := http.StatusText(status) + "."
	if status == http.StatusInternalServerError {
		message = "The request could not be handled."
	}
	_ = write(c, status, body{Message: message}) // it fails where the client is gone
}
