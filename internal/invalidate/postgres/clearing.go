package postgres

import (
	"errors"
	"fmt"
	"strings"
)

// ClearingRoleName is the role that ClearingRole makes.
const ClearingRoleName = "django_sidecar_clearsessions"

// ErrNoSessions says that there is nothing for a role that clears sessions.
var ErrNoSessions = errors.New("the sessions are in no table: there is nothing to be cleared")

// ClearingRole is the SQL that makes a role which may delete expired sessions, without a transaction around it. It may
// be run again.
func (t Tables) ClearingRole() (string, error) {
	if t.Sessions == "" {
		return "", ErrNoSessions
	}
	if err := t.Check(); err != nil {
		return "", err
	}
	sessions := quoteTable(t.Sessions)
	var b strings.Builder
	b.WriteString(makeRole(ClearingRoleName) + "\n" +
		grantSchemas(ClearingRoleName, regclass(t.Sessions)))
	fmt.Fprintf(&b, `-- It sees when sessions end and what their keys are, and no data of theirs.
GRANT SELECT ("session_key", "expire_date"), DELETE ON %[1]s TO %[2]s;
-- Passing over rows that Django is changing is a lock, which PostgreSQL gives to roles that may update a column.
GRANT UPDATE ("expire_date") ON %[1]s TO %[2]s;
`, sessions, ClearingRoleName)
	return b.String(), nil
}

// RemoveClearingRole is the SQL that takes it away, as RemoveRole.
func (t Tables) RemoveClearingRole() (string, error) { return removeRole(ClearingRoleName), nil }
