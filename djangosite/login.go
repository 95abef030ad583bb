package djangosite

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/check"
	"django-sidecar/internal/gateway"
	"django-sidecar/internal/keyhash"
	"django-sidecar/internal/login"
)

// ErrRefused says that nobody is let in: there is no such user, the password is wrong, or the user may not log in.
var ErrRefused = login.ErrRefused

// TooManyTriesError says that a name, or an address, has had too many wrong passwords. The settings SIDECAR_LOGIN_TRIES
// and its like have the bounds.
type TooManyTriesError struct {
	Wait time.Duration // until there is a try again; above zero
}

// Error implements error.
func (*TooManyTriesError) Error() string { return "too many tries" }

// Authenticate is authenticate(username=, password=) of Django with ModelBackend: it checks the password by
// PASSWORD_HASHERS, makes an old hash anew, and takes as long for a name that nobody has. It does not log in: see
// [Site.Login]. address is the client's, such as r.RemoteAddr, or what a proxy of yours says: wrong passwords are
// counted by it, and by the name. A port does not count, and of IPv6 the /64 does. "" counts by the name alone.
//
// The error is [ErrRefused], a [*TooManyTriesError], or says that nobody could find out. It needs
// SIDECAR_WRITE=login.
func (s *Site) Authenticate(ctx context.Context, username, password, address string) (djangosession.User, error) {
	l, err := s.local()
	if err != nil {
		return djangosession.User{}, err
	}
	if counted, ok := login.Address(address); ok {
		address = counted
	}
	a, err := l.Authenticate(ctx, login.Credentials{Username: username, Password: password}, address)
	if many := (*login.TooManyError)(nil); errors.As(err, &many) {
		err = &TooManyTriesError{many.Wait}
	}
	if err != nil {
		return djangosession.User{}, err
	}
	return a.User.User, nil
}

// CheckPassword is Django's user.check_password, which makes an old hash anew. It counts no tries. It needs
// SIDECAR_WRITE=login.
func (s *Site) CheckPassword(ctx context.Context, user djangosession.User, password string) (bool, error) {
	l, err := s.local()
	if err != nil {
		return false, err
	}
	return l.CheckPassword(ctx, user.ID, password)
}

// MakePassword is Django's make_password(password): the text for the user's column password, by the first of
// PASSWORD_HASHERS. It writes nothing. The password is not validated: AUTH_PASSWORD_VALIDATORS are Django's.
//
// The error is [hashers.ErrPassword] where no login would take the password. Any other says that there was no room to
// hash it (SIDECAR_LOGIN_HASHES_AT_ONCE), or that SIDECAR_WRITE does not name login.
func (s *Site) MakePassword(ctx context.Context, password string) (string, error) {
	l, err := s.local()
	if err != nil {
		return "", err
	}
	return l.MakePassword(ctx, password)
}

// Login is Django's login(request, user): it writes last_login and the session, and sets the cookies of the session
// and of another CSRF token. An anonymous session keeps its data, under a new key; that of another user is left
// behind. Call it before the answer's header is written, in a handler behind [Site.CSRF]: otherwise other sites can
// log a visitor in.
//
// [Site.Session], [Site.Update] and [Site.Messages] go on with the session that it has begun. The error is [ErrRefused]
// where the user may not log in, or is not there; any other says that a store failed, and then nobody is logged in. It
// needs SIDECAR_WRITE=login.
func (s *Site) Login(w http.ResponseWriter, r *http.Request, user djangosession.User) error {
	l, err := s.local()
	if err != nil {
		return err
	}
	v := s.visitOf(r)
	if v == nil {
		checker, err := l.CSRF()
		if err != nil {
			return err
		}
		v = &visit{site: s, State: checker.Read(w.Header(), r, now())}
	}
	done, err := l.LoginByKey(r.Context(), s.sessionKey(l, w.Header(), r), user.ID)
	if err != nil {
		return err
	}
	v.Rotate(w.Header(), now())
	s.setSession(l, w.Header(), r, done.Saved)
	return nil
}

// NextURL is where a browser goes on after a login: the field `next` (REDIRECT_FIELD_NAME) of the form, or else of
// the query, as [Site.RequireUser] has put it there. It is otherwise where that is missing, or leads to another
// host: a link to the login page may be anybody's. This is LoginView.get_redirect_url of Django, with the host and
// the scheme that [Site.CSRF] sees. For a site of [Ask] they are r.Host and r.TLS.
func (s *Site) NextURL(r *http.Request, otherwise string) string {
	name, host, secure := s.redirectField, r.Host, r.TLS != nil
	if l, err := s.local(); err == nil {
		if checker, err := l.CSRF(); err == nil {
			host, secure = checker.Host(r), checker.IsSecure(r)
		}
	}
	_ = r.ParseForm() // what cannot be read is not there
	values, ok := r.PostForm[name]
	if !ok {
		values = r.URL.Query()[name]
	}
	if len(values) == 0 {
		return otherwise
	}
	return cmp.Or(gateway.Next(values[len(values)-1], host, secure), otherwise) // QueryDict.get: the last one
}

// Logout is Django's logout(request), whoever the session is of: it deletes the session, and ends its cookie; where
// SESSION_COOKIE_NAME is a list, those of each name, and the session that the request itself has begun. Call it before
// the answer's header is written, in a handler behind [Site.CSRF]: otherwise other sites can log a visitor out.
//
// An error says that the session may still be there. It needs SIDECAR_WRITE=logout.
func (s *Site) Logout(w http.ResponseWriter, r *http.Request) error {
	l, err := s.local()
	if err != nil {
		return err
	}
	h, cookies := w.Header(), l.Answers.SessionKeys(r.Header["Cookie"])
	if key, _ := s.begun(l, h, r); key != "" {
		cookies = append(cookies, check.NamedKey{Name: l.Config.SessionCookieName, Key: key})
	}
	for _, cookie := range cookies {
		if err := l.Logout(r.Context(), keyhash.New(cookie.Key)); err != nil {
			return err
		}
	}
	for _, cookie := range cookies {
		s.endSession(l, h, r, cookie.Name)
	}
	return nil
}
