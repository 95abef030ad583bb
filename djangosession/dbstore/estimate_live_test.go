//go:build live

package dbstore_test

import (
	"math"
	"testing"
	"time"

	"django-sidecar/djangosession/dbstore"
	"django-sidecar/internal/database"
)

func estimate(t *testing.T, f *fixture, table string) dbstore.Estimate {
	t.Helper()
	e, err := dbstore.EstimateSessions(t.Context(), f.DB, f.Dialect, table, dbstore.Zone{UseTZ: true}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// near is about what is wanted: a twentieth of the rows more or less.
func near(got, want, rows float64) bool { return math.Abs(got-want) <= rows/20 }

// TestEstimateOnPostgres: the statistics tell how many rows there are and how many of them are over, for a table, for one
// with partitions, and for one whose rows end at few moments; they are not known before ANALYZE.
func TestEstimateOnPostgres(t *testing.T) {
	f := newPostgres(t, database.Options{Prepare: database.PrepareOff})
	for name, tt := range map[string]struct {
		make    string
		expired float64
	}{
		"spread":       {"INSERT INTO own SELECT 'k' || n, 'd', now() + interval '1 minute' * (n - 15000) FROM generate_series(1, 20000) AS n", 15000},
		"few moments":  {"INSERT INTO own SELECT 'k' || n, 'd', now() + interval '1 day' * (n % 4 - 1.5) FROM generate_series(1, 20000) AS n", 10000},
		"all are over": {"INSERT INTO own SELECT 'k' || n, 'd', now() - interval '1 minute' * n FROM generate_series(1, 20000) AS n", 20000},
		"none is over": {"INSERT INTO own SELECT 'k' || n, 'd', now() + interval '1 minute' * n FROM generate_series(1, 20000) AS n", 0},
	} {
		t.Run(name, func(t *testing.T) {
			for _, partitions := range []bool{false, true} {
				if partitions {
					f.exec(t, "DROP TABLE IF EXISTS own; CREATE TABLE own (session_key varchar(40), session_data text, expire_date timestamptz) PARTITION BY HASH (session_key)")
					f.exec(t, "CREATE TABLE own_0 PARTITION OF own FOR VALUES WITH (MODULUS 2, REMAINDER 0); CREATE TABLE own_1 PARTITION OF own FOR VALUES WITH (MODULUS 2, REMAINDER 1)")
				} else {
					f.table(t, "own", sessionColumns+") WITH (autovacuum_enabled = false")
				}
				f.exec(t, tt.make)
				if e := estimate(t, &f.fixture, "own"); !partitions && (e.Rows.Valid || e.Expired.Valid) {
					t.Errorf("before ANALYZE: %+v", e)
				}
				f.exec(t, "ANALYZE own")
				e := estimate(t, &f.fixture, "own")
				if !near(e.Rows.Float64, 20000, 20000) || !e.Expired.Valid || !near(e.Expired.Float64, tt.expired, 20000) {
					t.Errorf("partitions %v: %+v, want %v of 20000", partitions, e, tt.expired)
				}
			}
		})
	}
	if e := estimate(t, &f.fixture, "no_such_table"); e != (dbstore.Estimate{}) {
		t.Errorf("a missing table: %+v", e)
	}
}

func TestEstimateOnMariaDB(t *testing.T) {
	f := newMariaDB(t, database.Options{Prepare: database.PrepareOff}, "uuid")
	f.table(t, "own", sessionColumns)
	f.exec(t, "INSERT INTO own SELECT concat('k', seq), 'd', now() FROM seq_1_to_2000; ANALYZE TABLE own")
	e := estimate(t, &f.fixture, "own")
	if !near(e.Rows.Float64, 2000, 8000) || e.Expired.Valid { // InnoDB's estimates are rough
		t.Errorf("%+v", e)
	}
	if e := estimate(t, &f.fixture, "no_such_table"); e != (dbstore.Estimate{}) {
		t.Errorf("a missing table: %+v", e)
	}
}
