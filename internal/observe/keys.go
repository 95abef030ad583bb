package observe

import (
	"context"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"django-sidecar/djangosession"
)

// keyMetrics say which keys there are, and which of them are still needed.
type keyMetrics struct {
	verified *prometheus.CounterVec
	info     *prometheus.GaugeVec
}

func newKeyMetrics(r prometheus.Registerer) keyMetrics {
	k := keyMetrics{
		verified: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "django_sidecar_verified_with_key_total",
			Help: "Signatures of sessions (use: signature) and session auth hashes (use: auth_hash) that were " +
				"right, by the key: 0 is SECRET_KEY, 1 the first of SECRET_KEY_FALLBACKS.",
		}, []string{"use", "index"}),
		info: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "django_sidecar_key_info",
			Help: "Always 1; the labels are the index of a key and its fingerprint, which is the same in each " +
				"sidecar with the same key and settings.",
		}, []string{"index", "fingerprint"}),
	}
	r.MustRegister(k.verified, k.info)
	return k
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

// counters are for SECRET_KEY and so many fallbacks. They begin at 0, so that a key that is not used is seen.
func (m *Metrics) counters(use string, fallbacks int) (all keyCounters) {
	for i := range fallbacks + 1 {
		all = append(all, m.keys.verified.WithLabelValues(use, strconv.Itoa(i)))
	}
	return all
}

func (c keyCounters) count(index int) {
	if index < len(c) {
		c[index].Inc()
	}
}

// SignedStore returns a store whose sessions are signed, with its keys counted.
func (m *Metrics) SignedStore(store djangosession.Store, fallbacks int) djangosession.Store {
	return &signedStore{store, m.counters("signature", fallbacks)}
}

type signedStore struct {
	store djangosession.Store
	keys  keyCounters
}

// Load implements djangosession.Store.
func (s *signedStore) Load(ctx context.Context, key string) (*djangosession.Session, error) {
	session, err := s.store.Load(ctx, key)
	if err == nil {
		s.keys.count(session.SignedBy.Fallback)
	}
	return session, err
}

// Verifier returns verifier with the keys of its session auth hashes counted.
func (m *Metrics) Verifier(verifier *djangosession.Verifier, fallbacks int) *CountedVerifier {
	return &CountedVerifier{verifier, m.counters("auth_hash", fallbacks)}
}

// CountedVerifier is a djangosession.Verifier that looks at users, and counts the keys of their hashes.
type CountedVerifier struct {
	*djangosession.Verifier

	keys keyCounters
}

// Verify is that of the djangosession.Verifier.
func (v *CountedVerifier) Verify(ctx context.Context, sessionKey string) (djangosession.Verdict, error) {
	claim, err := v.Begin(ctx, sessionKey)
	if err != nil {
		return djangosession.Verdict{}, err
	}
	return v.Resolve(ctx, claim)
}

// Resolve is that of the djangosession.Verifier.
func (v *CountedVerifier) Resolve(ctx context.Context, claim djangosession.Claim) (djangosession.Verdict, error) {
	verdict, err := v.Verifier.Resolve(ctx, claim)
	if verdict.User != nil {
		v.keys.count(verdict.HashedBy.Fallback)
	}
	return verdict, err
}
