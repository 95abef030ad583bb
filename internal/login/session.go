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

// Saver saves sessions. Every field but Seal is required.
type Saver struct {
	// Sessions and Expiry are those of SESSION_ENGINE.
	Sessions Sessions
	// Seal makes the cookie's value of a session where Django keeps sessions in their cookies; nil where it stores
	// them. With it nothing of Sessions is called but Load.
	Seal    func(*djangosession.Session) (string, error)
	Expiry  djangosession.Expiry
	Version djangosession.Version
	// Timeout bounds each answer of a store.
	Timeout time.Duration
	// Now is the clock.
	Now func() time.Time
}

// The entries that django.contrib.auth.login makes.
const (
	entryUserID  = "_auth_user_id"
	entryBackend = "_auth_user_backend"
	entryHash    = "_auth_user_hash"
)

// ErrInterrupted says that a session that was to be saved has been ended meanwhile: SessionInterrupted of
// contrib/sessions/exceptions.py.
var ErrInterrupted = errors.New("the session was ended before the request was: " +
	"the user may have logged out in another one")

// Saved is a session that was saved, and what its cookie says.
type Saved struct {
	// Key is the session key, "" where nothing was to be saved.
	Key string
	// Age is the cookie's.
	Age setcookie.Age
}

// LoggedIn is a session in which a user has logged in.
type LoggedIn struct {
	Saved

	// Replaced is the session key before, where it has another now; "" for none.
	Replaced string
	// User is who has logged in.
	User djangosession.User
}

// Login is login(request, user, backend) of contrib/auth/__init__.py, 1.11 to 6.1, with the user_logged_in receiver of
// Django's own and the save of SessionMiddleware. key is that of the request's session, "" where it has none.
//
// An anonymous session keeps its data under a new key, so that nobody else knows the key. That of another user, or of
// one whose password has changed since, is left behind, and so is one that middleware would end. A session of the same
// user stays as it is.
func (s *Service) Login(ctx context.Context, key string, a Authenticated) (LoggedIn, error) {
	return within(ctx, &s.Saver, func(ctx context.Context) (LoggedIn, error) { return s.login(ctx, key, a) })
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
	if err := enterInto(session, a, hash); err != nil {
		return LoggedIn{}, err
	}
	if s.isOver(ctx, session) {
		session, same = djangosession.NewSession(s.Version), false
		if err := enterInto(session, a, hash); err != nil {
			return LoggedIn{}, err
		}
	}
	now := s.Now()
	expire, age, err := s.ends(session, now)
	if err != nil {
		return LoggedIn{}, fmt.Errorf("logging in: %w", err)
	}
	// Whatever fails from here on fails before a session names the user.
	if err := s.Writer.SetLastLogin(ctx, a.User.ID, now); err != nil {
		return LoggedIn{}, err
	}
	under := ""
	if same {
		under = key
	}
	done := LoggedIn{Saved: Saved{Age: age}, User: a.User.User}
	done.Key, err = s.save(ctx, under, session, expire)
	if same && errors.Is(err, djangosession.ErrNotFound) { // somebody has logged out meanwhile
		before = nil
		done.Key, err = s.save(ctx, "", session, expire)
	}
	if err != nil {
		return LoggedIn{}, fmt.Errorf("logging in: %w", err)
	}
	if same || before == nil || s.Seal != nil {
		return done, nil
	}
	done.Replaced = key
	if err := s.Sessions.Delete(ctx, key); err != nil {
		_, undone := within(ctx, &s.Saver, func(ctx context.Context) (bool, error) {
			return true, s.Sessions.Delete(ctx, done.Key)
		})
		return LoggedIn{}, errors.Join(err, undone)
	}
	return done, nil
}

// enterInto makes the entries of a login.
func enterInto(session *djangosession.Session, a Authenticated, hash string) error {
	for _, e := range [][2]string{{entryUserID, a.User.ID}, {entryBackend, a.Backend}, {entryHash, hash}} {
		if err := session.Set(e[0], e[1]); err != nil {
			return fmt.Errorf("logging in: %w", err)
		}
	}
	return nil
}

// isOver reports whether middleware that ends idle sessions would end this one. It would have flushed it before
// Django's view sees it, and otherwise it would flush the login with it: djangosession.Timeouts names the packages.
func (s *Service) isOver(ctx context.Context, session *djangosession.Session) bool {
	claim, err := s.Rules.With(alone{session}, nil).Begin(ctx, "its-only-key")
	return err == nil && claim.Reason == djangosession.Expired
}

// alone is a djangosession.Store of one session.
type alone struct{ session *djangosession.Session }

// Load implements djangosession.Store.
func (a alone) Load(context.Context, string) (*djangosession.Session, error) { return a.session, nil }

// Update changes the session under a key, or begins one where there is none, as a view of Django does that has
// request.session.modified: load, change, and process_response of contrib/sessions/middleware.py, 1.11 to 6.1. As with
// two Djangos, the last one to save wins. Where none is begun, because it would be empty, Saved has no Key.
//
// It fails with ErrInterrupted where somebody has ended the session meanwhile, and with the error of change, and then
// nothing is written.
func (s *Saver) Update(ctx context.Context, key string, change func(*djangosession.Session) error) (Saved, error) {
	before, err := within(ctx, s, func(ctx context.Context) (*djangosession.Session, error) {
		return s.before(ctx, key)
	})
	if err != nil {
		return Saved{}, err
	}
	session := djangosession.NewSession(s.Version)
	if before == nil {
		key = ""
	} else {
		session = before.Clone()
	}
	return s.changed(ctx, key, session, change)
}

// ErrInCookie says that no session is stored that could be changed by its key.
var ErrInCookie = errors.New("with SESSION_ENGINE signed_cookies a session is in its cookie alone: " +
	"change it in a request of its browser, by Update")

// UpdateStored changes the session under a key, as a job of Django does by SessionStore(key), and save. Unlike that, it
// begins none: it fails with djangosession.ErrNotFound where no session under the key is alive and can be read, and
// otherwise as Update does. Nothing is written then.
func (s *Saver) UpdateStored(ctx context.Context, key string, change func(*djangosession.Session) error) error {
	if s.Seal != nil {
		return ErrInCookie
	}
	before, err := within(ctx, s, func(ctx context.Context) (*djangosession.Session, error) {
		return s.before(ctx, key)
	})
	if err != nil {
		return err
	}
	if before == nil {
		return fmt.Errorf("%w: it is not stored, has expired or cannot be read. Take the key of a session that lives, "+
			"or have a request begin one, by Update", djangosession.ErrNotFound)
	}
	_, err = s.changed(ctx, key, before.Clone(), change)
	return err
}

// changed changes a session and saves it, under a new key where key is "".
func (s *Saver) changed(
	ctx context.Context, key string, session *djangosession.Session, change func(*djangosession.Session) error,
) (Saved, error) {
	if err := change(session); err != nil {
		return Saved{}, err
	}
	if key == "" && session.JSON() == "{}" { // is_empty
		return Saved{}, nil
	}
	expire, age, err := s.ends(session, s.Now())
	if err != nil {
		return Saved{}, err
	}
	under, err := within(ctx, s, func(ctx context.Context) (string, error) { return s.save(ctx, key, session, expire) })
	if errors.Is(err, djangosession.ErrNotFound) {
		err = ErrInterrupted
	}
	if err != nil {
		return Saved{}, err
	}
	return Saved{under, age}, nil
}

// before is the session of a request, nil where there is none that Django could read.
func (s *Saver) before(ctx context.Context, key string) (*djangosession.Session, error) {
	if s.Seal == nil && !djangosession.ValidSessionKey(key) {
		return nil, nil //nolint:nilnil // no session is what there is
	}
	session, err := s.Sessions.Load(ctx, key)
	if djangosession.IsAnswer(err) {
		return nil, nil //nolint:nilnil // the same
	}
	return session, err
}

// save stores a session in the place of the one under key, or where that is "", under a new key; or it signs the
// session. It fails with djangosession.ErrNotFound where there is none under key any more.
func (s *Saver) save(ctx context.Context, key string, session *djangosession.Session, expire time.Time) (string, error) {
	switch {
	case s.Seal != nil:
		return s.Seal(session)
	case key == "":
		return s.create(ctx, session, expire)
	}
	return key, s.Sessions.Save(ctx, key, session, expire)
}

// create stores a session under a new key: SessionBase.create of contrib/sessions/backends.
func (s *Saver) create(ctx context.Context, session *djangosession.Session, expire time.Time) (string, error) {
	const tries = 8 // Django tries for ever; a key of 32 random characters is never taken
	for range tries {
		key := djangosession.NewSessionKey()
		if err := s.Sessions.Create(ctx, key, session, expire); !errors.Is(err, djangosession.ErrExists) {
			return key, err
		}
	}
	return "", errors.New("each new session key is taken")
}

// authHash is user.get_session_auth_hash().
func (s *Service) authHash(user *djangosession.StoredUser) string {
	if user.HashInput != nil {
		return s.Rules.AuthHash(*user.HashInput)
	}
	return s.Rules.AuthHash(user.Password)
}

// ends tells when a session ends that is saved now, and its cookie: process_response of
// contrib/sessions/middleware.py, 5.2.
func (s *Saver) ends(session *djangosession.Session, now time.Time) (expire time.Time, age setcookie.Age, err error) {
	if expire, err = s.Expiry.Date(session, now); err != nil || s.Expiry.EndsAtBrowserClose(session) {
		return expire, age, err
	}
	seconds, err := s.Expiry.Age(session, now)
	return expire, setcookie.Seconds(seconds), err
}

// isText reports whether an entry is that text, in constant time.
func isText(v djangosession.Value, want string) bool {
	text, ok := v.Text()
	return ok && subtle.ConstantTimeCompare([]byte(text), []byte(want)) == 1
}
