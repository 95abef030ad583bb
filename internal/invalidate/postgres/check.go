package postgres

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// serverQuery asks whether the server can send notifications from triggers, and says why not.
const serverQuery = `SELECT CASE
	WHEN pg_catalog.pg_is_in_recovery() THEN 'the server is a standby, where nothing can be listened to; DATABASE_URL must lead to the primary'
	WHEN pg_catalog.current_setting('server_version_num')::integer < 110000 THEN 'the triggers need PostgreSQL 11 or newer'
	ELSE '' END`

// sumLength is how long the sum is that begins the answer to lookQuery.
const sumLength = 2 * sha256.Size

// lookQuery looks at all that decides whether the triggers tell of every change. The answer begins with a sum of it,
// which is another one once anything has been changed, also when it has been changed back since: each row of a
// catalogue has an xmin, the transaction that wrote it. DISABLE and ENABLE of a trigger write its row, a table that
// is made anew has another OID, TRUNCATE, CLUSTER, VACUUM FULL and ALTER COLUMN write the table's row or its
// columns'. Then follows what is wrong now, or nothing: everything has to be as Triggers makes it.
//
// That takes half a millisecond of the server's time where the query has been prepared, and four where it has not.
//
// It sends a notification to the channel echo besides. That comes back to this connection before the answer ends, and
// behind all notifications of transactions that were committed before.
func (t Tables) lookQuery(echo string) string {
	return `WITH wanted (relation, name, optional, kind, old, new, argument, sum) AS (VALUES ` + t.wanted() + `),
tables AS (
	SELECT w.relation, c.* FROM (SELECT DISTINCT relation, to_regclass(relation) AS id FROM wanted) AS w
	LEFT JOIN LATERAL (SELECT oid, xmin AS written, relfilenode, relkind, relispartition, relrowsecurity
		FROM pg_catalog.pg_class WHERE oid = w.id LIMIT 1) AS c ON true),
found AS (
	SELECT w.*, r.oid AS id, t.oid AS trigger, t.written AS trigger_written, t.tgenabled, p.oid AS function, p.xmin AS function_written,
		t.tgtype = w.kind AND t.tgqual IS NULL AND cardinality(t.tgattr) = 0 AND t.tgconstraint = 0 AND NOT t.tgdeferrable
		AND coalesce(t.tgoldtable, '') = w.old AND coalesce(t.tgnewtable, '') = w.new AND t.tgargs = w.argument
		AND p.prolang = (SELECT oid FROM pg_catalog.pg_language WHERE lanname = 'plpgsql')
		AND p.proconfig = ARRAY['search_path=` + functionPath + `'] AND NOT p.prosecdef
		AND encode(sha256(convert_to(replace(p.prosrc, E'\r', ''), 'UTF8')), 'hex') = w.sum AS ours
	FROM wanted AS w
	JOIN tables AS r ON r.relation = w.relation
	LEFT JOIN LATERAL (SELECT oid, xmin AS written, tgfoid, tgenabled, tgtype, tgqual, tgattr, tgconstraint, tgdeferrable,
		tgoldtable, tgnewtable, tgargs FROM pg_catalog.pg_trigger WHERE tgrelid = r.oid AND tgname = w.name AND NOT tgisinternal LIMIT 1) AS t ON true
	LEFT JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid),
settings AS (
	SELECT setdatabase, setrole, setconfig, xmin AS written FROM pg_catalog.pg_db_role_setting
	WHERE setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()))),
parts AS (
	SELECT format('table %s %s %s %s', relation, oid, written, relfilenode) AS part FROM tables
	UNION ALL SELECT format('trigger %s %s %s %s', trigger, trigger_written, function, function_written) FROM found
	UNION ALL SELECT format('columns %s %s', oid, (SELECT string_agg(attnum || ' ' || xmin, ' ' ORDER BY attnum) FROM pg_catalog.pg_attribute WHERE attrelid = tables.oid)) FROM tables
	UNION ALL SELECT format('defaults %s %s', oid, (SELECT string_agg(adnum || ' ' || xmin, ' ' ORDER BY adnum) FROM pg_catalog.pg_attrdef WHERE adrelid = tables.oid)) FROM tables
	UNION ALL SELECT format('notify %s %s', oid, xmin) FROM pg_catalog.pg_proc WHERE proname = 'pg_notify'
	UNION ALL SELECT format('setting %s %s %s', setdatabase, setrole, written) FROM settings),
problems AS (
	SELECT CASE
		WHEN id IS NULL AND NOT optional THEN format('there is no table %s', relation)
		WHEN id IS NULL THEN NULL
		WHEN trigger IS NULL THEN format('table %s has no trigger %s', relation, name)
		WHEN tgenabled NOT IN ('O', 'A') THEN format('trigger %s of table %s is disabled', name, relation)
		WHEN ours IS NOT TRUE THEN format('trigger %s of table %s is not the one for these settings and this version', name, relation)
		END AS problem FROM found
	UNION ALL SELECT CASE
		WHEN relkind = 'p' THEN format('table %s has partitions, and what is written into one of them by its name is not told', relation)
		WHEN relkind <> 'r' THEN format('%s is no ordinary table, and what is written behind it is not told', relation)
		WHEN relispartition OR EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhrelid = tables.oid)
			OR EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhparent = tables.oid)
			THEN format('table %s inherits or is inherited from, and what is written by the name of the other table is not told', relation)
		WHEN relrowsecurity THEN format('table %s has row security, and what a policy shows may change untold', relation)
		WHEN EXISTS (SELECT FROM pg_catalog.pg_subscription_rel WHERE srrelid = tables.oid)
			THEN format('table %s is written to by a subscription, which calls no triggers', relation)
		END FROM tables
	UNION ALL SELECT 'session_replication_role is replica for the server, the database or a role, and no trigger is called'
		WHERE current_setting('session_replication_role') = 'replica' OR EXISTS (SELECT FROM settings AS s, unnest(s.setconfig) AS each WHERE lower(each) = 'session_replication_role=replica'))
SELECT (SELECT encode(sha256(convert_to(string_agg(part, ',' ORDER BY part), 'UTF8')), 'hex') FROM parts)
	|| coalesce((SELECT string_agg(DISTINCT problem, '; ' ORDER BY problem) FROM problems), '')
	|| pg_catalog.pg_notify('` + echo + `', '')`
}

// wanted are the rows of lookQuery's triggers. A function's text must be ours to the letter, because it has the names
// of columns, which the settings may have changed since.
func (t Tables) wanted() string {
	var rows []string
	for _, g := range t.triggers() {
		argument := ""
		if g.argument != "" {
			argument = g.argument + "\x00" // as pg_trigger.tgargs has it
		}
		sum := sha256.Sum256([]byte(g.function.body))
		rows = append(rows, fmt.Sprintf(`(%s, '%s', %t, %d, '%s', '%s', '\x%x'::bytea, '%s')`,
			quoteText(quoteTable(g.table)), g.name, g.optional, g.kind(), g.old, g.new, argument, hex.EncodeToString(sum[:])))
	}
	return strings.Join(rows, ", ")
}

// kind is pg_trigger.tgtype of a trigger after a statement: commands/trigger.h of PostgreSQL, TRIGGER_TYPE_INSERT and
// so on.
func (g trigger) kind() (kind int) {
	for event, bit := range map[string]int{onInsert: 1 << 2, onDelete: 1 << 3, onUpdate: 1 << 4, onTruncate: 1 << 5} {
		if strings.Contains(g.events, event) {
			kind |= bit
		}
	}
	return kind
}

// writersQuery asks which transactions are writing to the tables just now, or have and could still commit: each holds
// a lock to its end. The answer names them, with spaces between.
func (t Tables) writersQuery() string {
	var tables []string
	for _, g := range t.triggers() {
		if name := regclass(g.table); len(tables) == 0 || tables[len(tables)-1] != name {
			tables = append(tables, name)
		}
	}
	return `SELECT coalesce(string_agg(DISTINCT virtualtransaction, ' '), '') FROM pg_catalog.pg_locks
	WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' AND granted AND relation IN (` + strings.Join(tables, ", ") + `)
	AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())`
}
