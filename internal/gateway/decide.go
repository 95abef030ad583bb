package gateway

import (
	"slices"

	"django-sidecar/djangosession"
)

// Action is what is to be done with a request. The zero Action is no yes: it says that nobody found out.
type Action uint8

// The actions.
const (
	Unavailable Action = iota // it could not be found out
	SignIn                    // there is no user
	Forbidden                 // there is one, who lacks a requirement
	Allow                     // the request may pass
)

// String is the action's name in the log.
func (a Action) String() string {
	return [...]string{"unavailable", "sign in", "forbidden", "allow"}[a]
}

// Decision is what Judge makes of a request. The zero Decision is Unavailable.
type Decision struct {
	Action Action
	// Identity is who is allowed. It is empty with any other action.
	Identity Identity
	// Location is where the browser is sent to log in. It is empty for no redirect.
	Location string
	// Missing is the first requirement that a user who is Forbidden lacks, as the operator's URL writes it, for the
	// log.
	Missing string
}

// Judge is the whole decision: what Decide says, and for a page navigation that has to sign in, where. An adapter whose
// gateway redirects by itself, as nginx does, takes LoginURL.Location for every SignIn instead.
func Judge(request Request, demands Requirements, login LoginURL, user *djangosession.User, access djangosession.Access) Decision {
	if demands.Preflight && request.Preflight {
		return Decision{Action: Allow} // whoever asks: a preflight has no user
	}
	action, identity := demands.Decide(user, access)
	d := Decision{Action: action, Identity: identity}
	switch {
	case action == SignIn && request.Navigation:
		d.Location = login.Location(request)
	case action == Forbidden:
		d.Missing = demands.missing(user, access)
	}
	return d
}

// Decide judges a user, nil for nobody, by what they may do. The identity is that of the user who is allowed; it is
// empty with any other action, and where nobody is allowed because a user is optional.
func (r Requirements) Decide(user *djangosession.User, access djangosession.Access) (Action, Identity) {
	switch {
	case r.Allows(user, access):
		return Allow, identityOf(user, access)
	case user == nil && r.Optional:
		return Allow, Identity{}
	case user == nil:
		return SignIn, Identity{}
	}
	return Forbidden, Identity{} // never SignIn: the login page would send the user back here at once
}

// Allows reports whether there is a user, who has all that is demanded.
func (r Requirements) Allows(user *djangosession.User, access djangosession.Access) bool {
	return user != nil && r.missing(user, access) == ""
}

// missing returns the first requirement that does not hold, "" where all do. A flag that is NULL, or that the model
// lacks, is not set.
func (r Requirements) missing(user *djangosession.User, access djangosession.Access) string {
	switch {
	case r.Staff && user.IsStaff != djangosession.True:
		return "staff"
	case r.Superuser && user.IsSuperuser != djangosession.True:
		return "superuser"
	}
	for _, name := range r.Groups {
		if !slices.Contains(access.Groups, name) {
			return "group:" + name
		}
	}
	// contrib/auth/models.py, 5.2, has_perm: active superusers have all permissions.
	if user.IsSuperuser == djangosession.True && access.IsActive {
		return ""
	}
	for _, name := range r.Permissions {
		if _, ok := access.Permissions[name]; !ok {
			return "perm:" + name
		}
	}
	return ""
}
