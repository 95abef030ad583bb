//go:build live

package e2e

// A scenario changes something that a verdict depends on so that no trigger tells of it, or not the usual one. In the
// texts, {key} is a session, {user} its user, and {triggers} what makes all triggers.
type scenario struct {
	name   string
	before string // what is done before the verdict is kept
	does   string // which ends the session, or the user
	after  string // makes all as it was, but for that session, which does not come back for a moment
	unsafe bool   // the cache must not be sound before after
}

const (
	away = "DELETE FROM django_session WHERE session_key = '{key}';"
	// anew makes the table again without the session, and renames the old one.
	anew = `ALTER TABLE django_session RENAME TO gone; CREATE TABLE django_session (LIKE gone INCLUDING ALL);
		INSERT INTO django_session SELECT * FROM gone WHERE session_key <> '{key}';`
	asBefore = "DROP TABLE IF EXISTS old; ALTER TABLE django_session RENAME TO old; CREATE TABLE django_session (LIKE old INCLUDING ALL);" +
		"INSERT INTO django_session SELECT * FROM old; DROP TABLE old CASCADE; {triggers}"
)

var untold = []scenario{
	{"triggers disabled and enabled", "", "ALTER TABLE django_session DISABLE TRIGGER USER;" + away + "ALTER TABLE django_session ENABLE TRIGGER USER", "", false},
	{"triggers disabled and enabled in a transaction", "", "BEGIN; ALTER TABLE django_session DISABLE TRIGGER USER;" + away + "ALTER TABLE django_session ENABLE TRIGGER USER; COMMIT", "", false},
	{"a trigger for replicas", "", "ALTER TABLE django_session ENABLE REPLICA TRIGGER django_sidecar_delete;" + away, "ALTER TABLE django_session ENABLE TRIGGER django_sidecar_delete", true},
	{"a user's triggers disabled and enabled", "", "ALTER TABLE auth_user DISABLE TRIGGER USER; UPDATE auth_user SET is_active = false WHERE id = {user}; ALTER TABLE auth_user ENABLE TRIGGER USER", "", false},
	{"the table dropped and made", "", "BEGIN; CREATE TABLE kept AS SELECT * FROM django_session WHERE session_key <> '{key}'; DROP TABLE django_session; ALTER TABLE kept RENAME TO django_session; ALTER TABLE django_session ADD PRIMARY KEY (session_key); {triggers} COMMIT", "", false},
	{"the table renamed and made", "", "BEGIN;" + anew + "{triggers} COMMIT; DROP TABLE gone", "", false},
	{"the table in another schema and made", "", "CREATE SCHEMA attic; BEGIN; ALTER TABLE django_session SET SCHEMA attic; CREATE TABLE django_session (LIKE attic.django_session INCLUDING ALL); INSERT INTO django_session SELECT * FROM attic.django_session WHERE session_key <> '{key}'; {triggers} COMMIT; DROP SCHEMA attic CASCADE", "", false},
	{"a trigger that is never called", "", "DROP TRIGGER django_sidecar_delete ON django_session; CREATE TRIGGER django_sidecar_delete AFTER DELETE ON django_session REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT WHEN (false) EXECUTE FUNCTION django_sidecar_session();" + away, "{triggers}", true},
	{"a trigger that is never called, for a while", "", "DROP TRIGGER django_sidecar_delete ON django_session; CREATE TRIGGER django_sidecar_delete AFTER DELETE ON django_session REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT WHEN (false) EXECUTE FUNCTION django_sidecar_session();" + away + "{triggers}", "", false},
	{"a trigger for something else", "", "DROP TRIGGER django_sidecar_delete ON django_session; CREATE TRIGGER django_sidecar_delete AFTER INSERT ON django_session FOR EACH STATEMENT EXECUTE FUNCTION django_sidecar_session();" + away, "{triggers}", true},
	{"a column written anew", "", "ALTER TABLE django_session ALTER expire_date TYPE timestamptz USING CASE session_key WHEN '{key}' THEN now() - interval '1 day' ELSE expire_date END", "", false},
	{"a user's column written anew", "", "ALTER TABLE auth_user ALTER is_active TYPE bool USING is_active AND id <> {user}", "", false},
	{"a user's column made anew", "", "ALTER TABLE auth_user DROP is_active; ALTER TABLE auth_user ADD is_active bool NOT NULL DEFAULT false", "", false},
	{"another column by the name", "", "ALTER TABLE auth_user ADD spare bool NOT NULL DEFAULT false; BEGIN; ALTER TABLE auth_user RENAME is_active TO was; ALTER TABLE auth_user RENAME spare TO is_active; COMMIT", "BEGIN; ALTER TABLE auth_user DROP is_active; ALTER TABLE auth_user RENAME was TO is_active; COMMIT", false},
	{"a function that does nothing", "", "CREATE OR REPLACE FUNCTION django_sidecar_session() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';" + away, "{triggers}", true},
	{"a function that does nothing, for a while", "", "CREATE OR REPLACE FUNCTION django_sidecar_session() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';" + away + "{triggers}", "", false},
	{"a function that finds another pg_notify", "", "CREATE SCHEMA evil; CREATE FUNCTION evil.pg_notify(text, text) RETURNS void LANGUAGE sql AS ''; ALTER FUNCTION django_sidecar_session SET search_path = evil, pg_catalog, pg_temp;" + away, "DROP SCHEMA evil CASCADE; {triggers}", true},
	{"by the name of a parent", "", "CREATE TABLE parent (LIKE django_session); ALTER TABLE django_session INHERIT parent; DELETE FROM parent WHERE session_key = '{key}'; ALTER TABLE django_session NO INHERIT parent; DROP TABLE parent", "", false},
	{"by the name of a child", "CREATE TABLE child () INHERITS (django_session); WITH gone AS (DELETE FROM ONLY django_session WHERE session_key = '{key}' RETURNING *) INSERT INTO child SELECT * FROM gone", "DELETE FROM child WHERE session_key = '{key}'", "DROP TABLE child", true},
	{"by the name of a partition", "BEGIN; ALTER TABLE django_session RENAME TO old; CREATE TABLE django_session (LIKE old) PARTITION BY LIST (session_key); CREATE TABLE part PARTITION OF django_session DEFAULT; INSERT INTO django_session SELECT * FROM old; DROP TABLE old; {triggers} COMMIT", "DELETE FROM part WHERE session_key = '{key}'", "BEGIN;" + asBefore + "ALTER TABLE django_session ADD PRIMARY KEY (session_key); COMMIT", true},
	{"row security", "", "ALTER TABLE django_session ENABLE ROW LEVEL SECURITY; ALTER TABLE django_session FORCE ROW LEVEL SECURITY", "BEGIN; ALTER TABLE django_session NO FORCE ROW LEVEL SECURITY;" + away + "ALTER TABLE django_session DISABLE ROW LEVEL SECURITY; COMMIT", true},
	{"a view in its place", "", "ALTER TABLE django_session RENAME TO real; CREATE VIEW django_session AS SELECT * FROM real WHERE session_key <> '{key}'", "BEGIN; DROP VIEW django_session; ALTER TABLE real RENAME TO django_session;" + away + "COMMIT", true},
	{"a table that is found earlier", "", `CREATE SCHEMA django; CREATE TABLE django.django_session (LIKE public.django_session)`, "DELETE FROM public.django_session WHERE session_key = '{key}'; DROP SCHEMA django CASCADE", true},
	{"the search path of a role", "", "CREATE SCHEMA other; CREATE TABLE other.django_session (LIKE public.django_session); ALTER ROLE django SET search_path = other, public; SET search_path = public;" + away, "ALTER ROLE django RESET search_path; DROP SCHEMA other CASCADE", true},
}

// told are changes of which the triggers tell although nobody deletes the row by its name.
var told = []scenario{
	{"MERGE", "", "MERGE INTO django_session AS s USING (VALUES ('{key}')) AS v (k) ON s.session_key = v.k WHEN MATCHED THEN DELETE", "", false},
	{"ON CONFLICT", "", "INSERT INTO django_session SELECT session_key, session_data, now() - interval '1 day' FROM django_session WHERE session_key = '{key}' ON CONFLICT (session_key) DO UPDATE SET expire_date = excluded.expire_date", "", false},
	{"another key", "", "UPDATE django_session SET session_key = left('another{key}', 40) WHERE session_key = '{key}'", "DELETE FROM django_session WHERE session_key = left('another{key}', 40)", false},
	{"a rule", "CREATE RULE away AS ON DELETE TO django_session DO INSTEAD UPDATE django_session SET expire_date = '2000-1-1' WHERE session_key = OLD.session_key", away, "DROP RULE IF EXISTS away ON django_session", false},
	{"a cascade", "CREATE TABLE owner (id int PRIMARY KEY); INSERT INTO owner VALUES (1); ALTER TABLE django_session ADD owner int REFERENCES owner ON DELETE CASCADE; UPDATE django_session SET owner = 1 WHERE session_key = '{key}'", "DELETE FROM owner", "ALTER TABLE django_session DROP owner; DROP TABLE owner", false},
	{"SET NULL", "CREATE TABLE permit (id bool PRIMARY KEY); INSERT INTO permit VALUES (true), (false); ALTER TABLE auth_user ALTER is_active DROP NOT NULL, ADD CONSTRAINT permit FOREIGN KEY (is_active) REFERENCES permit ON DELETE SET NULL", "DELETE FROM permit WHERE id", "ALTER TABLE auth_user DROP CONSTRAINT permit; DROP TABLE permit; UPDATE auth_user SET is_active = id <> 99; ALTER TABLE auth_user ALTER is_active SET NOT NULL", false},
	{"a view of the table", "CREATE VIEW behind AS SELECT * FROM django_session", "DELETE FROM behind WHERE session_key = '{key}'", "DROP VIEW behind", false},
	{"another trigger that changes what is written", "CREATE FUNCTION turn() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.is_active := false; RETURN NEW; END'; CREATE TRIGGER turn BEFORE UPDATE ON auth_user FOR EACH ROW EXECUTE FUNCTION turn()", "UPDATE auth_user SET username = username WHERE id = {user}", "DROP FUNCTION turn CASCADE", false},
	{"TRUNCATE", "", "TRUNCATE django_session", "", false},
	{"VACUUM FULL, which changes nothing, and a logout", "", "VACUUM FULL django_session; ANALYZE django_session;" + away, "", false},
}
