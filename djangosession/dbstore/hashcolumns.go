package dbstore

import (
	"fmt"
	"strconv"
	"strings"

	"django-sidecar/djangosession"
)

// HashColumns are the columns whose values an overridden get_session_auth_hash puts together. The zero value is
// Django's own, which takes the password alone.
type HashColumns struct {
	Names     []string
	Separator string // between the values
}

// pyStr is Python's str() of a column's value, as Django's field reads it.
type pyStr func(v any) (string, bool)

// writers are how the columns are written. Of floats, dates and flags, what str() makes depends on more than the type.
func (h HashColumns) writers(d *Dialect, table string, columns map[string]string) ([]pyStr, error) {
	var writers []pyStr
	for _, name := range h.Names {
		columnType := columns[name]
		keyType := d.keyType(columnType)
		if strings.HasPrefix(columnType, "tinyint(1)") { // db/backends/mysql/base.py, 5.2: bool, a BooleanField
			keyType = 0
		}
		switch keyType {
		case djangosession.IntegerKey, djangosession.TextKey:
			writers = append(writers, plainStr)
		case djangosession.UUIDKey:
			writers = append(writers, uuidStr)
		default:
			return nil, fmt.Errorf("column %s of table %s has type %s, which a session auth hash cannot have here: "+
				"integers, UUIDs and texts alone are known",
				name, table, columnType)
		}
	}
	return writers, nil
}

// input is what the hash is made of.
func (h HashColumns) input(writers []pyStr, values []any) (*string, error) {
	texts := make([]string, len(values))
	for i, v := range values {
		text, ok := writers[i](v)
		if !ok {
			return nil, fmt.Errorf("column %s of the session auth hash holds a %T", h.Names[i], v)
		}
		texts[i] = text
	}
	all := strings.Join(texts, h.Separator)
	return &all, nil
}

func plainStr(v any) (string, bool) {
	switch v := v.(type) {
	case nil:
		return "None", true
	case string:
		return v, true
	case []byte:
		return string(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case uint64:
		return strconv.FormatUint(v, 10), true
	}
	return "", false
}

// uuidStr writes what UUIDField reads: Lib/uuid.py of Python 3.13, UUID.__str__.
func uuidStr(v any) (string, bool) {
	text, ok := plainStr(v)
	if hex := strings.ToLower(strings.ReplaceAll(text, "-", "")); ok && v != nil && len(hex) == 32 {
		return hex[:8] + "-" + hex[8:12] + "-" + hex[12:16] + "-" + hex[16:20] + "-" + hex[20:], true
	}
	return text, ok && v == nil
}
