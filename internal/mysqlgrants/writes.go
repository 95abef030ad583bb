package mysqlgrants

import (
	"fmt"

	"django-sidecar/internal/invalidate/postgres"
)

// grantWrites lets the account change a table of sessions, by what SIDECAR_WRITE names and nothing more.
func grantWrites(table, rights string) string {
	if rights == "" {
		return ""
	}
	return fmt.Sprintf("-- What SIDECAR_WRITE names.\nGRANT %s ON %s TO %s;\n",
		rights, quoteTable(table), account(postgres.RoleName))
}

// grantUserWrites lets the account change what a login changes of a user. A model may lack last_login.
func grantUserWrites(t postgres.Tables) string {
	if !t.Write.Login {
		return ""
	}
	grant := func(column string) string {
		return fmt.Sprintf("GRANT UPDATE (%s) ON %s TO %s", quoteName(column), quoteTable(t.Users), account(postgres.RoleName))
	}
	schema, name := inCatalogue(t.Users)
	return "-- What a login changes of a user.\n" + grant(t.Write.Password) + ";\n" +
		run("IF(EXISTS (SELECT 1 FROM information_schema.columns WHERE table_schema = "+schema+" AND table_name = "+name+
			" AND column_name = 'last_login'),\n  "+quoteText(grant("last_login"))+", "+nothing+")")
}
