package dbstore

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/signing"
)

// ordinaryBytes is how large a session may be in a query that others share: 128 of this size are 2 MiB. A larger
// one is asked for once more, and alone.
const ordinaryBytes = 16 << 10

// maxLarge is how many large values are read and decoded at a time.
const maxLarge = 4

// maxTextBytes bounds each column of a user whose type does not bound it, and the names of groups and permissions.
// Django's own columns have at most 254 characters.
const maxTextBytes = 4 << 10

// within selects a column whose value has at most n bytes, and NULL in its place where it has more: the database does
// not send what would not be read.
func (d *Dialect) within(column string, n int) string {
	return "CASE WHEN " + fmt.Sprintf(d.bytes, column) + fmt.Sprintf(" <= %d THEN ", n) + column + " END"
}

// text selects a column of a type that ReadColumns has returned, within maxTextBytes. tooLarge is a condition in SQL
// that holds if the value has more bytes, "" if the type rules that out.
func (d *Dialect) text(column, columnType string) (selected, tooLarge string) {
	if d.sized(columnType) {
		return column, ""
	}
	return d.within(column, maxTextBytes), fmt.Sprintf("COALESCE(%s, 0) > %d",
		fmt.Sprintf(d.bytes, column), maxTextBytes)
}

// maxCharBytes is how many bytes a character may have.
const maxCharBytes = 4

// sized reports whether the type of a column, as ReadColumns returns it, rules out values of more than maxTextBytes.
func sized(columnType string) bool {
	base, length, _ := strings.Cut(columnType, "(")
	switch base, _, _ = strings.Cut(base, " unsigned"); base {
	case "boolean", "tinyint", "smallint", "mediumint", "int", "integer", "bigint", "uuid":
		return true
	case "character varying", "character", "varchar", "char":
		length, _, _ = strings.Cut(length, ")")
		n, err := strconv.Atoi(length)
		return err == nil && n <= maxTextBytes/maxCharBytes
	}
	return false
}

var errLargeUser = &signing.SyntaxError{Problem: fmt.Sprintf("a column of the user has more "+
	"than %d bytes", maxTextBytes)}

// gate lets a few through at a time.
type gate chan struct{}

// pass waits until there is room, or ctx ends. leave makes room again.
func (g gate) pass(ctx context.Context) (leave func(), err error) {
	select {
	case g <- struct{}{}:
		return func() { <-g }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting to read a large value: %w", ctx.Err())
	}
}

func tooLarge(max int) error {
	return &signing.SyntaxError{Problem: fmt.Sprintf("more than %d bytes, or NULL", max)}
}

// clock is a Now, or what nil means.
func clock(now func() time.Time) func() time.Time {
	if now == nil {
		return time.Now //nolint:forbidigo // the default of a parameter
	}
	return now
}

// bound is a MaxBytes, or what 0 means.
func bound(maxBytes int) int {
	if maxBytes <= 0 {
		return djangosession.DefaultMaxBytes
	}
	return maxBytes
}
