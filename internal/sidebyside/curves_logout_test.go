//go:build bench

package sidebyside

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"testing"
	"time"
)

const (
	logoutRate  = 5000 // requests a second
	logouts     = 500
	logoutPause = 40 * time.Millisecond // from one to the next
)

// logout deletes sessions, one at a time, while others are asked for: nine of ten are in the cache.
func (c *curves) logout(t *testing.T) *numbers {
	count := min(*sessions, manySessions)
	url := c.copied(t, count)
	stayOffServers(t)
	db, err := sql.Open("postgres", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // nothing is left to lose
	db.SetMaxOpenConns(1)
	r := c.startSidecar(t, "DATABASE_URL="+url, "SIDECAR_CACHE_TTL=1h")
	r.awaitMetric(t, "django_sidecar_cache_sound", 1)
	a, err := dial(t.Context(), r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close() //nolint:errcheck // it was read to the end of an answer

	victims := logouts
	if *quick {
		victims = logouts / 10
	}
	fresh := count - *warmKeys - logouts
	load := &drive{addrs: []string{r.addr}, connections: *connections, rate: logoutRate, key: func(i int) string {
		if i%10 == 9 {
			return sessionKey(*warmKeys + 1 + i/10%fresh)
		}
		return sessionKey(1 + i%*warmKeys)
	}}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	type outcome struct {
		*driven
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		result, err := load.run(ctx)
		done <- outcome{result, err}
	}()
	var delays []time.Duration
	start := time.Now().Add(20 * settled) // until then the cache fills
	for i := range victims {
		until(ctx, start.Add(time.Duration(i)*logoutPause))
		delays = append(delays, logOut(t, db, sessionKey(count-i), []*asker{a})...)
	}
	cancel()
	result := <-done
	if result.err != nil {
		t.Fatal(result.err)
	}
	slices.Sort(delays)
	n := newNumbers("percent", "ms")
	for percent := 1; percent < 100; percent++ {
		n.rows = append(n.rows, []string{fmt.Sprint(percent), fmt.Sprintf("%.3f", milliseconds(percentile(delays, float64(percent))))})
	}
	n.rows = append(n.rows, []string{"100", fmt.Sprintf("%.3f", milliseconds(delays[len(delays)-1]))})
	n.notes = append(n.notes, fmt.Sprintf("%d logouts at %.0f requests/s, whose p99 was %.2f ms: seen after %.2f ms at p50, %.2f ms at p99, %.2f ms at most.",
		victims, float64(result.requests)/result.seconds, milliseconds(result.percentile(99)), milliseconds(percentile(delays, 50)),
		milliseconds(percentile(delays, 99)), milliseconds(delays[len(delays)-1])))
	fmt.Println(" ", n.notes[0])
	return n
}
