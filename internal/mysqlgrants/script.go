// Package mysqlgrants writes SQL for administrators of MySQL and MariaDB: an account that may read what a verdict
// needs, one that may delete expired sessions, and a function that makes session auth hashes.
package mysqlgrants

import (
	"errors"
	"strings"

	"django-sidecar/internal/invalidate/postgres"
)

// What SQL begins with, so that names and texts are read as they are written here.
const begin = "SET NAMES utf8mb4;\nSET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES';\n"

const (
	roleHead = `-- An account for django-sidecar's DATABASE_URL, which may read the columns that a verdict needs.
-- For an administrator, in the database of the tables: mariadb --database=NAME < FILE. May be run again.
-- "django-sidecar sql -remove -what role" takes it away again.
`
	clearingHead = `-- An account for the DATABASE_URL of "django-sidecar clearsessions", which may delete sessions.
-- The sidecar itself needs none.
-- For an administrator, in the database of the sessions: mariadb --database=NAME < FILE. May be run again.
-- "django-sidecar sql -remove -what clearsessions-role" takes it away again.
`
	hiddenHead = `-- A function that makes session auth hashes for django-sidecar, which then reads no password column.
-- It reads users with the rights of whoever runs this script, in the database of DATABASE_URL:
-- mariadb --database=NAME < FILE. May be run again, and must be after a change of settings.
-- Run the script of -what role after it.
-- "django-sidecar sql -remove -what hidden-passwords" takes it away again.
`
	removeRoleHead     = "-- Takes away django-sidecar's account, and all that it was granted on this server.\n"
	removeClearingHead = "-- Takes away the account of django-sidecar clearsessions, and all that it was granted on this server.\n"
	removeHiddenHead   = "-- Takes away the function that made session auth hashes for django-sidecar.\n"
)

// ErrTriggers says that nothing tells of changes here.
var ErrTriggers = errors.New("MySQL and MariaDB send no notifications, so there are no triggers to print, and kept " +
	"verdicts last as long as SIDECAR_CACHE_TTL says; -what role, hidden-passwords and clearsessions-role are there")

// SQL returns the script for the command line's client.
func SQL(t postgres.Tables, s postgres.Script) (string, error) {
	if s.Triggers {
		return "", ErrTriggers
	}
	var b strings.Builder
	for _, part := range []struct {
		wanted, remove bool
		head           string
		text           func(postgres.Tables) (string, error)
	}{
		{s.HiddenPasswords, false, hiddenHead, hiddenPasswords},
		{s.Role, false, roleHead, role},
		{s.ClearingRole, false, clearingHead, clearingRole},
		{s.HiddenPasswords, true, removeHiddenHead, removeHiddenPasswords},
		{s.Role, true, removeRoleHead, removeAccount(postgres.RoleName)},
		{s.ClearingRole, true, removeClearingHead, removeAccount(postgres.ClearingRoleName)},
	} {
		if !part.wanted || part.remove != s.Remove {
			continue
		}
		if err := checkNames(t); err != nil {
			return "", err
		}
		text, err := part.text(t)
		if err != nil {
			return "", err
		}
		b.WriteString(part.head + begin + "\n" + text)
	}
	return b.String(), nil
}

// checkNames refuses what no table of MySQL is called, and what would end a line of the client's.
func checkNames(t postgres.Tables) error {
	if err := t.Check(); err != nil {
		return err
	}
	names := append([]string{t.Sessions, t.Users, t.UserID, t.Cache, t.Hash.Name, t.Hash.Separator}, t.UserColumns...)
	for _, read := range t.ReadTables(nameLimit) {
		names = append(append(names, read.Name), read.Columns...)
	}
	for _, name := range append(names, t.Hash.Columns...) {
		if strings.ContainsAny(name, "\x00\n\r{}") || strings.Contains(name, delimiter) {
			return errors.New("a name holds a brace, the end of a line or " + delimiter)
		}
	}
	return nil
}

// nameLimit is max_name_length of db/backends/mysql/operations.py, 5.2.
const nameLimit = 64

// account is an account as statements name it, from any address.
func account(name string) string { return quoteText(name) + "@'%'" }

func quoteName(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// quoteTable writes the name of a table as SQL; a dot separates a database from its table.
func quoteTable(name string) string { return postgres.Joined(strings.Split(name, "."), ".", quoteName) }

// quoteText writes a text as SQL, as the sql_mode of begin has it.
func quoteText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// inCatalogue is the database and the table of a name, as texts of SQL.
func inCatalogue(table string) (schema, name string) {
	if before, after, ok := strings.Cut(table, "."); ok {
		return quoteText(before), quoteText(after)
	}
	return "DATABASE()", quoteText(table)
}
