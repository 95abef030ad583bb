package djangosite

import (
	"context"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"

	"django-sidecar/djangosession"
	"django-sidecar/internal/check"
	"django-sidecar/internal/csrfhttp"
	"django-sidecar/internal/gateway"
	"django-sidecar/internal/reply"
)

// Load lets every request pass, and has [User] tell who asks. Where nobody could find out, the answer is 503 with
// Retry-After. Answers get "Vary: Cookie".
func (s *Site) Load(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if inner, _, ok := s.loaded(w, r); ok {
			defer removeFiles(inner, r.MultipartForm)
			next.ServeHTTP(w, inner)
		}
	})
}

// Optional is Load, under the name that gateways have for it.
func (s *Site) Optional(next http.Handler) http.Handler { return s.Load(next) }

// RequireUser lets a logged-in user pass, as Django's login_required. Anybody else is sent to LOGIN_URL by 302 (303
// after another method than GET and HEAD), with the page to return to, if a browser shows the answer as a page. A
// script (fetch, XMLHttpRequest, htmx, a client that accepts no HTML) gets 401, with the login page in X-Sign-In, or
// for htmx in HX-Redirect. Answers get "Vary: Cookie", and "Cache-Control: private" unless the handler sets another
// one; refusals are never stored.
func (s *Site) RequireUser(next http.Handler) http.Handler {
	return s.require(gateway.Requirements{})(next)
}

// RequireStaff is RequireUser for users with is_staff. A user without it gets 403.
func (s *Site) RequireStaff(next http.Handler) http.Handler {
	return s.require(gateway.Requirements{Staff: true})(next)
}

// RequireSuperuser is RequireUser for users with is_superuser. A user without it gets 403.
func (s *Site) RequireSuperuser(next http.Handler) http.Handler {
	return s.require(gateway.Requirements{Superuser: true})(next)
}

// RequireGroup is RequireUser for users who are in all of the groups. Superusers are in their own groups only. It
// panics without a name.
func (s *Site) RequireGroup(names ...string) func(http.Handler) http.Handler {
	return s.require(requirements("RequireGroup", "group:", `the name of a group, such as "editors"`, names))
}

// RequirePerm is RequireUser for users who have all of the permissions, each as "app_label.codename": user.has_perms.
// An active superuser has them all. It panics without a permission, and where one has another form. Where the site's
// settings make permissions unknowable (a backend that is not known, a user model without them), every request of a
// user is answered 500.
func (s *Site) RequirePerm(perms ...string) func(http.Handler) http.Handler {
	return s.require(requirements("RequirePerm", "perm:", `"app_label.codename", such as "reports.view_report"`, perms))
}

// requirements reads names as the sidecar reads require= in a gateway's URL. It panics at a slip in the program, which
// is at its start; form says what to write.
func requirements(method, kind, form string, names []string) (all gateway.Requirements) {
	if len(names) == 0 {
		panic("djangosite: " + method + "(): write " + form)
	}
	query := url.Values{}
	for _, name := range names {
		query.Add("require", kind+name)
		var err error
		if all, err = gateway.ParseRequirements(query.Encode()); err != nil {
			panic(fmt.Sprintf("djangosite: %s(%q): write %s", method, name, form))
		}
	}
	return all
}

func (s *Site) require(demands gateway.Requirements) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, had := r.Context(), r.MultipartForm
			r, v, ok := s.loaded(w, r)
			if !ok {
				return
			}
			defer removeFiles(r, had)
			q := check.Question{Demands: demands, Cookies: r.Header["Cookie"]}
			if v.User == nil || demands.NeedsAccess() { // who is sent to sign in comes back to this page
				q.Original = original(r)
			}
			if a := s.source.judge(ctx, q, v); a.Action != gateway.Allow {
				s.answer(w, r, a.Reply)
				return
			}
			w.Header().Set("Cache-Control", "private")
			next.ServeHTTP(w, r)
		})
	}
}

// loaded is the request with its verdict, which an outer middleware of the same site may have found. Where it is not
// ok, the answer has been given.
func (s *Site) loaded(w http.ResponseWriter, r *http.Request) (*http.Request, djangosession.Verdict, bool) {
	if had, ok := r.Context().Value(contextKey{}).(loaded); ok && had.site == s {
		return r, had.verdict, true
	}
	csrfhttp.VariesByCookie(w.Header())
	v, err := s.Verify(r.Context(), r.Header["Cookie"])
	if err != nil {
		s.answer(w, r, reply.Unavailable)
		return r, v, false
	}
	return r.WithContext(context.WithValue(r.Context(), contextKey{}, loaded{s, v})), v, true
}

// removeFiles removes the files of a form that was read while a request was answered. net/http does so for its own request,
// and knows nothing of a copy's.
func removeFiles(r *http.Request, had *multipart.Form) {
	if r.MultipartForm != nil && r.MultipartForm != had {
		_ = r.MultipartForm.RemoveAll() // somebody may have removed them
	}
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
	return check.HintsOf(r.Header).About(o)
}

// answer refuses a request.
func (s *Site) answer(w http.ResponseWriter, r *http.Request, told reply.Reply) {
	h := w.Header()
	for _, field := range told.Header {
		h.Set(field.Name, field.Value)
	}
	h.Set("Cache-Control", "no-store")
	var body []byte
	if s != nil && s.RefusalPage != nil && told.Status >= http.StatusBadRequest {
		body = s.RefusalPage(r, told.Status, told.Message)
	}
	switch {
	case body != nil:
		h.Set("Content-Type", "text/html; charset=utf-8")
	case told.Message != "":
		body = told.JSON()
		h.Set("Content-Type", "application/json")
	}
	w.WriteHeader(told.Status)
	_, _ = w.Write(body) // whoever asked may be gone
}

type contextKey struct{}

// loaded is what a context holds.
type loaded struct {
	site    *Site
	verdict djangosession.Verdict
}

// User is who is logged in, in the context of a request that has been through a middleware of a Site. ok is false where
// nobody is, and where no middleware has been.
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
