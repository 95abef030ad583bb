package observe

import "django-sidecar/djangosession/dbstore"

// SessionRows says what the statistics of the session table tell.
func (m *Metrics) SessionRows(e dbstore.Estimate) {
	m.rows.Reset()
	switch {
	case e.Expired.Valid:
		m.rows.WithLabelValues("live").Set(e.Rows.Float64 - e.Expired.Float64)
		m.rows.WithLabelValues("expired").Set(e.Expired.Float64)
	case e.Rows.Valid:
		m.rows.WithLabelValues("unknown").Set(e.Rows.Float64)
	}
}
