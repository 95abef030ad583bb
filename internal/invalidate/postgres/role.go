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
	if err := t.Check(); err != nil {
		return "", err
	}
	var b strings.Builder
	readOnly := `-- It could write nothing anyway; these keep a mistake elsewhere from mattering.
ALTER ROLE ` + RoleName + ` SET default_transaction_read_only = on;
`
	if t.Write != (Writes{}) {
		readOnly = "ALTER ROLE " + RoleName + " RESET default_transaction_read_only;\n"
	}
	b.WriteString(makeRole(RoleName) + readOnly + `ALTER ROLE ` + RoleName + ` SET statement_timeout = '10s';

-- The schemas of the tables, then the columns that a verdict reads.
` + grantSchemas(RoleName, t.regclasses()))
	grant := func(table string, columns ...string) {
		name := quoteTable(table)
		fmt.Fprintf(&b, "REVOKE ALL ON %s FROM %s;\n", name, RoleName) // of an earlier script, too
		fmt.Fprintf(&b, "GRANT SELECT (%s) ON %s TO %s;\n", Joined(columns, ", ", quoteName), name, RoleName)
	}
	if t.Sessions != "" {
		grant(t.Sessions, SessionColumns...)
		b.WriteString(grantWrites(t.Sessions, t.SessionWrites(plainName)))
	}
	if t.Cache != "" {
		grant(t.Cache, CacheColumns...)
		b.WriteString(grantWrites(t.Cache, t.CacheWrites(plainName)))
	}
	if t.Users == "" {
		return b.String(), nil
	}
	grant(t.Users, t.ReadColumns()...)
	b.WriteString(t.grantUserWrites())
	b.WriteString(t.grantGroups())
	if t.Hash.Name != "" {
		r := strings.NewReplacer("{table}", quoteText(quoteTable(t.Users)),
			"{place}", t.functionPlace(), "{name}", quoteText(lastName(t.Hash.Name)), "{role}", RoleName, "{tag}", tag)
		b.WriteString("\n-- What makes session auth hashes.\n" + r.Replace(grantFunction))
	}
	return b.String(), nil
}

// regclasses lists the tables that a verdict reads, as SQL.
func (t Tables) regclasses() string {
	var names []string
	if t.Sessions != "" {
		names = append(names, t.Sessions)
	}
	if t.Users != "" {
		names = append(names, t.Users)
		for _, table := range t.ReadTables(nameLimit) {
			names = append(names, table.Name)
		}
	}
	if t.Cache != "" {
		names = append(names, t.Cache)
	}
	return Joined(names, ", ", regclass)
}

// RemoveRole is the SQL that takes away the role, if it is there, and what it was granted in this database. Where other
// databases of the server have granted it something, it must be run there first, and stops at the last statement.
func (t Tables) RemoveRole() (string, error) {
	if err := t.Check(); err != nil {
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
