package sidecar

import (
	"fmt"
	"slices"

	"django-sidecar/djangosession"
)

// Warnings are what the settings alone tell of this deployment, for the start of serve and for check: one sentence
// each.
func (d *Deployment) Warnings() []string {
	c := d.config
	list := slices.Clone(c.Warnings)
	for _, path := range c.AuthenticationBackends {
		_, ruled := c.BackendRules[path]
		_, known := djangosession.KnownBackend(path)
		switch {
		case ruled && known:
			list = append(list, fmt.Sprintf("DJANGO_BACKEND_RULES has a rule for %s, whose rule is known: "+
				"yours counts", path))
		case !ruled && !known:
			list = append(list, fmt.Sprintf("backend %s of DJANGO_AUTHENTICATION_BACKENDS is not known: its users "+
				"are judged as ModelBackend's, "+
				"and it gives no permissions; DJANGO_BACKEND_RULES can say what its get_user and has_perm do", path))
		}
	}
	if err := d.verifier.Permissions(); err != nil {
		list = append(list, fmt.Sprintf("require=perm is refused: %v; DJANGO_BACKEND_RULES can say that a backend "+
			"has them (active+permissions)", err))
	}
	if c.Middleware != nil && !slices.Contains(c.Middleware, authenticationMiddleware) {
		list = append(list, "DJANGO_MIDDLEWARE does not list "+authenticationMiddleware+": is something else asked "+
			"who the user is?")
	}
	for _, path := range c.Middleware {
		if djangosession.EffectOf(path) == djangosession.UnknownEffect && slices.Contains(c.MiddlewareRead, path) {
			continue
		}
		if text := middlewareWarning(path); text != "" {
			list = append(list, text)
		}
	}
	return list
}

const authenticationMiddleware = "django.contrib.auth.middleware.AuthenticationMiddleware"

// middlewareWarning says what an item of MIDDLEWARE changes, "" for nothing.
func middlewareWarning(path string) string {
	switch djangosession.EffectOf(path) {
	case djangosession.NoEffect, djangosession.OwnTimeout: // both are followed
	case djangosession.UnknownEffect:
		return fmt.Sprintf("middleware %s of DJANGO_MIDDLEWARE is not known: if it logs users out, or puts others "+
			"in their place, that is not seen here", path)
	case djangosession.Impersonation:
		return fmt.Sprintf("middleware %s puts another user in the place of the one who has logged in: sessions in "+
			"which it does are nobody's here", path)
	case djangosession.RemoteUserLogout:
		return fmt.Sprintf("middleware %s logs users of RemoteUserBackend out unless the web server names them: "+
			"their sessions are nobody's here", path)
	}
	return ""
}

// cause says what a package or a middleware has to do with a session that is nobody's, "" where that is not it.
func (d *Deployment) cause(v djangosession.Verdict) string {
	if v.Session == nil {
		return ""
	}
	backend, _ := v.Session.AuthBackend.Text()
	switch {
	case v.Reason == djangosession.UnknownBackend && slices.Contains(d.config.AuthenticationBackends, backend):
		return "the backend is listed and knows no users, or RemoteUserMiddleware logs them out: see docs/backends.md"
	case v.Reason == djangosession.Expired:
		return "a middleware of DJANGO_MIDDLEWARE ends logins after a time, which has passed: see docs/backends.md"
	case v.Reason == djangosession.Anonymous && v.Session.Impersonation() != "":
		return "the session has the entry " + v.Session.Impersonation() + ", by which a middleware puts another " +
			"user in place of its own: see docs/backends.md"
	}
	return ""
}
