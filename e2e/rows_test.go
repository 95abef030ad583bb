//go:build live

package e2e

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestSessionRows: the metrics tell of live and expired sessions what the statistics of the table tell, and nothing
// before there are any.
func TestSessionRows(t *testing.T) {
	r := newCluster(t, 20*time.Second)
	r.rowsEvery = 50 * time.Millisecond
	r.run(t, nil)
	const name = "django_sidecar_session_rows"
	r.db.Exec(t, "ALTER TABLE django_session SET (autovacuum_enabled = false)")
	looks := func() string {
		return r.db.ExecAsSuperuser(t, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%most_common_freqs%' AND application_name = 'django-sidecar'")
	}
	waitFor(t, 30*time.Second, "a look at the statistics", func() bool { return looks() != "0" })
	if metrics := metricsOf(t, r.admin); strings.Contains(metrics, name+"{") {
		t.Errorf("before ANALYZE: %s", metrics)
	}
	r.db.Exec(t, `INSERT INTO django_session SELECT 'over' || n, 'x', now() - interval '1 minute' * n FROM generate_series(1, 3000) AS n;
		INSERT INTO django_session SELECT 'live' || n, 'x', now() + interval '1 hour' * n FROM generate_series(1, 1000) AS n; ANALYZE django_session`)
	number := regexp.MustCompile(`(?m)^` + name + `{state="(live|expired)"} (\d+)`)
	waitFor(t, 30*time.Second, "live and expired rows", func() bool {
		found := map[string]string{}
		for _, match := range number.FindAllStringSubmatch(metricsOf(t, r.admin), -1) {
			found[match[1]] = match[2]
		}
		// Of 4,020 rows, about a quarter is alive.
		return len(found["live"]) == 4 && found["live"][0] == '1' || len(found["live"]) == 3 && found["live"][0] == '9' && len(found["expired"]) == 4
	})
}
