package djangosite

import (
	"context"
	"net/http"

	"django-sidecar/internal/csrf"
	"django-sidecar/internal/csrfhttp"
	"django-sidecar/internal/middleware"
	"django-sidecar/internal/reply"
)

// CSRF is Django's CsrfViewMiddleware, by the settings of the site: a request with another method than GET, HEAD,
// OPTIONS and TRACE must have the csrftoken cookie, and its token in the header X-CSRFToken or in the field
// csrfmiddlewaretoken of a form. From Django 4.0 on, an Origin must be the site's own or one of CSRF_TRUSTED_ORIGINS;
// without one, a request that came by https must have such a Referer. Anything else gets 403. Django takes the tokens
// of [CSRFToken], and its own are taken here.
//
// A form's body is read for its token, and r.PostForm has it then: up to 10 MB, or 32 MB in memory where the form has
// files. Bound it with [http.MaxBytesHandler] around this, or send the token in the header: then a form with files is
// not read. Whether a request came by https is known from r.TLS, or from SECURE_PROXY_SSL_HEADER; its host is that of
// USE_X_FORWARDED_HOST where that is set.
//
// CSRF panics for a site of [Ask], which does not know these settings, and with CSRF_USE_SESSIONS.
func (s *Site) CSRF(next http.Handler) http.Handler {
	c := s.csrfChecker()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer middleware.RemoveFiles(r, r.MultipartForm)
		state := c.Read(w.Header(), r, now())
		if err := state.Check(r, csrfhttp.FormField); err != nil {
			s.logger.WarnContext(r.Context(), "CSRF verification failed",
				"reason", csrf.ForLog(err).Error(), "method", r.Method, "path", r.URL.Path)
			refusal := reply.NotOfThisSite
			refusal.Message += " Here, " + err.Error() + "."
			middleware.Refuse(w, r, refusal, s.RefusalPage)
			return
		}
		v := &visit{site: s, State: state, answer: &answered{ResponseWriter: w}}
		inner := r.WithContext(context.WithValue(r.Context(), visitKey{}, v))
		defer middleware.RemoveFiles(inner, r.MultipartForm)
		next.ServeHTTP(v.answer, inner)
	})
}

// CSRFToken is Django's get_token: a token for the form or the script of a page, whose request has been through
// [Site.CSRF]. It is another one each time. It sets the csrftoken cookie, so that it must be called before the
// answer's first byte: not by a template that is being executed, but for its data. Called later, it is logged as an
// error, once, and a browser that lacks the cookie is refused when it sends the form. It panics where no Site.CSRF has
// been.
func CSRFToken(w http.ResponseWriter, r *http.Request) string {
	v, _ := r.Context().Value(visitKey{}).(*visit)
	if v == nil {
		panic("djangosite: CSRFToken: put the CSRF middleware of the site around the handler")
	}
	v.sets(r, "CSRFToken")
	return v.Token(w.Header(), now())
}

// visit is a request behind [Site.CSRF].
type visit struct {
	*csrfhttp.State

	site    *Site
	answer  *answered
	session *string // the key of the session that the answer begins or goes on with, "" where it ends one; nil: neither
}

type visitKey struct{}

// visitOf is nil where no CSRF of this site has been.
func (s *Site) visitOf(r *http.Request) *visit {
	v, _ := r.Context().Value(visitKey{}).(*visit)
	if v == nil || v.site != s {
		return nil
	}
	return v
}

func (s *Site) csrfChecker() *csrfhttp.Checker {
	l, err := s.local()
	if err != nil {
		panic("djangosite: CSRF: " + err.Error())
	}
	checker, err := l.CSRF()
	if err != nil {
		panic("djangosite: CSRF: " + err.Error())
	}
	return checker
}
