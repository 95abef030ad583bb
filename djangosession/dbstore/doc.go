// Package dbstore reads and writes sessions and users in the SQL database of a
// Django deployment, through database/sql: PostgreSQL, MySQL and MariaDB, and
// SQLite.
//
// Sessions, Users, Permissions and CacheTable only read, and only the columns
// that they need. Writer, UserWriter and CacheTableWriter write, and Expired
// deletes rows that are over. What differs
// between databases is data, in a Dialect; the driver is the caller's choice.
// The SQLSTATE of a server's error says what the error means. With a driver
// whose errors have no method SQLState() string, some anonymous answers become
// a 503; no verdict becomes wrong.
//
// Contexts carry the deadlines: a query that outlives its context fails, and
// the failure is never taken for an absent session or user. A connection that
// the server or the network broke is replaced by the next query.
//
// Read sessions.go and users.go first. permissions.go reads groups and
// permissions, batch.go lets lookups share queries, and look.go reads the
// shape of tables.
//
//	db := sql.OpenDB(connector) // lib/pq, for example
//	sessions := dbstore.NewSessions(db, codec, dbstore.SessionsConfig{Dialect: dbstore.Postgres})
//	users := dbstore.NewUsers(db, dbstore.UsersConfig{Dialect: dbstore.Postgres, Version: version})
package dbstore
