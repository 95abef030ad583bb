package dbstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Estimate is what a database's statistics say of a session table. What they do not tell is not Valid.
type Estimate struct {
	Rows    sql.NullFloat64
	Expired sql.NullFloat64 // of Rows
}

// EstimateSessions asks the database for its statistics of a session table, which it keeps for its own plans. It reads
// no row of the table, and takes as long for a large table as for a small one. It panics without a Zone where one is
// needed.
func EstimateSessions(
	ctx context.Context, db *sql.DB, d *Dialect, table string, z Zone, now time.Time,
) (e Estimate, err error) {
	z = z.known(d, "EstimateSessions")
	if d.estimate == nil {
		return e, nil // SQLite has statistics only where somebody has run ANALYZE
	}
	query, args := d.estimate(table, d.now(now, z))
	var share sql.NullFloat64
	switch err := db.QueryRowContext(ctx, query, args...).Scan(&e.Rows, &share); {
	case isNoRows(err):
		return Estimate{}, nil // there is no such table, or it may not be seen
	case err != nil:
		return Estimate{}, fmt.Errorf("reading statistics of the session table: %w", err)
	}
	e.Expired = sql.NullFloat64{
		Float64: e.Rows.Float64 * min(max(share.Float64, 0), 1), Valid: e.Rows.Valid && share.Valid,
	}
	return e, nil
}

// postgresEstimate takes the number of rows from pg_class, and from pg_stats how the values of expire_date are spread:
// the most common ones with their shares, and for the rest bounds between which there are equally many. A table that
// has never been looked at by ANALYZE has neither: reltuples is -1 from PostgreSQL 14 on, and was 0 before.
func postgresEstimate(table string, now any) (string, []any) {
	return `WITH RECURSIVE tree AS (
		SELECT c.oid FROM pg_catalog.pg_class c WHERE c.oid = to_regclass($1)
		UNION ALL SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN tree ON i.inhparent = tree.oid),
	size AS (SELECT CASE WHEN bool_and(c.reltuples > 0 OR c.reltuples = 0
			AND current_setting('server_version_num')::integer >= 140000)
			THEN sum(c.reltuples) END AS rows
		FROM tree JOIN pg_catalog.pg_class c ON c.oid = tree.oid WHERE c.relkind IN ('r', 'm')),
	spread AS (SELECT s.null_frac, s.most_common_freqs AS freqs, s.most_common_vals::text::timestamptz[] AS common,
			s.histogram_bounds::text::timestamptz[] AS bounds
		FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		JOIN pg_catalog.pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = 'expire_date'
		WHERE c.oid = to_regclass($1) ORDER BY s.inherited DESC LIMIT 1),
	counted AS (SELECT null_frac, common, bounds, cardinality(bounds) AS many,
			(SELECT count(*) FROM unnest(bounds) AS b WHERE b < $2) AS below,
			(SELECT coalesce(sum(f), 0) FROM unnest(freqs) AS f) AS shares,
			(SELECT coalesce(sum(c.f), 0) FROM unnest(common, freqs) AS c(v, f) WHERE c.v < $2) AS over FROM spread)
	SELECT size.rows::float8, (SELECT CASE WHEN common IS NOT NULL OR bounds IS NOT NULL
			THEN over + (1 - null_frac - shares) *
			CASE WHEN many IS NULL OR below = 0 THEN 0 WHEN below >= many THEN 1
			ELSE (below - 0.5) / (many - 1) END END::float8 FROM counted)
	FROM size WHERE to_regclass($1) IS NOT NULL`, []any{quote(table, `"`), now}
}

// mysqlEstimate knows the number of rows alone: InnoDB keeps no spread of values unless somebody asks it to.
func mysqlEstimate(table string, _ any) (string, []any) {
	schema, name := mysqlName(table)
	return "SELECT table_rows, NULL FROM information_schema.tables " +
			"WHERE table_schema = coalesce(?, database()) AND table_name = ?",
		[]any{schema, name}
}
