package mysqlgrants

import (
	"errors"
	"strings"

	"django-sidecar/internal/invalidate/postgres"
)

// delimiter ends the statement that makes the function.
const delimiter = "$$"

var errElsewhere = errors.New("SIDECAR_AUTH_HASH_FUNCTION names a database: DJANGO_AUTH_USER_TABLE must name its own " +
	"too, or the function would look for it in that database")

// makeFunction makes the function anew. It takes blocks of dbstore.HashFunction: 129 bytes each, of which the first
// says which hash of which text, and the others are both keys of an HMAC (RFC 2104). What is shorter or longer gets
// nothing.
//
// MariaDB gives the parameter the type of the primary key, with its collation. MySQL cannot: there it is a text, which
// finds the row by the primary key's index, and is the whole text of the key. Another collation than the column's is an
// error of its own, since the usual one (1267) says that no row can have such a key.
const makeFunction = `{check}
DROP FUNCTION IF EXISTS {name};

DELIMITER $$
CREATE FUNCTION {name} (user_id /*M!100303 TYPE OF {users}.{id} */ /*!50700 varchar(255) */, key_blocks blob)
  RETURNS text CHARACTER SET ascii
  NOT DETERMINISTIC READS SQL DATA SQL SECURITY DEFINER
BEGIN
  DECLARE there boolean DEFAULT FALSE;
  DECLARE hashed, own longblob;
  DECLARE inside, outside varbinary(64);
  DECLARE place int DEFAULT 1;
  DECLARE hashes text CHARACTER SET ascii DEFAULT '';
  DECLARE EXIT HANDLER FOR 1267
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the primary key has another collation than the function: make it again';
  IF key_blocks IS NULL OR LENGTH(key_blocks) NOT BETWEEN 129 AND 12900 OR LENGTH(key_blocks) % 129 <> 0 THEN
    RETURN NULL;
  END IF;
  SELECT TRUE, {password},
    {own}
  INTO there, hashed, own FROM {users} AS u
  WHERE u.{id} = user_id AND BINARY CONVERT(u.{id} USING utf8mb4) = BINARY CONVERT(user_id USING utf8mb4);
  IF NOT there THEN
    RETURN NULL;
  END IF;
  WHILE place < LENGTH(key_blocks) DO
    SET inside = SUBSTRING(key_blocks, place + 1, 64), outside = SUBSTRING(key_blocks, place + 65, 64);
    SET hashes = CONCAT(hashes, IF(place > 1, ',', ''), CASE ASCII(SUBSTRING(key_blocks, place, 1))
      WHEN 0 THEN SHA2(CONCAT(outside, UNHEX(SHA2(CONCAT(inside, hashed), 256))), 256)
{sha1}      WHEN 2 THEN SHA2(CONCAT(outside, UNHEX(SHA2(CONCAT(inside, own), 256))), 256)
      ELSE '' END);
    SET place = place + 129;
  END WHILE;
  RETURN hashes;
END$$
DELIMITER ;

{grant}`

// hashSHA1 is for Djangos that make hashes with SHA-1. MySQL 9.6 and newer have it in a component alone, and call no
// function that names it without.
const hashSHA1 = `      WHEN 1 THEN SHA1(CONCAT(outside, UNHEX(SHA1(CONCAT(inside, hashed)))))
      WHEN 3 THEN SHA1(CONCAT(outside, UNHEX(SHA1(CONCAT(inside, own)))))
`

func hiddenPasswords(t postgres.Tables) (string, error) {
	if err := checkFunction(t); err != nil {
		return "", err
	}
	h := t.Hash
	own, separator := h.Columns, ", "
	if len(own) == 0 {
		own = []string{h.Password}
	}
	if h.Separator != "" {
		separator += quoteText(h.Separator) + ", "
	}
	hasRole := "EXISTS (SELECT 1 FROM information_schema.user_privileges WHERE grantee = " +
		quoteText(account(postgres.RoleName)) + ")"
	sha1 := ""
	if h.SHA1 {
		sha1 = hashSHA1
	}
	return strings.NewReplacer(
		"{sha1}", sha1, "{check}", checkColumns(t), "{name}", quoteTable(h.Name), "{users}", quoteTable(t.Users), "{id}", quoteName(t.UserID),
		"{password}", pythonText(h.Password), "{own}", "CONCAT("+postgres.Joined(own, separator, pythonText)+")",
		"{grant}", run("IF("+hasRole+",\n  "+quoteText(grantFunction(t))+", "+nothing+")"),
	).Replace(makeFunction), nil
}

// checkColumns stops the script where a column of an own hash is of a type whose str() SQL does not write: the
// statement that it runs then is no SQL, and the server's error has its text.
func checkColumns(t postgres.Tables) string {
	if len(t.Hash.Columns) == 0 {
		return ""
	}
	schema, name := inCatalogue(t.Users)
	return "-- Of a UUID in char(32), a flag, a float or a date, str() is not what SQL makes of it.\n" +
		run(`(SELECT COALESCE(MIN(CONCAT('column ', c.column_name, ' has type ', c.column_type,
  ', of which no session auth hash can be made here')), `+nothing+`) FROM information_schema.columns AS c
  WHERE c.table_schema = `+schema+` AND c.table_name = `+name+` AND c.column_name IN (`+
			postgres.Joined(t.Hash.Columns, ", ", quoteText)+`)
  AND (c.column_type IN ('char(32)', 'tinyint(1)') OR c.column_type LIKE '%zerofill%' OR c.data_type NOT IN
  ('tinyint', 'smallint', 'mediumint', 'int', 'bigint', 'char', 'varchar', 'tinytext', 'text', 'mediumtext', 'longtext', 'uuid')))`)
}

func removeHiddenPasswords(t postgres.Tables) (string, error) {
	if err := checkFunction(t); err != nil {
		return "", err
	}
	return "DROP FUNCTION IF EXISTS " + quoteTable(t.Hash.Name) + ";\n", nil
}

func checkFunction(t postgres.Tables) error {
	switch {
	case t.Users == "" || t.Hash.Name == "":
		return postgres.ErrNoFunction
	case strings.Contains(t.Hash.Name, ".") && !strings.Contains(t.Users, "."):
		return errElsewhere
	}
	return nil
}

// pythonText is Python's str() of a column that is an integer or a text, in UTF-8.
func pythonText(column string) string {
	return "IFNULL(BINARY CONVERT(u." + quoteName(column) + " USING utf8mb4), 'None')"
}
