package postgres

import (
	"fmt"
	"strings"
)

// Writes says what a role may change beside reading: what SIDECAR_WRITE names.
type Writes struct {
	Touch, Logout, Login, Update bool
	// Password is the column of the password, which a login makes anew where its hash is old.
	Password string
	// CachedRows says that the cache is that of cached_db, which forgets what cannot be written there.
	CachedRows bool
}

// SessionWrites are the privileges on the table of sessions for what is named, and nothing more; "" for none. quote
// writes the name of a column.
func (t Tables) SessionWrites(quote func(string) string) string {
	return t.Write.rights(quote("session_key"), quote("session_data"), quote("expire_date"))
}

// CacheWrites are those on the table of a DatabaseCache.
func (t Tables) CacheWrites(quote func(string) string) string {
	w := t.Write
	if w.CachedRows {
		w.Logout = w.Touch || w.Logout || w.Login || w.Update
	}
	return w.rights(quote("cache_key"), quote("value"), quote("expires"))
}

func (w Writes) rights(key, data, expires string) string {
	var rights []string
	switch {
	case w.Login || w.Update:
		rights = append(rights, fmt.Sprintf("INSERT (%s, %s, %s)", key, data, expires),
			fmt.Sprintf("UPDATE (%s, %s)", data, expires))
	case w.Touch:
		rights = append(rights, fmt.Sprintf("UPDATE (%s)", expires))
	}
	if w.Logout || w.Login {
		rights = append(rights, "DELETE")
	}
	return strings.Join(rights, ", ")
}

// grantWrites lets the role change a table of sessions.
func grantWrites(table, rights string) string {
	if rights == "" {
		return ""
	}
	return fmt.Sprintf("-- What SIDECAR_WRITE names.\nGRANT %s ON %s TO %s;\n", rights, quoteTable(table), RoleName)
}

// plainName is the name of a column of Django's own, which needs no quotes.
func plainName(column string) string { return column }

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
