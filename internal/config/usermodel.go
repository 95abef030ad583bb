package config

import (
	"strings"

	"django-sidecar/djangosession/dbstore"
	"django-sidecar/internal/sqlcondition"
)

// AuthHash says how the user model overrides get_session_auth_hash. The zero value says that it does not.
type AuthHash struct {
	Salt       string   // key_salt; "" is Django's own
	Columns    []string // none: the password alone
	Separator  string   // between the values
	Algorithm  string   // sha1 or sha256; "" is both
	WithSecret bool     // _get_session_auth_hash is the method that is overridden
	// Function is that of the database which makes the hash; "": the columns are read. It says nothing about the model.
	Function string
}

// IsOwn reports whether the model overrides anything.
func (h AuthHash) IsOwn() bool { return h.Salt != "" || len(h.Columns) > 0 }

// readConditions reads what columns cannot tell of a user.
func (c *Config) readConditions(r *reader) {
	c.AuthUserHexID = r.oneOf("DJANGO_AUTH_USER_ID_FORMAT", "str", "hex") == "hex"
	c.AuthUserConditions = dbstore.Conditions{
		Where:     r.condition("DJANGO_AUTH_USER_WHERE"),
		Active:    r.condition("DJANGO_AUTH_USER_ACTIVE_WHERE"),
		Staff:     r.condition("DJANGO_AUTH_USER_STAFF_WHERE"),
		Superuser: r.condition("DJANGO_AUTH_USER_SUPERUSER_WHERE"),
	}
	for _, flag := range []struct{ condition, name, column string }{
		{c.AuthUserConditions.Active, "DJANGO_AUTH_USER_ACTIVE_WHERE", "DJANGO_AUTH_USER_ACTIVE_COLUMN"},
		{c.AuthUserConditions.Staff, "DJANGO_AUTH_USER_STAFF_WHERE", "DJANGO_AUTH_USER_STAFF_COLUMN"},
		{c.AuthUserConditions.Superuser, "DJANGO_AUTH_USER_SUPERUSER_WHERE", "DJANGO_AUTH_USER_SUPERUSER_COLUMN"},
	} {
		if column := r.value(flag.column); flag.condition != "" && column.given && column.text != dbstore.NoColumn {
			r.fault(flag.name, "says the same as "+flag.column+": leave one of them out")
		}
	}
}

// ConditionNames are the settings that have a condition on users, between commas.
func (c *Config) ConditionNames() string {
	var names []string
	for _, s := range []struct{ name, condition string }{
		{"DJANGO_AUTH_USER_WHERE", c.AuthUserConditions.Where},
		{"DJANGO_AUTH_USER_ACTIVE_WHERE", c.AuthUserConditions.Active},
		{"DJANGO_AUTH_USER_STAFF_WHERE", c.AuthUserConditions.Staff},
		{"DJANGO_AUTH_USER_SUPERUSER_WHERE", c.AuthUserConditions.Superuser},
	} {
		if s.condition != "" {
			names = append(names, s.name)
		}
	}
	return strings.Join(names, ", ")
}

// condition is SQL that is one expression.
func (r *reader) condition(name string) string {
	text := r.text(name)
	if text == "" {
		return ""
	}
	if _, err := sqlcondition.Parse(text); err != nil {
		r.fault(name, err.Error())
		return ""
	}
	return text
}

// readAuthHash reads how a user model overrides get_session_auth_hash.
func (c *Config) readAuthHash(r *reader) {
	const columns, method = "DJANGO_AUTH_HASH_COLUMNS", "DJANGO_AUTH_HASH_METHOD"
	h := AuthHash{
		Salt: r.identifier("DJANGO_AUTH_HASH_SALT"), Separator: r.text("DJANGO_AUTH_HASH_SEPARATOR"),
		Algorithm:  r.oneOf("DJANGO_AUTH_HASH_ALGORITHM", "any", "sha1", "sha256"),
		WithSecret: strings.HasPrefix(r.oneOf(method, "get_session_auth_hash", "_get_session_auth_hash"), "_"),
	}
	if r.text(columns) != "" {
		h.Columns = r.list(columns)
	}
	if h.Algorithm == "any" {
		h.Algorithm = ""
	}
	for _, name := range h.Columns {
		if unprintable.MatchString(name) {
			r.refuse(columns, "a list of columns, without control characters")
		}
	}
	h.Function = r.identifier("SIDECAR_AUTH_HASH_FUNCTION")
	if h.Function != "" && r.flag("SIDECAR_INSECURE_SKIP_USER_CHECK") {
		r.fault("SIDECAR_AUTH_HASH_FUNCTION", "is set, and so is SIDECAR_INSECURE_SKIP_USER_CHECK, with which "+
			"no hash is looked at: unset one of them")
	}
	c.AuthHash = h
	if !h.IsOwn() {
		for _, name := range []string{"DJANGO_AUTH_HASH_SEPARATOR", "DJANGO_AUTH_HASH_ALGORITHM", method} {
			if r.value(name).given {
				r.fault(name, "needs DJANGO_AUTH_HASH_SALT or "+columns+" too")
			}
		}
		return
	}
	if c.DjangoVersion == "" {
		return // a fault of its own
	}
	// django/contrib/auth/base_user.py, 4.1.8: the first with _get_session_auth_hash.
	if h.WithSecret && olderThan(c.DjangoVersion, 4, 1) {
		r.fault(method, "is _get_session_auth_hash, which Django "+c.DjangoVersion+" does not call: it came with 4.1.8")
	}
	// django/utils/crypto.py, 3.1: the first salted_hmac with an algorithm.
	if h.Algorithm == "sha256" && olderThan(c.DjangoVersion, 3, 1) {
		r.fault("DJANGO_AUTH_HASH_ALGORITHM", "is sha256, which salted_hmac of Django "+c.DjangoVersion+
			" does not know: it came with 3.1")
	}
}
