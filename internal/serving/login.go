package serving

import (
	"context"

	"django-sidecar/handlers"
	"django-sidecar/internal/login"
)

// loginHandler is what /login needs; nil where nobody logs in here.
func (sv *server) loginHandler() *handlers.LoginOptions {
	if !sv.Config.Write.Login {
		return nil
	}
	checker, err := sv.CSRF()
	if err != nil {
		return nil // which the settings have refused
	}
	return &handlers.LoginOptions{
		CSRF: checker, Cookie: sv.SessionCookie,
		Login: func(ctx context.Context, key string, c login.Credentials, address string) (login.LoggedIn, error) {
			a, err := sv.Authenticate(ctx, c, address)
			if err != nil {
				return login.LoggedIn{}, err
			}
			return sv.Login(ctx, key, a)
		},
	}
}
