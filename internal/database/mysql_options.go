package database

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// mysqlTarget is what options set: the settings, and the socket, which goes before the URL's host.
type mysqlTarget struct {
	*mysqlSettings
	socket string
}

// mysqlOptions are all the options of mysqlclient, MySQL Connector/Python and Django that are known, with underscores
// for hyphens. What is not here is refused: a misspelt ssl_mode must not become an unencrypted connection.
var mysqlOptions = map[string]urlOption[*mysqlTarget]{
	"ssl_mode": {set: func(t *mysqlTarget, v string) error {
		t.tls.mode = strings.ToUpper(v)
		return oneOf(t.tls.mode, tlsDisabled, tlsPreferred, tlsRequired, tlsVerifyCA, tlsVerifyIdentity)
	}},
	"ssl_ca":   {set: func(t *mysqlTarget, v string) error { t.tls.ca = v; return nil }},
	"ssl_cert": {set: func(t *mysqlTarget, v string) error { t.tls.certificate = v; return nil }},
	"ssl_key":  {set: func(t *mysqlTarget, v string) error { t.tls.key = v; return nil }},
	"tls_version": {set: func(t *mysqlTarget, v string) error {
		t.tls.only13 = v == "TLSv1.3"
		return oneOf(v, "TLSv1.2", "TLSv1.3", "TLSv1.2,TLSv1.3")
	}},
	// Other words for ssl_mode: of dj-database-url, of MySQL Connector/Python, and of MariaDB's clients.
	"ssl":                    tlsSwitch(tlsRequired),
	"ssl_require":            tlsSwitch(tlsRequired),
	"ssl_disabled":           tlsSwitch(tlsDisabled),
	"ssl_verify_cert":        tlsSwitch(tlsVerifyCA),
	"ssl_verify_identity":    tlsSwitch(tlsVerifyIdentity),
	"ssl_verify_server_cert": tlsSwitch(tlsVerifyIdentity),
	"ssl_capath":             {instead: "name the file of the authorities in ssl_ca"},
	"ssl_crl":                {harmless: []string{""}, instead: "the driver reads no revocation lists; remove it"},
	"ssl_crlpath":            {harmless: []string{""}, instead: "the driver reads no revocation lists; remove it"},
	"ssl_cipher":             {}, // Go chooses among safe ones

	"unix_socket": {set: func(t *mysqlTarget, v string) error {
		if !strings.HasPrefix(v, "/") {
			return errors.New("it is the path of a socket, and begins with a slash")
		}
		t.socket = v
		return nil
	}},
	"connect_timeout": {set: func(t *mysqlTarget, v string) error {
		seconds, err := strconv.Atoi(v)
		if err != nil {
			return fmt.Errorf("%.20q is not a number of seconds", v)
		}
		if d := time.Duration(seconds) * time.Second; seconds > 0 {
			t.connectTimeout = min(t.connectTimeout, d)
		}
		return nil
	}},
	"init_command": {set: func(t *mysqlTarget, v string) error { t.initCommand = v; return nil }},

	// The driver speaks utf8mb4 only, which has all that the others have.
	"charset":            {harmless: []string{"utf8mb4", "utf8", "utf8mb3"}},
	"read_default_file":  {instead: "write its settings into DATABASE_URL"},
	"read_default_group": {instead: "write its settings into DATABASE_URL"},
	"option_files":       {instead: "write their settings into DATABASE_URL"},
	"named_pipe":         {harmless: []string{"false", "0"}, instead: "use a socket or TCP"},
	"time_zone": {instead: "set DJANGO_USE_TZ=false and DJANGO_TIME_ZONE to the time zone in which the " +
		"tables' dates are"},

	// What tunes Django's own connection, or a query that is never asked here.
	"use_unicode": {}, "collation": {}, "sql_mode": {}, "isolation_level": {}, "autocommit": {}, "conv": {},
	"read_timeout": {}, "write_timeout": {}, "compress": {}, "local_infile": {}, "allow_local_infile": {},
	"client_flag": {},
	"use_pure":    {}, "raise_on_warnings": {}, "get_warnings": {}, "buffered": {}, "pool_name": {}, "pool_size": {},
	"pool_reset_session": {}, "auth_plugin": {}, "cursorclass": {}, "binary_prefix": {}, "multi_statements": {},
	"conn_max_age": {}, "conn_health_checks": {}, "atomic_requests": {}, "engine": {},
	"disable_server_side_cursors": {},
	"test_name":                   {}, "test_charset": {}, "test_collation": {},
}

// tlsSwitch is an option that is another word for a mode when it is true, and nothing when it is false.
func tlsSwitch(mode string) urlOption[*mysqlTarget] {
	return urlOption[*mysqlTarget]{set: func(t *mysqlTarget, v string) error {
		switch strings.ToLower(v) {
		case "true", "1":
			t.tls.mode = strongerTLS(t.tls.mode, mode)
			return nil
		case "false", "0":
			return nil
		}
		return oneOf(v, "true", "false", "1", "0")
	}}
}
