package database

import (
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// changes lists the fields of what lib/pq is told that an option or the environment changes.
func changes(t *testing.T, env map[string]string, query string) ([]string, error) {
	t.Helper()
	plain, err := configOf("postgres://u:p@h/d", nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := configOf("postgres://u:p@h/d?"+query, env)
	var changed []string
	before, after := reflect.ValueOf(plain), reflect.ValueOf(c)
	for _, f := range reflect.VisibleFields(before.Type()) {
		if f.IsExported() && !reflect.DeepEqual(before.FieldByIndex(f.Index).Interface(), after.FieldByIndex(f.Index).Interface()) {
			changed = append(changed, fmt.Sprintf("%s=%v", f.Name, after.FieldByIndex(f.Index)))
		}
	}
	return changed, err
}

// options are one value at least of every option that is known: what it sets ("" where it is passed over), or what
// the refusal says.
var options = map[string][]struct{ value, sets, refusal string }{
	"sslmode":     {{"disable", "disable", ""}, {"verify-full", "verify-full", ""}, {"Require", "", "none of disable, allow"}, {"", "", "none of"}},
	"ssl_require": {{"true", "require", ""}, {"False", "", ""}, {"yes", "", "none of true"}},
	"ssl":         {{"1", "require", ""}, {"0", "", ""}, {"on", "", "none of true"}},
	"requiressl":  {{"1", "require", ""}, {"0", "", ""}},

	"sslrootcert":      {{"/ca.pem", "/ca.pem", ""}},
	"sslcert":          {{"/c.pem", "/c.pem", ""}},
	"sslkey":           {{"/k.pem", "/k.pem", ""}},
	"options":          {{"-c role=x", "-c role=x", ""}},
	"currentschema":    {{"s,public", "-c search_path=s,public", ""}},
	"application_name": {{"other", "other", ""}},
	"passfile":         {{"/pass", "/pass", ""}},
	"sslsni":           {{"0", "false", ""}, {"1", "", ""}},
	"sslnegotiation":   {{"postgres", "postgres", ""}, {"x", "", "none of postgres, direct"}},

	"ssl_min_protocol_version": {{"TLSv1", "TLSv1.0", ""}, {"TLSv1.3", "TLSv1.3", ""}, {"SSLv3", "", "none of TLSv1"}},
	"ssl_max_protocol_version": {{"TLSv1.2", "TLSv1.2", ""}, {"2", "", "none of TLSv1"}},
	"target_session_attrs":     {{"primary", "primary", ""}, {"master", "", "none of any"}},
	"load_balance_hosts":       {{"random", "random", ""}, {"yes", "", "none of disable"}},
	"connect_timeout":          {{"1", "1s", ""}, {"soon", "", "not a number of seconds"}},

	"client_encoding": {{"UTF8", "", ""}, {"latin1", "", "none of utf8"}},
	"channel_binding": {{"prefer", "", ""}, {"disable", "", ""}, {"require", "", "verify-full"}},
	"gssencmode":      {{"disable", "", ""}, {"prefer", "", ""}, {"require", "", "use TLS"}},
	"require_auth":    {{"scram-sha-256", "", "remove it"}},
	"requirepeer":     {{"postgres", "", "remove it"}},
	"sslcrl":          {{"/crl", "", "revocation"}},
	"sslcrldir":       {{"/crls", "", "revocation"}},
	"sslcertmode":     {{"allow", "", ""}, {"require", "", "remove it"}},
	"service":         {{"s", "", "into DATABASE_URL"}},
	"schema":          {{"s", "", "use currentSchema=NAME"}},
	"assume_role":     {{"r", "", "role=NAME"}},
	"replication":     {{"false", "", ""}, {"database", "", "remove it"}},

	"sslcompression": {{"1", "", ""}}, "keepalives": {{"1", "", ""}}, "keepalives_idle": {{"60", "", ""}},
	"keepalives_interval": {{"10", "", ""}}, "keepalives_count": {{"5", "", ""}}, "tcp_user_timeout": {{"9", "", ""}},
	"krbsrvname": {{"x", "", ""}}, "gsslib": {{"x", "", ""}}, "gssdelegation": {{"1", "", ""}},
	"conn_max_age": {{"60", "", ""}}, "conn_health_checks": {{"true", "", ""}}, "atomic_requests": {{"true", "", ""}},
	"autocommit": {{"true", "", ""}}, "engine": {{"x", "", ""}}, "disable_server_side_cursors": {{"true", "", ""}},
	"isolation_level": {{"2", "", ""}}, "server_side_binding": {{"true", "", ""}}, "pool": {{"true", "", ""}},
	"time_zone": {{"UTC", "", ""}}, "test_name": {{"x", "", ""}}, "cursor_factory": {{"x", "", ""}}, "prepare_threshold": {{"0", "", ""}},
}

func TestEveryOption(t *testing.T) {
	if diff := cmp.Diff(slices.Sorted(maps.Keys(pgOptions)), slices.Sorted(maps.Keys(options))); diff != "" {
		t.Fatalf("the options that are known (-) and those tried here (+) differ:\n%s", diff)
	}
	for name, tries := range options {
		t.Run(name, func(t *testing.T) {
			for _, try := range tries {
				query := url.Values{name: {try.value}}.Encode()
				changed, err := changes(t, nil, query)
				checkOption(t, query, name, changed, err, try.sets, try.refusal)

				if env := pgOptions[name].env; env != "" && try.value != "" {
					changed, err = changes(t, map[string]string{env: try.value}, "")
					checkOption(t, env+"="+try.value, env, changed, err, try.sets, try.refusal)
				}
			}
		})
	}
}

func checkOption(t *testing.T, given, name string, changed []string, err error, sets, refusal string) {
	t.Helper()
	switch {
	case refusal != "":
		if err == nil || !strings.Contains(err.Error(), refusal) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got error %v, want one of %s with %q", given, err, name, refusal)
		}
	case err != nil:
		t.Errorf("%s: %v", given, err)
	case sets == "" && len(changed) != 0:
		t.Errorf("%s was to be passed over, and sets %q", given, changed)
	case sets != "" && (len(changed) != 1 || !strings.HasSuffix(changed[0], "="+sets)):
		t.Errorf("%s sets %q, want %s and nothing else", given, changed, sets)
	}
}

func TestLibpqEnvironment(t *testing.T) {
	env := map[string]string{
		"PGHOST": "envhost", "PGPORT": "6543", "PGUSER": "envuser", "PGPASSWORD": "envpw", "PGDATABASE": "envdb",
		"PGSSLMODE": "require", "PGGSSENCMODE": "disable", "PGOPTIONS": "-c role=env", "PGCHANNELBINDING": "prefer",
		"PGHOSTADDR": "", "PGTZ": "UTC", "PGREQUIREAUTH": "", "PGTARGETSESSIONATTRS": "any",
	}
	for name, tt := range map[string]struct {
		url  string
		want target
	}{
		"says all that the URL does not": {"postgres://", target{
			"envhost:6543", "envuser", "envpw", "envdb", "require", "-c role=env", "any",
		}},
		"says nothing that the URL does": {"postgres://u:p@h:1/d?sslmode=disable&options=-c+role=u&target_session_attrs=primary", target{
			"h:1", "u", "p", "d", "disable", "-c role=u", "primary",
		}},
		"gives way to the query": {"postgres:///?host=h&port=1&user=u&password=p&dbname=d&sslmode=disable&options=-c+role=u", target{
			"h:1", "u", "p", "d", "disable", "-c role=u", "any",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := configOf(tt.url, env)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, targetOf(c)); diff != "" {
				t.Errorf("want -, got +:\n%s", diff)
			}
		})
	}
}

// What a deployment may set for psycopg's sake must be named when it cannot be followed.
func TestEnvironmentThatIsRefused(t *testing.T) {
	for name, value := range map[string]string{
		"PGCHANNELBINDING": "require", "PGGSSENCMODE": "require", "PGREQUIREAUTH": "scram-sha-256", "PGSERVICE": "prod",
		"PGSSLCRL": "/crl.pem", "PGREQUIREPEER": "postgres", "PGSSLMODE": "yes", "PGCONNECT_TIMEOUT": "long",
	} {
		if _, err := configOf("postgres://u:p@h/d", map[string]string{name: value}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s=%s: got %v, want an error that names it", name, value, err)
		}
	}
}

// lib/pq's own reading of the environment would refuse these; ours must not let it look.
func TestOpenReadsOnlyTheEnvironmentItIsGiven(t *testing.T) {
	t.Setenv("PGCHANNELBINDING", "prefer")
	t.Setenv("PGSSLMODE", "nonsense")
	t.Setenv("PGHOST", "elsewhere")
	d, err := Open("postgres:///d?user=u", Options{Timeout: 1, Conns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close() //nolint:errcheck // nothing was opened
	if strings.Contains(d.Location, "elsewhere") {
		t.Errorf("connects to %s", d.Location)
	}
}
