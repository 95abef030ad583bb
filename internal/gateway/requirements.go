package gateway

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// Requirements are what the operator's own URL demands of a user. All of it must hold. The zero value demands a user.
type Requirements struct {
	// Staff and Superuser demand the flags of Django's admin.
	Staff, Superuser bool
	// Groups are the names of groups that the user must be in. Superusers are in their own groups only.
	Groups []string
	// Permissions are what the user must have, each as "app_label.codename". An active superuser has them all.
	Permissions []string
	// Optional lets a request without a user pass, with an empty identity. A user is judged as without it.
	Optional bool
	// Preflight lets a CORS preflight pass, with an empty identity: it never has a cookie.
	Preflight bool
}

// ParseRequirements reads the query of the operator's URL, or whatever else of the operator's has its form:
// require=staff, require=superuser, require=group:NAME, require=perm:app_label.codename, each as often as wanted,
// optional=1, and preflight=1. Names are percent-encoded as in every query, and a comma is a part of a name. Anything
// else is an error that names it, because a requirement that is not understood must not pass for one that is met.
func ParseRequirements(rawQuery string) (Requirements, error) {
	return ParseRequirementsBeside(rawQuery, "")
}

// ParseRequirementsBeside is ParseRequirements where a gateway may hand on the client's query in place of the
// operator's, as Caddy's forward_auth does when its uri has no question mark. What the original request's query has
// too may be the client's: of that only require= counts, which can make the decision no laxer. What is not understood
// is passed over only where the whole query may be the client's and has no require=.
func ParseRequirementsBeside(rawQuery, originalQuery string) (Requirements, error) {
	query, err := url.ParseQuery(rawQuery)
	passedOver := rawQuery == originalQuery && !query.Has("require") && !demands(rawQuery)
	if err != nil && !passedOver {
		return Requirements{}, fmt.Errorf("reading the requirements: %w", err)
	}
	original, _ := url.ParseQuery(originalQuery) // of what is malformed, the rest
	var r Requirements
	for _, name := range slices.Sorted(maps.Keys(query)) {
		_, clients := original[name]
		for _, value := range query[name] {
			switch {
			case name == "require":
				if err := r.add(value); err != nil {
					return Requirements{}, err
				}
			case clients && (name == "optional" || name == "preflight"):
			case name == "optional" && value == "1":
				r.Optional = true
			case name == "preflight" && value == "1":
				r.Preflight = true
			case name == "optional" || name == "preflight":
				return Requirements{}, fmt.Errorf("%s=%q: it can only be 1; leave it out otherwise", name, value)
			case !passedOver:
				return Requirements{}, fmt.Errorf("unknown option %q: there are require, optional and preflight", name)
			}
		}
	}
	return r, nil
}

// demands says whether there is a require= in a query that may be malformed, of which url.ParseQuery leaves parts out.
func demands(rawQuery string) bool {
	for field := range strings.FieldsFuncSeq(rawQuery, func(r rune) bool { return r == '&' || r == ';' }) {
		if name, _, _ := strings.Cut(field, "="); name == "require" {
			return true
		}
	}
	return false
}

// add takes one require=.
func (r *Requirements) add(requirement string) error {
	kind, name, named := strings.Cut(requirement, ":")
	switch {
	case !utf8.ValidString(requirement):
		return fmt.Errorf("requirement %q is not UTF-8", requirement)
	case requirement == "staff":
		r.Staff = true
	case requirement == "superuser":
		r.Superuser = true
	case kind == "group" && named && name != "":
		r.Groups = append(r.Groups, name)
	case kind == "perm" && named && isPermission(name):
		r.Permissions = append(r.Permissions, name)
	case kind == "group" || kind == "perm":
		return fmt.Errorf("malformed requirement %q: write group:NAME or perm:app_label.codename", requirement)
	default:
		return fmt.Errorf("unknown requirement %q: write require=staff, superuser, group:NAME or "+
			"perm:app_label.codename, and another require= for each further one", requirement)
	}
	return nil
}

// isPermission: an app label is an identifier of Python, so that the first dot ends it; a codename is any text
// (contrib/auth/models.py, 5.2, Permission).
func isPermission(name string) bool {
	label, codename, _ := strings.Cut(name, ".")
	return label != "" && codename != ""
}

// NeedsAccess says whether the decision depends on the user's groups and permissions. Where it does, no answer can be
// given without them: a failing store is Unavailable, and djangosession.ErrNoPermissionsMixin a fault of the
// configuration. Where it does not, they only fill Remote-Groups: a user model without groups has none, and a failing
// store is still Unavailable, because an application may take "no groups" for a right.
func (r Requirements) NeedsAccess() bool {
	return len(r.Groups) > 0 || len(r.Permissions) > 0
}
