package dbstore

import (
	"strconv"
	"strings"
	"time"

	"django-sidecar/djangosession"
)

// MySQL is MySQL and MariaDB. Its driver must return columns of type datetime as text, or as time.Time in UTC. A
// column's collation decides which keys are equal to a row's, as it does for Django.
var MySQL = &Dialect{
	Name:        "MySQL",
	quoteMark:   "`", // db/backends/mysql/operations.py, 5.2, quote_name; it is one whatever sql_mode says
	placeholder: "?",
	second:      "?",
	// A server takes a parameter of a prepared statement for a text of the connection, which not all bytes are.
	binary:     "UNHEX(%s)",
	bytes:      "LENGTH(%s)",
	sized:      sized,
	expireDate: "expire_date",
	shown:      "CAST(%s AS CHAR)", // a driver may make an instant of a datetime
	// A text: a driver would convert an instant, and the server compares it with a datetime as one.
	now: func(now time.Time, z Zone) any { return z.wallClock(now) },
	instant: func(v any, z Zone, now time.Time) (time.Time, bool) {
		switch v := v.(type) {
		case time.Time:
			return z.after(now, asUTC(v)), !v.IsZero() // zero is MySQL's 0000-00-00
		case []byte:
			return parseDatetime(string(v), z, now)
		case string:
			return parseDatetime(v, z, now)
		}
		return time.Time{}, false
	},
	clock:         "SELECT UTC_TIMESTAMP(6)",
	after:         " AND expire_date >= ? AND (expire_date > ? OR session_key > ?)",
	afterArgs:     func(expireDate any, key string) []any { return []any{expireDate, expireDate, key} },
	countsChanged: true,
	lock:          mysqlLock, deleteExpired: mysqlDelete, estimate: mysqlEstimate,
	shows: true,
	// An account of some columns sees no others in the catalogue. MySQL refuses a row alone: there, the first login
	// finds out.
	strictInsert: "/*M!100102 SET STATEMENT sql_mode = 'STRICT_ALL_TABLES' FOR */ INSERT",
	columns: func(table string) (string, []any) {
		// Not from information_schema, whose names are compared otherwise than those of queries.
		return "SHOW COLUMNS FROM " + quote(table, "`"), nil
	},
	identity: func(table string) (string, []any) {
		schema, name := mysqlName(table)
		// Not the name in the catalogue, which hides a table that may not be read.
		return `SELECT concat(coalesce(?, database()), '.', ?) AS identity,
			EXISTS (SELECT 1 FROM information_schema.tables
		WHERE table_schema = coalesce(?, database()) AND table_name = ? AND table_type <> 'BASE TABLE') AS is_view`,
			[]any{schema, name, schema, name}
	},
	foreignKeys: func(table string) (string, []any) {
		schema, name := mysqlName(table)
		return `SELECT column_name AS name, concat(referenced_table_schema, '.', referenced_table_name) AS identity,
			referenced_column_name AS leads, referenced_table_name AS shown
		FROM information_schema.key_column_usage AS k
		WHERE table_schema = coalesce(?, database()) AND table_name = ? AND referenced_table_name IS NOT NULL
		AND NOT EXISTS (SELECT 1 FROM information_schema.key_column_usage AS o WHERE o.table_schema = k.table_schema AND o.table_name = k.table_name
			AND o.constraint_name = k.constraint_name AND o.ordinal_position > 1)`, []any{schema, name}
	},
	keyType: mysqlKeyType,
	keyParameter: map[djangosession.KeyType]string{
		djangosession.IntegerKey: "?",
		djangosession.UUIDKey:    "?",
		djangosession.TextKey:    "?",
	},
	keyValue: mysqlKeyValue,
}

// mysqlName parts the name of a table from that of its database, which is nil where there is none.
func mysqlName(table string) (schema any, name string) {
	if before, after, ok := strings.Cut(table, "."); ok {
		return before, after
	}
	return nil, table
}

// mysqlKeyType knows what db/backends/mysql/base.py, 5.2, data_types makes of the fields, and their like.
func mysqlKeyType(columnType string) djangosession.KeyType {
	base := columnType
	if i := strings.IndexAny(base, "( "); i >= 0 {
		base = base[:i] // int(11), bigint unsigned
	}
	switch base {
	case "tinyint", "smallint", "mediumint", "int", "bigint":
		return djangosession.IntegerKey
	case "uuid": // MariaDB 10.7 and later, Django 5.0 and later
		return djangosession.UUIDKey
	case "char", "varchar", "tinytext", "text", "mediumtext", "longtext":
		if columnType == "char(32)" { // a UUIDField's; a CharField's is varchar
			return djangosession.UUIDKey
		}
		return djangosession.TextKey
	}
	return 0
}

// mysqlKeyValue is a parameter of the column's own type: MySQL compares a number with a text by what the text begins
// with, so that 42 would be equal to the key "42abc".
func mysqlKeyValue(t djangosession.KeyType, id string) any {
	switch t {
	case djangosession.IntegerKey:
		n, err := strconv.ParseInt(id, 10, 64)
		if err != nil {
			return nil // no key is equal to NULL
		}
		return n
	case djangosession.UUIDKey:
		// value.hex: db/models/fields/__init__.py, 5.2, UUIDField.get_db_prep_value. A native column reads it too.
		return strings.ReplaceAll(id, "-", "")
	case djangosession.TextKey:
		return id
	}
	return nil
}
