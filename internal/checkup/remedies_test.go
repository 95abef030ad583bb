package checkup

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"

	"django-sidecar/djangosession/dbstore"
)

// stated is an error of a server, with its SQLSTATE.
type stated struct{ state, text string }

func (e stated) Error() string { return e.text }

// SQLState implements what drivers of SQL databases have.
func (e stated) SQLState() string { return e.state }

func systemError(number syscall.Errno) error { return fmt.Errorf("dial tcp 192.0.2.1:1: %w", number) }

// TestConnectionRemedies: what helps where a database cannot be reached. The first symptom that fits decides, and each names the setting.
func TestConnectionRemedies(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{&net.DNSError{Err: "no such host", Name: "db"}, "the host name in SETTING does not resolve"},
		{systemError(syscall.ENOENT), "there is no socket at this path"},
		{systemError(syscall.EACCES), "this user may not open the socket"},
		{systemError(syscall.ECONNREFUSED), "check host and port in SETTING, and that the server listens"},
		{systemError(syscall.EHOSTUNREACH), "there is no way to this address"},
		{errors.New("x509: certificate signed by unknown authority"), "the server's certificate is not trusted"},
		{errors.New("tls: handshake failure"), "server and SETTING disagree about TLS"},
		{context.DeadlineExceeded, "nothing answers at this address in time"},
		{stated{"08P01", "unsupported startup parameter: options"}, "pgbouncer takes no options"},
		{stated{"28000", `no pg_hba.conf entry for host "192.0.2.1"`}, "pg_hba.conf has no line"},
		{stated{"28000", `role "ada" does not exist`}, "the server has no such user"},
		{stated{"08P01", "no such user: ada"}, "the server has no such user"},
		{stated{"08P01", `no such database: shop`}, "the pooler has no such database"},
		{stated{"08P01", "SASL authentication failed"}, "the pooler refuses this user or password"},
		{stated{"28P01", `password authentication failed for user "ada"`}, "the server refuses this user or password"},
		{stated{"28000", "certificate authentication failed"}, "the server refuses this user"},
		{stated{"3D000", `database "shop" does not exist`}, "the server has no such database"},
		{stated{"42501", `permission denied for database "shop"`}, "the user in SETTING may not connect"},
		{stated{"53300", "sorry, too many clients already"}, "the server or pooler has no connection left"},
		{stated{"53300", "full"}, "the server has no connection left"},
		{stated{"57P03", "the database system is starting up"}, "the server is starting or stopping"},
		{stated{"57014", "canceling statement due to statement timeout"}, "the server ended the question"},
		{stated{"55P03", "canceling statement due to lock timeout"}, "the question waited for a lock"},
		{fmt.Errorf("asking: %w", driver.ErrBadConn), "the server, or a pooler, hung up while it was asked"},
		{errors.New("pq: SSL is not enabled on the server"), "the server has no TLS, and SETTING demands it"},
		{errors.New("Error 1045 (28000): Access denied for user 'ada'@'h'"), "the server refuses this user or password, for this address"},
		{errors.New("Error 1044 (42000): Access denied"), "the user in SETTING may not use this database"},
		{errors.New("Error 1049 (42000): Unknown database 'shop'"), "the server has no such database"},
		{errors.New("Error 1040 (08004): Too many connections"), "the server has no connection left"},
		{errors.New("Error 3159 (HY000)"), "the server demands TLS"},
		{errors.New("Error 1129 (HY000): Host is blocked because of many connection errors"), "the server has blocked this address"},
		{errors.New("Error 1130: Host is not allowed to connect"), "the server lets no user in from this address"},
		{errors.New("unable to open database file (14)"), "the file is not there"},
		{errors.New("file is not a database (26)"), "the file is no SQLite database"},
		{errors.New("database is locked (5)"), "another process holds the file's lock"},
		{errors.New("attempt to write a readonly database (8)"), "the file is in WAL mode"},
		{errors.New("disk I/O error (10)"), "the path is that of a folder"},
		{errors.New("nobody has seen this"), "check host and port in SETTING"},
	} {
		db := &NamedDatabase{Setting: "SETTING", Dialect: dbstore.Postgres}
		if got := db.connectionRemedy(fmt.Errorf("connecting: %w", tt.err)); !strings.HasPrefix(got, tt.want) || strings.Contains(got, "URL") {
			t.Errorf("%v: got %q, want %q", tt.err, got, tt.want)
		}
	}
	lite := &NamedDatabase{Setting: "SETTING", Dialect: dbstore.SQLite}
	if got := lite.connectionRemedy(context.DeadlineExceeded); !strings.HasPrefix(got, "another process holds the file's lock") {
		t.Errorf("a file that makes wait: %q", got)
	}
}

// TestPlaceRemedies: what helps where a cache or a folder cannot be read, and what the place itself has to say.
func TestPlaceRemedies(t *testing.T) {
	const own = "compare with LOCATION"
	for _, tt := range []struct {
		err  error
		want string
	}{
		{errors.New("NOAUTH Authentication required."), "the server wants a password"},
		{errors.New("WRONGPASS invalid username-password pair"), "the server refuses this user or password"},
		{errors.New("NOPERM this user has no permissions"), "the user in SETTING may not read these keys"},
		{errors.New("ERR DB index is out of range"), "the server has no database of this number"},
		{errors.New("MOVED 3999 192.0.2.1:6381"), "the server is a node of a Redis Cluster"},
		{errors.New("MASTERDOWN Link with MASTER is down"), "the server is a replica that has lost its master"},
		{errors.New("LOADING Redis is loading the dataset in memory"), "the server is reading its data"},
		{errors.New("memcache: client error: unauthenticated"), "what answers is no Memcached without a password"},
		{errors.New("ERR unknown command 'GET'"), "what answers is no cache server as SETTING says"},
		{io.EOF, "the server hung up: it and SETTING disagree about TLS"},
		{context.DeadlineExceeded, "nothing answers in time: check host, port"},
		{errors.New("SQL logic error: no such table: cache"), "run manage.py createcachetable"},
		{&net.DNSError{Err: "no such host", Name: "cache"}, "the host name in SETTING does not resolve"},
		{systemError(syscall.ECONNREFUSED), own},
		{errors.New("nobody has seen this"), own},
	} {
		got := SessionPlace{Setting: "SETTING", Remedy: own}.remedy(tt.err)
		if !strings.HasPrefix(got, tt.want) || !strings.HasSuffix(got, own) || strings.Contains(got, "URL") {
			t.Errorf("%v: got %q, want %q", tt.err, got, tt.want)
		}
	}
	if got := (SessionPlace{Remedy: own}).remedy(errors.New("NOAUTH")); got != own {
		t.Errorf("a place without a URL: %q", got)
	}
}

// TestTableRemedies: tables that are missing, that are others', and that may not be read.
func TestTableRemedies(t *testing.T) {
	users, sessions := &NamedDatabase{Setting: "DATABASE_URL"}, &NamedDatabase{Setting: "DJANGO_SESSION_DATABASE_URL"}
	one, two := &Checkup{UserDatabase: users, SessionDatabase: users}, &Checkup{UserDatabase: users, SessionDatabase: sessions}
	missing, denied := fmt.Errorf("table x: %w", dbstore.ErrNoTable), stated{"42501", "permission denied for schema x"}
	for _, tt := range []struct{ got, begins, has string }{
		{one.sessionTableRemedy(missing), "run Django's migrations for django.contrib.sessions", "set DJANGO_SESSION_DATABASE_URL, where a database router"},
		{two.sessionTableRemedy(missing), "run Django's migrations for django.contrib.sessions in this database; or set DJANGO_SESSION_TABLE", ""},
		{two.sessionTableRemedy(denied), "the user in DJANGO_SESSION_DATABASE_URL may not look at it: GRANT USAGE", "SELECT on the table"},
		{one.userTableRemedy(missing), "run Django's migrations for the user model", "set DJANGO_AUTH_USER_MODEL or DJANGO_AUTH_USER_TABLE"},
		{one.userTableRemedy(errors.New("table auth_user has no column mail")), "if mail has another name, set its DJANGO_AUTH_USER_…_COLUMN", ""},
		{one.userTableRemedy(errors.New("table auth_user has no column is_active")), "if is_active has another name", "set DJANGO_AUTH_USER_ACTIVE_WHERE to what it computes"},
		{one.userTableRemedy(stated{"57014", "canceling statement"}), "the server ended the question", ""},
		{one.userTableRemedy(errors.New("primary key id has type json")), "set DJANGO_AUTH_USER_TABLE or DJANGO_AUTH_USER_MODEL to the right table", ""},
		{users.privilegeRemedy(denied, "auth_user", ""), "GRANT SELECT ON auth_user TO the user in DATABASE_URL, and USAGE ON its SCHEMA", ""},
		{sessions.privilegeRemedy(denied, "s", "a, b"), "GRANT SELECT (a, b) ON s TO the user in DJANGO_SESSION_DATABASE_URL", ""},
		{users.privilegeRemedy(stated{"57P03", "starting"}, "s", ""), "the server is starting or stopping", ""},
		{users.privilegeRemedy(errors.New("nobody has seen this"), "s", ""), "see the database's log", ""},
	} {
		if !strings.HasPrefix(tt.got, tt.begins) || !strings.Contains(tt.got, tt.has) {
			t.Errorf("got %q, want %q … %q", tt.got, tt.begins, tt.has)
		}
	}
}

// TestRelationRemedies: many-to-many tables that do not lead to Django's groups and permissions.
func TestRelationRemedies(t *testing.T) {
	for _, tt := range []struct {
		err  dbstore.RelationError
		want []string
	}{
		{
			dbstore.RelationError{Relation: dbstore.UserGroups, Table: "m", Why: "has no column x"},
			[]string{"set DJANGO_AUTH_USER_GROUPS_TABLE and its two columns", "require=group and require=perm are refused, and Remote-Groups is empty"},
		},
		{
			dbstore.RelationError{Relation: dbstore.UserPermissions, Table: "m", Column: "user_id"},
			[]string{"if it does, say so: DJANGO_AUTH_USER_PERMISSIONS_TABLE=m", "until then require=perm is refused"},
		},
		{
			dbstore.RelationError{Relation: dbstore.UserGroups, Table: "m", Column: "group_id", Leads: "teams", Wanted: "auth_group"},
			[]string{"if the user model's groups are those of teams, set DJANGO_AUTH_GROUP_TABLE=teams"},
		},
		{
			dbstore.RelationError{Relation: dbstore.GroupPermissions, Table: "m", Column: "group_id", Leads: "teams", Wanted: "auth_group"},
			[]string{"name it in DJANGO_AUTH_GROUP_PERMISSIONS_TABLE", "until then require=perm is refused"},
		},
	} {
		got := RelationRemedy(&tt.err)
		for _, want := range tt.want {
			if !strings.Contains(got, want) {
				t.Errorf("%v: got %q, want %q", &tt.err, got, want)
			}
		}
	}
}
