package postgres

import (
	"cmp"
	"fmt"
	"strings"
)

// cacheColumns are those of a DatabaseCache: django/core/cache/backends/db.py, 5.2.
var cacheColumns = []string{"cache_key", "value", "expires"}

// readTable is a table of groups and permissions, and what is read of it.
type readTable struct {
	name    string
	columns []string // named ones
	// leads are the tables that the rest of what is read leads to, and usual what Django calls such columns.
	leads, usual []string
}

// groupTables are all of them.
func (t Tables) groupTables() []readTable {
	g := t.Groups
	group, permission := cmp.Or(g.Group, groupTable), cmp.Or(g.Permission, permissionTable)
	between := func(m ManyToMany, table, from, to string, usual ...string) readTable {
		r := readTable{name: cmp.Or(m.Table, table), leads: []string{from, to}, usual: usual}
		if m.From != "" {
			r.columns, r.leads = append(r.columns, m.From), []string{to}
		}
		if m.To != "" {
			r.columns, r.leads, r.usual = append(r.columns, m.To), r.leads[:len(r.leads)-1], nil
		}
		return r
	}
	return []readTable{
		between(g.UserGroups, t.groups(), t.Users, group, "group_id"),
		between(g.UserPermissions, t.permissions(), t.Users, permission, "permission_id"),
		between(g.GroupPermissions, groupPermissionsTable, group, permission, "group_id", "permission_id"),
		{name: group, columns: []string{cmp.Or(g.GroupID, "id"), cmp.Or(g.GroupName, "name")}},
		{name: permission, columns: []string{"id", "codename", "content_type_id"}},
		{name: contentTypeTable, columns: []string{"id", "app_label"}},
	}
}

// grantGroups lets the role read groups and permissions, where there are any.
func (t Tables) grantGroups() string {
	var b strings.Builder
	b.WriteString("\n-- Groups and permissions, which a user model may lack.\n" +
		"-- Of the tables between them, the two columns that lead to the others.\n" +
		"DO " + tag + "\nDECLARE\n  relation regclass;\n  names text;\nBEGIN\n")
	for _, r := range t.groupTables() {
		fmt.Fprintf(&b, grantRead, quoteText(quoteTable(r.name)), textArray(r.columns), textArray(r.usual),
			regclassArray(r.leads), RoleName)
	}
	b.WriteString("END\n" + tag + ";\n")
	return b.String()
}

// grantRead grants the columns of a readTable. A table whose foreign keys are missing has two columns beside id.
const grantRead = `  relation := to_regclass(%[1]s);
  SELECT string_agg(format('%%I', a.attname), ', ') INTO names FROM pg_catalog.pg_attribute AS a
  WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
    AND (a.attname::text = ANY (%[2]s) OR a.attname::text = ANY (%[3]s)
    OR EXISTS (SELECT FROM pg_catalog.pg_constraint AS c
      WHERE c.contype = 'f' AND c.conrelid = relation AND c.conkey = ARRAY[a.attnum] AND c.confrelid = ANY (%[4]s))
    OR cardinality(%[4]s) > 0 AND a.attname <> 'id' AND 2 = (SELECT count(*) FROM pg_catalog.pg_attribute AS o
      WHERE o.attrelid = relation AND o.attnum > 0 AND NOT o.attisdropped AND o.attname <> 'id'));
  IF names IS NOT NULL THEN
    EXECUTE format('REVOKE ALL ON %%s FROM %[5]s', relation);
    EXECUTE format('GRANT SELECT (%%s) ON %%s TO %[5]s', names, relation);
  END IF;
`

func textArray(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = quoteText(n)
	}
	return "ARRAY[" + strings.Join(quoted, ", ") + "]::text[]"
}

// regclass is a table as PostgreSQL looks it up; NULL where there is none.
func regclass(table string) string { return "to_regclass(" + quoteText(quoteTable(table)) + ")" }

func regclassArray(tables []string) string {
	found := make([]string, len(tables))
	for i, n := range tables {
		found[i] = regclass(n)
	}
	return "ARRAY[" + strings.Join(found, ", ") + "]::regclass[]"
}

// grantFunction lets the role call the function of HiddenPasswords.
const grantFunction = `DO {tag}
DECLARE
  place name := (SELECT n.nspname FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = to_regclass({table}));
  made regprocedure;
BEGIN
{place}  SELECT p.oid INTO made
  FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
  WHERE n.nspname = place AND p.proname = {name};
  IF made IS NULL THEN
    RAISE EXCEPTION 'there is no function %', {name}
      USING HINT = 'Run the script of "django-sidecar sql -what hidden-passwords" first.';
  END IF;
  EXECUTE format('GRANT USAGE ON SCHEMA %I TO {role}', place);
  EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO {role}', made);
END
{tag};
`
