//go:build bench

package sidebyside

import (
	"fmt"
	"testing"
	"time"
)

const (
	mib         = 1 << 20
	entryBound  = 400 // bytes; what verdictcache allows for each entry
	shortWarmUp = 1   // seconds
)

// cached has the sidecar keep verdicts, and nothing make it forget any.
func cached(entries int) []string {
	return []string{"SIDECAR_CACHE_TTL=1h", "SIDECAR_CACHE_INVALIDATION=off", fmt.Sprintf("SIDECAR_CACHE_ENTRIES=%d", entries)}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func (c *curves) overConnections(t *testing.T) *numbers {
	c.seeded(t, *sessions, *sessions)
	n := newNumbers("server", "connections", "requests_per_second", "p50_ms", "p99_ms", "server_us", "database_us")
	noop := c.address(t)
	for _, s := range []struct {
		name  string
		warm  int
		start func() running
	}{
		{coldServer, 0, func() running { return c.startSidecar(t) }},
		{warmServer, *warmKeys, func() running { return c.startSidecar(t, cached(*sessions)...) }},
		{noopServer, *warmKeys, func() running { return c.start(t, c.peerServer("-mode=noop")(noop), noop) }},
	} {
		r := s.start()
		m := mix{sessions: *sessions, base: *sessions, warm: s.warm, connections: *connections, seconds: shortWarmUp}
		if s.warm > 0 {
			m.chance = 1
		}
		m.asked += c.warmUp(t, r, m)
		for _, m.connections = range few([]int{1, 2, 4, 8, 16, 32, 64, 128, 256, 512}) {
			m.seconds = *pointSeconds
			got := c.underLoad(t, r, m)
			m.asked += got.requests
			n.add(s.name, m.connections, got.rate(), milliseconds(got.p50), milliseconds(got.p99), got.each(got.server), got.each(got.database))
		}
		r.stop(t)
	}
	return n
}

// warmUp asks until all of a warm set have been asked for, and returns how many others have been.
func (c *curves) warmUp(t *testing.T, r running, m mix) int {
	t.Helper()
	asked := c.wrkMix(t, r.url(), m).requests
	for m.chance == 1 && asked < m.warm { // the warm set comes in turn, from its beginning each time
		m.seconds *= 2
		asked = c.wrkMix(t, r.url(), m).requests
	}
	if m.chance == 1 {
		return 0
	}
	return asked
}

func (c *curves) overSessions(t *testing.T) *numbers {
	n := newNumbers("sessions", "requests_per_second", "p50_ms", "p99_ms", "server_us", "database_us", "table_mib")
	sizes := []int{*sessions / 100, *sessions / 10, *sessions}
	if *large {
		sizes = append(sizes, 3**sessions)
	}
	for i, size := range sizes {
		if i > 0 {
			c.cluster.stop(t)
		}
		base := min(size, *sessions)
		c.seeded(t, size, base)
		table := c.cluster.psql(t, nil, fmt.Sprintf("SELECT round(pg_total_relation_size('django_session') / %d.0)", mib))
		r := c.startSidecar(t)
		for _, one := range []int{1, size/2 + 1, size} {
			c.checkOne(t, r, one, base)
		}
		m := mix{sessions: size, base: base, connections: *connections, seconds: shortWarmUp}
		m.asked = c.warmUp(t, r, m)
		m.seconds = *pointSeconds
		got := c.underLoad(t, r, m)
		n.add(size, got.rate(), milliseconds(got.p50), milliseconds(got.p99), got.each(got.server), got.each(got.database), table)
		r.stop(t)
	}
	return n
}

func (c *curves) overHitRate(t *testing.T) *numbers {
	c.seeded(t, *sessions, *sessions)
	n := newNumbers("hit_percent", "wanted_percent", "requests_per_second", "p50_ms", "p99_ms", "server_us", "database_us")
	for _, percent := range few([]int{0, 25, 50, 75, 90, 95, 99, 100}) {
		r := c.startSidecar(t, cached(*sessions)...)
		m := mix{sessions: *sessions, base: *sessions, warm: *warmKeys, chance: 1, connections: *connections, seconds: shortWarmUp}
		c.warmUp(t, r, m)
		m.chance = float64(percent) / 100
		m.asked = c.wrkMix(t, r.url(), m).requests + m.connections
		hits, misses := r.metric(t, "django_sidecar_cache_hits_total"), r.metric(t, "django_sidecar_cache_misses_total")
		m.seconds = *pointSeconds
		got := c.underLoad(t, r, m)
		hits, misses = r.metric(t, "django_sidecar_cache_hits_total")-hits, r.metric(t, "django_sidecar_cache_misses_total")-misses
		rate := 100 * hits / (hits + misses)
		if rate < float64(percent)-2 || rate > float64(percent)+2 {
			t.Errorf("%.1f %% of the requests were hits, %d %% were to be", rate, percent)
		}
		n.add(rate, percent, got.rate(), milliseconds(got.p50), milliseconds(got.p99), got.each(got.server), got.each(got.database))
		r.stop(t)
	}
	return n
}

// overEntries compares with a sidecar without a cache that was asked as much.
func (c *curves) overEntries(t *testing.T) *numbers {
	c.seeded(t, *sessions, *sessions)
	stayOffServers(t)
	n := newNumbers("entries", "rss_mib", "more_mib", "cache_mib", "bound_mib", "rss_bytes_each", "cache_bytes_each")
	counts := []int{*sessions / 100, *sessions / 20, *sessions / 10, *sessions / 5, *sessions / 2}
	fill := func(r running, count int) {
		load := &drive{addrs: []string{r.addr}, connections: *connections, count: count, key: func(i int) string { return sessionKey(i + 1) }}
		if _, err := load.run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	bare := c.startSidecar(t)
	fill(bare, counts[1])
	empty := residentMiB(t, bare.Pid(), "VmRSS")
	bare.stop(t)
	n.add(0, empty, 0.0, 0.0, 0.0, 0.0, 0.0)
	for _, count := range few(counts) {
		r := c.startSidecar(t, cached(count)...)
		fill(r, count)
		if got := r.metric(t, "django_sidecar_cache_entries"); got != float64(count) {
			t.Fatalf("%v entries are kept, not %d", got, count)
		}
		rss, bytes := residentMiB(t, r.Pid(), "VmRSS"), r.metric(t, "django_sidecar_cache_bytes")
		each := float64(mib) / float64(count)
		n.add(count, rss, rss-empty, bytes/mib, entryBound/each, (rss-empty)*each, bytes/float64(count))
		r.stop(t)
	}
	return n
}
