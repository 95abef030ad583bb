// Package login logs users in as django.contrib.auth does: authenticate with ModelBackend, and login.
package login

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosite/hashers"
)

// Users finds users.
type Users interface {
	// UserByName is get_by_natural_key of Django's BaseUserManager. An error that is djangosession.ErrUserNotFound says
	// that there is none.
	UserByName(ctx context.Context, name string) (*djangosession.StoredUser, error)
	// UserByKey finds the user whose primary key is User.ID.
	UserByKey(ctx context.Context, id string) (*djangosession.StoredUser, error)
}

// UserWriter writes what a login changes of a user.
type UserWriter interface {
	// SetPassword sets the encoded password, if it still is what it was, and reports whether.
	SetPassword(ctx context.Context, id, was, is string) (bool, error)
	// SetLastLogin sets last_login, if there is such a column.
	SetLastLogin(ctx context.Context, id string, at time.Time) error
}

// Passwords is django.contrib.auth.hashers with PASSWORD_HASHERS.
type Passwords interface {
	Check(password, encoded string) (hashers.Result, error)
	Make(password string) (string, error)
	// Equalize takes as long as Check.
	Equalize(password string)
}

// Service logs users in. Every field but the Limits is required.
type Service struct {
	Saver

	Users     Users
	Writer    UserWriter
	Passwords Passwords
	// Backends are AUTHENTICATION_BACKENDS that ask for a password, in their order: ModelBackend and
	// AllowAllUsersModelBackend. See Backends.
	Backends []string
	// Rules say whom a backend lets in, and make session auth hashes.
	Rules *djangosession.Verifier
	// Names and Addresses bound wrong passwords; nil bounds nothing.
	Names, Addresses *TryLimit
	// Hashing has room for one each that makes or checks a hash at a time.
	Hashing chan struct{}
}

// ErrRefused says that nobody is let in by a name and a password. It is the same for an unknown name, a wrong password
// and a user who may not log in.
var ErrRefused = errors.New("the user name and the password are not right, or the user may not log in")

// TooManyError says that there were too many wrong passwords.
type TooManyError struct{ Wait time.Duration }

// Error implements error.
func (*TooManyError) Error() string { return "too many tries" }

// ErrBusy says that too many passwords are being checked just now.
var ErrBusy = errors.New("too many passwords are being checked")

// Authenticated is a user who has shown the password.
type Authenticated struct {
	User    *djangosession.StoredUser
	Backend string
}

// Authenticate is authenticate(username=, password=) of contrib/auth/__init__.py, 1.11 to 6.1, with ModelBackend. A
// hash that is older than PASSWORD_HASHERS wants is made anew. The address is the client's, "" where it is not known.
func (s *Service) Authenticate(ctx context.Context, c Credentials, address string) (Authenticated, error) {
	give, err := s.take(c.Username, address)
	if err != nil {
		return Authenticated{}, err
	}
	if !canBeText(c.Username) || !canBeText(c.Password) {
		return Authenticated{}, ErrRefused
	}
	user, err := within(ctx, &s.Saver, func(ctx context.Context) (*djangosession.StoredUser, error) {
		return s.Users.UserByName(ctx, c.Username)
	})
	if errors.Is(err, djangosession.ErrUserNotFound) {
		// contrib/auth/backends.py, 5.2: run the default password hasher once, so that it takes as long.
		return s.refuseAs(ctx, c.Password, give)
	}
	if err != nil {
		give() // nobody has looked at the password
		return Authenticated{}, err
	}
	giveVariant, ok := s.takeVariant(c.Username, user)
	if !ok {
		return s.refuseAs(ctx, c.Password, give)
	}
	user, err = s.check(ctx, user, c.Password)
	if err != nil {
		if !errors.Is(err, ErrRefused) { // nobody has said that the password is wrong
			give()
			giveVariant()
		}
		return Authenticated{}, err
	}
	a, err := s.through(user)
	if err != nil {
		return Authenticated{}, err // and the try counts, or the limit would tell that the password is right
	}
	give()
	giveVariant()
	return a, nil
}

// refuseAs takes as long as a wrong password does, and refuses. give takes the try back where there is no room for it.
func (s *Service) refuseAs(ctx context.Context, password string, give func()) (Authenticated, error) {
	err := s.hash(ctx, func() error {
		s.Passwords.Equalize(password)
		return ErrRefused
	})
	if errors.Is(err, ErrBusy) {
		give()
	}
	return Authenticated{}, err
}

// takeVariant counts a try of a user who is not called as was sent: collations of MySQL take many spellings for one
// name, such as àda and ada, and each would have its own tries. Whoever has had too many of these hears that the
// password is wrong: another answer would tell that there is such a user. Who sends the name itself is not held back by
// it.
func (s *Service) takeVariant(sent string, user *djangosession.StoredUser) (give func(), ok bool) {
	if user.Username != nil && folded(*user.Username) == folded(sent) {
		return func() {}, true
	}
	key := "another spelling of " + user.ID
	_, ok = s.Names.Take(key, s.Now())
	return func() { s.Names.Give(key) }, ok
}

// folded is a name as tries are counted: databases whose collation says so take them for one.
func folded(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

// take counts a try of a name and of an address. give takes it back.
func (s *Service) take(name, address string) (give func(), err error) {
	now := s.Now()
	name = folded(name)
	if address != "" {
		if wait, ok := s.Addresses.Take(address, now); !ok {
			return nil, &TooManyError{wait}
		}
	}
	giveAddress := func() {
		if address != "" {
			s.Addresses.Give(address)
		}
	}
	if wait, ok := s.Names.Take(name, now); !ok {
		return nil, &TooManyError{wait}
	}
	return func() {
		giveAddress()
		s.Names.Give(name)
	}, nil
}

// check is user.check_password of contrib/auth/base_user.py, 5.2. The hash is raised only for who may log in. A
// password that was changed meanwhile is asked again: Django would overwrite it.
func (s *Service) check(
	ctx context.Context, user *djangosession.StoredUser, password string,
) (*djangosession.StoredUser, error) {
	var encoded string // "": the hash stays
	err := s.hash(ctx, func() (err error) {
		encoded, err = s.checkHash(user, password)
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case encoded == "":
		return user, nil
	}
	raised, err := within(ctx, &s.Saver, func(ctx context.Context) (bool, error) {
		return s.Writer.SetPassword(ctx, user.ID, user.Password, encoded)
	})
	if err != nil {
		return nil, err
	}
	again, err := s.byKey(ctx, user.ID) // what the session auth hash is made of has changed
	switch {
	case errors.Is(err, djangosession.ErrUserNotFound):
		return nil, ErrRefused
	case err != nil:
		return nil, err
	case raised && again.Password == encoded:
		return again, nil
	}
	return again, s.hash(ctx, func() error {
		if result, err := s.Passwords.Check(password, again.Password); err != nil || !result.Correct {
			return ErrRefused
		}
		return nil
	})
}

// checkHash checks a password, and makes another hash of it where there has to be one.
func (s *Service) checkHash(user *djangosession.StoredUser, password string) (encoded string, err error) {
	result, err := s.Passwords.Check(password, user.Password)
	switch {
	case errors.Is(err, hashers.ErrPassword): // which says nothing that the log need know
		s.Passwords.Equalize(password)
		return "", ErrRefused
	case err != nil: // Django fails with such a hash, or says that the password is wrong
		s.Passwords.Equalize(password)
		return "", fmt.Errorf("%w: %w", ErrRefused, err)
	case !result.Correct:
		return "", ErrRefused
	case !result.MustUpdate:
		return "", nil
	}
	if _, err := s.through(user); err != nil {
		return "", nil //nolint:nilerr // who may not log in keeps the hash
	}
	if encoded, err = s.Passwords.Make(password); err != nil {
		return "", fmt.Errorf("making a password hash: %w", err)
	}
	return encoded, nil
}

// ByKey is a user who needs no password: has shown another proof, or has just been made. It fails with ErrRefused where
// there is none, or no backend lets the user in.
func (s *Service) ByKey(ctx context.Context, id string) (Authenticated, error) {
	user, err := s.byKey(ctx, id)
	if errors.Is(err, djangosession.ErrUserNotFound) {
		return Authenticated{}, ErrRefused
	}
	if err != nil {
		return Authenticated{}, err
	}
	return s.through(user)
}

func (s *Service) byKey(ctx context.Context, id string) (*djangosession.StoredUser, error) {
	return within(ctx, &s.Saver, func(ctx context.Context) (*djangosession.StoredUser, error) {
		return s.Users.UserByKey(ctx, id)
	})
}

// through is a user with the first backend that lets the user in.
func (s *Service) through(user *djangosession.StoredUser) (Authenticated, error) {
	for _, backend := range s.Backends {
		if s.Rules.LetsIn(backend, user.IsActive) {
			return Authenticated{user, backend}, nil
		}
	}
	return Authenticated{}, ErrRefused
}

// CheckPassword is user.check_password, which raises an old hash. Tries are the caller's to count.
func (s *Service) CheckPassword(ctx context.Context, id, password string) (bool, error) {
	if !canBeText(password) {
		return false, nil
	}
	user, err := s.byKey(ctx, id)
	if err != nil {
		return false, err
	}
	if _, err = s.check(ctx, user, password); errors.Is(err, ErrRefused) {
		return false, nil
	}
	return err == nil, err
}

// MakePassword is make_password. It fails with hashers.ErrPassword for what no login takes for a password.
func (s *Service) MakePassword(ctx context.Context, password string) (encoded string, err error) {
	if !canBeText(password) {
		return "", fmt.Errorf("%w: a login takes 1 to %d bytes of UTF-8", hashers.ErrPassword, MaxText)
	}
	err = s.hash(ctx, func() (err error) {
		encoded, err = s.Passwords.Make(password)
		return err
	})
	return encoded, err
}

// hash makes or checks a hash, when there is room for one more. Stores are asked outside of it: one that does not
// answer takes no room.
func (s *Service) hash(ctx context.Context, do func() error) error {
	waiting, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	select {
	case s.Hashing <- struct{}{}:
		defer func() { <-s.Hashing }()
		return do()
	case <-waiting.Done():
		return ErrBusy
	}
}

// within asks a store, with a deadline of its own: a hash may take longer than a store may. A client who hangs up must
// neither stop a login half-way, nor tear down a database connection under its query.
func within[R any](ctx context.Context, s *Saver, ask func(context.Context) (R, error)) (R, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.Timeout)
	defer cancel()
	return ask(ctx)
}
