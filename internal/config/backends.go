package config

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/dbstore"
)

// readBackends reads who may have logged users in, and what decides besides who they are.
func (c *Config) readBackends(r *reader) {
	const backends = "DJANGO_AUTHENTICATION_BACKENDS"
	faults := len(r.faults)
	c.AuthenticationBackends = r.list(backends)
	for _, backend := range c.AuthenticationBackends {
		if !dottedPath.MatchString(backend) {
			r.fault(backends, "has the item "+quote(backend, quotedValue)+", which is not a dotted path")
		}
	}
	if len(c.AuthenticationBackends) == 0 && len(r.faults) == faults {
		r.warn("%s is an empty list: every session is anonymous", backends)
	}
	c.BackendRules = r.backendRules("DJANGO_BACKEND_RULES", c.AuthenticationBackends)
	c.RequireActive = r.flag("SIDECAR_REQUIRE_ACTIVE")
	if c.RequireActive && r.text("DJANGO_AUTH_USER_ACTIVE_COLUMN") == dbstore.NoColumn &&
		!r.value("DJANGO_AUTH_USER_ACTIVE_WHERE").given {
		r.warn("SIDECAR_REQUIRE_ACTIVE refuses nobody: DJANGO_AUTH_USER_ACTIVE_COLUMN is %s, which says that all "+
			"users are active", dbstore.NoColumn)
	}
	c.readMiddleware(r)
}

// readMiddleware reads what is listed, and what those are told that end logins.
func (c *Config) readMiddleware(r *reader) {
	const name, read, autoLogout = "DJANGO_MIDDLEWARE", "SIDECAR_MIDDLEWARE_READ", "DJANGO_AUTO_LOGOUT"
	if r.value(name).given {
		c.Middleware = r.list(name)
	}
	for _, path := range c.Middleware {
		if !dottedPath.MatchString(path) {
			r.fault(name, "has the item "+quote(path, quotedValue)+", which is not a dotted path")
		}
	}
	if r.value(read).given {
		c.MiddlewareRead = r.list(read)
	}
	for _, path := range c.MiddlewareRead {
		if !slices.Contains(c.Middleware, path) {
			r.warn("%s has %s, which is not in %s", read, quote(path, quotedValue), name)
		}
	}
	c.SessionSecurityExpireAfter = r.seconds("DJANGO_SESSION_SECURITY_EXPIRE_AFTER")
	// django_session_timeout/middleware.py, 0.1.0: getattr(settings, "SESSION_EXPIRE_SECONDS",
	// settings.SESSION_COOKIE_AGE)
	if c.SessionExpire = c.SessionCookieAge; r.value("DJANGO_SESSION_EXPIRE_SECONDS").given {
		c.SessionExpire = r.seconds("DJANGO_SESSION_EXPIRE_SECONDS")
	}
	switch {
	case r.value(autoLogout).given:
		c.AutoLogoutIdle = r.idleTime(autoLogout)
	case slices.Contains(c.Middleware, "django_auto_logout.middleware.auto_logout"):
		r.fault(autoLogout, "is not set, and DJANGO_MIDDLEWARE lists django-auto-logout, which needs it: {} if "+
			"Django's settings have none")
	}
}

// idleTime is IDLE_TIME of AUTO_LOGOUT, in whole seconds; zero where there is none.
func (r *reader) idleTime(name string) time.Duration {
	var options map[string]json.RawMessage
	if err := json.Unmarshal([]byte(r.text(name)), &options); err != nil || options == nil {
		r.refuse(name, "a JSON object, with a timedelta as its seconds")
		return 0
	}
	if _, has := options["SESSION_TIME"]; has {
		r.fault(name, "has SESSION_TIME, which goes by last_login of the user and is not followed: leave it out "+
			"if sessions may last longer here than in Django")
	}
	text, has := options["IDLE_TIME"]
	if !has {
		return 0
	}
	const most = int64(math.MaxInt64 / time.Second)
	seconds, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || seconds <= 0 || seconds > most {
		r.fault(name, "has an IDLE_TIME that is no whole number of seconds above 0")
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// backendWords are what DJANGO_BACKEND_RULES may say of a backend.
var backendWords = map[string]djangosession.BackendRule{
	"active":             {Users: djangosession.ActiveUsers},
	"active+permissions": {Users: djangosession.ActiveUsers, Permissions: true},
	"any":                {Users: djangosession.AnyUsers},
	"any+permissions":    {Users: djangosession.AnyUsers, Permissions: true},
}

// backendRules is a JSON object from dotted paths to words. A rule of a backend that is not listed does nothing.
func (r *reader) backendRules(name string, listed []string) map[string]djangosession.BackendRule {
	paths, words, err := jsonObject(r.text(name))
	if err != nil {
		r.refuse(name, "a JSON object of texts in double quotes, without a name that repeats")
		return nil
	}
	if len(paths) == 0 {
		return nil
	}
	rules := make(map[string]djangosession.BackendRule, len(paths))
	for i, path := range paths {
		rule, known := backendWords[words[i]]
		switch {
		case !dottedPath.MatchString(path):
			r.fault(name, "has the name "+quote(path, quotedValue)+", which is not a dotted path")
		case !known:
			r.fault(name, "says "+quote(words[i], quotedValue)+" of "+quote(path, quotedValue)+": it must be active or any, with or without +permissions")
		case !slices.Contains(listed, path):
			r.warn("%s has a rule for %s, which is not in DJANGO_AUTHENTICATION_BACKENDS", name, path)
		}
		rules[path] = rule
	}
	return rules
}

var errNotAnObject = errors.New("it is no JSON object of texts")

// jsonObject reads an object of texts in its order. encoding/json alone would take the last of two values of one name.
func jsonObject(text string) (names, values []string, err error) {
	in := json.NewDecoder(strings.NewReader(text))
	if next(in) != json.Delim('{') {
		return nil, nil, errNotAnObject
	}
	for in.More() {
		name, isName := next(in).(string)
		value, isText := next(in).(string)
		if !isName || !isText || slices.Contains(names, name) {
			return nil, nil, errNotAnObject
		}
		names, values = append(names, name), append(values, value)
	}
	if next(in) != json.Delim('}') {
		return nil, nil, errNotAnObject
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return nil, nil, errNotAnObject
	}
	return names, values, nil
}
