package djangosite

import (
	"context"
	"net/http"

	"django-sidecar/djangosession"
	"django-sidecar/djangosite/guard"
)

// guard is the Site's Guard, and nil for a nil Site: the methods below are the Guard's, and a nil Site, too, knows
// nobody.
func (s *Site) guard() *guard.Guard {
	if s == nil {
		return nil
	}
	return &s.Guard
}

// Load lets every request pass, and has [User] tell who asks: see [guard.Guard.Load].
func (s *Site) Load(next http.Handler) http.Handler { return s.guard().Load(next) }

// Optional is Load, under the name that gateways have for it.
func (s *Site) Optional(next http.Handler) http.Handler { return s.Load(next) }

// RequireUser lets a logged-in user pass, as Django's login_required: see [guard.Guard.RequireUser].
func (s *Site) RequireUser(next http.Handler) http.Handler { return s.guard().RequireUser(next) }

// RequireStaff is RequireUser for users with is_staff: see [guard.Guard.RequireStaff].
func (s *Site) RequireStaff(next http.Handler) http.Handler { return s.guard().RequireStaff(next) }

// RequireSuperuser is RequireUser for users with is_superuser: see [guard.Guard.RequireSuperuser].
func (s *Site) RequireSuperuser(next http.Handler) http.Handler {
	return s.guard().RequireSuperuser(next)
}

// RequireGroup is RequireUser for users who are in all of the groups: see [guard.Guard.RequireGroup].
func (s *Site) RequireGroup(names ...string) func(http.Handler) http.Handler {
	return s.guard().RequireGroup(names...)
}

// RequirePerm is RequireUser for users who have all of the permissions, each as "app_label.codename": see
// [guard.Guard.RequirePerm].
func (s *Site) RequirePerm(perms ...string) func(http.Handler) http.Handler {
	return s.guard().RequirePerm(perms...)
}

// Verify gives the verdict on the Cookie headers of a request, for protocols other than HTTP: see [guard.Guard.Verify].
func (s *Site) Verify(ctx context.Context, cookies []string) (djangosession.Verdict, error) {
	return s.guard().Verify(ctx, cookies)
}

// Ready asks the stores what a verdict would, or the sidecar whether it answers. nil says that they can.
func (s *Site) Ready(ctx context.Context) error { return s.guard().Ready(ctx) }

// Close ends what the site runs in the background, waits for it, and closes its connections. No request may be running
// through the site any more, and no call of it, such as [Site.UpdateSession] of a job: have [http.Server.Shutdown] return
// first. A call that runs all the same fails, or, if a secret has changed since it began, Close waits for it: for ever
// where its function never returns.
func (s *Site) Close() { s.guard().Close() }

// User is [guard.User]: who is logged in, in the context of a request that has been through a middleware of a Site or a
// Guard.
func User(ctx context.Context) (user djangosession.User, ok bool) { return guard.User(ctx) }

// Verdict is [guard.Verdict]: the whole verdict on such a request, with the reason why nobody is logged in.
func Verdict(ctx context.Context) (v djangosession.Verdict, ok bool) { return guard.Verdict(ctx) }
