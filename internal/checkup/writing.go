package checkup

import "context"

// writing finds out whether the stores let be written what SIDECAR_WRITE names.
func (d *Checkup) writing(ctx context.Context) ([]Finding, bool) {
	const name = "writing"
	if err := d.Writing(ctx); err != nil {
		return []Finding{{
			Fail, name, err.Error(),
			"for a database, run what django-sidecar sql -what role prints, with these settings, and have its URL name that " +
				"account; for SQLite and files, let this user write there; for a cache, give its user the right; or take it " +
				"out of SIDECAR_WRITE",
		}}, false
	}
	return []Finding{{OK, name, "the stores let be written what SIDECAR_WRITE names", ""}}, true
}
