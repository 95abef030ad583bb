package sidecar

import (
	"context"
	"errors"
	"fmt"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosite/hashers"
	"django-sidecar/internal/breaker"
	"django-sidecar/internal/config"
	"django-sidecar/internal/csrfhttp"
	"django-sidecar/internal/keyhash"
	"django-sidecar/internal/login"
)

// What SIDECAR_WRITE does not name.
var (
	// ErrNoLogins says that nobody may log in here.
	ErrNoLogins = errors.New("SIDECAR_WRITE does not name login, which this needs")
	errNoUpdate = errors.New("SIDECAR_WRITE names neither update nor login, and this needs one of them")
)

// openSaver makes what saves sessions.
func (d *Deployment) openSaver() {
	var sessions struct {
		djangosession.Store
		djangosession.Writer
	}
	sessions.Store, sessions.Writer = d.writing.loaded, d.writing.sessions
	d.saver = &login.Saver{
		Sessions: sessions, Seal: d.writing.seal, Expiry: d.expiry(), Version: d.version,
		Timeout: d.config.StoreTimeout, Now: time.Now,
	}
}

// openLogin makes what logs users in.
func (d *Deployment) openLogin() error {
	c := d.config
	passwords, err := hashers.New(hashers.Options{Version: d.version, Hashers: c.Login.Hashers})
	if err != nil {
		return fmt.Errorf("DJANGO_PASSWORD_HASHERS: %w", err)
	}
	d.login = &login.Service{
		Saver: *d.saver, Users: watchedUsers{d.users, d.usersBreaker}, Writer: d.writing.users, Passwords: passwords,
		Backends: c.PasswordBackends(), Rules: d.rules,
	}
	return nil
}

// watchedUsers finds users, and holds nobody up while their table does not answer.
type watchedUsers struct {
	users   login.Users
	breaker *breaker.Breaker
}

// UserByName implements login.Users.
func (w watchedUsers) UserByName(ctx context.Context, name string) (*djangosession.StoredUser, error) {
	return breaker.Ask(ctx, w.breaker, func(ctx context.Context) (*djangosession.StoredUser, error) {
		return w.users.UserByName(ctx, name)
	})
}

// UserByKey implements login.Users.
func (w watchedUsers) UserByKey(ctx context.Context, id string) (*djangosession.StoredUser, error) {
	return breaker.Ask(ctx, w.breaker, func(ctx context.Context) (*djangosession.StoredUser, error) {
		return w.users.UserByKey(ctx, id)
	})
}

// loginBounds are those of all logins, also where another deployment takes the place of one.
type loginBounds struct {
	names, addresses *login.TryLimit
	hashing          chan struct{}
}

func newLoginBounds(c config.LoginSettings) loginBounds {
	return loginBounds{
		names: login.NewTryLimit(c.Tries, c.Per), addresses: login.NewTryLimit(c.TriesPerAddress, c.Per),
		hashing: make(chan struct{}, c.AtOnce),
	}
}

// byLogins has the current deployment's logins do something, within the bounds. It fails with ErrNoLogins.
func byLogins[T any](l *Live, do func(*login.Service) (T, error)) (done T, err error) {
	d, release := l.hold()
	defer release()
	if d.login == nil {
		return done, ErrNoLogins
	}
	s := *d.login
	s.Names, s.Addresses, s.Hashing = l.bounds.names, l.bounds.addresses, l.bounds.hashing
	return do(&s)
}

// Authenticate finds the user who has this name and this password, and may log in. The address is the client's, ""
// where it is not known.
func (l *Live) Authenticate(ctx context.Context, c login.Credentials, address string) (login.Authenticated, error) {
	return byLogins(l, func(s *login.Service) (login.Authenticated, error) { return s.Authenticate(ctx, c, address) })
}

// Login logs a user in, in the place of the session that key is of.
func (l *Live) Login(ctx context.Context, key string, a login.Authenticated) (login.LoggedIn, error) {
	return byLogins(l, func(s *login.Service) (login.LoggedIn, error) { return l.login(ctx, s, key, a) })
}

func (l *Live) login(
	ctx context.Context, s *login.Service, key string, a login.Authenticated,
) (login.LoggedIn, error) {
	done, err := s.Login(ctx, key, a)
	l.forget(keyhash.Of(key), keyhash.Of(done.Key))
	return done, err
}

// forget has no verdict on these sessions kept any more.
func (l *Live) forget(sessions ...keyhash.Hash) {
	if l.cache == nil {
		return
	}
	for _, session := range sessions {
		l.cache.ForgetSession(session)
	}
}

// LoginByKey logs in the user whose primary key is id, without a password. It fails with login.ErrRefused where no
// listed backend lets the user in.
func (l *Live) LoginByKey(ctx context.Context, key, id string) (login.LoggedIn, error) {
	return byLogins(l, func(s *login.Service) (login.LoggedIn, error) {
		a, err := s.ByKey(ctx, id)
		if err != nil {
			return login.LoggedIn{}, err
		}
		return l.login(ctx, s, key, a)
	})
}

// CheckPassword is check_password of the user whose primary key is id.
func (l *Live) CheckPassword(ctx context.Context, id, password string) (bool, error) {
	return byLogins(l, func(s *login.Service) (bool, error) { return s.CheckPassword(ctx, id, password) })
}

// MakePassword is make_password.
func (l *Live) MakePassword(ctx context.Context, password string) (string, error) {
	return byLogins(l, func(s *login.Service) (string, error) { return s.MakePassword(ctx, password) })
}

// Session reads a session; an empty one where there is none that is alive and can be read, as request.session is.
func (l *Live) Session(ctx context.Context, key string) (*djangosession.Session, error) {
	d := l.Current()
	if !djangosession.ValidSessionKey(key) {
		return djangosession.NewSession(d.version), nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.Config.StoreTimeout)
	defer cancel()
	s, err := d.sessions.Load(ctx, key)
	switch {
	case djangosession.IsAnswer(err):
		return djangosession.NewSession(d.version), nil
	case err != nil:
		return nil, err
	}
	return s.Clone(), nil
}

// UpdateSession changes a session, or begins one, as a view of Django that sets request.session.
func (l *Live) UpdateSession(
	ctx context.Context, key string, change func(*djangosession.Session) error,
) (login.Saved, error) {
	var saved login.Saved
	err := l.update(key, func(s *login.Saver) (err error) {
		saved, err = s.Update(ctx, key, change)
		return err
	})
	return saved, err
}

// UpdateStored changes the session under a key, and begins none.
func (l *Live) UpdateStored(ctx context.Context, key string, change func(*djangosession.Session) error) error {
	return l.update(key, func(s *login.Saver) error { return s.UpdateStored(ctx, key, change) })
}

// update has the current deployment save the session under a key, whose verdict is kept no more.
func (l *Live) update(key string, save func(*login.Saver) error) error {
	d, release := l.hold()
	defer release()
	if d.saver == nil {
		return errNoUpdate
	}
	err := save(d.saver)
	l.forget(keyhash.Of(key))
	return err
}

// SessionCookie is the line that sets a session's cookie.
func (l *Live) SessionCookie(saved login.Saved) string {
	return l.cookieLine(saved.Key, saved.Age, time.Now())
}

// CSRF is the site's CsrfViewMiddleware.
func (l *Live) CSRF() (*csrfhttp.Checker, error) {
	return csrfhttp.New(l.Config.CSRF, l.Current().version, l.Answers.Cookies)
}
