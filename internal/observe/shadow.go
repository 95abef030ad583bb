package observe

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// ShadowMetrics count comparisons with Django.
type ShadowMetrics struct {
	comparisons *prometheus.CounterVec
	first, last prometheus.Gauge
	since       prometheus.Gauge
	now         func() time.Time
	started     sync.Once
}

// Shadow adds the metrics of comparisons with these results.
func (m *Metrics) Shadow(results []string, now func() time.Time) *ShadowMetrics {
	s := &ShadowMetrics{
		now: now,
		comparisons: m.counters("django_sidecar_shadow_comparisons_total",
			"Requests that were to be compared with Django: same, different, settled, skipped, dropped or failed.",
			"result"),
		first: m.gauge("django_sidecar_shadow_first_comparison_timestamp_seconds",
			"When Django was first compared with; 0: not yet."),
		last: m.gauge("django_sidecar_shadow_last_difference_timestamp_seconds",
			"When a difference from Django was last found; 0: never."),
		since: m.gauge("django_sidecar_shadow_comparisons_since_difference",
			"Comparisons that agreed at once, since the last difference or the start."),
	}
	for _, result := range results {
		s.comparisons.WithLabelValues(result)
	}
	return s
}

// Compared counts a comparison: same says that both agreed at once, different that they do not. Otherwise nothing is
// known.
func (s *ShadowMetrics) Compared(result string, same, different bool) {
	s.comparisons.WithLabelValues(result).Inc()
	if same || different {
		s.started.Do(func() { s.first.Set(float64(s.now().Unix())) })
	}
	switch {
	case different:
		s.last.Set(float64(s.now().Unix()))
		s.since.Set(0)
	case same:
		s.since.Inc()
	}
}
