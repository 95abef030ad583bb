//go:build live

package postgres

import (
	"slices"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

// TestTriggerCost measures, and asserts no time: what a change and its commit take with and without the triggers. The
// two take turns, so that what else the machine does falls on both.
func TestTriggerCost(t *testing.T) {
	db := djangotest.Postgres(t).Database(t)
	makeTables(t, db)
	install(t, db)
	db.Exec(t, `INSERT INTO django_session SELECT 'more' || i, repeat('x', 230), now() FROM generate_series(1, 20000) AS i; ANALYZE;
CREATE TABLE took (what text, triggers text, us double precision);
CREATE PROCEDURE measure(what text, statement text, triggers text, base int) LANGUAGE plpgsql AS $$
DECLARE
  began timestamptz;
  took double precision[] := '{}';
BEGIN
  FOR i IN base + 1 .. base + 200 LOOP
    began := clock_timestamp();
    EXECUTE statement USING i;
    COMMIT;
    took := took || extract(epoch FROM clock_timestamp() - began)::double precision * 1e6;
  END LOOP;
  INSERT INTO took SELECT what, triggers, us FROM unnest(took) AS us;
END
$$;
CREATE PROCEDURE rounds() LANGUAGE plpgsql AS $$
DECLARE
  state text;
BEGIN
  FOR round IN 0 .. 19 LOOP
    state := CASE round % 2 WHEN 0 THEN 'DISABLE' ELSE 'ENABLE' END;
    EXECUTE 'ALTER TABLE django_session ' || state || ' TRIGGER USER';
    EXECUTE 'ALTER TABLE auth_user ' || state || ' TRIGGER USER';
    COMMIT;
    CALL measure('a session saved', $q$UPDATE django_session SET session_data = repeat('y', 230), expire_date = now() WHERE session_key = 'more' || (20001 - $1)$q$, state, round * 200);
    CALL measure('a session deleted', $q$DELETE FROM django_session WHERE session_key = 'more' || $1$q$, state, round * 200);
    CALL measure('last_login', 'UPDATE auth_user SET last_login = now() WHERE id = 1 + $1 % 1000', state, round * 200);
    CALL measure('a password changed', 'UPDATE auth_user SET password = ''p'' || now() WHERE id = 1 + $1 % 1000', state, round * 200);
  END LOOP;
END
$$;`)
	db.Exec(t, "CALL rounds()")
	report := db.Exec(t, `SELECT what, count(*) AS of,
		round(percentile_cont(0.1) WITHIN GROUP (ORDER BY us) FILTER (WHERE triggers = 'DISABLE')) || ' us without',
		round(percentile_cont(0.1) WITHIN GROUP (ORDER BY us) FILTER (WHERE triggers = 'ENABLE')) || ' us with',
		'medians ' || round(percentile_cont(0.5) WITHIN GROUP (ORDER BY us) FILTER (WHERE triggers = 'DISABLE')),
		round(percentile_cont(0.5) WITHIN GROUP (ORDER BY us) FILTER (WHERE triggers = 'ENABLE'))
		FROM took GROUP BY what ORDER BY what`)
	if report == "" {
		t.Error("nothing was measured")
	}
	t.Logf("tenth percentile, without fsync:\n%s", report)
}

// TestLookCost measures, and asserts no time: what a look takes, there and back.
func TestLookCost(t *testing.T) {
	db := djangotest.Postgres(t).Database(t)
	makeTables(t, db)
	install(t, db)
	e := hear(t, db)
	ask := func(query string) string {
		t.Helper()
		answer, err := e.conn.Ask(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	ask("PREPARE look AS " + authTables.lookQuery("echo"))
	first := ask("EXECUTE look")
	var took []time.Duration
	for range 500 {
		began := time.Now()
		if answer := ask("EXECUTE look"); answer != first || len(answer) != sumLength {
			t.Fatalf("%q, and at first %q", answer, first)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	t.Logf("a look: tenth percentile %v, median %v, p99 %v", took[50], took[250], took[495])
}
