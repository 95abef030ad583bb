// Package dbstore reads sessions and users from the SQL database of a Django
// deployment, through database/sql: PostgreSQL, MySQL and MariaDB, and SQLite.
//
// It only ever reads, and only the columns that a verdict needs. What differs
// between databases is data, in a Dialect; the driver is the caller's choice.
// What a server's error means, its SQLSTATE says: a driver whose errors have no
// method SQLState() string costs no verdict, but a 503 where an anonymous
// answer would have done.
//
// Contexts carry the deadlines: a query that outlives its context fails, and
// the failure is never taken for an absent session or user. A connection that
// the server or the network broke is replaced by the next query.
//
//	db := sql.OpenDB(connector) // lib/pq, for example
//	sessions := dbstore.NewSessions(db, codec, dbstore.SessionsConfig{Dialect: dbstore.Postgres})
//	users := dbstore.NewUsers(db, dbstore.UsersConfig{Dialect: dbstore.Postgres, Version: version})
package dbstore
