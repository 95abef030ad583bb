package djangosite

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"django-sidecar/djangosession"
	"django-sidecar/internal/login"
	"django-sidecar/internal/reply"
	"django-sidecar/internal/setcookie"
)

// ErrSessionInterrupted says that the session was ended while a request was changing it, as by a logout in another
// one. Django answers 400: its SessionInterrupted.
var ErrSessionInterrupted = login.ErrInterrupted

// Session reads the session of a request, whoever it is of: request.session of Django, which is empty where there is
// none that is alive and can be read. It asks the store, which no cache of verdicts stands before. The answer gets
// "Vary: Cookie". The session is the caller's: what is changed in it is written nowhere, see [Site.Update].
//
// An error says that nobody could find out, as for a site of [Ask].
func (s *Site) Session(w http.ResponseWriter, r *http.Request) (*djangosession.Session, error) {
	l, err := s.local()
	if err != nil {
		return nil, err
	}
	reply.VariesByCookie(w.Header())
	return l.Session(r.Context(), s.sessionKey(l, w.Header(), r))
}

// Update changes the session of a request, as a view of Django that sets request.session, or begins one under a new
// key: it saves, and sets the session's cookie with the attributes and the end that Django gives it. The values that
// change does not touch stay as Django wrote them. A request without a session, whose change sets nothing, gets none; a
// cookie of a session that is over is ended then. Call it before the answer's header is written, in a handler behind
// [Site.CSRF].
//
// The error is [ErrSessionInterrupted] where the session was ended meanwhile: it is not revived. As with two requests
// to Django, the last one to save wins; with SESSION_ENGINE signed_cookies that is the last answer that the browser
// gets. Where change fails, its error is returned. Any other says that a store failed. Nothing is written and set then.
// It needs SIDECAR_WRITE=update, or login, which includes it.
func (s *Site) Update(w http.ResponseWriter, r *http.Request, change func(*djangosession.Session) error) error {
	l, err := s.local()
	if err != nil {
		return err
	}
	if change == nil {
		return errNoChange
	}
	h := w.Header()
	saved, err := l.UpdateSession(r.Context(), s.sessionKey(l, h, r), change)
	if err != nil {
		return err
	}
	if saved.Key != "" {
		s.setSession(l, h, r, saved)
	} else if _, name := l.cookieOf(r); name != "" {
		s.endSession(l, h, r, name)
	}
	return nil
}

var errNoChange = errors.New("djangosite: an update needs a function that changes the session")

// UpdateSession changes the session under a key, as [Site.Update] does, for a job that has no request: the key is that
// of the session's cookie. It begins no session and sets no cookie: the browser's stays, though the time of the session
// in the store begins anew, as in Django.
//
// The error is [djangosession.ErrNotFound] where no session under the key is alive and can be read. With SESSION_ENGINE
// signed_cookies there is always an error: such a session is in its browser alone. Others are those of Update. Nothing
// is written then. It needs SIDECAR_WRITE=update, or login, which includes it.
func (s *Site) UpdateSession(ctx context.Context, key string, change func(*djangosession.Session) error) error {
	l, err := s.local()
	if err != nil {
		return err
	}
	if change == nil {
		return errNoChange
	}
	return l.UpdateStored(ctx, key, change)
}

// sessionKey is that of a request, "" without one: of the session that its answer begins, or else of its cookie.
func (s *Site) sessionKey(l local, h http.Header, r *http.Request) string {
	if key, ok := s.begun(l, h, r); ok {
		return key
	}
	key, _ := l.cookieOf(r)
	return key
}

// cookieOf is the request's cookie that has a session; both are "" without one.
func (l local) cookieOf(r *http.Request) (key, name string) {
	return l.Answers.Cookies.FirstSessionKey(r.Header["Cookie"], l.Answers.CookieNames)
}

// begun is the key of the session that an answer begins, "" where it ends one, as its header says, or a call that this
// one cannot see the header of. It is not ok where the answer does neither.
func (s *Site) begun(l local, h http.Header, r *http.Request) (key string, ok bool) {
	for _, name := range l.Answers.CookieNames {
		for _, line := range h["Set-Cookie"] {
			if rest, is := strings.CutPrefix(line, name+"="); is {
				key, _, _ = strings.Cut(rest, ";")
				return strings.Trim(key, `"`), true // a cookie that ends has quotes
			}
		}
	}
	if v := s.visitOf(r); v != nil && v.session != nil {
		return *v.session, true
	}
	return "", false
}

// setSession sets the cookie of a session that was saved.
func (s *Site) setSession(l local, h http.Header, r *http.Request, saved login.Saved) {
	s.putSession(h, r, saved.Key, l.SessionCookie(saved))
}

// endSession ends a cookie of a session.
func (s *Site) endSession(l local, h http.Header, r *http.Request, name string) {
	s.putSession(h, r, "", l.Config.SessionCookie.Attributes.Ended(name))
}

// putSession puts the line of a session's cookie into the answer. What the request does from here on is done to that
// session.
func (s *Site) putSession(h http.Header, r *http.Request, key, line string) {
	setcookie.Put(h, line)
	reply.VariesByCookie(h)
	if v := s.visitOf(r); v != nil {
		v.sets(r, "Login, Logout or Update")
		v.session = &key
	}
}
