package observe

import (
	"strconv"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"django-sidecar/signing"
)

// keyMetrics say which keys there are, and which of them are still needed.
type keyMetrics struct {
	verified *prometheus.CounterVec
	info     *prometheus.GaugeVec
	uses     atomic.Pointer[keyUses] // nil: none is counted
}

// keyUses are those that a deployment has. A use that it does not have has no counters.
type keyUses struct{ signatures, hashes keyCounters }

func newKeyMetrics(r registrar) *keyMetrics {
	return &keyMetrics{
		verified: r.counters("django_sidecar_verified_with_key_total",
			"Signatures of sessions (use: signature) and session auth hashes (use: auth_hash) that were "+
				"right, by the key: 0 is SECRET_KEY, 1 the first of SECRET_KEY_FALLBACKS.", "use", "index"),
		info: r.gauges("django_sidecar_key_info",
			"Always 1; the labels are the index of a key and its fingerprint, which is the same in each "+
				"sidecar with the same key and settings.", "index", "fingerprint"),
	}
}

// Keys says which keys are in force: their fingerprints by index.
func (m *Metrics) Keys(fingerprints map[int]string) {
	m.keys.info.Reset()
	for index, text := range fingerprints {
		m.keys.info.WithLabelValues(strconv.Itoa(index), text).Set(1)
	}
}

// keyCounters count one use of keys, by their index.
type keyCounters []prometheus.Counter

// CountKeys has Verdict count the keys of a deployment: SECRET_KEY and so many fallbacks. signed says whether its
// sessions are signed, hashed whether users have a session auth hash.
func (m *Metrics) CountKeys(fallbacks int, signed, hashed bool) {
	uses := new(keyUses)
	if signed {
		uses.signatures = m.countersOf("signature", fallbacks)
	}
	if hashed {
		uses.hashes = m.countersOf("auth_hash", fallbacks)
	}
	m.keys.uses.Store(uses)
}

// countersOf returns counters that begin at 0, so that a key that is not used is seen.
func (m *Metrics) countersOf(use string, fallbacks int) (all keyCounters) {
	for i := range fallbacks + 1 {
		all = append(all, m.keys.verified.WithLabelValues(use, strconv.Itoa(i)))
	}
	return all
}

func (c keyCounters) count(by signing.SignedBy) {
	if by.Verified && by.Fallback < len(c) {
		c[by.Fallback].Inc()
	}
}
