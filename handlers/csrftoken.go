package handlers

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"django-sidecar/internal/csrf"
)

// sentToken is what a request has of Django's token.
type sentToken struct {
	demanded   bool
	inForm     bool // there may be a field with it
	cookie     string
	header     []string // the lines
	fieldValue string   // "" until there is one
}

// csrfToken is the token of a request as far as its header has it. Django looks for a field in the forms of POST alone
// (django/middleware/csrf.py, 6.1, _check_token).
func (s *server) csrfToken(r *http.Request) *sentToken {
	demanded := s.Uploads.CSRFToken
	if demanded == nil {
		return &sentToken{}
	}
	kind, _, _ := strings.Cut(r.Header.Get(echo.HeaderContentType), ";")
	return &sentToken{
		demanded: true,
		inForm:   r.Method == http.MethodPost && strings.EqualFold(strings.TrimSpace(kind), echo.MIMEMultipartForm),
		cookie:   s.Answers.Cookies.SessionKey(r.Header[echo.HeaderCookie], demanded.CookieName),
		header:   r.Header.Values(demanded.HeaderName),
	}
}

// possible says whether the token may be right, before the body is read: a cookie there must be, and where there is no
// field, the header decides.
func (t *sentToken) possible() bool {
	return t.matches() || t.inForm && csrf.Match(t.cookie, t.cookie)
}

// field takes the fields of a form: the last one of a name counts, as in QueryDict.
func (t *sentToken) field(name string, value []byte) {
	if t.inForm && name == csrf.FieldName {
		t.fieldValue = string(value)
	}
}

// matches says whether the token is right.
func (t *sentToken) matches() bool {
	return !t.demanded || csrf.CheckToken(t.cookie, t.fieldValue, t.header) == nil
}
