package mysqlgrants

import (
	"fmt"
	"slices"
	"strings"

	"django-sidecar/internal/invalidate/postgres"
)

// makeAccount makes an account that nobody can use before it has a password: one without would let everybody in.
func makeAccount(name string) string {
	return fmt.Sprintf(`-- It is locked. This lets it in:
--   ALTER USER %[1]s IDENTIFIED BY '…' ACCOUNT UNLOCK;
CREATE USER IF NOT EXISTS %[1]s ACCOUNT LOCK;

`, account(name))
}

func removeAccount(name string) func(postgres.Tables) (string, error) {
	return func(postgres.Tables) (string, error) { return "DROP USER IF EXISTS " + account(name) + ";\n", nil }
}

// role is the SQL that makes the sidecar's account.
func role(t postgres.Tables) (string, error) {
	var b strings.Builder
	b.WriteString(makeAccount(postgres.RoleName) + "-- The columns that a verdict reads.\n")
	grant := func(table string, columns []string) {
		b.WriteString(revoke(table))
		fmt.Fprintf(&b, "GRANT SELECT (%s) ON %s TO %s;\n", postgres.Joined(columns, ", ", quoteName),
			quoteTable(table), account(postgres.RoleName))
	}
	if t.Sessions != "" {
		grant(t.Sessions, postgres.SessionColumns)
		b.WriteString(grantWrites(t.Sessions, t.SessionWrites(quoteName)))
	}
	if t.Cache != "" {
		grant(t.Cache, postgres.CacheColumns)
		b.WriteString(grantWrites(t.Cache, t.CacheWrites(quoteName)))
	}
	if t.Users == "" {
		return b.String(), nil
	}
	grant(t.Users, t.ReadColumns())
	b.WriteString(grantUserWrites(t))
	b.WriteString("\n-- Groups and permissions, which a user model may lack.\n" +
		"-- Of the tables between them, the two columns that lead to the others.\n")
	for _, r := range t.ReadTables(nameLimit) {
		b.WriteString(revoke(r.Name) + grantRead(r))
	}
	if t.Hash.Name != "" {
		b.WriteString("\n-- What makes session auth hashes. Where it is missing, run the script of " +
			"-what hidden-passwords first.\n" + grantFunction(t) + ";\n")
	}
	return b.String(), nil
}

func clearingRole(t postgres.Tables) (string, error) {
	if t.Sessions == "" {
		return "", postgres.ErrNoSessions
	}
	return makeAccount(postgres.ClearingRoleName) +
		"-- It sees when sessions end and what their keys are, and no data of theirs.\n" +
		fmt.Sprintf("GRANT SELECT (`session_key`, `expire_date`), DELETE ON %s TO %s;\n", quoteTable(t.Sessions),
			account(postgres.ClearingRoleName)), nil
}

func grantFunction(t postgres.Tables) string {
	return "GRANT EXECUTE ON FUNCTION " + quoteTable(t.Hash.Name) + " TO " + account(postgres.RoleName)
}

// run runs the statement that an expression makes.
func run(statement string) string {
	return "SET @statement = " + statement + ";\nPREPARE django_sidecar FROM @statement;\nEXECUTE django_sidecar;\n" +
		"DEALLOCATE PREPARE django_sidecar;\n"
}

// nothing is a statement that does nothing.
const nothing = "'DO 0'"

// revoke takes back what an earlier script has granted; taking back nothing is an error.
func revoke(table string) string {
	schema, name := inCatalogue(table)
	grantee := quoteText(account(postgres.RoleName))
	of := func(privileges string) string {
		return fmt.Sprintf("EXISTS (SELECT 1 FROM information_schema.%s\n  WHERE grantee = %s AND table_schema = %s AND table_name = %s)",
			privileges, grantee, schema, name)
	}
	return run("IF(" + of("table_privileges") + " OR " + of("column_privileges") + ",\n  " +
		quoteText("REVOKE ALL PRIVILEGES ON "+quoteTable(table)+" FROM "+account(postgres.RoleName)) + ", " + nothing + ")")
}

// grantRead grants the columns of a table that may not be there. Where its foreign keys are missing, it has two columns
// beside id. MariaDB shows foreign keys to who has any right on the whole table; this one lets nobody read.
func grantRead(r postgres.ReadTable) string {
	schema, name := inCatalogue(r.Name)
	leads := make([]string, len(r.Leads))
	for i, table := range r.Leads {
		schema, name := inCatalogue(table)
		leads[i] = "(" + schema + ", " + name + ")"
	}
	here := func(alias string) string {
		return fmt.Sprintf("%[1]s.table_schema = %[2]s AND %[1]s.table_name = %[3]s", alias, schema, name)
	}
	showKeys := ")"
	if r.Between {
		showKeys = "), SHOW VIEW"
	}
	known := "c.column_name IN (" + postgres.Joined(slices.Concat(r.Columns, r.Usual), ", ", quoteText) + ")"
	if len(r.Columns)+len(r.Usual) == 0 {
		known = "FALSE"
	}
	if len(leads) > 0 {
		known = fmt.Sprintf(`(%s
    OR EXISTS (SELECT 1 FROM information_schema.key_column_usage AS k WHERE %s AND k.column_name = c.column_name
      AND (k.referenced_table_schema, k.referenced_table_name) IN (%s))
    OR c.column_name <> 'id' AND 2 = (SELECT COUNT(*) FROM information_schema.columns AS o WHERE %s AND o.column_name <> 'id'))`,
			known, here("k"), strings.Join(leads, ", "), here("o"))
	}
	return fmt.Sprintf("SET @names = (SELECT GROUP_CONCAT(CONCAT('`', REPLACE(c.column_name, '`', '``'), '`') SEPARATOR ', ')\n"+
		"  FROM information_schema.columns AS c WHERE %s AND %s);\n", here("c"), known) +
		run("IF(@names IS NULL, "+nothing+", CONCAT('GRANT SELECT (', @names, "+
			quoteText(showKeys+" ON "+quoteTable(r.Name)+" TO "+account(postgres.RoleName))+"))")
}
