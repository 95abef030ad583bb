package dbstore

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"django-sidecar/djangosession"
	"django-sidecar/signing"
)

// ordinaryBytes is how large a session may be in a query that others share: so large are 128 of them 2 MiB. A larger
// one is asked for once more, and alone.
const ordinaryBytes = 16 << 10

// maxLarge is how many large values are read and decoded at a time.
const maxLarge = 4

// maxTextBytes bounds each text of a user: password, user name, email, and the names of groups and permissions.
// Django's own columns have at most 254 characters.
const maxTextBytes = 4 << 10

// within selects a column whose value has at most n bytes, and NULL in its place where it has more: the database does
// not send what would not be read.
func (d *Dialect) within(column string, n int) string {
	return "CASE WHEN " + fmt.Sprintf(d.bytes, column) + fmt.Sprintf(" <= %d THEN ", n) + column + " END"
}

// text selects a column of a type that ReadColumns has told, with the bound of a user's texts. tooLarge says whether
// it has more: it is empty for a type that cannot.
func (d *Dialect) text(column, columnType string) (selected, tooLarge string) {
	if d.sized(columnType) {
		return column, ""
	}
	return d.within(column, maxTextBytes), fmt.Sprintf("COALESCE(%s, 0) > %d", fmt.Sprintf(d.bytes, column), maxTextBytes)
}

// maxCharBytes is how long a character may be.
const maxCharBytes = 4

// sized reports whether the values of a column cannot have more than maxTextBytes by its type, as ReadColumns has
// told it.
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

var errLargeUser = &signing.SyntaxError{Problem: fmt.Sprintf("a user of whom a column has more than %d bytes", maxTextBytes)}

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

// bound is a MaxBytes, or what 0 means.
func bound(maxBytes int) int {
	if maxBytes <= 0 {
		return djangosession.DefaultMaxBytes
	}
	return maxBytes
}
