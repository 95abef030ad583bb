// Package djangotest is the project's test kit: real servers in known states, for tests that must not trust a fake.
//
// It is test code that lives in ordinary files so that every package can import it; no command links it.
//
//   - [Postgres] gives a PostgreSQL cluster shared by all tests of a test binary, and [PostgresServer.Database] a fresh
//     database in it for one test. [PrivatePostgres] gives one test a cluster that it may stop, kill and freeze.
//   - [MariaDB] and [PrivateMariaDB] are the same for MariaDB.
//   - [PgBouncer] puts a real pgbouncer in front of a cluster.
//   - [Redis] (also as a Sentinel, with TLS, users, cluster mode) and [Memcached] give one test a server of its own.
//   - [NewFaultProxy] puts a TCP proxy in front of anything; it refuses, resets, swallows, slows and cuts.
//   - [StartProcess] runs any other child process.
//   - [Machine] runs one test in a kernel of its own: other file systems, another clock.
//   - [OwnMounts] gives one test mounts of its own, and [Roles] has the test binary itself be the other process.
//   - [Suite] is what TestMain runs, so that the shared servers stop with the last test.
//
// A test that needs a server carries the build tag live, as this package's own tests do:
//
//	go test -race -tags live ./...
//
// Behind that tag a server that is not installed fails the test and names what to install. It never skips: a skip would
// turn "not proved" into "passed".
package djangotest
