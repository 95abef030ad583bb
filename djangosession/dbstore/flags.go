package dbstore

import (
	"fmt"
	"strings"

	"django-sidecar/djangosession"
)

// flag is Python's truth value of a column.
func flag(v any) djangosession.Flag {
	truth := false
	switch v := v.(type) {
	case nil:
		return djangosession.NullFlag
	case bool:
		truth = v
	case int64:
		truth = v != 0
	case uint64:
		truth = v != 0
	case float64:
		truth = v != 0
	case []byte:
		truth = len(v) > 0
	case string:
		truth = v != ""
	}
	if truth {
		return djangosession.True
	}
	return djangosession.False
}

// flag is a column of a flag as it is selected. Drivers give exact numbers (numeric of PostgreSQL, DECIMAL of MySQL)
// as texts, of which "0" would be taken for true.
func (d *Dialect) flag(value, columnType string) string {
	if strings.HasPrefix(columnType, "numeric") || strings.HasPrefix(columnType, "decimal") {
		return fmt.Sprintf("CASE WHEN %[1]s <> 0 THEN 1 WHEN %[1]s IS NULL THEN NULL ELSE 0 END", value)
	}
	return value
}

// optionalFlag is flag for a column that decides nothing: whether it is absent or NULL, it is unknown.
func optionalFlag(v any) djangosession.Flag {
	if v == nil {
		return djangosession.AbsentFlag
	}
	return flag(v)
}
