package checkup

import (
	"context"
	"errors"

	"django-sidecar/djangosession/dbstore"
)

// writing finds out whether what SIDECAR_WRITE names can be written.
func (d *Checkup) writing(ctx context.Context) []Finding {
	const name = "writing"
	err := d.Writing(ctx)
	switch {
	case err == nil:
		return []Finding{{OK, name, "what SIDECAR_WRITE names can be written", ""}}
	case errors.Is(err, dbstore.ErrColumns):
		return []Finding{{
			Fail, name, err.Error(),
			"take login and update out of SIDECAR_WRITE, or give these columns a default in the database",
		}}
	case takesNoWrites(err):
		return []Finding{{
			Fail, name, err.Error(),
			"this server takes no writes now, as a standby and a replica do: name the one that Django writes to in " +
				"its URL, or end the server's read_only or default_transaction_read_only",
		}}
	}
	return []Finding{{
		Fail, name, err.Error(),
		"for a database, run what django-sidecar sql -what role prints, with these settings, and have its URL " +
			"name that account; for SQLite and files, let this user write there; for a cache, give its user " +
			"the right; or take it out of SIDECAR_WRITE",
	}}
}

// takesNoWrites matches what a server says to each write of anybody without special rights: PostgreSQL, MySQL (the
// second in a transaction) and Redis.
func takesNoWrites(err error) bool {
	return is("25006")(err) || says("error 1290 ", "error 1836 ", "error 1792 ", "readonly you can't write")(err)
}
