package postgres

import (
	"fmt"
	"strings"
)

// Channel is what the triggers send notifications to.
const Channel = "django_sidecar"

// tag is the dollar quote of functions.
const tag = "$django_sidecar$"

// functionPath is the search path of the functions.
const functionPath = "pg_catalog, pg_temp"

// The bodies of the functions. An error in them would fail Django's own statement: whatever goes wrong, such as a
// column that is no more, everything is forgotten instead. They name nothing that a search path could have replaced.
const (
	sessionBody = `
DECLARE
  many bigint;
  hashes text;
BEGIN
  IF TG_OP <> 'TRUNCATE' THEN
    -- 32 digits and a comma for each session: the first half of the SHA-256 of its key. The key itself is a secret.
    SELECT count(*), string_agg(hash, ',') INTO many, hashes FROM (
      SELECT encode(substr(sha256(convert_to(old_rows.session_key::text, 'UTF8')), 1, 16), 'hex') AS hash FROM old_rows LIMIT 1001
    ) AS old;
    IF many <= 1000 THEN
      -- A payload has less than 8,000 bytes: 200 sessions each.
      FOR i IN 0 .. (many + 199) / 200 - 1 LOOP
        PERFORM pg_notify('django_sidecar', '1 s ' || substr(hashes, (i * 6600 + 1)::integer, 6599));
      END LOOP;
      RETURN NULL;
    END IF;
  END IF;
  PERFORM pg_notify('django_sidecar', '1 *');
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  PERFORM pg_notify('django_sidecar', '1 *');
  RETURN NULL;
END
`
	userBody = `
DECLARE
  ids text[];
  id text;
  payload text := '';
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    PERFORM pg_notify('django_sidecar', '1 *');
    RETURN NULL;
  ELSIF TG_OP = 'UPDATE' THEN
    -- Whose columns that a verdict reads are as before, as after a login that sets last_login, is left out.
    SELECT array_agg(changed.id) INTO ids FROM (
      SELECT concat(o.{id}) AS id, ROW({old columns})::text FROM old_rows AS o
      EXCEPT
      SELECT concat(n.{id}), ROW({new columns})::text FROM new_rows AS n
      LIMIT 1001
    ) AS changed;
  ELSE
    SELECT array_agg(gone.id) INTO ids FROM (SELECT concat(o.{id}) AS id FROM old_rows AS o LIMIT 1001) AS gone;
  END IF;
` + sendIDs
	memberBody = `
DECLARE
  ids text[];
  id text;
  payload text := '';
BEGIN
  IF TG_OP = 'UPDATE' OR TG_OP = 'TRUNCATE' THEN -- neither of which Django does
    PERFORM pg_notify('django_sidecar', '1 a');
    RETURN NULL;
  END IF;
  -- The column besides these two names the user, and is called after the user model.
  SELECT array_agg(changed.id) INTO ids FROM (
    SELECT DISTINCT c.value AS id FROM changed_rows AS r, jsonb_each_text(to_jsonb(r) - 'id' - TG_ARGV[0]) AS c LIMIT 1001
  ) AS changed;
` + sendIDs
	accessBody = `
BEGIN
  PERFORM pg_notify('django_sidecar', '1 a');
  RETURN NULL;
END
`
	// sendIDs ends a function that has found ids: up to 1,000, in as many payloads as they need.
	sendIDs = `  IF cardinality(ids) > 1000 THEN
    PERFORM pg_notify('django_sidecar', '1 *');
    RETURN NULL;
  END IF;
  FOREACH id IN ARRAY coalesce(ids, '{}') LOOP
    IF id !~ '^[A-Za-z0-9_-]+$' THEN
      id := regexp_replace(encode(convert_to(id, 'UTF8'), 'hex'), '..', '%\&', 'g');
    END IF;
    IF length(id) BETWEEN 1 AND 3000 THEN
      IF length(payload) + length(id) > 7000 THEN
        PERFORM pg_notify('django_sidecar', '1 u ' || payload);
        payload := '';
      END IF;
      payload := concat_ws(',', nullif(payload, ''), id);
    ELSE
      PERFORM pg_notify('django_sidecar', '1 *');
    END IF;
  END LOOP;
  IF payload <> '' THEN
    PERFORM pg_notify('django_sidecar', '1 u ' || payload);
  END IF;
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  PERFORM pg_notify('django_sidecar', '1 *');
  RETURN NULL;
END
`
)

// function is a function that triggers call.
type function struct {
	name, body string // the name is SQL
	does       string
}

// trigger is a trigger for a table.
type trigger struct {
	table    string // as in Tables
	name     string
	events   string // SQL
	old, new string // what the function calls the rows from before and after, "" for neither
	function function
	argument string
	optional bool // the table may be missing, where the user model has no permissions
}

const (
	onInsert   = "INSERT"
	onUpdate   = "UPDATE"
	onDelete   = "DELETE"
	onTruncate = "TRUNCATE"
)

// functions returns the functions for the tables.
func (t Tables) functions() (sessions, users, members, access function) {
	columns := strings.NewReplacer("{id}", quoteName(t.UserID),
		"{old columns}", Joined(t.UserColumns, ", ", func(c string) string { return "o." + quoteName(c) }),
		"{new columns}", Joined(t.UserColumns, ", ", func(c string) string { return "n." + quoteName(c) }))
	sessions = function{beside(t.Sessions, "django_sidecar_session"), sessionBody, "Tells of sessions that were written or deleted."}
	users = function{
		beside(t.Users, "django_sidecar_user"), columns.Replace(userBody),
		"Tells of users whose verdict may be another: deleted, or changed in a column that a verdict reads.",
	}
	members = function{beside(t.Users, "django_sidecar_member"), memberBody, "Tells of users whose groups or permissions have changed."}
	access = function{beside(t.Users, "django_sidecar_access"), accessBody, "Tells that a group or a permission has changed."}
	return sessions, users, members, access
}

// usedFunctions are those that have triggers.
func (t Tables) usedFunctions() []function {
	sessions, users, members, access := t.functions()
	var used []function
	if t.Sessions != "" {
		used = append(used, sessions)
	}
	if t.Users != "" {
		used = append(used, users, members, access)
	}
	return used
}

// triggers are all that there must be.
func (t Tables) triggers() []trigger {
	sessions, users, members, access := t.functions()
	var all []trigger
	if t.Sessions != "" {
		all = append(all,
			trigger{t.Sessions, "django_sidecar_update", onUpdate, oldRows, "", sessions, "", false},
			trigger{t.Sessions, "django_sidecar_delete", onDelete, oldRows, "", sessions, "", false},
			trigger{t.Sessions, "django_sidecar_truncate", onTruncate, "", "", sessions, "", false})
	}
	if t.Users == "" {
		return all
	}
	all = append(all,
		trigger{t.Users, "django_sidecar_update", onUpdate, oldRows, newRows, users, "", false},
		trigger{t.Users, "django_sidecar_delete", onDelete, oldRows, "", users, "", false},
		trigger{t.Users, "django_sidecar_truncate", onTruncate, "", "", users, "", false})
	for _, m := range []struct{ table, other string }{{t.groups(), "group_id"}, {t.permissions(), "permission_id"}} {
		all = append(all,
			trigger{m.table, "django_sidecar_insert", onInsert, "", changedRows, members, m.other, true},
			trigger{m.table, "django_sidecar_delete", onDelete, changedRows, "", members, m.other, true},
			trigger{m.table, "django_sidecar_update", onUpdate, "", "", members, m.other, true},
			trigger{m.table, "django_sidecar_truncate", onTruncate, "", "", members, m.other, true})
	}
	for _, table := range []string{groupTable, permissionTable, groupPermissionsTable, contentTypeTable} {
		all = append(all, trigger{table, "django_sidecar_access", "INSERT OR UPDATE OR DELETE OR TRUNCATE", "", "", access, "", true})
	}
	return all
}

// What the functions call the rows of a statement.
const (
	oldRows     = "old_rows"
	newRows     = "new_rows"
	changedRows = "changed_rows"
)

// create is the statement that makes the trigger.
func (g trigger) create() string {
	referring, argument := "", ""
	if g.old != "" {
		referring += " OLD TABLE AS " + g.old
	}
	if g.new != "" {
		referring += " NEW TABLE AS " + g.new
	}
	if referring != "" {
		referring = " REFERENCING" + referring
	}
	if g.argument != "" {
		argument = quoteText(g.argument)
	}
	return fmt.Sprintf("CREATE TRIGGER %s AFTER %s ON %s%s\n  FOR EACH STATEMENT EXECUTE FUNCTION %s(%s);",
		g.name, g.events, quoteTable(g.table), referring, g.function.name, argument)
}

func (g trigger) drop() string {
	return fmt.Sprintf("DROP TRIGGER IF EXISTS %s ON %s;", g.name, quoteTable(g.table))
}

// Triggers is the SQL that makes the functions and triggers, without a transaction around it. It may be run again.
func (t Tables) Triggers() (string, error) {
	if err := t.Check(); err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(t.guard())
	for _, f := range t.usedFunctions() {
		// INVOKER, the default: it may do no more than who changes the table.
		fmt.Fprintf(&b, "\n-- %s\nCREATE OR REPLACE FUNCTION %s() RETURNS trigger\n", f.does, f.name)
		fmt.Fprintf(&b, "LANGUAGE plpgsql SECURITY INVOKER SET search_path = %s AS %s%s%s;\n", functionPath, tag, f.body, tag)
	}
	b.WriteString("\n")
	var optional []trigger
	for _, g := range t.triggers() {
		if g.optional {
			optional = append(optional, g)
			continue
		}
		fmt.Fprintf(&b, "%s\n%s\n", g.drop(), g.create())
	}
	if len(optional) > 0 {
		b.WriteString("\n-- Groups and permissions, which a user model may lack.\n" + whereThere(optional))
	}
	return b.String(), nil
}

// whereThere makes the triggers of the tables that there are.
func whereThere(triggers []trigger) string {
	var b strings.Builder
	b.WriteString("DO " + tag + "\nBEGIN\n")
	for i, g := range triggers {
		if i == 0 || triggers[i-1].table != g.table {
			fmt.Fprintf(&b, "  IF to_regclass(%s) IS NULL THEN\n", quoteText(quoteTable(g.table)))
			fmt.Fprintf(&b, "    RAISE NOTICE 'there is no table %%', %s;\n  ELSE\n", quoteText(g.table))
		}
		fmt.Fprintf(&b, "    %s\n    %s\n", g.drop(), strings.ReplaceAll(g.create(), "\n", "\n    "))
		if i == len(triggers)-1 || triggers[i+1].table != g.table {
			b.WriteString("  END IF;\n")
		}
	}
	b.WriteString("END\n" + tag + ";\n")
	return b.String()
}

// guard refuses where the triggers would find at run time that they cannot work.
func (t Tables) guard() string {
	var needed []string
	need := func(table, column string) {
		needed = append(needed, "("+quoteText(quoteTable(table))+", "+quoteText(column)+")")
	}
	if t.Sessions != "" {
		need(t.Sessions, "session_key")
	}
	if t.Users != "" {
		need(t.Users, t.UserID)
		for _, c := range t.UserColumns {
			need(t.Users, c)
		}
	}
	return `-- Refuses to go on where a trigger could not do its work.
DO ` + tag + `
DECLARE
  missing text;
BEGIN
  IF current_setting('server_version_num')::integer < 110000 THEN
    RAISE EXCEPTION 'these triggers need PostgreSQL 11 or newer';
  END IF;
  SELECT string_agg(wanted.relation || '.' || wanted.name, ', ') INTO missing
  FROM (VALUES ` + strings.Join(needed, ", ") + `) AS wanted (relation, name)
  WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_attribute AS a
    WHERE a.attrelid = to_regclass(wanted.relation) AND a.attname = wanted.name AND a.attnum > 0 AND NOT a.attisdropped);
  IF missing IS NOT NULL THEN
    RAISE EXCEPTION 'there is no column %', missing
      USING HINT = 'Compare DJANGO_SESSION_TABLE and DJANGO_AUTH_USER_TABLE. DJANGO_AUTH_USER_..._COLUMN is - for a column that there is not.';
  END IF;
END
` + tag + `;
`
}

// RemoveTriggers is the SQL that takes away all that Triggers has made, and nothing else.
func (t Tables) RemoveTriggers() (string, error) {
	if err := t.Check(); err != nil {
		return "", err
	}
	var b strings.Builder
	for _, g := range t.triggers() {
		fmt.Fprintln(&b, g.drop())
	}
	for _, f := range t.usedFunctions() {
		fmt.Fprintf(&b, "DROP FUNCTION IF EXISTS %s();\n", f.name)
	}
	return b.String(), nil
}
