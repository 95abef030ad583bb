package postgres

import (
	"fmt"
	"strings"
)

// Writes says what a role may change beside reading: what SIDECAR_WRITE names.
type Writes struct {
	Touch, Logout, Login bool
	// Password is the column of the password, which a login makes anew where its hash is old.
	Password string
}

// SessionWrites are the privileges on the table of sessions for what is named, and nothing more; "" for none. quote
// writes the name of a column.
func (t Tables) SessionWrites(quote func(string) string) string {
	list := func(columns ...string) string {
		for i, c := range columns {
			columns[i] = quote(c)
		}
		return "(" + strings.Join(columns, ", ") + ")"
	}
	var rights []string
	switch {
	case t.Write.Login:
		rights = append(rights, "INSERT "+list("session_key", "session_data", "expire_date"),
			"UPDATE "+list("session_data", "expire_date"))
	case t.Write.Touch:
		rights = append(rights, "UPDATE "+list("expire_date"))
	}
	if t.Write.Logout || t.Write.Login {
		rights = append(rights, "DELETE")
	}
	return strings.Join(rights, ", ")
}

// grantSessionWrites lets the role change sessions.
func (t Tables) grantSessionWrites() string {
	rights := t.SessionWrites(func(column string) string { return column })
	if rights == "" {
		return ""
	}
	return fmt.Sprintf("-- What SIDECAR_WRITE names.\nGRANT %s ON %s TO %s;\n", rights, quoteTable(t.Sessions), RoleName)
}

// grantUserWrites lets the role change what a login changes of a user. A model may lack last_login.
func (t Tables) grantUserWrites() string {
	if !t.Write.Login {
		return ""
	}
	return fmt.Sprintf(`-- What a login changes of a user.
DO %[1]s
DECLARE
  changed name;
BEGIN
  FOR changed IN SELECT attname FROM pg_catalog.pg_attribute
    WHERE attrelid = %[2]s AND attnum > 0 AND NOT attisdropped AND attname IN ('last_login', %[3]s)
  LOOP
    EXECUTE format('GRANT UPDATE (%%I) ON %%s TO %[4]s', changed, %[2]s::text);
  END LOOP;
END
%[1]s;
`, tag, regclass(t.Users), quoteText(t.Write.Password), RoleName)
}
