package handlers

import (
	"io"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"django-sidecar/internal/check"
	"django-sidecar/internal/csrf"
	"django-sidecar/internal/observe"
	"django-sidecar/internal/reply"
	"django-sidecar/internal/upload"
	"django-sidecar/internal/upload/tus"
)

// tusPath is where resumable uploads are.
const tusPath = "/tus"

// tus hands a request to the handler of resumable uploads, which asks its visit whose it is.
func (s *server) tus(c echo.Context) error {
	r := c.Request()
	if err := s.crossSite(r); err != nil {
		return s.refuseUpload(c, err)
	}
	if token := s.Uploads.CSRFToken; token != nil && !isSafe(r.Method) &&
		!csrf.Match(s.Answers.Cookies.SessionKey(r.Header[echo.HeaderCookie], token.CookieName),
			r.Header.Get(token.HeaderName)) {
		return s.refuseUpload(c, reply.BadCSRFToken)
	}
	if s.Uploads.InFlight != nil {
		s.Uploads.InFlight(1)
		defer s.Uploads.InFlight(-1)
	}
	if err := answerBy(c, time.Time{}); err != nil { // a body may take its time; how slow it may be is tus.Options' to say
		return err
	}
	s.Uploads.Tus.Answer(c.Response(), r, s.visit(r, eventOf(c)))
	return nil
}

// visit is what the handler of resumable uploads asks about a request. Each answer goes into the request's event.
func (s *server) visit(r *http.Request, e *observe.Event) tus.Visit {
	return tus.Visit{
		Owner: func() (string, error) {
			e.UserID = ""
			v, out := s.Answers.Verify(r.Context(), r.Header[echo.HeaderCookie], s.Answers.Now(), e)
			if out != check.Alive {
				return "", out.Reply().Because(nil)
			}
			return v.User.ID, nil
		},
		Enter: func(userID string) (leave func(), err error) {
			leave, ok := s.active.enter(userID, s.Uploads.MaxAtOnce, s.Uploads.MaxAtOncePerUser)
			if !ok {
				return nil, reply.TooManyAtOnce
			}
			return leave, nil
		},
		Report: func(err error) { e.Err = err },
		Refused: func(told reply.Reply) {
			e.Refusal = told.Message
			if r.Method == http.MethodPost || r.Method == http.MethodPatch { // the others bring nothing
				s.countUpload(notStored(told), 0)
			}
		},
		Stored: func(bytes int64) { s.countUpload("stored", bytes) },
	}
}

// isSafe is what needs no token (django/middleware/csrf.py, 5.2, process_view). TRACE does not come here.
func isSafe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// TusInspect is tus.Options.Inspect: it refuses files that are not what their names promise.
func TusInspect(u tus.Upload, _ io.ReaderAt) error {
	if upload.Agree(u.OriginalName, u.DetectedType) {
		return nil
	}
	return reply.OtherType
}

// TusName is tus.Options.Name: the names that the receiver of forms would give.
func TusName(receiver *upload.Receiver) func(string) (func() (string, error), error) {
	return func(filename string) (func() (string, error), error) {
		next, err := receiver.NamesFor(filename)
		if err != nil {
			return nil, upload.RefusalOf(err)
		}
		return func() (string, error) {
			name, err := next()
			if err != nil {
				err = upload.RefusalOf(err)
			}
			return name, err
		}, nil
	}
}
