package checkup

import "context"

// writing finds out whether the stores let be written what SIDECAR_WRITE names.
func (d *Checkup) writing(ctx context.Context) ([]Finding, bool) {
	const name = "writing"
	if err := d.Writing(ctx); err != nil {
		return []Finding{{
			Fail, name, err.Error(),
			"on PostgreSQL and MySQL, run what django-sidecar sql -what role prints with these settings; elsewhere " +
				"give the right to the user in the URL, or let it write the file; or take it out of SIDECAR_WRITE",
		}}, false
	}
	return []Finding{{OK, name, "the stores let be written what SIDECAR_WRITE names", ""}}, true
}
