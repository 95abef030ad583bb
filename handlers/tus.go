package handlers

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"django-sidecar/internal/check"
	"django-sidecar/internal/csrf"
	"django-sidecar/internal/observe"
	"django-sidecar/internal/upload"
	"django-sidecar/internal/upload/tus"
)

// tusPath is where resumable uploads are.
const tusPath = "/tus"

// tus hands a request to the handler of resumable uploads, which asks TusOwner whose it is.
func (s *server) tus(c echo.Context) error {
	r := c.Request()
	if err := s.crossSite(r); err != nil {
		return s.refuseUpload(c, err)
	}
	if token := s.Uploads.CSRFToken; token != nil && !isSafe(r.Method) &&
		!csrf.Match(s.Answers.Cookies.SessionKey(r.Header[echo.HeaderCookie], token.CookieName), r.Header.Get(token.HeaderName)) {
		return s.refuseUpload(c, errCSRFToken)
	}
	if s.Uploads.InFlight != nil {
		s.Uploads.InFlight(1)
		defer s.Uploads.InFlight(-1)
	}
	if err := answerBy(c, time.Time{}); err != nil { // a body may take its time; how slow it may be is tus.Options' to say
		return err
	}
	seen := &lastVerdict{enter: func(userID string) (func(), bool) {
		return s.active.enter(userID, s.Uploads.MaxAtOnce, s.Uploads.MaxAtOncePerUser)
	}}
	s.Uploads.Tus.ServeHTTP(c.Response(), r.WithContext(context.WithValue(r.Context(), lastVerdictKey{}, seen)))
	seen.copyTo(eventOf(c))
	return nil
}

// isSafe is what needs no token (django/middleware/csrf.py, 5.2, process_view). TRACE does not come here.
func isSafe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// lastVerdict is what the log says of a request to the handler of resumable uploads, which asks for verdicts as it goes on,
// and from more than one goroutine.
type lastVerdict struct {
	mu    sync.Mutex
	event observe.Event
	// enter counts the request among those that bring a body.
	enter func(userID string) (leave func(), ok bool)
}

type lastVerdictKey struct{}

func (l *lastVerdict) copyTo(e *observe.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.Outcome, e.Reason, e.Session, e.UserID, e.Err = l.event.Outcome, l.event.Reason, l.event.Session, l.event.UserID, l.event.Err
	e.CookieLines = l.event.CookieLines
}

// TusOwner is tus.Options.Owner: whose live session a request has.
func TusOwner(answers *check.Service) func(*http.Request) (string, *tus.Refusal) {
	return func(r *http.Request) (string, *tus.Refusal) {
		e := new(observe.Event)
		v, out := answers.Verify(r.Context(), r.Header[echo.HeaderCookie], answers.Now(), e)
		if seen, ok := r.Context().Value(lastVerdictKey{}).(*lastVerdict); ok {
			seen.mu.Lock()
			seen.event = *e
			seen.mu.Unlock()
		}
		if out == check.Alive {
			return v.User.ID, nil
		}
		words := out.Words()
		return "", &tus.Refusal{Status: words.Status, Message: words.Message, Header: http.Header{words.Header.Name: {words.Header.Value}}}
	}
}

// TusEnter is tus.Options.Enter: what is resumed counts as what is sent at once does.
func TusEnter(r *http.Request, userID string) (leave func(), refusal *tus.Refusal) {
	seen, ok := r.Context().Value(lastVerdictKey{}).(*lastVerdict)
	if !ok {
		panic("handlers: internal error: the request has not come through here")
	}
	if leave, ok = seen.enter(userID); ok {
		return leave, nil
	}
	return nil, &tus.Refusal{Status: errTooMany.Status, Message: errTooMany.Message, Header: http.Header{echo.HeaderRetryAfter: {"1"}}}
}

// TusReport is tus.Options.Report: an error behind an answer goes into its event.
func TusReport(r *http.Request, err error) {
	if seen, ok := r.Context().Value(lastVerdictKey{}).(*lastVerdict); ok {
		seen.mu.Lock()
		defer seen.mu.Unlock()
		seen.event.Err = err
	}
}

// TusInspect is tus.Options.Inspect: it refuses files that are not what their names promise.
func TusInspect(u tus.Upload, _ io.ReaderAt) *tus.Refusal {
	if upload.Agree(u.OriginalName, u.DetectedType) {
		return nil
	}
	return &tus.Refusal{Status: upload.ErrType.Status, Message: upload.ErrType.Message}
}

// TusName is tus.Options.Name: the names that the receiver of forms would give.
func TusName(receiver *upload.Receiver) func(string) (func() (string, error), *tus.Refusal) {
	return func(filename string) (func() (string, error), *tus.Refusal) {
		next, err := receiver.NamesFor(filename)
		if err != nil {
			refusal := upload.RefusalOf(err)
			return nil, &tus.Refusal{Status: refusal.Status, Message: refusal.Message}
		}
		return func() (string, error) {
			name, err := next()
			if err != nil {
				refusal := upload.RefusalOf(err)
				err = (&tus.Refusal{Status: refusal.Status, Message: refusal.Message}).Err()
			}
			return name, err
		}, nil
	}
}
