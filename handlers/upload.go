package handlers

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"django-sidecar/internal/check"
	"django-sidecar/internal/reply"
	"django-sidecar/internal/upload"
	"django-sidecar/internal/upload/pace"
	"django-sidecar/internal/upload/tus"
)

// uploadPath is where files are sent to.
const uploadPath = "/upload"

// UploadOptions is what /upload needs. Receiver is required.
type UploadOptions struct {
	Receiver *upload.Receiver
	// Tus answers resumable uploads at /tus/; nil: there are none. TusName and TusInspect are for its options.
	Tus *tus.Handler
	// TrustedOrigins says whether a request from another origin is let in: CSRF_TRUSTED_ORIGINS. nil trusts none.
	TrustedOrigins func(origin string) bool
	// ForwardedHost believes X-Forwarded-Host whoever sends it: USE_X_FORWARDED_HOST. That of a trusted proxy is
	// believed in any case. No page can make a browser send it.
	ForwardedHost bool
	// SecureHeader and SecureValue are SECURE_PROXY_SSL_HEADER: a header and the value that it has where the request
	// came by https. Without them the scheme of an origin is not looked at.
	SecureHeader, SecureValue string
	// CSRFToken demands Django's own token besides; nil does not.
	CSRFToken *CSRFToken
	// MinRate is how many bytes a second a body must have, after uploadGrace; 0 is no limit but uploadIdle.
	MinRate int64
	// MaxAtOnce and MaxAtOncePerUser are how many uploads there are at a time, those to Tus included; 0 is no limit.
	MaxAtOnce, MaxAtOncePerUser int
	// Observe counts an upload that was stored, with its bytes, and a request with one that was refused or failed; nil
	// means nobody does.
	Observe func(outcome string, bytes int64)
	// InFlight counts those that are going on, up and down by one; nil means nobody does.
	InFlight func(by int)
}

// CSRFToken says where Django's token against cross-site request forgery is.
type CSRFToken struct {
	// CookieName is CSRF_COOKIE_NAME, and HeaderName CSRF_HEADER_NAME as HTTP writes it.
	CookieName, HeaderName string
}

// uploaded is the answer to an upload that has been stored.
type uploaded struct {
	Result  bool            `json:"result"`
	Message string          `json:"message"`
	Files   []upload.Stored `json:"files"`
}

// upload answers /upload. Nothing of the body is read before the session has been found to be alive.
func (s *server) upload(c echo.Context) error {
	r := c.Request()
	if err := s.crossSite(r); err != nil {
		return s.refuseUpload(c, err)
	}
	v, out := s.Answers.Verify(r.Context(), r.Header[echo.HeaderCookie], s.Answers.Now(), eventOf(c))
	if out != check.Alive {
		unread(c)
		s.countUpload(notStored(out.Reply()), 0)
		return s.answerVerdict(c, v, out)
	}
	if encoding := r.Header.Get(echo.HeaderContentEncoding); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return s.refuseUpload(c, reply.EncodedBody)
	}
	leave, ok := s.active.enter(v.User.ID, s.Uploads.MaxAtOnce, s.Uploads.MaxAtOncePerUser)
	if !ok {
		return s.refuseUpload(c, reply.TooManyAtOnce)
	}
	defer leave()
	if s.Uploads.InFlight != nil {
		s.Uploads.InFlight(1)
		defer s.Uploads.InFlight(-1)
	}
	token := s.csrfToken(r)
	if !token.possible() {
		return s.refuseUpload(c, reply.BadCSRFToken)
	}
	body, err := s.uploadBody(c, v.User.ID)
	if err != nil {
		return err
	}
	files, err := s.Uploads.Receiver.Receive(r.Context(), upload.Submission{
		Body: body, ContentType: r.Header.Get(echo.HeaderContentType),
		Disposition: r.Header.Get(echo.HeaderContentDisposition),
		UserID:      v.User.ID, Length: r.ContentLength, Field: token.field, Check: func(ctx context.Context) error {
			if err := body.end(); err != nil {
				return err
			}
			if !token.matches() {
				return reply.BadCSRFToken
			}
			return s.stillAlive(ctx, c, v.User.ID)
		},
	})
	if err := answerBy(c, s.Answers.Now().Add(uploadGrace)); err != nil {
		return err
	}
	if err != nil {
		return s.refuseUpload(c, err)
	}
	var bytes int64
	for _, f := range files {
		bytes += f.Size
	}
	s.countUpload("stored", bytes)
	return write(c, reply.Stored.Status, uploaded{Result: true, Message: reply.Stored.Message, Files: files})
}

// stillAlive asks once more whether the session is that of the user who began: one who has been logged out meanwhile
// publishes nothing.
func (s *server) stillAlive(ctx context.Context, c echo.Context, userID string) error {
	v, out := s.Answers.Verify(ctx, c.Request().Header[echo.HeaderCookie], s.Answers.Now(), eventOf(c))
	switch {
	case out == check.Unavailable:
		return reply.Unavailable.Because(eventOf(c).Err)
	case out != check.Alive || v.User.ID != userID:
		return reply.Ended.Because(nil)
	}
	return nil
}

// refuseUpload answers with a refusal. What has not been read of the body is not waited for.
func (s *server) refuseUpload(c echo.Context, err error) error {
	unread(c)
	refusal := upload.RefusalOf(err)
	if refusal.Status >= http.StatusInternalServerError {
		eventOf(c).Err = cmp.Or(refusal.Err, err)
	}
	s.countUpload(notStored(refusal.Reply), 0)
	eventOf(c).Refusal = refusal.Message
	return refuse(c, refusal.Reply)
}

// notStored is what metrics call an upload that is answered so.
func notStored(told reply.Reply) (outcome string) {
	if told.Status >= http.StatusInternalServerError {
		return "failed"
	}
	return "refused"
}

func (s *server) countUpload(outcome string, bytes int64) {
	if s.Uploads.Observe != nil {
		s.Uploads.Observe(outcome, bytes)
	}
}

// unread ends the connection after the answer: net/http would otherwise read some of the rest of the body before it
// answers.
func unread(c echo.Context) {
	c.Response().Header().Set("Connection", "close")
}

// answerBy sets the time until which the answer may be written, in place of the server's own.
func answerBy(c echo.Context, at time.Time) error {
	return ifSupported(http.NewResponseController(c.Response()).SetWriteDeadline(at))
}

// ifSupported passes over the error of a response that has no deadlines, as in tests.
func ifSupported(err error) error {
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}

// uploadBody is the body with its time limits, which take the place of the server's.
func (s *server) uploadBody(c echo.Context, userID string) (*pacedBody, error) {
	if err := answerBy(c, time.Time{}); err != nil {
		return nil, err
	}
	control, now := http.NewResponseController(c.Response()), s.Answers.Now()
	return &pacedBody{
		body: c.Request().Body, now: s.Answers.Now, pace: pace.New(s.Uploads.MinRate, uploadGrace, uploadIdle, now), checked: now,
		deadline: func(at time.Time) error { return ifSupported(control.SetReadDeadline(at)) },
		check:    func() error { return s.stillAlive(c.Request().Context(), c, userID) },
	}, nil
}
