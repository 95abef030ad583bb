package observe

import (
	"database/sql"
	"maps"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"django-sidecar/djangosession/dbstore"
)

// TestSessionRows: what is not known is absent, also where it has been known.
func TestSessionRows(t *testing.T) {
	r := prometheus.NewRegistry()
	m := NewMetrics(r, "1", "c")
	known := func(n float64) sql.NullFloat64 { return sql.NullFloat64{Float64: n, Valid: true} }
	for _, tt := range []struct {
		estimate dbstore.Estimate
		want     map[string]float64
	}{
		{dbstore.Estimate{}, nil},
		{dbstore.Estimate{Rows: known(10), Expired: known(4)}, map[string]float64{"expired": 4, "live": 6}},
		{dbstore.Estimate{Rows: known(0), Expired: known(0)}, map[string]float64{"expired": 0, "live": 0}},
		{dbstore.Estimate{Rows: known(10)}, map[string]float64{"unknown": 10}},
		{dbstore.Estimate{}, nil},
	} {
		m.SessionRows(tt.estimate)
		families, err := r.Gather()
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]float64{}
		for _, f := range families {
			for _, metric := range f.GetMetric() {
				if f.GetName() == "django_sidecar_session_rows" {
					got[metric.GetLabel()[0].GetValue()] = metric.GetGauge().GetValue()
				}
			}
		}
		if !maps.Equal(got, tt.want) {
			t.Errorf("%+v: %v, want %v", tt.estimate, got, tt.want)
		}
	}
}
