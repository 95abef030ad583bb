package login

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/setcookie"
)

// Sessions are where Django keeps them.
type Sessions interface {
	djangosession.Store
	djangosession.Writer
}

// The entries that django.contrib.auth.login makes.
const (
	entryUserID  = "_auth_user_id"
	entryBackend = "_auth_user_backend"
	entryHash    = "_auth_user_hash"
)

// LoggedIn is a session in which a user has logged in, and what its cookie says.
type LoggedIn struct {
	// Key is the session key, and Replaced the one before, where it has another now; "" for none.
	Key, Replaced string
	// MaxAge is the cookie's; 0 where it ends with the browser.
	MaxAge time.Duration
	// User is who has logged in.
	User djangosession.User
}

// Login is login(request, user, backend) of contrib/auth/__init__.py, 1.11 to 6.1, with the user_logged_in receiver of
// Django's own and the save of SessionMiddleware. key is that of the request's session, "" where it has none.
//
// An anonymous session keeps its data under a new key, so that nobody else knows the key. That of another user, or of
// one whose password has changed since, is left behind. A session of the same user stays as it is.
func (s *Service) Login(ctx context.Context, key string, a Authenticated) (LoggedIn, error) {
	return within(ctx, s, func(ctx context.Context) (LoggedIn, error) { return s.login(ctx, key, a) })
}

func (s *Service) login(ctx context.Context, key string, a Authenticated) (LoggedIn, error) {
	before, err := s.before(ctx, key)
	if err != nil {
		return LoggedIn{}, err
	}
	hash := s.authHash(a.User)
	if hash == "" {
		return LoggedIn{}, errors.New("logging in: there is no key to make a session auth hash with")
	}
	session, same := djangosession.NewSession(s.Version), false
	if before != nil {
		switch {
		case before.AuthUserID.Kind() == djangosession.Missing: // cycle_key
			session = before.Clone()
		case isText(before.AuthUserID, a.User.ID) && isText(before.AuthHash, hash):
			session, same = before.Clone(), true
		}
	}
	for _, e := range []struct{ name, value string }{{entryUserID, a.User.ID}, {entryBackend, a.Backend}, {entryHash, hash}} {
		if err := session.Set(e.name, e.value); err != nil {
			return LoggedIn{}, fmt.Errorf("logging in: %w", err)
		}
	}
	now := s.Now()
	expire, err := s.Expiry.Date(session, now)
	if err != nil {
		return LoggedIn{}, fmt.Errorf("logging in: %w", err)
	}
	done := LoggedIn{Key: key, User: a.User.User}
	if done.MaxAge, err = s.maxAge(session, now); err != nil {
		return LoggedIn{}, fmt.Errorf("logging in: %w", err)
	}
	// Whatever fails from here on fails before a session names the user.
	if err := s.Writer.SetLastLogin(ctx, a.User.ID, now); err != nil {
		return LoggedIn{}, err
	}
	if s.Seal != nil {
		if done.Key, err = s.Seal(session); err != nil {
			return LoggedIn{}, fmt.Errorf("logging in: %w", err)
		}
		return done, nil
	}
	if same {
		err := s.Sessions.Save(ctx, key, session, expire)
		if !errors.Is(err, djangosession.ErrNotFound) {
			return done, err
		}
		before = nil // somebody has logged out meanwhile
	}
	if done.Key, err = s.create(ctx, session, expire); err != nil {
		return LoggedIn{}, err
	}
	if before == nil {
		return done, nil
	}
	done.Replaced = key
	if err := s.Sessions.Delete(ctx, key); err != nil {
		_, undone := within(ctx, s, func(ctx context.Context) (bool, error) {
			return true, s.Sessions.Delete(ctx, done.Key)
		})
		return LoggedIn{}, errors.Join(err, undone)
	}
	return done, nil
}

// Update changes the session under a key, as a view of Django does: load, change, save. As with two Djangos, the last
// one to save wins. It fails with djangosession.ErrNotFound where there is no session, or somebody has ended it
// meanwhile, and with the error of change, and then nothing is written. It fails where sessions are in their cookies.
func (s *Service) Update(ctx context.Context, key string, change func(*djangosession.Session) error) error {
	if s.Seal != nil {
		return errors.New("updating a session: it is in its cookie, and only a login sends another one")
	}
	session, err := within(ctx, s, func(ctx context.Context) (*djangosession.Session, error) { return s.before(ctx, key) })
	switch {
	case err != nil:
		return err
	case session == nil:
		return djangosession.ErrNotFound
	}
	session = session.Clone()
	if err := change(session); err != nil {
		return err
	}
	expire, err := s.Expiry.Date(session, s.Now())
	if err != nil {
		return err
	}
	_, err = within(ctx, s, func(ctx context.Context) (bool, error) { return true, s.Sessions.Save(ctx, key, session, expire) })
	return err
}

// before is the session of a request, nil where there is none that Django could read.
func (s *Service) before(ctx context.Context, key string) (*djangosession.Session, error) {
	if s.Seal == nil && !djangosession.ValidSessionKey(key) {
		return nil, nil //nolint:nilnil // no session is what there is
	}
	session, err := s.Sessions.Load(ctx, key)
	if djangosession.IsAnswer(err) {
		return nil, nil //nolint:nilnil // the same
	}
	return session, err
}

// create stores a session under a new key: SessionBase.create of contrib/sessions/backends.
func (s *Service) create(ctx context.Context, session *djangosession.Session, expire time.Time) (string, error) {
	const tries = 8 // Django tries for ever; a key of 32 random characters is never taken
	for range tries {
		key := djangosession.NewSessionKey()
		if err := s.Sessions.Create(ctx, key, session, expire); !errors.Is(err, djangosession.ErrExists) {
			return key, err
		}
	}
	return "", errors.New("logging in: each new session key is taken")
}

// authHash is user.get_session_auth_hash().
func (s *Service) authHash(user *djangosession.StoredUser) string {
	if user.HashInput != nil {
		return s.Rules.AuthHash(*user.HashInput)
	}
	return s.Rules.AuthHash(user.Password)
}

// maxAge is the cookie's: process_response of contrib/sessions/middleware.py, 5.2.
func (s *Service) maxAge(session *djangosession.Session, now time.Time) (time.Duration, error) {
	if s.Expiry.EndsAtBrowserClose(session) {
		return 0, nil
	}
	age, err := s.Expiry.Age(session, now)
	return setcookie.Seconds(age), err
}

// isText reports whether an entry is that text, in constant time.
func isText(v djangosession.Value, want string) bool {
	text, ok := v.Text()
	return ok && subtle.ConstantTimeCompare([]byte(text), []byte(want)) == 1
}
