package guard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"

	"django-sidecar/djangosession"
	"django-sidecar/internal/gateway"
	"django-sidecar/internal/middleware"
	"django-sidecar/internal/reply"
)

// Guard knows who is logged in at a Django site. It is safe for concurrent use. The zero Guard knows nobody, and
// answers 503. Close ends it.
type Guard struct {
	// RefusalPage, if not nil, makes the page in place of the JSON of a refusal: a status of 400 and above, of the
	// Require… middleware, of Load, and of a Site's CSRF. message is that of the JSON, which has the origin that a
	// client wrote: escape it. [User] knows who was refused, if anybody is known. nil leaves the JSON, as for a script.
	// Set it before the first request.
	RefusalPage func(r *http.Request, status int, message string) (html []byte)

	source middleware.Source
	login  gateway.LoginURL
	logger *slog.Logger
}

// New is for package djangosite, whose Site reads the tables: no other module can make a source.
func New(source middleware.Source, login gateway.LoginURL, logger *slog.Logger) Guard {
	return Guard{source: source, login: login, logger: logger}
}

var errZero = errors.New("guard: the zero Guard knows nobody: use guard.Ask, djangosite.FromEnv or djangosite.Open")

// Verify gives the verdict on the Cookie headers of a request, for protocols other than HTTP. A verdict without a user
// has a reason. An error says that nobody could find out.
func (g *Guard) Verify(ctx context.Context, cookies []string) (djangosession.Verdict, error) {
	if g == nil || g.source == nil {
		return djangosession.Verdict{}, errZero
	}
	v, err := g.source.Verify(ctx, cookies)
	if err != nil {
		g.logger.WarnContext(ctx, "the login session could not be checked", "error", err.Error())
		return djangosession.Verdict{}, err
	}
	return v, nil
}

// Ready asks the sidecar whether it answers, or the stores what a verdict would. nil says that they can.
func (g *Guard) Ready(ctx context.Context) error {
	if g == nil || g.source == nil {
		return errZero
	}
	return g.source.Ready(ctx)
}

// Close ends what runs in the background, waits for it, and closes the connections. No request may be running through
// the middleware any more: have [http.Server.Shutdown] return first.
func (g *Guard) Close() {
	if g != nil && g.source != nil {
		g.source.Close()
	}
}

// Load lets every request pass, and has [User] tell who asks. Where nobody could find out, the answer is 503 with
// Retry-After. Answers get "Vary: Cookie".
func (g *Guard) Load(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if inner, _, ok := g.loaded(w, r); ok {
			defer middleware.RemoveFiles(inner, r.MultipartForm)
			next.ServeHTTP(w, inner)
		}
	})
}

// Optional is Load, under the name that gateways have for it.
func (g *Guard) Optional(next http.Handler) http.Handler { return g.Load(next) }

// RequireUser lets a logged-in user pass, as Django's login_required. Anybody else is sent to LOGIN_URL by 302 (303
// after another method than GET and HEAD), with the page to return to, if a browser shows the answer as a page. A
// script (fetch, XMLHttpRequest, htmx, a client that accepts no HTML) gets 401, with the login page in X-Sign-In, or
// for htmx in HX-Redirect. Answers get "Vary: Cookie", and "Cache-Control: private" unless the handler sets another
// one; refusals are never stored.
func (g *Guard) RequireUser(next http.Handler) http.Handler {
	return g.require(gateway.Requirements{})(next)
}

// RequireStaff is RequireUser for users with is_staff. A user without it gets 403.
func (g *Guard) RequireStaff(next http.Handler) http.Handler {
	return g.require(gateway.Requirements{Staff: true})(next)
}

// RequireSuperuser is RequireUser for users with is_superuser. A user without it gets 403.
func (g *Guard) RequireSuperuser(next http.Handler) http.Handler {
	return g.require(gateway.Requirements{Superuser: true})(next)
}

// RequireGroup is RequireUser for users who are in all of the groups. Superusers are in their own groups only. It
// panics without a name. Where the user model has no groups that can be read, every request of a user is answered 500.
func (g *Guard) RequireGroup(names ...string) func(http.Handler) http.Handler {
	return g.require(requirements("RequireGroup", "group:", `the name of a group, such as "editors"`, names))
}

// RequirePerm is RequireUser for users who have all of the permissions, each as "app_label.codename": user.has_perms.
// An active superuser has them all. It panics without a permission, and where one has another form. Where the site's
// settings make permissions unknowable (a backend that is not known, a user model without them), every request of a
// user is answered 500.
func (g *Guard) RequirePerm(perms ...string) func(http.Handler) http.Handler {
	return g.require(requirements("RequirePerm", "perm:", `"app_label.codename", such as "reports.view_report"`, perms))
}

// requirements reads names as the sidecar reads require= in a gateway's URL. It panics at a slip in the program, which
// is at its start; form says what to write.
func requirements(method, kind, form string, names []string) (all gateway.Requirements) {
	if len(names) == 0 {
		panic("guard: " + method + "(): write " + form)
	}
	query := url.Values{}
	for _, name := range names {
		query.Add("require", kind+name)
		var err error
		if all, err = gateway.ParseRequirements(query.Encode()); err != nil {
			panic(fmt.Sprintf("guard: %s(%q): write %s", method, name, form))
		}
	}
	return all
}

func (g *Guard) require(demands gateway.Requirements) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			had := r.MultipartForm
			r, v, ok := g.loaded(w, r)
			if !ok {
				return
			}
			defer middleware.RemoveFiles(r, had)
			if a := g.judge(r, v.User, demands); a.Action != gateway.Allow {
				g.refuse(w, r, a)
				return
			}
			w.Header().Set("Cache-Control", "private")
			next.ServeHTTP(w, r)
		})
	}
}

// style is that of a program that answers for itself.
var style = gateway.Style{Redirects: true, Unavailable: http.StatusServiceUnavailable}

// judge looks for groups and permissions only where they are demanded. Who may pass needs no reply.
func (g *Guard) judge(r *http.Request, user *djangosession.User, demands gateway.Requirements) gateway.Answer {
	var access djangosession.Access
	if user != nil && demands.NeedsAccess() {
		var err error
		access, err = g.source.Access(r.Context(), r.Header["Cookie"], user, demands)
		switch {
		case errors.Is(err, middleware.ErrEnded):
			user = nil
		case err != nil:
			g.logger.WarnContext(r.Context(), "groups and permissions could not be checked", "error", err.Error())
			return style.Failed(err)
		}
	}
	if demands.Allows(user, access) {
		return gateway.Answer{Action: gateway.Allow}
	}
	request := original(r)
	return style.Answer(gateway.Judge(request, demands, g.login, user, access), request, g.login)
}

// loaded is the request with its verdict, which an outer middleware of the same Guard may have found. Where it is not
// ok, the answer has been given.
func (g *Guard) loaded(w http.ResponseWriter, r *http.Request) (*http.Request, djangosession.Verdict, bool) {
	if had, ok := r.Context().Value(contextKey{}).(loaded); ok && had.guard == g {
		return r, had.verdict, true
	}
	reply.VariesByCookie(w.Header())
	v, err := g.Verify(r.Context(), r.Header["Cookie"])
	if err != nil {
		g.refuse(w, r, style.Failed(err))
		return r, v, false
	}
	return r.WithContext(context.WithValue(r.Context(), contextKey{}, loaded{g, v})), v, true
}

func (g *Guard) refuse(w http.ResponseWriter, r *http.Request, a gateway.Answer) {
	var page middleware.Page
	if g != nil {
		page = g.RefusalPage
	}
	middleware.Refuse(w, r, a.Reply, page)
}

// original is the request as the rules of gateways see it. A page to return to is left out where it cannot be read.
func original(r *http.Request) gateway.Request {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	uri := r.RequestURI
	if uri == "" || uri[0] != '/' { // of a test, or absolute as for a proxy
		uri = r.URL.RequestURI()
	}
	o, err := gateway.NewRequest(r.Method, scheme, r.Host, uri)
	if err != nil {
		o = gateway.Request{Method: r.Method}
	}
	return gateway.HintsOf(r.Header).About(o)
}

type contextKey struct{}

// loaded is what a context holds.
type loaded struct {
	guard   *Guard
	verdict djangosession.Verdict
}

// User is who is logged in, in the context of a request that has been through a middleware of a Guard. ok is false
// where nobody is, and where no middleware has been.
func User(ctx context.Context) (user djangosession.User, ok bool) {
	v, _ := Verdict(ctx)
	if v.User == nil {
		return djangosession.User{}, false
	}
	return *v.User, true
}

// Verdict is the whole verdict on such a request, with the reason why nobody is logged in. ok is false where no
// middleware has been.
func Verdict(ctx context.Context) (v djangosession.Verdict, ok bool) {
	had, ok := ctx.Value(contextKey{}).(loaded)
	return had.verdict, ok
}
