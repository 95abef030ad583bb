package djangosite

import (
	"context"

	"django-sidecar/djangosession"
	"django-sidecar/djangosite/tokens"
	"django-sidecar/internal/sidecar"
)

// ErrBadToken says that a link is of nobody, or that its token is not right, was used, or is too old.
var ErrBadToken = sidecar.ErrBadToken

// PasswordResetToken makes what Django's view password_reset_confirm takes: the uidb64 and the token of a link, by
// default_token_generator. Whoever has it may set the user's password, so that it goes to the user's address alone.
//
// The error is [djangosession.ErrUserNotFound], or [ErrRefused] for a user to whom Django sends no link, who is
// inactive or has no usable password: tell the visitor of neither. Any other says that nobody could find out. It needs
// SECRET_KEY, and the columns password and last_login: the role of `django-sidecar sql -what role -tokens` may read
// them.
func (s *Site) PasswordResetToken(ctx context.Context, user djangosession.User) (uidb64, token string, err error) {
	l, err := s.local()
	if err != nil {
		return "", "", err
	}
	if token, err = l.MakeToken(ctx, user.ID); err != nil {
		return "", "", err
	}
	return tokens.EncodeUID(user.ID), token, nil
}

// PasswordResetUser returns the user of a link that Django or [Site.PasswordResetToken] has made: check_token of
// default_token_generator, by PASSWORD_RESET_TIMEOUT. Like Django, it does not ask whether the user may log in.
//
// The error is [ErrBadToken], or says that nobody could find out. It needs what PasswordResetToken does.
func (s *Site) PasswordResetUser(ctx context.Context, uidb64, token string) (djangosession.User, error) {
	l, err := s.local()
	if err != nil {
		return djangosession.User{}, err
	}
	user, err := l.CheckToken(ctx, uidb64, token)
	if err != nil {
		return djangosession.User{}, err
	}
	return user.User, nil
}
