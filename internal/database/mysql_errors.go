package database

import (
	"errors"
	"fmt"

	"github.com/go-sql-driver/mysql"
)

// mysqlError is an error of the server, with an SQLSTATE that says what it means. MySQL's own is often HY000, for any
// error, or 42000 for whatever has to do with access.
type mysqlError struct {
	state  string
	server *mysql.MySQLError
}

// mysqlStates are the SQLSTATEs of the standard, and of PostgreSQL, for MySQL's numbers.
var mysqlStates = map[uint16]string{
	// The parameter can be no value of the column: it has characters that the column's character set lacks, or is
	// not UTF-8. Found with MariaDB 10.11: 1267. The others are what MySQL 8 says of such texts.
	1267: "22021", // ER_CANT_AGGREGATE_2COLLATIONS: Illegal mix of collations
	1300: "22021", // ER_INVALID_CHARACTER_STRING
	3854: "22021", // ER_CANNOT_CONVERT_STRING
	3988: "22021", // ER_IMPOSSIBLE_STRING_CONVERSION
	// The query does not fit the table, or the table is there no more, or may not be read.
	1054: "42S22", // ER_BAD_FIELD_ERROR
	1064: "42601", // ER_PARSE_ERROR, of a condition in the settings
	1305: "42883", // ER_SP_DOES_NOT_EXIST, of a function in such a condition, or of the one that makes hashes
	1370: "42501", // ER_PROCACCESS_DENIED_ERROR
	1146: "42S02", // ER_NO_SUCH_TABLE
	1142: "42501", // ER_TABLEACCESS_DENIED_ERROR
	1143: "42501", // ER_COLUMNACCESS_DENIED_ERROR
	// The prepared statement is not there any more, or no longer fits.
	1243: "26000", // ER_UNKNOWN_STMT_HANDLER
	1615: "0A000", // ER_NEED_REPREPARE
}

// mysqlGoing are the errors of a connection that the server ends: another may do.
var mysqlGoing = map[uint16]bool{
	1053: true, // ER_SERVER_SHUTDOWN
	1927: true, // ER_CONNECTION_KILLED, of MariaDB
	4031: true, // ER_CLIENT_INTERACTION_TIMEOUT
}

func translateMySQL(err error) error {
	var server *mysql.MySQLError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &server):
		return &mysqlError{state: mysqlStates[server.Number], server: server}
	case errors.Is(err, mysql.ErrCleartextPassword), errors.Is(err, mysql.ErrOldPassword):
		// The driver's texts recommend to allow it.
		return errors.New("the server wants the password in a form that others could read; " +
			"let the user authenticate with caching_sha2_password, ed25519 or mysql_native_password")
	case errors.Is(err, mysql.ErrUnknownPlugin):
		return errors.New("the server wants the user to authenticate in a way that the driver does not have; " +
			"let it be caching_sha2_password, ed25519 or mysql_native_password")
	}
	return err
}

// Error implements error. What the server says of a value holds the value, which may be a session key.
func (e *mysqlError) Error() string {
	if e.state == "22021" {
		return fmt.Sprintf("error %d: the value cannot be in this column", e.server.Number)
	}
	return e.server.Error()
}

// SQLState says to dbstore what the error means; "" is nothing that it would have to know.
func (e *mysqlError) SQLState() string { return e.state }

func (e *mysqlError) Unwrap() error { return e.server }
