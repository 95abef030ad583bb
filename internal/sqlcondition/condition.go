// Package sqlcondition reads conditions on a row that an operator writes in SQL, such as "status = 'active' AND
// deleted_at IS NULL". It cannot tell whether a condition is right: the database does. It sees to it that a condition
// is an expression and nothing else, so that it stays within the parentheses it is put into, and finds the columns
// that a simple one reads.
package sqlcondition

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Condition is an expression that was read. The zero Condition is none.
type Condition struct{ tokens []token }

type tokenKind uint8

const (
	space tokenKind = iota
	word
	name // in quotation marks or backticks
	text
	number
	symbol // a comparison
	opening
	closing
	comma
	other
)

type token struct {
	kind tokenKind
	sql  string
}

// comparisons are the operators of simple conditions.
var comparisons = []string{"<=", ">=", "<>", "!=", "=", "<", ">"}

// Parse reads a condition. The error continues a sentence that begins with the setting's name.
func Parse(sql string) (Condition, error) {
	var c Condition
	depth := 0
	for rest := strings.TrimSpace(sql); rest != ""; {
		t, err := next(rest)
		if err != nil {
			return Condition{}, err
		}
		rest = rest[len(t.sql):]
		switch t.kind {
		case opening:
			depth++
		case closing:
			depth--
		case space, word, name, text, number, symbol, comma, other:
		}
		if depth < 0 {
			return Condition{}, errors.New("closes a parenthesis that it has not opened")
		}
		c.tokens = append(c.tokens, t)
	}
	switch {
	case len(c.tokens) == 0:
		return Condition{}, errors.New("is empty")
	case depth > 0:
		return Condition{}, errors.New("does not close its parentheses")
	}
	return c, nil
}

// next reads the token that sql begins with.
func next(sql string) (token, error) {
	switch c := sql[0]; {
	case strings.ContainsRune(" \t\r\n", rune(c)):
		return token{space, " "}, nil
	case c == '\'':
		return quoted(sql, text)
	case c == '"' || c == '`':
		return quoted(sql, name)
	case c == '(':
		return token{opening, "("}, nil
	case c == ')':
		return token{closing, ")"}, nil
	case c == ',':
		return token{comma, ","}, nil
	case '0' <= c && c <= '9':
		return token{number, sql[:run(sql, func(r rune) bool { return r == '.' || isWord(r) })]}, nil
	}
	if n := run(sql, isWord); n > 0 {
		return token{word, sql[:n]}, nil
	}
	// What begins a comment, a parameter, a variable or another statement.
	for _, forbidden := range []string{";", "--", "/*", "*/", "#", "?", "$", "@", "\\", "%s", "%("} {
		if strings.HasPrefix(sql, forbidden) {
			return token{}, fmt.Errorf("has %s outside of a text: it must be one expression, without comments, "+
				"parameters and variables", forbidden)
		}
	}
	for _, operator := range comparisons {
		if strings.HasPrefix(sql, operator) {
			return token{symbol, operator}, nil
		}
	}
	if strings.HasPrefix(sql, "::") {
		return token{other, "::"}, nil
	}
	if c := sql[0]; c == ':' || c < ' ' || c >= 0x7f {
		return token{}, fmt.Errorf("has %q outside of a text", sql[:1])
	}
	return token{other, sql[:1]}, nil
}

// quoted reads a text or a name in quotes, in which a quote is written twice. A backslash escapes something in some
// databases.
func quoted(sql string, k tokenKind) (token, error) {
	mark := sql[0]
	for i := 1; i < len(sql); i++ {
		switch c := sql[i]; {
		case c == '\\' || c < ' ' || c == 0x7f:
			return token{}, errors.New("has a backslash or a control character in a text: databases " +
				"disagree about them")
		case c == mark && i+1 < len(sql) && sql[i+1] == mark:
			i++
		case c == mark:
			return token{k, sql[:i+1]}, nil
		}
	}
	return token{}, fmt.Errorf("does not close its %c", mark)
}

func isWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// run is how many bytes of sql are characters that belong together.
func run(sql string, belongs func(rune) bool) int {
	for i, r := range sql {
		if !belongs(r) {
			return i
		}
	}
	return len(sql)
}

// Flag is an expression that is 1 where the condition holds, and 0 where it does not or is NULL. A name in quotes
// gets the table's alias before it: to SQLite, one that has become no column's would be a text.
func (c Condition) Flag(alias string, qualify bool) string {
	var b strings.Builder
	b.WriteString("CASE WHEN (")
	before := ""
	for i, t := range c.tokens {
		follows := i+1 < len(c.tokens) && c.tokens[i+1].sql == "." // it names a table
		if qualify && t.kind == name && before != "." && !follows {
			b.WriteString(alias + ".")
		}
		b.WriteString(t.sql)
		before = t.sql
	}
	b.WriteString(") THEN 1 ELSE 0 END")
	return b.String()
}

// Words of simple conditions that are no columns: those that join, and those that are values.
var (
	joining = []string{"and", "or", "not", "is", "in", "between", "like", "ilike"}
	values  = []string{"null", "true", "false"}
	// moving are words that name another value at another time, or to another user of the database, where they look
	// like columns.
	moving = []string{
		"current_date", "current_time", "current_timestamp", "localtime", "localtimestamp", "current_user",
		"session_user", "system_user",
		"user", "current_role", "current_catalog", "current_schema", "rowid", "ctid", "xmin", "xmax", "cmin", "cmax",
		"tableoid",
	}
	// clock matches texts that PostgreSQL reads as a time that goes on.
	clock = regexp.MustCompile(`(?i)now|today|tomorrow|yesterday`)
)

// Columns returns the columns of the row that a simple condition reads: one of columns, values and comparisons, whose
// truth changes with the row alone. Of any other it is false: with functions, subqueries and arithmetic, nothing is
// known. A name without quotes is in lower case, as PostgreSQL takes it.
func (c Condition) Columns() (columns []string, simple bool) {
	operand := false // the token before is one: two in a row are something else, such as DATE '2026-01-01'
	for i, t := range c.tokens {
		var column string
		switch t.kind {
		case space:
			continue
		case symbol, comma:
			operand = false
			continue
		case opening:
			if operand { // a function
				return nil, false
			}
			continue
		case closing:
			operand = true
			continue
		case other:
			return nil, false
		case text:
			if clock.MatchString(t.sql) {
				return nil, false
			}
		case number:
		case name:
			if t.sql[0] == '`' {
				return nil, false // PostgreSQL has none
			}
			column = strings.ReplaceAll(t.sql[1:len(t.sql)-1], `""`, `"`)
		case word:
			lower := strings.ToLower(t.sql)
			switch {
			case slices.Contains(joining, lower):
				operand = false
				continue
			case slices.Contains(moving, lower):
				return nil, false
			case !slices.Contains(values, lower):
				column = lower
			}
		}
		glued := i > 0 && c.tokens[i-1].kind != space && c.tokens[i-1].kind == word // E'…'
		if operand || glued {
			return nil, false
		}
		operand = true
		if column != "" && !slices.Contains(columns, column) {
			columns = append(columns, column)
		}
	}
	return columns, true
}
