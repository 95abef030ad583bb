package handlers

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

// corsAnswers are what pages of other origins may know and do at a path (https://fetch.spec.whatwg.org/, 3.3, CORS
// protocol).
type corsAnswers struct {
	methods, requestHeaders, exposed string
}

// preflightMaxAge is how many seconds a browser may remember the answer to a preflight. Chromium takes two hours at
// most.
const preflightMaxAge = "7200"

var (
	uploadCORS = corsAnswers{
		methods:        "POST, PUT",
		requestHeaders: "Content-Type, Content-Disposition, X-Requested-With",
		exposed:        "Retry-After, WWW-Authenticate",
	}
	// The names are those of tus 1.0, and what tus-js-client 4.3 sends besides.
	tusCORS = corsAnswers{
		methods: "OPTIONS, HEAD, POST, PATCH, DELETE",
		requestHeaders: "Content-Type, Tus-Resumable, Upload-Length, Upload-Defer-Length, Upload-Metadata, " +
			"Upload-Offset, Upload-Checksum, X-HTTP-Method-Override, X-Request-ID, X-Requested-With",
		exposed: "Location, Tus-Resumable, Tus-Version, Tus-Extension, Tus-Max-Size, Tus-Checksum-Algorithm, " +
			"Upload-Offset, Upload-Length, Upload-Defer-Length, Upload-Metadata, Upload-Expires, Upload-Name, " +
			"Repr-Digest, Retry-After, WWW-Authenticate",
	}
)

// cors lets pages of CSRF_TRUSTED_ORIGINS ask, with the user's cookies, and read the answers. Those of other origins
// get no header of it, so that a browser sends nothing that needs a preflight, and shows them no answer. A preflight
// has no cookie: it is answered without looking for a session.
func (s *server) cors(a corsAnswers, next echo.HandlerFunc) echo.HandlerFunc {
	if token := s.Uploads.CSRFToken; token != nil {
		a.requestHeaders += ", " + token.HeaderName
	}
	return func(c echo.Context) error {
		r, h := c.Request(), c.Response().Header()
		origin := r.Header.Get(echo.HeaderOrigin)
		trusted := origin != "" && len(r.Header[echo.HeaderOrigin]) == 1 && s.Uploads.TrustedOrigins != nil &&
			s.Uploads.TrustedOrigins(origin)
		// Before the header is written: what answers sets headers of its own.
		c.Response().Before(func() {
			addVary(h, echo.HeaderOrigin)
			if trusted {
				h.Set(echo.HeaderAccessControlAllowOrigin, origin) // never "*", with which no cookie is sent
				h.Set(echo.HeaderAccessControlAllowCredentials, "true")
				h.Set(echo.HeaderAccessControlExposeHeaders, a.exposed)
			}
		})
		if r.Method != http.MethodOptions || origin == "" || r.Header.Get(echo.HeaderAccessControlRequestMethod) == "" {
			return next(c)
		}
		addVary(h, echo.HeaderAccessControlRequestMethod+", "+echo.HeaderAccessControlRequestHeaders)
		if trusted {
			h.Set(echo.HeaderAccessControlAllowMethods, a.methods)
			h.Set(echo.HeaderAccessControlAllowHeaders, a.requestHeaders)
			h.Set(echo.HeaderAccessControlMaxAge, preflightMaxAge)
		}
		return c.NoContent(http.StatusNoContent)
	}
}

// addVary adds to the Vary header. It makes a list of its own: others share theirs.
func addVary(h http.Header, names string) {
	h.Set(echo.HeaderVary, strings.Join(append(h.Values(echo.HeaderVary), names), ", "))
}

// uploadOptions answers an OPTIONS that is no preflight.
func uploadOptions(c echo.Context) error {
	c.Response().Header().Set(echo.HeaderAllow, "OPTIONS, POST, PUT")
	return c.NoContent(http.StatusNoContent)
}
