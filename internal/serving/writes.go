package serving

import (
	"django-sidecar/handlers"
)

// writesHandler is what /touch and /logout need; nil where nobody is kept alive or logged out here.
func (sv *server) writesHandler() *handlers.WriteOptions {
	w := sv.Config.Write
	if !w.Touch && !w.Logout {
		return nil
	}
	checker, err := sv.CSRF()
	if err != nil {
		return nil // which the settings have refused
	}
	o := &handlers.WriteOptions{CSRF: checker, Ended: sv.Config.SessionCookie.Attributes.Ended}
	if w.Touch {
		o.Touch = sv.Touch
	}
	if w.Logout {
		o.Logout = sv.Logout
	}
	return o
}
