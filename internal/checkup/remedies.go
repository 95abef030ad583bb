package checkup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"

	"django-sidecar/djangosession/dbstore"
)

// state returns the SQLSTATE of a PostgreSQL error, "" of any other.
func state(err error) string {
	var s interface{ SQLState() string }
	if errors.As(err, &s) {
		return s.SQLState()
	}
	return ""
}

// connectionRemedy says what to do about a database that cannot be reached.
func connectionRemedy(err error) string {
	var dns *net.DNSError
	switch s := state(err); {
	case s == "28P01" || s == "28000":
		return "the server refuses this user or password: compare DATABASE_URL with DATABASES in Django's settings, and pg_hba.conf"
	case s == "3D000":
		return "the server has no such database: the name after the last slash of DATABASE_URL"
	case s == "53300" || strings.HasPrefix(s, "08P"):
		return "the server or pooler has no connection left: lower SIDECAR_DB_CONNS, or raise its limit"
	case s == "57P03":
		return "the server is starting or stopping: try again"
	case errors.As(err, &dns):
		return "the host name in DATABASE_URL does not resolve from here"
	case errors.Is(err, context.DeadlineExceeded) || isTimeout(err):
		return "nothing answers at this address: check host, port and what may filter traffic (security group, NetworkPolicy)"
	case errors.Is(err, fs.ErrNotExist), strings.Contains(err.Error(), "unable to open database file"):
		return "the file is not there, or this user may not read it or its folder"
	case strings.Contains(err.Error(), "SSL"), strings.Contains(err.Error(), "tls:"):
		return "server and URL disagree about TLS: see sslmode and sslrootcert in DATABASE_URL"
	}
	return "check host and port in DATABASE_URL, and that the server listens there"
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// tableRemedy says what to do about a table that is not as it should be.
func tableRemedy(err error, setting, app string) string {
	switch {
	case errors.Is(err, dbstore.ErrNoTable):
		return fmt.Sprintf("run Django's migrations for %s, or set %s; a table in another schema is schema.table", app, setting)
	case state(err) == "42501":
		return "the database user may not look at it: GRANT USAGE ON its SCHEMA"
	case strings.Contains(err.Error(), "has no column"):
		return columnRemedy(err)
	}
	return "set " + setting + " to the right table"
}

// privilegeRemedy says what to do when a table is there and cannot be read.
func privilegeRemedy(err error, table, columns string) string {
	if state(err) != "42501" {
		return "see the database's log"
	}
	if columns != "" {
		columns = " (" + columns + ")"
	}
	return fmt.Sprintf("GRANT SELECT%s ON %s TO the user in DATABASE_URL", columns, table)
}
