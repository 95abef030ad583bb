package checkup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"

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

// A symptom is what an error says, and what helps. In a remedy, URL stands for the setting that names the store.
type symptom struct {
	has    func(err error) bool
	remedy string
}

// says matches an error whose text holds one of the words, in any case.
func says(words ...string) func(error) bool {
	return func(err error) bool {
		text := strings.ToLower(err.Error())
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
	}
}

// is matches an error with one of the SQLSTATEs.
func is(states ...string) func(error) bool {
	return func(err error) bool { return slices.Contains(states, state(err)) }
}

func all(conditions ...func(error) bool) func(error) bool {
	return func(err error) bool {
		return !slices.ContainsFunc(conditions, func(has func(error) bool) bool { return !has(err) })
	}
}

func isDNS(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns)
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &n) && n.Timeout()
}

func isErrno(numbers ...syscall.Errno) func(error) bool {
	return func(err error) bool {
		return slices.ContainsFunc(numbers, func(n syscall.Errno) bool { return errors.Is(err, n) })
	}
}

// network are the symptoms that any server may have.
var network = []symptom{
	{isDNS, "the host name in URL does not resolve from here"},
	{isErrno(syscall.ENOENT), "there is no socket at this path: is the server running, and is its folder " +
		"mounted here?"},
	{isErrno(syscall.EACCES, syscall.EPERM), "this user may not open the socket: look at its permissions, and at " +
		"its folder's"},
	{isErrno(syscall.ECONNREFUSED), "check host and port in URL, and that the server listens there"},
	{isErrno(syscall.EHOSTUNREACH, syscall.ENETUNREACH), "there is no way to this address from here: check host, " +
		"routes and what may filter traffic"},
	{
		says("x509:", "certificate", "tls: failed to verify", "unknown authority"),
		"the server's certificate is not trusted, or is for another name: name the authority's file in URL " +
			"(sslrootcert, ssl-ca, ssl_ca_certs), and the host as the certificate has it",
	},
	{says("tls:", "ssl", "handshake"), "server and URL disagree about TLS: see sslmode and sslrootcert, ssl-mode " +
		"and ssl-ca, or rediss:// in URL"},
	{isTimeout, "nothing answers at this address in time: check host, port and what may filter traffic (security " +
		"group, NetworkPolicy), or raise SIDECAR_STORE_TIMEOUT"},
}

// databaseSymptoms are what databases say when they refuse a connection.
var databaseSymptoms = []symptom{
	{
		says("unsupported startup parameter"),
		"pgbouncer takes no options at the start of a connection: leave options and currentSchema out of URL, and " +
			"write the schema before the table " +
			"(DJANGO_SESSION_TABLE, DJANGO_AUTH_USER_TABLE); or set ignore_startup_parameters in pgbouncer.ini",
	},
	{
		all(is("28000"), says("no pg_hba.conf entry", "pg_hba.conf rejects")),
		"pg_hba.conf has no line for this user, database and address, with or without TLS as here: add one, or " +
			"change sslmode in URL",
	},
	{all(is("28000"), says("does not exist")), "the server has no such user: compare URL with DATABASES in " +
		"Django's settings"},
	{says("no such user"), "the server has no such user: compare URL with DATABASES in Django's settings"},
	{
		all(is("08P01"), says("no such database", `database "`)),
		"the pooler has no such database: the name after the last slash of URL",
	},
	{all(is("08P01"), says("password authentication failed", "sasl", "auth")), "the pooler refuses this user or " +
		"password: compare URL with DATABASES in Django's settings, and the pooler's auth_file"},
	{is("28P01"), "the server refuses this user or password: compare URL with DATABASES in Django's settings"},
	{is("28000"), "the server refuses this user: compare URL with DATABASES in Django's settings, and pg_hba.conf"},
	{is("3D000"), "the server has no such database: the name after the last slash of URL"},
	{is("42501"), "the user in URL may not connect to this database: GRANT CONNECT ON its DATABASE"},
	{
		all(is("53300", "08P01", "08004"), says("too many", "connection slots", "no more connections",
			"max_client_conn", "limit")),
		"the server or pooler has no connection left: lower SIDECAR_DB_CONNS, or raise its limit",
	},
	{is("53300"), "the server has no connection left: lower SIDECAR_DB_CONNS, or raise its limit"},
	{is("57P03"), "the server is starting or stopping: try again"},
	{is("57014"), "the server ended the question for its statement_timeout or its administrator: see why it " +
		"takes so long"},
	{is("55P03"), "the question waited for a lock for longer than the lock_timeout of the user in URL: see what " +
		"holds the table"},
	{
		says("ssl is not enabled on the server", "server does not support ssl", "server doesn't support tls",
			"tls requested but server does not support"),
		"the server has no TLS, and URL demands it: turn it on at the server, or change sslmode or ssl-mode in URL",
	},
	{says("error 1045", "access denied for user"), "the server refuses this user or password, for this address: " +
		"compare URL with DATABASES in Django's settings, and the account's host; where the server or the account " +
		"demands TLS, it may say the same without it (ssl-mode=REQUIRED)"},
	{says("error 1044"), "the user in URL may not use this database: GRANT SELECT on its tables"},
	{says("error 1049", "unknown database"), "the server has no such database: the name after the last slash of URL"},
	{says("error 1040", "error 1203", "error 1226", "too many connections"), "the server has no connection left: " +
		"lower SIDECAR_DB_CONNS, or raise its limit (max_connections, max_user_connections)"},
	{says("error 3159", "require_secure_transport", "insecure transport"), "the server demands TLS: set " +
		"ssl-mode=REQUIRED in URL"},
	{says("error 1129", "is blocked because of many connection errors"), "the server has blocked this address after " +
		"many errors: mysqladmin flush-hosts"},
	{says("error 1130", "is not allowed to connect"), "the server lets no user in from this address: look at the " +
		"account's host"},
	{says("unable to open database file"), "the file is not there, or this user may not read it or its folder (in " +
		"WAL mode the folder must be writable, or the -shm and -wal files must be there)"},
	{says("file is not a database", "malformed"), "the file is no SQLite database, or is encrypted or damaged: " +
		"compare URL with DATABASES in Django's settings"},
	{says("database is locked", "database table is locked"), "another process holds the file's lock for longer than " +
		"SIDECAR_STORE_TIMEOUT: see what writes for so long"},
	{says("attempt to write a readonly database", "readonly"), "the file is in WAL mode, and this user may not " +
		"write to its folder: let it, or have the -shm and -wal files there"},
	{says("disk i/o error"), "the path is that of a folder, or the file is where SQLite cannot lock it, as on some " +
		"network file systems"},
	{says("bad connection", "invalid connection"), "the server, or a pooler, hung up while it was asked: its log " +
		"says why; idle_session_timeout, or wait_timeout, may be too short for the user in URL"},
}

// cacheSymptoms are what servers of caches say.
var cacheSymptoms = []symptom{
	{says("noauth", "authentication required"), "the server wants a password: write it into URL " +
		"(redis://:password@host, redis://user:password@host)"},
	{
		says("wrongpass", "invalid password", "invalid username-password", "called without any password configured"),
		"the server refuses this user or password: compare URL with LOCATION in Django's CACHES",
	},
	{says("noperm"), "the user in URL may not read these keys: allow GET on them in its ACL, " +
		"SELECT for another database than 0, and with SIDECAR_CACHE_TTL what docs/invalidation.md lists"},
	{
		says("db index is out of range", "select is not allowed in cluster", "invalid db index"),
		"the server has no database of this number: the path of URL, or its option db",
	},
	{says("moved ", "crossslot", "clusterdown", "cluster"), "the server is a node of a Redis Cluster: Django's " +
		"RedisCache and django-redis's DefaultClient do not follow its redirections, nor does the sidecar"},
	{says("masterdown"), "the server is a replica that has lost its master, and answers nothing meanwhile: name the " +
		"master in URL, or set replica-serve-stale-data"},
	{says("loading"), "the server is reading its data from disk: try again"},
	{
		says("unauthenticated", "memcache: unexpected", "memcache: client error"),
		"what answers is no Memcached without a password: one with SASL (-S) or an auth file (-Y) is not " +
			"spoken to here; or it is another service, or has TLS: compare host and port in URL",
	},
	{says("unknown command", "-err unknown"), "what answers is no cache server as URL says, perhaps a Redis " +
		"Sentinel or another service: compare host and port"},
	{
		func(err error) bool {
			return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, io.EOF)
		},
		"the server hung up: it and URL disagree about TLS (rediss://), or it is another service",
	},
	{isTimeout, "nothing answers in time: check host, port and what may filter traffic; or the server and URL " +
		"disagree about TLS (rediss://)"},
	{says("no such table"), "run manage.py createcachetable, or compare the table in URL with LOCATION in " +
		"Django's CACHES"},
}

// remedyOf is the remedy of the first symptom, "" where none is known.
func remedyOf(err error, setting string, lists ...[]symptom) string {
	for _, list := range lists {
		for _, s := range list {
			if s.has(err) {
				return strings.ReplaceAll(s.remedy, "URL", setting)
			}
		}
	}
	return ""
}

// errLocked is what SQLite says of a lock, where the time for an answer is over first.
var errLocked = errors.New("database is locked")

// connectionRemedy says what to do about a database that cannot be reached.
func (db *NamedDatabase) connectionRemedy(err error) string {
	if db.Dialect == dbstore.SQLite && isTimeout(err) {
		err = errLocked // nothing else makes a file wait
	}
	return db.remedyOf(err, "check host and port in "+db.Setting+", and that the server listens there")
}

// remedyOf says what to do about an error of the database, and otherwise where it is none that is known.
func (db *NamedDatabase) remedyOf(err error, otherwise string) string {
	return cmp.Or(remedyOf(err, db.Setting, databaseSymptoms, network), otherwise)
}

// remedy says what to do about a place that cannot be read.
func (p SessionPlace) remedy(err error) string {
	remedy := remedyOf(err, p.Setting, cacheSymptoms, network)
	switch {
	case remedy == "" || p.Setting == "" || isErrno(syscall.ECONNREFUSED)(err):
		return p.Remedy
	case p.Remedy != "":
		return remedy + "; " + p.Remedy
	}
	return remedy
}

// sessionTableRemedy says what to do about a session table that is not there, or cannot be looked at.
func (d *Checkup) sessionTableRemedy(err error) string {
	if !errors.Is(err, dbstore.ErrNoTable) {
		return d.SessionDatabase.tableRemedy(err, "DJANGO_SESSION_TABLE")
	}
	remedy := "run Django's migrations for django.contrib.sessions in this database; or set "
	if d.SessionDatabase == d.UserDatabase {
		remedy += "DJANGO_SESSION_DATABASE_URL, where a database router keeps sessions in another; or set "
	}
	return remedy + "DJANGO_SESSION_TABLE, where the table has another name; a table in another schema is schema.table"
}

// userTableRemedy says what to do about a user table that is not there, or cannot be looked at.
func (d *Checkup) userTableRemedy(err error) string {
	if errors.Is(err, dbstore.ErrNoTable) {
		return "run Django's migrations for the user model in this database, or set DJANGO_AUTH_USER_MODEL or " +
			"DJANGO_AUTH_USER_TABLE; " +
			"DATABASE_URL is the users' database, also where sessions are in another; a table in another schema is " +
			"schema.table"
	}
	return d.UserDatabase.tableRemedy(err, "DJANGO_AUTH_USER_TABLE or DJANGO_AUTH_USER_MODEL")
}

// tableRemedy says what to do about a table that is not as it should be.
func (db *NamedDatabase) tableRemedy(err error, setting string) string {
	switch {
	case state(err) == insufficientPrivilege:
		if db.Dialect == dbstore.MySQL {
			return "the user in " + db.Setting + " may not look at it: GRANT SELECT on the table"
		}
		return "the user in " + db.Setting + " may not look at it: GRANT USAGE ON its SCHEMA, and SELECT on the table"
	case strings.Contains(err.Error(), "has no column"):
		return columnRemedy(err)
	}
	return db.remedyOf(err, "set "+setting+" to the right table")
}

// privilegeRemedy says what to do when a table is there and cannot be read.
func (db *NamedDatabase) privilegeRemedy(err error, table, columns string) string {
	if state(err) != insufficientPrivilege {
		return db.remedyOf(err, "see the database's log")
	}
	if columns != "" {
		columns = " (" + columns + ")"
	}
	remedy := fmt.Sprintf("GRANT SELECT%s ON %s TO the user in %s", columns, table, db.Setting)
	if db.Dialect != dbstore.MySQL { // SQLite refuses nothing by itself
		remedy += ", and USAGE ON its SCHEMA"
	}
	return remedy
}
