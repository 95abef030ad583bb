package sidecar

import (
	"context"
	"errors"
	"fmt"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosite/hashers"
	"django-sidecar/djangosite/tokens"
	"django-sidecar/internal/login"
)

// ErrBadToken says that a link is of nobody, or that its token is not right or too old.
var ErrBadToken = errors.New("the token is not right, or too old")

// MakeToken is a token of default_token_generator for the user whose primary key is id. It fails with login.ErrRefused
// for a user to whom PasswordResetForm of Django would send none.
func (l *Local) MakeToken(ctx context.Context, id string) (string, error) {
	d := l.Current()
	g, err := d.tokens()
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, d.config.StoreTimeout)
	defer cancel()
	user, err := d.users.UserByKey(ctx, id)
	if err != nil {
		return "", err
	}
	// contrib/auth/forms.py, 5.2, get_users: is_active=True and has_usable_password()
	active := user.IsActive == djangosession.True || user.IsActive == djangosession.AbsentFlag
	if !active || !hashers.IsUsable(user.Password) {
		return "", login.ErrRefused
	}
	of, err := d.tokenUser(ctx, user)
	if err != nil {
		return "", err
	}
	return g.Make(of, time.Now()), nil
}

// CheckToken returns the user of a link, if the token is the user's. It fails with ErrBadToken.
func (l *Local) CheckToken(ctx context.Context, uid, token string) (*djangosession.StoredUser, error) {
	d := l.Current()
	g, err := d.tokens()
	if err != nil {
		return nil, err
	}
	id, err := tokens.DecodeUID(uid)
	if err != nil {
		return nil, ErrBadToken
	}
	pk, err := djangosession.ValueOf(d.version, id)
	if err != nil {
		return nil, ErrBadToken
	}
	ctx, cancel := context.WithTimeout(ctx, d.config.StoreTimeout)
	defer cancel()
	// contrib/auth/views.py, 5.2, get_user: UserModel._meta.pk.to_python(uid)
	user, err := d.users.UserByID(ctx, pk)
	if errors.Is(err, djangosession.ErrUserNotFound) || errors.Is(err, djangosession.ErrBadUserID) {
		return nil, ErrBadToken
	}
	if err != nil {
		return nil, err
	}
	of, err := d.tokenUser(ctx, user)
	if err != nil {
		return nil, err
	}
	if !g.Check(of, token, time.Now()) {
		return nil, ErrBadToken
	}
	return user, nil
}

// tokens is what makes and checks tokens, by the current keys.
func (d *Deployment) tokens() (*tokens.Generator, error) {
	c := d.config
	if d.users == nil {
		return nil, errNoUsers
	}
	if d.keys.derived {
		return nil, errors.New("tokens need SECRET_KEY: DJANGO_SESSION_KEYS make none")
	}
	if c.AuthHash.Function != "" {
		return nil, errors.New("tokens need the password column, which is not read with SIDECAR_AUTH_HASH_FUNCTION")
	}
	primary, fallbacks := d.keys.unnoted()
	return tokens.New(tokens.Options{
		Version: d.version, SecretKey: primary, SecretKeyFallbacks: fallbacks, HashingAlgorithm: hashingAlgorithm(c),
		TimeZone: c.TimeZone, Timeout: c.PasswordResetTimeout,
	})
}

// tokenUser is what a user's token is made of.
func (d *Deployment) tokenUser(ctx context.Context, u *djangosession.StoredUser) (tokens.User, error) {
	at, err := d.users.LastLogin(ctx, u.ID, d.zone())
	if err != nil {
		return tokens.User{}, fmt.Errorf("a token needs the last login, which `django-sidecar sql -what role -tokens` "+
			"lets a role read: %w", err)
	}
	of := tokens.User{ID: u.ID, Password: u.Password, LastLogin: at}
	if u.Email != nil {
		of.Email = *u.Email
	}
	return of, nil
}
