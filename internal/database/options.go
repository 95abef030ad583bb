package database

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lib/pq"
)

// An urlOption is one of a driver or of Django, as it occurs in DATABASE_URL or (as env) in the environment.
type urlOption[Target any] struct {
	env string
	// set puts the value where the driver wants it. An option without set is passed over.
	set func(t Target, value string) error
	// harmless are the values of an option that the driver does not have which ask for nothing: it is passed over
	// with them, and refused with any other.
	harmless []string
	// instead says what to do about an option that is refused.
	instead string
}

// apply puts one option into t. What is harmless is compared with the value as spelt there. The error names the option,
// and its value only where that is from a short list.
func (o urlOption[Target]) apply(t Target, value, spelt string) error {
	switch {
	case o.set != nil:
		return o.set(t, value)
	case o.harmless == nil && o.instead == "" || slices.Contains(o.harmless, spelt):
		return nil
	case o.instead != "":
		return fmt.Errorf("it is not supported: %s", o.instead)
	}
	return oneOf(value, o.harmless...)
}

func text(field func(*pq.Config) *string) func(*pq.Config, string) error {
	return func(c *pq.Config, value string) error {
		*field(c) = value
		return nil
	}
}

// pgOptions are all the options of libpq, psycopg and Django that are known. What is not here is refused: a misspelt
// sslmode must not become an unencrypted connection.
var pgOptions = map[string]urlOption[*pq.Config]{
	"sslmode": {env: "PGSSLMODE", set: func(c *pq.Config, v string) error {
		c.SSLMode = pq.SSLMode(v)
		if !slices.Contains([]pq.SSLMode{
			pq.SSLModeDisable, pq.SSLModeAllow, pq.SSLModePrefer, pq.SSLModeRequire, pq.SSLModeVerifyCA,
			pq.SSLModeVerifyFull,
		}, c.SSLMode) {
			return fmt.Errorf("%.20q is none of disable, allow, prefer, require, verify-ca and verify-full", v)
		}
		return nil
	}},
	"ssl_require": {set: requireTLS}, // dj-database-url
	"ssl":         {set: requireTLS},
	"requiressl":  {env: "PGREQUIRESSL", set: requireTLS},
	"sslrootcert": {env: "PGSSLROOTCERT", set: text(func(c *pq.Config) *string { return &c.SSLRootCert })},
	"sslcert":     {env: "PGSSLCERT", set: text(func(c *pq.Config) *string { return &c.SSLCert })},
	"sslkey":      {env: "PGSSLKEY", set: text(func(c *pq.Config) *string { return &c.SSLKey })},
	"options":     {env: "PGOPTIONS", set: text(func(c *pq.Config) *string { return &c.Options })},
	// dj_database_url/__init__.py, 3.1.2, apply_current_schema: f"-c search_path={schema}"
	"currentschema": {set: func(c *pq.Config, v string) error {
		c.Options = "-c search_path=" + v
		return nil
	}},
	"schema":           {instead: "use currentSchema=NAME"}, // of other languages' drivers
	"application_name": {env: "PGAPPNAME", set: text(func(c *pq.Config) *string { return &c.ApplicationName })},
	"passfile":         {env: "PGPASSFILE", set: text(func(c *pq.Config) *string { return &c.Passfile })},
	"sslsni": {env: "PGSSLSNI", set: func(c *pq.Config, v string) error {
		c.SSLSNI = v != "0"
		return nil
	}},
	"sslnegotiation": {env: "PGSSLNEGOTIATION", set: func(c *pq.Config, v string) error {
		c.SSLNegotiation = pq.SSLNegotiation(v)
		return oneOf(v, "postgres", "direct")
	}},
	"ssl_min_protocol_version": {env: "PGSSLMINPROTOCOLVERSION", set: func(c *pq.Config, v string) error {
		return setTLSVersion(&c.SSLMinProtocolVersion, v)
	}},
	"ssl_max_protocol_version": {env: "PGSSLMAXPROTOCOLVERSION", set: func(c *pq.Config, v string) error {
		return setTLSVersion(&c.SSLMaxProtocolVersion, v)
	}},
	"target_session_attrs": {env: "PGTARGETSESSIONATTRS", set: func(c *pq.Config, v string) error {
		c.TargetSessionAttrs = pq.TargetSessionAttrs(v)
		return oneOf(v, "any", "read-write", "read-only", "primary", "standby", "prefer-standby")
	}},
	"load_balance_hosts": {env: "PGLOADBALANCEHOSTS", set: func(c *pq.Config, v string) error {
		c.LoadBalanceHosts = pq.LoadBalanceHosts(v)
		return oneOf(v, "disable", "random")
	}},
	"connect_timeout": {env: "PGCONNECT_TIMEOUT", set: func(c *pq.Config, v string) error {
		seconds, err := strconv.Atoi(v)
		if err != nil {
			return fmt.Errorf("%.20q is not a number of seconds", v)
		}
		c.ConnectTimeout = time.Duration(max(seconds, 0)) * time.Second // libpq: for ever, if not above 0
		return nil
	}},

	// lib/pq speaks UTF-8 only, and so does Django.
	"client_encoding": {env: "PGCLIENTENCODING", harmless: []string{
		"utf8", "utf-8", "UTF8", "UTF-8", "unicode",
		"UNICODE", "auto",
	}},
	// What lib/pq does not have. Asking for it strictly is refused; the rest tunes what is tuned otherwise here.
	"channel_binding": {
		env: "PGCHANNELBINDING", harmless: []string{"disable", "prefer"},
		instead: "the driver cannot bind channels; use sslmode=verify-full, which keeps strangers out as well",
	},
	"gssencmode": {
		env: "PGGSSENCMODE", harmless: []string{"disable", "prefer"},
		instead: "the driver has no GSSAPI encryption; use TLS",
	},
	"require_auth": {env: "PGREQUIREAUTH", harmless: []string{""}, instead: "the driver cannot check it; remove it"},
	"requirepeer":  {env: "PGREQUIREPEER", harmless: []string{""}, instead: "the driver cannot check it; remove it"},
	"sslcrl":       {env: "PGSSLCRL", harmless: []string{""}, instead: "the driver reads no revocation lists; remove it"},
	"sslcrldir": {env: "PGSSLCRLDIR", harmless: []string{""}, instead: "the driver reads no revocation " +
		"lists; remove it"},
	"sslcertmode": {
		env: "PGSSLCERTMODE", harmless: []string{"allow", "disable"},
		instead: "the driver cannot check it; remove it",
	},
	"service":         {env: "PGSERVICE", harmless: []string{""}, instead: "write the service's settings into DATABASE_URL"},
	"assume_role":     {instead: "use options=-c%20role=NAME"},
	"replication":     {harmless: []string{"false", "off", "no", "0"}, instead: "remove it"},
	"sslcompression":  {env: "PGSSLCOMPRESSION"},
	"keepalives":      {},
	"keepalives_idle": {}, "keepalives_interval": {}, "keepalives_count": {}, "tcp_user_timeout": {},
	"krbsrvname": {env: "PGKRBSRVNAME"}, "gsslib": {env: "PGGSSLIB"}, "gssdelegation": {env: "PGGSSDELEGATION"},
	// Django's own: they tune what Django does with its connections.
	"conn_max_age": {}, "conn_health_checks": {}, "atomic_requests": {}, "autocommit": {}, "engine": {},
	"disable_server_side_cursors": {}, "isolation_level": {}, "server_side_binding": {}, "pool": {}, "time_zone": {},
	"test_name": {}, "cursor_factory": {}, "prepare_threshold": {},
}

// requireTLS is an option that is true or false.
func requireTLS(c *pq.Config, v string) error {
	switch strings.ToLower(v) {
	case "true", "1":
		c.SSLMode = pq.SSLModeRequire
		return nil
	case "false", "0":
		return nil
	}
	return oneOf(v, "true", "false", "1", "0")
}

func setTLSVersion(field *pq.SSLProtocolVersion, v string) error {
	*field = pq.SSLProtocolVersion(v)
	if v == "TLSv1" {
		*field = pq.SSLProtocolVersionTLS10 // which only lib/pq calls TLSv1.0
	}
	return oneOf(v, "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
}

func oneOf(value string, allowed ...string) error {
	if !slices.Contains(allowed, value) {
		return fmt.Errorf("%.20q is none of %s", value, strings.Join(allowed, ", "))
	}
	return nil
}

// applyOptions puts libpq's environment and then the URL's query into c.
func applyOptions(c *pq.Config, a *address, lookupEnv func(string) (string, bool)) error {
	for _, name := range slices.Sorted(maps.Keys(pgOptions)) {
		o := pgOptions[name]
		if o.env == "" {
			continue
		}
		if value, ok := lookupEnv(o.env); ok && value != "" {
			if err := o.apply(c, value, value); err != nil {
				return fmt.Errorf("environment variable %s: %w", o.env, err)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.query)) {
		if slices.Contains(addressOptions, name) {
			continue
		}
		o, ok := pgOptions[strings.ToLower(name)]
		if !ok {
			return fmt.Errorf("unknown option %.40q; a setting of the server belongs into options=-c%%20NAME=VALUE",
				name)
		}
		value, err := option(a.query, name)
		if err == nil {
			err = o.apply(c, value, value)
		}
		if err != nil {
			return fmt.Errorf("option %s: %w", name, err)
		}
	}
	return nil
}

// addressOptions are the options that say where the database is; see applyAddress.
var addressOptions = []string{"host", "hostaddr", "port", "user", "password", "dbname"}
