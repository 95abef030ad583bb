package dbstore

import (
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"time"

	"django-sidecar/djangosession"
)

// Dialect is what SQL databases differ in, as far as reading sessions and users goes.
type Dialect struct {
	// Name is how messages call the database.
	Name string

	quoteMark string // around the name of a table or column
	// pooled says that there are poolers which hand the steps of a query to different servers.
	pooled      bool
	placeholder string // of the first parameter in a query's text, then of the second
	second      string
	// binary makes bytes of the parameter %s: of its hexadecimal digits, unless it is plainParameter.
	binary string
	// any compares with each element of the array %s; "" where there are no arrays
	any   string
	bytes string // the length in bytes of the value of column %s as a text
	// sized reports whether the type of a column, as ReadColumns returns it, rules out values of more than maxTextBytes
	sized      func(columnType string) bool
	expireDate string // the column expire_date as a query selects it
	shown      string // the instant in column %s, or what the clock shows where the database knows no time zone
	// now is the parameter that Django would compare expire_date with.
	now func(time.Time, Zone) any
	// instant reads a selected expire_date, which is after now.
	instant func(v any, z Zone, now time.Time) (time.Time, bool)
	clock   string // asks the server for the time; "" where there is no server
	// after is the condition for rows after a row, in the order of expire_date and primary key, and afterArgs its
	// parameters.
	after     string
	afterArgs func(expireDate any, key string) []any
	// lock is the lock of a table; nil where there is none.
	lock func(table string) tableLock
	// estimate returns the query for a table's number of rows, and the share of them whose expire_date is before now,
	// NULL where either is not known; nil where there are no statistics.
	estimate func(table string, now any) (query string, args []any)
	// deleteExpired deletes those of the keys whose expire_date is before now.
	deleteExpired func(table string, now any, keys []string) (statement string, args []any)
	// unlessTaken ends an INSERT that is to insert nothing where the key is taken; "" where there is no such clause
	// that needs no other privilege.
	unlessTaken string
	// countsChanged says that the server may count the rows that were changed, where others count those that were
	// found.
	countsChanged bool
	// columns returns the query for the name and the type of each column of the table. shows says that it is a command,
	// and no query.
	shows   bool
	columns func(table string) (query string, args []any)
	// demanded returns the query for the columns of a session table that a row must fill, beside those of Django's; nil
	// where strictInsert is the word for an INSERT that is refused for them, also if it has no row.
	demanded     func(table string) (query string, args []any)
	strictInsert string
	// identity returns the query for the identity, which is what the catalogue knows a table by, and for is_view, which
	// is 1 if it is a view, otherwise 0.
	identity func(table string) (query string, args []any)
	// foreignKeys returns the query for those of a table that have one column: the name of the column, the identity of
	// the table that it leads to, the column that it leads to, and the table's name as it is shown in messages.
	foreignKeys func(table string) (query string, args []any)
	// keyType tells which of Django's fields a column type in lower case stands for.
	keyType func(columnType string) djangosession.KeyType
	// keyParameter is how a query compares the primary key with its parameter, and keyValue what the parameter is.
	keyParameter map[djangosession.KeyType]string
	keyValue     func(t djangosession.KeyType, id string) any
	// keyArray is keyParameter for several keys at once, each of which is its own keyValue; nil where there are no
	// arrays.
	keyArray map[djangosession.KeyType]string
}

// Postgres is PostgreSQL.
var Postgres = &Dialect{
	Name:        "PostgreSQL",
	pooled:      true,
	quoteMark:   `"`,
	placeholder: "$1",
	second:      "$2",
	binary:      plainParameter,
	any:         "ANY(%s)",
	// A value that lies outside of its row is measured without being read: its length is in the row.
	bytes:      "octet_length(%s::text)",
	sized:      sized,
	expireDate: "expire_date",
	shown:      "%s",
	now:        func(now time.Time, z Zone) any { return postgresNow(now, z) },
	instant: func(v any, _ Zone, _ time.Time) (time.Time, bool) {
		t, ok := v.(time.Time) // 'infinity' is no time.Time, and Django cannot read it either
		return t, ok
	},
	clock: "SELECT clock_timestamp()",
	after: " AND expire_date >= $2 AND (expire_date > $2 OR session_key > $3)", afterArgs: numberedAfter,
	unlessTaken: " ON CONFLICT DO NOTHING",
	lock:        postgresLock, deleteExpired: postgresDelete, estimate: postgresEstimate,
	columns: func(table string) (string, []any) {
		return `SELECT a.attname::text AS name, format_type(CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END,
			NULLIF(CASE t.typtype WHEN 'd' THEN t.typtypmod ELSE a.atttypmod END, -1)) AS type
		FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
		WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped`, []any{quote(table, `"`)}
	},
	demanded: func(table string) (string, []any) {
		// Identity and generated columns have an entry of their own, since PostgreSQL 10 and 12.
		return `SELECT a.attname::text AS name
		FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
		WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
		AND (a.attnotnull OR t.typnotnull)
		AND NOT a.atthasdef AND t.typdefault IS NULL AND coalesce(to_jsonb(a)->>'attidentity', '') = ''
		AND a.attname NOT IN ('session_key', 'session_data', 'expire_date')`, []any{quote(table, `"`)}
	},
	identity: func(table string) (string, []any) {
		return `SELECT c.oid::text AS identity, CASE WHEN c.relkind IN ('v', 'm') THEN 1 ELSE 0 END AS is_view
		FROM pg_catalog.pg_class c WHERE c.oid = to_regclass($1)`, []any{quote(table, `"`)}
	},
	foreignKeys: func(table string) (string, []any) {
		// A partition of the table that is led to has a row of its own, with the parent's OID, since PostgreSQL 11.
		return `SELECT a.attname::text AS name, c.confrelid::text AS identity, f.attname::text AS leads,
			c.confrelid::regclass::text AS shown
		FROM pg_catalog.pg_constraint c
		JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
		JOIN pg_catalog.pg_attribute f ON f.attrelid = c.confrelid AND f.attnum = c.confkey[1]
		WHERE c.contype = 'f' AND cardinality(c.conkey) = 1 AND c.conrelid = to_regclass($1)
		AND coalesce(to_jsonb(c)->>'conparentid', '0') = '0'`, []any{quote(table, `"`)}
	},
	keyType: func(columnType string) djangosession.KeyType {
		columnType, _, _ = strings.Cut(columnType, "(")
		// A type of an extension has its schema before it, where that is not on the search path.
		switch columnType[strings.LastIndexByte(columnType, '.')+1:] {
		case "smallint", "integer", "bigint":
			return djangosession.IntegerKey
		case "uuid":
			return djangosession.UUIDKey
		case "character varying", "text", "citext", "character":
			return djangosession.TextKey
		}
		return 0
	},
	keyParameter: map[djangosession.KeyType]string{
		// The casts let the server refuse nothing: an id beyond the column's own type is no error but no row.
		djangosession.IntegerKey: "$1::bigint",
		djangosession.UUIDKey:    "$1::uuid",
		djangosession.TextKey:    "$1",
	},
	keyArray: map[djangosession.KeyType]string{
		djangosession.IntegerKey: "$1::bigint[]",
		djangosession.UUIDKey:    "$1::uuid[]",
		djangosession.TextKey:    "$1",
	},
	keyValue: func(_ djangosession.KeyType, id string) any { return id },
}

// SQLite is SQLite.
var SQLite = &Dialect{
	Name:        "SQLite",
	quoteMark:   `"`,
	placeholder: "?1",
	second:      "?2",
	binary:      plainParameter,
	// SQLite knows the length of a value without reading it.
	bytes: "octet_length(%s)",
	sized: func(string) bool { return false }, // a column may hold anything
	// A driver may make times of columns that are declared datetime; Django keeps text in them.
	expireDate: "CAST(expire_date AS TEXT)",
	shown:      "substr(CAST(%s AS TEXT), 1, 40)",
	now:        func(now time.Time, z Zone) any { return z.wallClock(now) },
	instant: func(v any, z Zone, now time.Time) (time.Time, bool) {
		s, ok := v.(string)
		if !ok {
			return time.Time{}, false
		}
		return parseDatetime(s, z, now)
	},
	after: " AND expire_date >= ?2 AND (expire_date > ?2 OR session_key > ?3)", afterArgs: numberedAfter,
	unlessTaken:   " ON CONFLICT DO NOTHING",
	deleteExpired: sqliteDelete,
	columns: func(table string) (string, []any) {
		return "SELECT name, lower(type) AS type FROM pragma_table_info(?1)", []any{table}
	},
	demanded: func(table string) (string, []any) {
		return `SELECT name FROM pragma_table_info(?1) WHERE "notnull" AND dflt_value IS NULL
			AND lower(name) NOT IN ('session_key', 'session_data', 'expire_date')`, []any{table}
	},
	identity: func(table string) (string, []any) {
		return "SELECT lower(name) AS identity, type = 'view' AS is_view FROM sqlite_master " +
			"WHERE type IN ('table', 'view') AND name = ?1 COLLATE NOCASE", []any{table}
	},
	foreignKeys: func(table string) (string, []any) {
		// Without a column, it leads to the primary key. Django before 2.1.5 renames a table to X__old and makes X
		// anew, whereupon SQLite 3.26 and newer have foreign keys lead to X__old, which is dropped
		// (db/backends/sqlite3/schema.py, 1.11, _remake_table).
		return `SELECT "from" AS name, lower("table") AS identity,
			coalesce("to", (SELECT name FROM pragma_table_info(f."table") WHERE pk = 1), '') AS leads, "table" AS shown
		FROM (SELECT id, "from", "to", CASE WHEN "table" LIKE '%#_#_old' ESCAPE '#' AND NOT EXISTS
				(SELECT 1 FROM sqlite_master WHERE name = k."table" COLLATE NOCASE)
			THEN substr("table", 1, length("table") - 5) ELSE "table" END AS "table" FROM pragma_foreign_key_list(?1) AS k) AS f
		WHERE id IN (SELECT id FROM pragma_foreign_key_list(?1) GROUP BY id HAVING count(*) = 1)`, []any{table}
	},
	keyType: func(columnType string) djangosession.KeyType {
		switch {
		case strings.Contains(columnType, "int"):
			return djangosession.IntegerKey
		case columnType == "char(32)": // what Django makes of a UUIDField: db/backends/sqlite3/base.py, 5.2, data_types
			return djangosession.UUIDKey
		case strings.Contains(columnType, "char"), strings.Contains(columnType, "text"):
			return djangosession.TextKey
		}
		return 0
	},
	keyParameter: map[djangosession.KeyType]string{
		djangosession.IntegerKey: "CAST(?1 AS INTEGER)",
		djangosession.UUIDKey:    "?1",
		djangosession.TextKey:    "?1",
	},
	keyValue: func(t djangosession.KeyType, id string) any {
		if t == djangosession.UUIDKey {
			return strings.ReplaceAll(id, "-", "") // value.hex: db/models/fields/__init__.py, 5.2, UUIDField.get_db_prep_value
		}
		return id
	},
}

// numbered writes the parameters of a statement, each a question mark, as the database has them.
func (d *Dialect) numbered(text string) string {
	if d.placeholder == "?" {
		return text
	}
	parts := strings.Split(text, "?")
	for i := range len(parts) - 1 {
		parts[i] += d.placeholder[:1] + strconv.Itoa(i+1)
	}
	return strings.Join(parts, "")
}

// postgresNow is what PostgreSQL makes of Django's timezone.now(). With USE_TZ off that is a local time without
// an offset, and in the hour that a clock change repeats, PostgreSQL takes it for the second one.
func postgresNow(now time.Time, z Zone) time.Time {
	now = now.Truncate(time.Microsecond) // as Python's clock does; the server would round
	if z.Local == nil {
		return now
	}
	local := now.In(z.Local)
	_, end := local.ZoneBounds()
	if end.IsZero() {
		return now
	}
	_, before := local.Zone()
	_, after := end.In(z.Local).Zone()
	// The repeated stretch is as long as the offset shrinks, and ends with the first of the two zones.
	if repeated := time.Duration(before-after) * time.Second; repeated > 0 && end.Sub(now) <= repeated {
		return now.Add(repeated)
	}
	return now
}

// array is the text of an array whose elements are plain keys (see plainKey): none needs an escape, and none is NULL
// within quotes.
func array(keys []string) string { return `{"` + strings.Join(keys, `","`) + `"}` }

// needed is a Dialect that a configuration must have. A store without one would panic at its first question.
func needed(d *Dialect, config string) *Dialect {
	if d == nil {
		panic("dbstore: the Dialect of " + config + " is missing: take that of dbopen.Open, or Postgres, MySQL or SQLite")
	}
	return d
}

// table writes the name of a table as SQL.
func (d *Dialect) table(name string) string { return quote(name, d.quoteMark) }

// quote writes the name of a table as SQL; a dot separates a schema from its table.
func quote(table, mark string) string {
	parts := strings.Split(table, ".")
	for i, p := range parts {
		parts[i] = identifier(p, mark)
	}
	return strings.Join(parts, ".")
}

func identifier(name, mark string) string {
	return mark + strings.ReplaceAll(name, mark, mark+mark) + mark
}

// sqlState is implemented by the errors of lib/pq and pgx, and must be by those of a driver for MySQL.
type sqlState interface{ SQLState() string }

// stateOf is the SQLSTATE of an error, "" where it has none. Nearly every query has no error, and pays for none.
func stateOf(err error) string {
	if err == nil {
		return ""
	}
	var state sqlState
	if !errors.As(err, &state) {
		return ""
	}
	return state.SQLState()
}

// misfits reports whether err says that a query does not fit its table: SQLSTATE class 42, 22P02 for a key of another
// type than the column has become, and SQLite's general error. It is not asked of a failing network, where closing
// statements would wait for the other queries.
func misfits(err error) bool {
	if err == nil {
		return false
	}
	if state := stateOf(err); state != "" {
		return strings.HasPrefix(state, "42") || state == "22P02"
	}
	var sqlite interface{ Code() int }
	return errors.As(err, &sqlite) && sqlite.Code() == 1
}

// refusesValue reports whether err says that a parameter is a text that the database cannot hold: SQLSTATE 22021,
// character not in repertoire, and 22P05, untranslatable character. Django fails on it too. No row has such a key, so
// this is an answer and no failure. The rest of class 22, such as 22P02 for a text that is no number, is no answer:
// no parameter of ours is such a value, and the query that refuses it may be somebody else's.
func refusesValue(err error) bool {
	state := stateOf(err)
	return state == "22021" || state == "22P05"
}

// isNoRows reports whether err says that a query found nothing.
func isNoRows(err error) bool { return errors.Is(err, sql.ErrNoRows) || refusesValue(err) }
