// Package database opens the database that DATABASE_URL names: it reads the URL
// as dj-database-url and django-environ do, chooses the driver, and closes the
// gaps between the driver and what an authentication service needs of it.
//
// Those of lib/pq, each with a test:
//
//   - a connection whose peer has gone silent ignores the context's deadline:
//     every operation ends with its context, or soon after (conn.go,
//     session.go);
//   - a connection that broke fails the query that finds out: a query is asked
//     again on another (session.go);
//   - prepared statements are three times faster on a direct connection, and
//     wrong behind a pooler that hands servers around: they are used only
//     where the server says that the connection is direct (direct.go);
//   - options and environment variables of libpq that lib/pq does not know are
//     sent to the server, or make it refuse to start: each is understood,
//     passed over, or refused by name (options.go).
//
// Those of go-sql-driver/mysql are in the files mysql_*.go: what breaks is
// asked again; a session does not take over the server's defaults; and errors
// say what they mean by SQLSTATE, as PostgreSQL's do.
package database
