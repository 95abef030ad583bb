// Package djangosite makes a Go service a part of a Django site: it knows who is logged in, from the same sessions,
// users, groups and permissions, by the verdict of django-sidecar.
//
// [FromEnv] and [Open] read the site's tables in this process, with the settings of django-sidecar; [Ask] asks a
// django-sidecar that runs elsewhere, and package guard does so without linking a driver. What they return is the same
// [Site]. Its middleware is for net/http, and all that takes a func(http.Handler) http.Handler; [User] tells a handler
// who asks.
//
// A site that cannot find out who is logged in answers 503, and never "nobody".
package djangosite
