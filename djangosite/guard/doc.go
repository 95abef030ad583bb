// Package guard tells a Go service who is logged in at a Django site, and lets pass who may: login_required and
// permission_required of django.contrib.auth, by the verdict of django-sidecar.
//
// [Ask] asks a django-sidecar that runs elsewhere. Package djangosite reads the site's tables in this process; its Site
// has a [Guard], so that the same handlers serve with either. This package links nothing but Go's standard library:
// no driver, no client of a cache, no metrics.
//
// A Guard's middleware is for net/http, and all that takes a func(http.Handler) http.Handler; [User] tells a handler
// who asks. Where nobody could find out who is logged in, the answer is 503, and never "nobody".
package guard
