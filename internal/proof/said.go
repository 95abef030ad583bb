package proof

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"django-sidecar/djangosession"
)

// Said is what Django says of a session. The zero Said is nobody.
type Said struct {
	// User is str(user.pk), nil for nobody.
	User *string
	// IsUsername reports whether a text is the user's name; nil where that is not said.
	IsUsername func(string) bool
	Rights
	// Every says that Permissions are all that the user has.
	Every bool
	// All are permissions of which the user has none but those in Permissions; nil where that is not said.
	All []string
}

// Rights are what Django says of a user beside the name. What is nil is not said.
type Rights struct {
	IsStaff     *bool    `json:"is_staff"`
	IsSuperuser *bool    `json:"is_superuser"`
	Groups      []string `json:"groups"`
	// Permissions are names, each as "app_label.codename", with what has_perm says.
	Permissions map[string]bool `json:"permissions"`
}

// Known is what the sidecar knows of the same session.
type Known struct {
	djangosession.Verdict
	djangosession.Access
	// NoPermissions says that permissions cannot be demanded here; requests that do are refused.
	NoPermissions bool
}

// Difference is something in which the two are not of one mind.
type Difference struct {
	// What differs: user, username, is_staff, is_superuser, groups or permissions.
	What string
	// Reason is why the sidecar has no user, where Django has one.
	Reason djangosession.Reason
	// Django and Sidecar are what each says.
	Django, Sidecar string
}

// Kind names differences that have one cause: what differs, and why.
func (d Difference) Kind() string {
	switch {
	case d.What != "user":
		return d.What
	case d.Sidecar == nobody:
		return "user: " + string(d.Reason)
	case d.Django == nobody:
		return "user: only here"
	}
	return "user: another one"
}

const nobody = "nobody"

// Differences are those between what Django says and what the sidecar knows. Of two different users nothing else is
// compared.
func (s Said) Differences(k Known) []Difference {
	django, here, reason := nobody, nobody, k.Reason
	if s.User != nil {
		django = "user " + *s.User
	}
	if k.User != nil {
		here, reason = "user "+k.User.ID, ""
	}
	switch {
	case django != here:
		return []Difference{{"user", reason, django, here}}
	case s.User == nil:
		return nil
	}
	var found []Difference
	if k.User.Username != nil && s.IsUsername != nil && !s.IsUsername(*k.User.Username) {
		found = append(found, Difference{What: "username", Django: "another name", Sidecar: "a name that is not " +
			"the user's in Django"})
	}
	return slices.Concat(found, s.flags(k), s.groups(k), s.permissions(k))
}

func (s Said) flags(k Known) (found []Difference) {
	for _, f := range []struct {
		what   string
		django *bool
		here   djangosession.Flag
	}{{"is_staff", s.IsStaff, k.User.IsStaff}, {"is_superuser", s.IsSuperuser, k.User.IsSuperuser}} {
		if f.django != nil && *f.django != (f.here == djangosession.True) {
			found = append(found, Difference{What: f.what, Django: fmt.Sprint(*f.django), Sidecar: flagText(f.here)})
		}
	}
	return found
}

func flagText(f djangosession.Flag) string {
	switch f {
	case djangosession.True:
		return "true"
	case djangosession.False:
		return "false"
	case djangosession.NullFlag:
		return "NULL"
	case djangosession.AbsentFlag:
	}
	return "no such column"
}

func (s Said) groups(k Known) []Difference {
	if s.Groups == nil {
		return nil
	}
	django := slices.Compact(slices.Sorted(slices.Values(s.Groups)))
	if slices.Equal(django, k.Groups) {
		return nil
	}
	return []Difference{{What: "groups", Django: some(django), Sidecar: some(k.Groups)}}
}

// Permitted reports whether permissions can be compared: those of a sidecar that refuses to judge them cannot.
func (k Known) Permitted() bool { return !k.NoPermissions && !k.PermissionsUnknown }

func (s Said) permissions(k Known) []Difference {
	// contrib/auth/models.py, 5.2, has_perm: active superusers have all permissions.
	if s.Permissions == nil || !k.Permitted() {
		return nil
	}
	everything := k.User.IsSuperuser == djangosession.True && k.IsActive
	var missing, more []string
	for name, has := range s.Permissions {
		_, here := k.Permissions[name]
		switch here = here || everything; {
		case has && !here:
			missing = append(missing, name)
		case here && !has:
			more = append(more, name)
		}
	}
	for name := range k.Permissions {
		if _, said := s.Permissions[name]; s.Every && !said && !everything {
			more = append(more, name)
		}
	}
	for _, name := range s.All {
		if _, said := s.Permissions[name]; !said && everything {
			more = append(more, name)
		}
	}
	if len(missing)+len(more) == 0 {
		return nil
	}
	slices.Sort(missing)
	slices.Sort(more)
	return []Difference{{What: "permissions", Django: "yes to " + some(missing), Sidecar: "yes to " + some(more)}}
}

// some are the first few of a list of names.
func some(names []string) string {
	const most, bytes = 3, 60
	var shown []string
	for _, name := range names[:min(most, len(names))] {
		shown = append(shown, fmt.Sprintf("%.*q", bytes, name))
	}
	if more := len(names) - most; more > 0 {
		shown = append(shown, fmt.Sprintf("%d more", more))
	}
	return cmp.Or(strings.Join(shown, ", "), "none")
}
