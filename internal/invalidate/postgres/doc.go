// Package postgres hears from PostgreSQL which sessions and users have changed.
//
// Tables writes the SQL that operators install: triggers that NOTIFY (triggers.go), a role that may read what a verdict
// needs and no more (role.go), and a migration for Django (script.go). Listen hears the notifications and has the
// cache forget (listen.go, payload.go). It calls the cache fresh, by SetFresh, only while it knows that it hears
// everything. Read Listen first.
package postgres
