package handlers

import (
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/warm"
)

// body is the JSON of a verdict.
type body struct {
	result  bool
	message string
	user    *djangosession.User  // what is not known of it is left out
	expires time.Time            // left out where it is zero
	reason  djangosession.Reason // with SIDECAR_EXPLAIN only
}

// appendJSON appends the body.
func (a *body) appendJSON(b []byte) []byte {
	o := warm.NewJSONObject(b)
	o.Bool("result", a.result)
	o.String("message", a.message)
	if u := a.user; u != nil {
		user := o.Object("user")
		user.String("id", u.ID)
		if u.Username != nil {
			user.String("username", *u.Username)
		}
		if u.Email != nil {
			user.String("email", *u.Email)
		}
		if known(u.IsStaff) {
			user.Bool("is_staff", u.IsStaff == djangosession.True)
		}
		if known(u.IsSuperuser) {
			user.Bool("is_superuser", u.IsSuperuser == djangosession.True)
		}
		o.EndObject(user)
	}
	if !a.expires.IsZero() {
		o.Time("expires", a.expires.UTC(), time.RFC3339)
	}
	if a.reason != "" {
		o.String("reason", string(a.reason))
	}
	return o.End()
}

func known(f djangosession.Flag) bool { return f == djangosession.True || f == djangosession.False }
