package observe

import (
	"github.com/prometheus/client_golang/prometheus"

	"django-sidecar/djangosession/dbstore"
)

func newRowMetrics() *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "django_sidecar_session_rows",
		Help: "Rows of the session table by the database's statistics: live and expired, or unknown where the " +
			"statistics do not tell which. Absent where they tell nothing.",
	}, []string{"state"})
}

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
