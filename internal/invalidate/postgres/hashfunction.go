package postgres

import (
	"errors"
	"strings"
)

// HashFunction is a function that makes session auth hashes, so that whoever calls it need not read what they are made
// of.
type HashFunction struct {
	// Name is its name, with a schema before a dot if need be; without one it is beside the users.
	Name string
	// Password is the column that Django's own hash is made of.
	Password string
	// Columns and Separator are what an own get_session_auth_hash puts together; none: the password alone.
	Columns   []string
	Separator string
	// SHA1 says that the deployment's Django makes hashes with SHA-1.
	SHA1 bool
}

// ErrNoFunction says that no function is named.
var ErrNoFunction = errors.New("SIDECAR_AUTH_HASH_FUNCTION is not set: it is the function's name, such as " +
	"django_sidecar_auth_hash")

// hashBody takes blocks of dbstore.HashFunction: 129 bytes each, of which the first says which hash of which text, and
// the others are both keys of an HMAC (RFC 2104). What is shorter or longer gets nothing. It names nothing that a
// search path could have replaced. PL/pgSQL keeps the plan of its query; a function in SQL makes it anew at each call.
const hashBody = `
#variable_conflict use_variable
DECLARE
  password bytea;
  own bytea;
  inside bytea;
  outside bytea;
  hashes text;
BEGIN
  IF octet_length(keys) NOT BETWEEN 129 AND 12900 OR octet_length(keys) % 129 <> 0 THEN
    RETURN NULL;
  END IF;
  SELECT convert_to({password}, 'UTF8'), convert_to({own}, 'UTF8') INTO password, own
  FROM {users} AS u WHERE u.{id} = user_id;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  FOR n IN 0 .. octet_length(keys) / 129 - 1 LOOP
    inside := substr(keys, 129 * n + 2, 64);
    outside := substr(keys, 129 * n + 66, 64);
    hashes := concat_ws(',', hashes, coalesce(encode(CASE get_byte(keys, 129 * n)
      WHEN 0 THEN sha256(outside || sha256(inside || password))
      WHEN 2 THEN sha256(outside || sha256(inside || own)){sha1}
      END, 'hex'), ''));
  END LOOP;
  RETURN hashes;
END
`

// hashSHA1 is for Djangos that make hashes with SHA-1, which PostgreSQL itself does not know.
const hashSHA1 = `
      WHEN 1 THEN {digest}(outside || {digest}(inside || password, 'sha1'::text), 'sha1'::text)
      WHEN 3 THEN {digest}(outside || {digest}(inside || own, 'sha1'::text), 'sha1'::text)`

// HiddenPasswords is the SQL that makes the function, without a transaction around it. It may be run again.
func (t Tables) HiddenPasswords() (string, error) {
	if err := t.checkFunction(); err != nil {
		return "", err
	}
	h, digest, sha1 := t.Hash, "", ""
	if h.SHA1 {
		sha1 = hashSHA1
		digest = `  SELECT format('%I.digest', n.nspname) INTO digest
  FROM pg_catalog.pg_extension AS e JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
  WHERE e.extname = 'pgcrypto';
  IF digest IS NULL THEN
    RAISE EXCEPTION 'the session auth hash of this Django is made with SHA-1, which only the extension pgcrypto knows'
      USING HINT = 'CREATE EXTENSION pgcrypto. Or set DJANGO_AUTH_HASH_ALGORITHM for an own hash that is made with SHA-256.';
  END IF;
`
	}
	own := h.Columns
	if len(own) == 0 {
		own = []string{h.Password}
	}
	body := strings.NewReplacer("{password}", pythonText(h.Password), "{sha1}", sha1, "{id}", quoteName(t.UserID),
		"{own}", Joined(own, " || "+quoteText(h.Separator)+" || ", pythonText)).Replace(hashBody)
	return strings.NewReplacer("{table}", quoteText(quoteTable(t.Users)), "{id}", quoteText(t.UserID),
		"{find digest}", digest, "{place}", t.functionPlace(), "{name}", quoteText(lastName(h.Name)),
		"{body}", quoteText(body), "{role}", RoleName,
		"{path}", functionPath, "{tag}", tag).Replace(makeHashFunction), nil
}

// makeHashFunction makes the function anew: one that somebody else has made under this name would stay theirs. It runs
// with the rights of the table's owner, who may read the row.
const makeHashFunction = `DO {tag}
DECLARE
  relation regclass := to_regclass({table});
  users text;
  place name;
  owner name;
  key text;
  old regprocedure;
  digest text := '';
BEGIN
  IF current_setting('server_version_num')::integer < 110000 THEN
    RAISE EXCEPTION 'this function needs PostgreSQL 11 or newer';
  END IF;
  SELECT format('%I.%I', n.nspname, c.relname), n.nspname, pg_get_userbyid(c.relowner), format_type(a.atttypid, NULL)
  INTO users, place, owner, key
  FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attname = {id}
  WHERE c.oid = relation;
  IF users IS NULL THEN
    RAISE EXCEPTION 'there is no table % with a column %', {table}, {id};
  END IF;
{find digest}{place}  FOR old IN SELECT p.oid FROM pg_catalog.pg_proc AS p
    JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = place AND p.proname = {name}
  LOOP
    EXECUTE format('DROP FUNCTION %s', old);
  END LOOP;
  EXECUTE format('CREATE FUNCTION %I.%I(user_id %s, keys bytea) RETURNS text LANGUAGE plpgsql STABLE STRICT '
    || 'PARALLEL SAFE SECURITY DEFINER SET search_path = {path} AS %L', place, {name}, key,
    replace(replace({body}, '{users}', users), '{digest}', digest));
  EXECUTE format('REVOKE ALL ON FUNCTION %I.%I(%s, bytea) FROM PUBLIC', place, {name}, key);
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = '{role}') THEN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO {role}', place);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %I.%I(%s, bytea) TO {role}', place, {name}, key);
  END IF;
  EXECUTE format('ALTER FUNCTION %I.%I(%s, bytea) OWNER TO %I', place, {name}, key, owner);
END
{tag};
`

// RemoveHiddenPasswords is the SQL that takes the function away.
func (t Tables) RemoveHiddenPasswords() (string, error) {
	if err := t.checkFunction(); err != nil {
		return "", err
	}
	return strings.NewReplacer("{table}", quoteText(quoteTable(t.Users)), "{place}", t.functionPlace(),
		"{name}", quoteText(lastName(t.Hash.Name)), "{tag}", tag).Replace(`DO {tag}
DECLARE
  place name := (SELECT n.nspname FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = to_regclass({table}));
  old regprocedure;
BEGIN
{place}  FOR old IN SELECT p.oid FROM pg_catalog.pg_proc AS p
    JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = place AND p.proname = {name}
  LOOP
    EXECUTE format('DROP FUNCTION %s', old);
  END LOOP;
END
{tag};
`), nil
}

func (t Tables) checkFunction() error {
	if t.Users == "" || t.Hash.Name == "" {
		return ErrNoFunction
	}
	if err := t.Check(); err != nil {
		return err
	}
	for _, name := range append([]string{t.Hash.Name, t.Hash.Password, t.Hash.Separator}, t.Hash.Columns...) {
		if strings.ContainsAny(name, "{}") || strings.Contains(name, tag) { // which mark places of the text
			return errors.New("a name of the session auth hash holds a brace or " + tag)
		}
	}
	return nil
}

// functionPlace says in which schema the function is, where the settings do.
func (t Tables) functionPlace() string {
	schema, _, named := strings.Cut(t.Hash.Name, ".")
	if !named {
		return ""
	}
	return "  place := " + quoteText(schema) + ";\n"
}

// lastName is a name without its schema.
func lastName(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

// pythonText is Python's str() of a column that is an integer, a UUID or a text.
func pythonText(column string) string {
	column = "u." + quoteName(column)
	return "CASE WHEN " + column + " IS NULL THEN 'None' ELSE concat(" + column + ") END"
}
