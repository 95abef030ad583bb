package observe

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"django-sidecar/djangosession"
	"django-sidecar/internal/verdictcache"
)

// Metrics are the sidecar's own metrics. All names begin with django_sidecar_.
type Metrics struct {
	registrar

	verdicts *prometheus.CounterVec
	alive    prometheus.Counter // of verdicts
	duration prometheus.Histogram
	stores   *prometheus.HistogramVec
	errors   prometheus.Counter
	sound    prometheus.Gauge // nil where there is no cache
	unsound  *prometheus.GaugeVec

	uploads         *prometheus.CounterVec
	uploadBytes     prometheus.Counter
	uploadsInFlight prometheus.Gauge
	webhooks        *prometheus.CounterVec
	undelivered     prometheus.Counter

	refused *prometheus.CounterVec
	reloads *prometheus.CounterVec
	stale   prometheus.Gauge
	silent  *prometheus.GaugeVec
	replica *prometheus.CounterVec
	ends    *prometheus.GaugeVec
	keys    *keyMetrics
	rows    *prometheus.GaugeVec
}

// NewMetrics registers the metrics with r.
func NewMetrics(r prometheus.Registerer, version, commit string) *Metrics {
	// From a fraction of a local round trip to past the default store timeout.
	buckets := []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5}
	reg := registrar{promauto.With(r)}
	m := &Metrics{
		registrar: reg,
		verdicts: reg.counters("django_sidecar_verdicts_total",
			"Verdicts by outcome (alive, ended, unavailable) and, for ended, the reason.", "outcome", "reason"),
		duration: reg.NewHistogram(prometheus.HistogramOpts{
			Name: "django_sidecar_verdict_duration_seconds", Help: "Time to a verdict.", Buckets: buckets,
		}),
		stores: reg.NewHistogramVec(prometheus.HistogramOpts{
			Name: "django_sidecar_store_duration_seconds", Help: "Time to a store's answer.", Buckets: buckets,
		}, []string{"store", "operation"}),
		errors: reg.counter("django_sidecar_store_errors_total", "Failures of a store: none of them is a verdict."),

		uploads: reg.counters("django_sidecar_uploads_total",
			"Uploads that were stored, and requests with one that were refused or failed.", "outcome"),
		uploadBytes:     reg.counter("django_sidecar_upload_bytes_total", "Bytes of the files that were stored."),
		uploadsInFlight: reg.gauge("django_sidecar_uploads_in_flight", "Uploads that are going on."),
		webhooks: reg.counters("django_sidecar_upload_webhooks_total",
			"Tries to tell Django of uploads: delivered, put off, given up, corrupt or broken.", "outcome"),
		undelivered: reg.counter("django_sidecar_answers_undelivered_total",
			"Early answers that may not have arrived: the client was still writing at the end of SIDECAR_LINGER."),

		refused: reg.counters("django_sidecar_connections_refused_total",
			"Connections and gRPC calls that were closed or not taken, because there were too many or their "+
				"unfinished headers were too large together.", "listener"),
		reloads: reg.counters("django_sidecar_settings_reloads_total",
			"Changes of secret files: taken or refused.", "outcome"),
		stale: reg.gauge("django_sidecar_settings_stale",
			"1 while the secret files hold something that was refused, and the secrets from before are in force."),
		silent: reg.gauges("django_sidecar_store_silent",
			"1 while a store does not answer, and is asked four times a second only.", "store"),
		replica: reg.counters("django_sidecar_replica_verdicts_total",
			"Verdicts that the replica was asked for: yes was told; after no, and failed, the primary was asked.",
			"outcome"),
		ends: reg.gauges("django_sidecar_certificate_expiry_timestamp_seconds",
			"When the certificate of a listener ends, in seconds since 1970. The gRPC listener has the public one's.",
			"listener"),
		keys: newKeyMetrics(reg),
		rows: reg.gauges("django_sidecar_session_rows",
			"Rows of the session table by the database's statistics: live and expired, or unknown where the "+
				"statistics do not tell which. Absent where they tell nothing.", "state"),
	}
	m.alive = m.verdicts.WithLabelValues("alive", "")
	m.reloads.WithLabelValues("taken")
	m.reloads.WithLabelValues("refused")
	reg.gauges("django_sidecar_build_info", "Always 1; the labels say what is running.", "commit", "version").
		WithLabelValues(commit, version).Set(1)
	return m
}

// registrar makes metrics that are registered.
type registrar struct{ promauto.Factory }

func (r registrar) counter(name, help string) prometheus.Counter {
	return r.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
}

func (r registrar) gauge(name, help string) prometheus.Gauge {
	return r.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
}

func (r registrar) counters(name, help string, labels ...string) *prometheus.CounterVec {
	return r.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

func (r registrar) gauges(name, help string, labels ...string) *prometheus.GaugeVec {
	return r.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
}

// counted makes a metric of what somebody else counts.
func (r registrar) counted(name, help string, count func() uint64) {
	r.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(count()) })
}

// EventsDropped adds the metric of events that the log had no room for.
func (m *Metrics) EventsDropped(dropped func() uint64) {
	m.counted("django_sidecar_log_events_dropped_total",
		"Requests that are not in the log, because the log was too slow. Failures are always in it.", dropped)
}

// SpansUndelivered adds the metric of spans that did not reach the collector.
func (m *Metrics) SpansUndelivered(dropped func() uint64) {
	m.counted("django_sidecar_spans_undelivered_total",
		"Spans that were posted to the collector, and that it did not take.", dropped)
}

// Cache counts what a cache of verdicts does.
func (m *Metrics) Cache(stats func() verdictcache.Stats) {
	counter := func(name, help string, value func(verdictcache.Stats) uint64) {
		m.counted("django_sidecar_cache_"+name, help, func() uint64 { return value(stats()) })
	}
	gauge := func(name, help string, value func(verdictcache.Stats) float64) {
		m.NewGaugeFunc(prometheus.GaugeOpts{Name: "django_sidecar_cache_" + name, Help: help},
			func() float64 { return value(stats()) })
	}
	counter("hits_total", "Verdicts that the cache had.", func(s verdictcache.Stats) uint64 { return s.Verdicts.Hits })
	counter("misses_total", "Verdicts for which the stores were asked.", func(s verdictcache.Stats) uint64 { return s.Verdicts.Misses })
	counter("joined_total", "Verdicts that another request was "+
		"already asking for.", func(s verdictcache.Stats) uint64 { return s.Verdicts.Joined })
	counter("known_users_total", "Verdicts for which the session was loaded, and whose user another session "+
		"had made known.",
		func(s verdictcache.Stats) uint64 { return s.Verdicts.Known })
	counter("evictions_total", "Kept verdicts that were dropped "+
		"to make room.", func(s verdictcache.Stats) uint64 { return s.Verdicts.Evictions })
	counter("forgotten_total", "Kept verdicts and permissions that were forgotten because of a change.",
		func(s verdictcache.Stats) uint64 { return s.Verdicts.Forgotten + s.Accesses.Forgotten })
	counter("panics_total", "Questions of the cache that "+
		"ended in a panic.", func(s verdictcache.Stats) uint64 { return s.Panics })
	gauge("entries", "Verdicts that are kept, too old ones included.",
		func(s verdictcache.Stats) float64 { return float64(s.Verdicts.Entries + s.Verdicts.Absents) })
	gauge("bytes", "Bytes that the kept verdicts and permissions "+
		"take, about.", func(s verdictcache.Stats) float64 { return float64(s.Bytes) })
	m.sound = m.gauge("django_sidecar_cache_sound", "1 while the cache hears of every change.")
	m.unsound = m.gauges("django_sidecar_cache_unsound",
		"1 for a place whose changes are not all heard of, with the step at which that was found.", "in", "doing")
}

// CacheFresh says whether the cache hears of every change.
func (m *Metrics) CacheFresh(fresh bool) {
	m.sound.Set(0)
	if fresh {
		m.sound.Set(1)
	}
}

// CacheNotFresh says at what step it was found that not every change of a place is heard of; "" means that each is.
func (m *Metrics) CacheNotFresh(place, doing string) {
	m.unsound.DeletePartialMatch(prometheus.Labels{"in": place})
	if doing != "" {
		m.unsound.WithLabelValues(place, doing).Set(1)
	}
}

// Verdict counts a verdict, the time it took, and the keys that it has needed.
func (m *Metrics) Verdict(outcome string, v djangosession.Verdict, took time.Duration) {
	if outcome == "alive" && v.Reason == "" {
		m.alive.Inc() // most are: without looking the labels up
	} else {
		m.verdicts.WithLabelValues(outcome, string(v.Reason)).Inc()
	}
	m.duration.Observe(took.Seconds())
	if uses := m.keys.uses.Load(); uses != nil && v.Session != nil { // what was kept has no session
		uses.signatures.count(v.Session.SignedBy)
		uses.hashes.count(v.HashedBy)
	}
}

// Upload counts an upload that has ended, and the bytes that it stored.
func (m *Metrics) Upload(outcome string, bytes int64) {
	m.uploads.WithLabelValues(outcome).Inc()
	m.uploadBytes.Add(float64(bytes))
}

// UploadsInFlight counts an upload that begins, by 1, or ends, by -1.
func (m *Metrics) UploadsInFlight(by int) { m.uploadsInFlight.Add(float64(by)) }

// Webhook counts a try to tell Django of an upload.
func (m *Metrics) Webhook(outcome string) { m.webhooks.WithLabelValues(outcome).Inc() }

// ConnectionsRefused returns what counts a connection or a call of a listener that there was no room for.
func (m *Metrics) ConnectionsRefused(listener string) func() {
	return m.refused.WithLabelValues(listener).Inc
}

// Reloaded counts a change of the secret files, and whether it is in force.
func (m *Metrics) Reloaded(taken bool) {
	if taken {
		m.reloads.WithLabelValues("taken").Inc()
		m.stale.Set(0)
		return
	}
	m.reloads.WithLabelValues("refused").Inc()
	m.stale.Set(1)
}

// StoreSilent says whether a store does not answer.
func (m *Metrics) StoreSilent(store string, is bool) {
	value := 0.0
	if is {
		value = 1
	}
	m.silent.WithLabelValues(store).Set(value)
}

// CertificateEnds says when the certificate of a listener ends.
func (m *Metrics) CertificateEnds(listener string, at time.Time) {
	m.ends.WithLabelValues(listener).Set(float64(at.Unix()))
}

// Replica counts a verdict that the replica was asked for: yes, no or failed.
func (m *Metrics) Replica(outcome string) { m.replica.WithLabelValues(outcome).Inc() }

// NoStoreSilent says that no store has been found silent yet.
func (m *Metrics) NoStoreSilent() { m.silent.Reset() }

// AnswerUndelivered counts an early answer whose client did not stop writing.
func (m *Metrics) AnswerUndelivered() { m.undelivered.Inc() }
