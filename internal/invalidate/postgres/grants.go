package postgres

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// ReadTable is a table of groups and permissions, and what is read of it.
type ReadTable struct {
	Name    string
	Columns []string // named ones
	// Leads are the tables that the rest of what is read leads to, and Usual what Django calls such columns.
	Leads, Usual []string
	// Between says that it is between two others: where its foreign keys lead is looked at.
	Between bool
}

// ReadTables are the tables of groups and permissions. nameLimit is the length of the database's names.
func (t Tables) ReadTables(nameLimit int) []ReadTable {
	g := t.Groups
	group, permission := cmp.Or(g.Group, groupTable), cmp.Or(g.Permission, permissionTable)
	between := func(m ManyToMany, table, from, to string, usual ...string) ReadTable {
		r := ReadTable{Name: cmp.Or(m.Table, table), Leads: []string{from, to}, Usual: usual, Between: true}
		if m.From != "" {
			r.Columns, r.Leads = append(r.Columns, m.From), []string{to}
		}
		if m.To != "" {
			r.Columns, r.Leads, r.Usual = append(r.Columns, m.To), r.Leads[:len(r.Leads)-1], nil
		}
		return r
	}
	return []ReadTable{
		between(g.UserGroups, manyToMany(t.Users, "groups", nameLimit), t.Users, group, "group_id"),
		between(g.UserPermissions, manyToMany(t.Users, "user_permissions", nameLimit), t.Users, permission, "permission_id"),
		between(g.GroupPermissions, groupPermissionsTable, group, permission, "group_id", "permission_id"),
		{Name: group, Columns: []string{cmp.Or(g.GroupID, "id"), cmp.Or(g.GroupName, "name")}},
		{Name: permission, Columns: []string{"id", "codename", "content_type_id"}},
		{Name: contentTypeTable, Columns: []string{"id", "app_label"}},
	}
}

// ReadColumns are the columns of users that the sidecar reads: all that a verdict depends on, but for those that a
// function hides, and what Tokens names.
func (t Tables) ReadColumns() []string {
	columns := []string{t.UserID}
	for _, c := range t.UserColumns {
		if !slices.Contains(t.Hidden, c) {
			columns = append(columns, c)
		}
	}
	if t.Tokens && !slices.Contains(columns, lastLogin) {
		columns = append(columns, lastLogin)
	}
	return columns
}

// grantGroups lets the role read groups and permissions, where there are any.
func (t Tables) grantGroups() string {
	var b strings.Builder
	b.WriteString("\n-- Groups and permissions, which a user model may lack.\n" +
		"-- Of the tables between them, the two columns that lead to the others.\n" +
		"DO " + tag + "\nDECLARE\n  relation regclass;\n  names text;\nBEGIN\n")
	for _, r := range t.ReadTables(nameLimit) {
		fmt.Fprintf(&b, grantRead, quoteText(quoteTable(r.Name)), textArray(r.Columns), textArray(r.Usual),
			regclassArray(r.Leads), RoleName)
	}
	b.WriteString("END\n" + tag + ";\n")
	return b.String()
}

// grantRead grants the columns of a ReadTable. A table whose foreign keys are missing has two columns beside id.
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

func textArray(names []string) string { return "ARRAY[" + Joined(names, ", ", quoteText) + "]::text[]" }

// regclass is a table as PostgreSQL looks it up; NULL where there is none.
func regclass(table string) string { return "to_regclass(" + quoteText(quoteTable(table)) + ")" }

func regclassArray(tables []string) string {
	return "ARRAY[" + Joined(tables, ", ", regclass) + "]::regclass[]"
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
