package postgres

import (
	"fmt"
	"strings"
)

// RoleName is the role that Role makes.
const RoleName = "django_sidecar"

// Role is the SQL that makes a role that may log in and read what a verdict needs, without a transaction around it.
// It may be run again.
func (t Tables) Role() (string, error) {
	if err := t.check(); err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(makeRole(RoleName) + `-- It could write nothing anyway; these keep a mistake elsewhere from mattering.
ALTER ROLE ` + RoleName + ` SET default_transaction_read_only = on;
ALTER ROLE ` + RoleName + ` SET statement_timeout = '10s';

-- The schemas of the tables, then the columns that a verdict reads.
` + grantSchemas(RoleName, t.regclasses()))
	grant := func(indent, table string, columns ...string) {
		fmt.Fprintf(&b, "%sGRANT SELECT (%s) ON %s TO %s;\n", indent, quoteNames(columns, ""), quoteTable(table), RoleName)
	}
	if t.Sessions != "" {
		grant("", t.Sessions, sessionColumns...)
	}
	if t.Users == "" {
		return b.String(), nil
	}
	grant("", t.Users, append([]string{t.UserID}, t.UserColumns...)...)
	b.WriteString("\n-- Groups and permissions, which a user model may lack.\n" +
		"-- One column of each many-to-many table is called after the user model.\nDO " + tag +
		"\nDECLARE\n  relation regclass;\n  names text;\nBEGIN\n")
	fmt.Fprintf(&b, "  IF to_regclass(%s) IS NULL OR to_regclass(%s) IS NULL THEN\n    RETURN;\n  END IF;\n",
		quoteText(quoteTable(t.groups())), quoteText(quoteTable(t.permissions())))
	fmt.Fprintf(&b, `  FOREACH relation IN ARRAY ARRAY[to_regclass(%s), to_regclass(%s)] LOOP
    SELECT string_agg(format('%%I', a.attname), ', ') INTO names FROM pg_catalog.pg_attribute AS a
    WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped AND a.attname <> 'id';
    EXECUTE format('GRANT SELECT (%%s) ON %%s TO %s', names, relation);
  END LOOP;
`, quoteText(quoteTable(t.groups())), quoteText(quoteTable(t.permissions())), RoleName)
	grant("  ", groupTable, "id", "name")
	grant("  ", permissionTable, "id", "codename", "content_type_id")
	grant("  ", groupPermissionsTable, "group_id", "permission_id")
	grant("  ", contentTypeTable, "id", "app_label")
	b.WriteString("END\n" + tag + ";\n")
	return b.String(), nil
}

// regclasses lists the tables that a verdict reads, as SQL.
func (t Tables) regclasses() string {
	var names []string
	if t.Sessions != "" {
		names = append(names, t.Sessions)
	}
	if t.Users != "" {
		names = append(names, t.Users, groupTable) // those of a many-to-many field are beside Users
	}
	for i, n := range names {
		names[i] = "to_regclass(" + quoteText(quoteTable(n)) + ")"
	}
	return strings.Join(names, ", ")
}

// RemoveRole is the SQL that takes away the role, if it is there, and what it was granted in this database. Where other
// databases of the server have granted it something, it must be run there first, and stops at the last statement.
func (t Tables) RemoveRole() (string, error) {
	if err := t.check(); err != nil {
		return "", err
	}
	return removeRole(RoleName), nil
}

// makeRole makes a role that may log in.
func makeRole(name string) string {
	return `-- It has no password yet: \password ` + name + ` in psql sets one.
DO ` + tag + `
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = '` + name + `') THEN
    CREATE ROLE ` + name + ` LOGIN;
  END IF;
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO ` + name + `', current_database());
END
` + tag + `;
`
}

// grantSchemas lets a role find the tables.
func grantSchemas(name, regclasses string) string {
	return `DO ` + tag + `
DECLARE
  place name;
BEGIN
  FOR place IN SELECT DISTINCT s.nspname FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS s ON s.oid = c.relnamespace
    WHERE c.oid IN (` + regclasses + `)
  LOOP
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO ` + name + `', place);
  END LOOP;
END
` + tag + `;
`
}

// removeRole takes a role away.
func removeRole(name string) string {
	return `DO ` + tag + `
BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = '` + name + `') THEN
    DROP OWNED BY ` + name + `;
    DROP ROLE ` + name + `;
  END IF;
END
` + tag + `;
`
}
