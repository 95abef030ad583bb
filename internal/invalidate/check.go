package invalidate

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// serverQuery asks whether the server can send notifications from triggers, and says why not.
const serverQuery = `SELECT CASE
	WHEN pg_catalog.pg_is_in_recovery() THEN 'the server is a standby, where nothing can be listened to; DATABASE_URL must lead to the primary'
	WHEN pg_catalog.current_setting('server_version_num')::integer < 110000 THEN 'the triggers need PostgreSQL 11 or newer'
	ELSE '' END`

// query asks for all that keeps the triggers from telling of every change: "" if nothing does. A function's text must be
// ours to the letter, because it has the names of columns, which the settings may have changed since.
func (t Tables) query() string {
	var wanted []string
	for _, g := range t.triggers() {
		sum := sha256.Sum256([]byte(g.function.body))
		wanted = append(wanted, fmt.Sprintf("(%s, %s, '%s', %t)",
			quoteText(quoteTable(g.table)), quoteText(g.name), hex.EncodeToString(sum[:]), g.optional))
	}
	return `SELECT coalesce(string_agg(DISTINCT problem, '; ' ORDER BY problem), '') FROM (
	SELECT CASE
		WHEN w.optional AND to_regclass(w.relation) IS NULL THEN NULL
		WHEN to_regclass(w.relation) IS NULL THEN format('there is no table %s', w.relation)
		WHEN t.oid IS NULL THEN format('table %s has no trigger %s', w.relation, w.name)
		WHEN t.tgenabled NOT IN ('O', 'A') THEN format('trigger %s of table %s is disabled', w.name, w.relation)
		WHEN encode(sha256(convert_to(replace(p.prosrc, E'\r', ''), 'UTF8')), 'hex') <> w.sum
			THEN format('trigger %s of table %s is not the one for these settings and this version', w.name, w.relation)
		END AS problem
	FROM (VALUES ` + strings.Join(wanted, ", ") + `) AS w (relation, name, sum, optional)
	LEFT JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = to_regclass(w.relation) AND t.tgname = w.name AND NOT t.tgisinternal
	LEFT JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
) AS problems`
}
