package postgres

import (
	"crypto/md5" //nolint:gosec // Django's names of tables have it; it protects nothing
	"encoding/hex"
	"errors"
	"slices"
	"strings"
)

// Tables says where a deployment keeps what verdicts depend on.
type Tables struct {
	// Sessions is the session model's table, with a schema before a dot if need be; "" for engines that have none.
	Sessions string
	// Users is the user model's table, as Sessions; "" where users are not looked at.
	Users string
	// UserID is the primary key's column of Users.
	UserID string
	// UserColumns are the other columns of Users that a verdict depends on. Each must be there.
	UserColumns []string
	// Hidden are those of UserColumns that the sidecar does not read: Hash does.
	Hidden []string
	Hash   HashFunction // a Name of "": there is none
	// Cache is the table of a DatabaseCache that has sessions; "" where there is none.
	Cache string
	// Tokens says that the sidecar reads what tokens of password resets are made of besides: the column lastLogin.
	Tokens bool
	// Write says what of them the role may change; the zero value is nothing.
	Write Writes
	// Groups are tables of groups and permissions that are not Django's.
	Groups GroupTables
}

// GroupTables are the tables of groups and permissions; "" is what Django calls them.
type GroupTables struct {
	Group, GroupID, GroupName, Permission         string
	UserGroups, UserPermissions, GroupPermissions ManyToMany
}

// ManyToMany is the table of a many-to-many field, and its columns; "" is what a foreign key says.
type ManyToMany struct{ Table, From, To string }

// The tables of django.contrib.auth and contenttypes whose names no setting changes. No schema: dbstore reads them
// where the search path finds them.
const (
	groupTable            = "auth_group"
	permissionTable       = "auth_permission"
	groupPermissionsTable = "auth_group_permissions"
	contentTypeTable      = "django_content_type"
)

// The columns that are read of sessions, and of a DatabaseCache: django/core/cache/backends/db.py, 5.2.
var (
	SessionColumns = []string{"session_key", "session_data", "expire_date"}
	CacheColumns   = []string{"cache_key", "value", "expires"}
)

var (
	errNoTables = errors.New("neither sessions nor users are in the database: there is nothing to be told of")
	errTag      = errors.New("a name holds " + tag + ", which marks texts here")
)

// Check returns an error where no SQL can be written.
func (t Tables) Check() error {
	switch {
	case t.Sessions == "" && t.Users == "":
		return errNoTables
	case t.Users != "" && (t.UserID == "" || len(t.UserColumns) == 0 || slices.Contains(t.UserColumns, "")):
		return errors.New("internal error: a user table needs the names of its columns")
	}
	for _, name := range append([]string{t.Sessions, t.Users, t.UserID}, t.UserColumns...) {
		if strings.Contains(name, tag) {
			return errTag
		}
	}
	return nil
}

// lastLogin is the column of AbstractBaseUser.last_login.
const lastLogin = "last_login"

// groups and permissions are the tables of the user model's many-to-many fields.
func (t Tables) groups() string      { return manyToMany(t.Users, "groups", nameLimit) }
func (t Tables) permissions() string { return manyToMany(t.Users, "user_permissions", nameLimit) }

// nameLimit is PostgreSQL's max_name_length in Django.
const nameLimit = 63

// manyToMany is what dbstore makes of the same name: db/models/fields/related.py, 5.2, _get_m2m_db_table, and
// db/backends/utils.py, truncate_name.
func manyToMany(users, field string, limit int) string {
	const digits = 4
	dot := strings.LastIndexByte(users, '.') + 1
	name := []rune(users[dot:] + "_" + field)
	if len(name) > limit {
		sum := md5.Sum([]byte(string(name))) //nolint:gosec // as above
		name = append(name[:limit-digits:limit-digits], []rune(hex.EncodeToString(sum[:])[:digits])...)
	}
	return users[:dot] + string(name)
}

// quoteTable writes the name of a table as SQL; a dot separates a schema from its table.
func quoteTable(name string) string { return Joined(strings.Split(name, "."), ".", quoteName) }

// beside writes the name of a function in the schema of a table, if that is named.
func beside(table, function string) string {
	return quoteTable(table)[:len(quoteTable(table))-len(quoteName(table[strings.LastIndexByte(table,
		'.')+1:]))] + function
}

func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// quoteText writes a text as SQL, for servers with standard_conforming_strings, which is the default.
func quoteText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// Joined joins names as SQL writes each of them.
func Joined(names []string, separator string, written func(name string) string) string {
	list := make([]string, len(names))
	for i, n := range names {
		list[i] = written(n)
	}
	return strings.Join(list, separator)
}
