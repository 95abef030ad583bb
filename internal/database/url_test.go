package database

import (
	"fmt"
	"net/netip"
	"net/url"
	"os/user"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/lib/pq"
)

// configOf reads a URL as Open does, with an environment of its own.
func configOf(rawURL string, env map[string]string) (pq.Config, error) {
	a, err := parseURL(rawURL)
	if err != nil {
		return pq.Config{}, err
	}
	return postgresConfig(a, 2*time.Second, func(name string) (string, bool) {
		v, ok := env[name]
		return v, ok
	})
}

// target is what a URL decides on: where to connect, as whom, and how.
type target struct {
	Hosts                    string // address=host:port, comma-separated
	User, Password, Database string
	SSLMode                  pq.SSLMode
	Options                  string
	Attrs                    pq.TargetSessionAttrs
}

func targetOf(c pq.Config) target {
	var hosts []string
	for _, m := range append([]pq.ConfigMultihost{{Host: c.Host, Port: c.Port, Hostaddr: c.Hostaddr}}, c.Multi...) {
		h := fmt.Sprintf("%s:%d", m.Host, m.Port)
		if m.Hostaddr.IsValid() {
			h = m.Hostaddr.String() + "=" + h
		}
		hosts = append(hosts, h)
	}
	return target{strings.Join(hosts, ","), c.User, c.Password, c.Database, c.SSLMode, c.Options, c.TargetSessionAttrs}
}

const socketDir = "/var/run/postgresql"

// Compared by hand with dj-database-url 3.1.2 and django-environ 0.14.0, whose words the names use.
func TestURLForms(t *testing.T) {
	tcp := target{Hosts: "h:5432", User: "u", Password: "p", Database: "d", SSLMode: "prefer"}
	with := func(change func(*target)) target {
		changed := tcp
		change(&changed)
		return changed
	}
	hosts := func(hosts string) target { return with(func(t *target) { t.Hosts = hosts }) }
	socket := with(func(t *target) { t.Hosts, t.SSLMode = socketDir+":5432", "disable" })
	for _, tt := range []struct {
		name, url string
		want      target
	}{
		{"plain", "postgres://u:p@h:5432/d", tcp},
		{"no port", "postgres://u:p@h/d", tcp},
		{"empty port", "postgres://u:p@h:/d", tcp},
		{"another port", "postgres://u:p@h:6543/d", hosts("h:6543")},
		{"name of the database encoded", "postgres://u:p@h/a%20b%2Fc", with(func(t *target) { t.Database = "a b/c" })},
		{"a slash in the name", "postgres://u:p@h/a/b", with(func(t *target) { t.Database = "a/b" })},
		{"a plus in the name stays, as in dj-database-url", "postgres://u:p@h/a+b", with(func(t *target) { t.Database = "a+b" })},
		{"user encoded", "postgres://u%40srv:p@h/d", with(func(t *target) { t.User = "u@srv" })},
		{"the last @ ends the password", "postgres://u:p@q@h/d", with(func(t *target) { t.Password = "p@q" })},
		{"a colon in the password", "postgres://u:p:q@h/d", with(func(t *target) { t.Password = "p:q" })},
		{"UTF-8 in the password", "postgres://u:p%C3%A9@h/d", with(func(t *target) { t.Password = "pé" })},
		{"no password", "postgres://u@h/d", with(func(t *target) { t.Password = "" })},
		{"no name: the user's", "postgres://u:p@h", with(func(t *target) { t.Database = "u" })},
		{"no name but a slash", "postgres://u:p@h/", with(func(t *target) { t.Database = "u" })},

		{"socket as host, encoded", "postgres://u:p@%2Fvar%2Frun%2Fpostgresql/d", socket},
		{"socket as host, with a port", "postgres://u:p@%2Fvar%2Frun%2Fpostgresql:5433/d", with(func(t *target) {
			t.Hosts, t.SSLMode = socketDir+":5433", "disable"
		})},
		{"socket in the query", "postgres://u:p@/d?host=/var/run/postgresql", socket},
		{"socket in the query, encoded", "postgres://u:p@/d?host=%2Fvar%2Frun%2Fpostgresql", socket},
		{"socket, user and password in the query", "postgres:///d?host=/var/run/postgresql&user=u&password=p", socket},
		{"socket before the name, as in django-environ", "postgres://u:p@//var/run/postgresql/d", socket},
		{"socket before the name, without a user", "postgres:////var/run/postgresql/d?user=u&password=p", socket},
		{"an abstract socket", "postgres://u:p@/d?host=%40abstract", with(func(t *target) { t.Hosts, t.SSLMode = "@abstract:5432", "disable" })},
		{"a socket needs no TLS, whatever is said", "postgres://u:p@/d?host=/var/run/postgresql&sslmode=verify-ca", socket},
		{
			"an address goes before a socket", "postgres://u:p@/d?host=/var/run/postgresql&hostaddr=192.0.2.1&sslmode=require",
			with(func(t *target) { t.Hosts, t.SSLMode = "192.0.2.1="+socketDir+":5432", "require" }),
		},

		{"IPv6", "postgres://u:p@[2001:db8::1]/d", hosts("2001:db8::1:5432")},
		{"IPv6 with a port", "postgres://u:p@[::1]:6543/d", hosts("::1:6543")},
		{"several hosts", "postgres://u:p@h1,h2:6543,[::1]:7654/d?target_session_attrs=read-write", with(func(t *target) {
			t.Hosts, t.Attrs = "h1:5432,h2:6543,::1:7654", "read-write"
		})},
		{"several hosts, in the query", "postgres://u:p@/d?host=h1,h2&port=6543,7654", hosts("h1:6543,h2:7654")},
		{"several hosts, one port", "postgres://u:p@h1,h2/d?port=6543", hosts("h1:6543,h2:6543")},
		{"a name for the certificate and an address", "postgres://u:p@h/d?hostaddr=192.0.2.1", hosts("192.0.2.1=h:5432")},

		{"sslmode", "postgres://u:p@h/d?sslmode=verify-full", with(func(t *target) { t.SSLMode = "verify-full" })},
		{"ssl_require", "postgres://u:p@h/d?ssl_require=True", with(func(t *target) { t.SSLMode = "require" })},
		{"ssl", "postgres://u:p@h/d?ssl=true", with(func(t *target) { t.SSLMode = "require" })},
		{"ssl_require, not wanted", "postgres://u:p@h/d?ssl_require=false", tcp},
		{"options", "postgres://u:p@h/d?options=-c%20search_path%3Dx", with(func(t *target) { t.Options = "-c search_path=x" })},
		{"options with a plus", "postgres://u:p@h/d?options=-c+search_path=x", with(func(t *target) { t.Options = "-c search_path=x" })},
		{"schema, as in dj-database-url", "postgres://u:p@h/d?currentSchema=x", with(func(t *target) { t.Options = "-c search_path=x" })},
		{"Django's own options, as in django-environ", "postgres://u:p@h/d?CONN_MAX_AGE=60&ATOMIC_REQUESTS=true", tcp},
		{"scheme in capitals", "POSTGRES://u:p@h/d", tcp},
		{"postgresql", "postgresql://u:p@h/d", tcp},
		{"postgis", "postgis://u:p@h/d", tcp},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := configOf(tt.url, nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, targetOf(c)); diff != "" {
				t.Errorf("%s: want -, got +:\n%s", tt.url, diff)
			}
		})
	}
}

func TestEveryCharacterInAPassword(t *testing.T) {
	all := make([]byte, 0, 0x7f)
	for c := byte(1); c < 0x7f; c++ {
		all = append(all, c)
	}
	passwords := []string{string(all), "é漢😀", "%41", "%", "a+b c", " "}
	for _, c := range all {
		passwords = append(passwords, "x"+string(c)+"y")
	}
	for _, password := range passwords {
		var hex strings.Builder
		for _, b := range []byte(password) {
			fmt.Fprintf(&hex, "%%%02x", b)
		}
		for _, encoded := range []string{hex.String(), url.PathEscape(password), url.UserPassword("", password).String()[1:]} {
			c, err := configOf("postgres://u:"+encoded+"@h:1/d", nil)
			if err != nil || c.Password != password || c.Host != "h" {
				t.Errorf("%q as %s: got %q at %s, %v", password, encoded, c.Password, c.Host, err)
			}
		}
	}
}

func TestURLsThatAreRefused(t *testing.T) {
	for name, tt := range map[string]struct{ url, want string }{
		"no scheme":                      {"u:p@h/d", "percent-encoded"},
		"a # in the password":            {"postgres://u:p#q@h/d", "percent-encoded"},
		"a / in the password":            {"postgres://u:1/q@h/d", "percent-encoded"},
		"a / after an @ in the password": {"postgres://u:p@q/r@h/d", "percent-encoded"},
		"a ? in the password":            {"postgres://u:1?q@h/d", "percent-encoded"},
		"a % in the password":            {"postgres://u:p%zz@h/d", "percent-encoded"},
		"a port that is a word":          {"postgres://u:p@h:port/d", "percent-encoded"},
		"a bracket that is not closed":   {"postgres://u:p@[::1/d", "percent-encoded"},
		"text after a bracket":           {"postgres://u:p@[::1]x/d", "percent-encoded"},
		"an option that is not encoded":  {"postgres://u:p@h/d?options=%zz", "percent-encoded"},
		"port 0":                         {"postgres://u:p@h:0/d", "1 to 65535"},
		"port 65536":                     {"postgres://u:p@h:65536/d", "1 to 65535"},
		"two ports for three hosts":      {"postgres://u:p@h1,h2,h3/d?port=1,2", "the number of ports is 2, and that of hosts 3"},
		"two addresses for one host":     {"postgres://u:p@h/d?hostaddr=192.0.2.1,192.0.2.2", "the number of addresses is 2, and that of hosts 1"},
		"an address that is a name":      {"postgres://u:p@h/d?hostaddr=h", "not an IP address"},
		"an option twice":                {"postgres://u:p@h/d?sslmode=disable&sslmode=require", "sslmode is given 2 times"},
		"a misspelt option":              {"postgres://u:p@h/d?ssl_mode=require", `"ssl_mode"`},
		"a setting of the server":        {"postgres://u:p@h/d?search_path=x", "options=-c%20NAME=VALUE"},
		"verify-ca without an authority": {"postgres://u:p@h/d?sslmode=verify-ca", "sslrootcert"},
		"system without verify-full":     {"postgres://u:p@h/d?sslrootcert=system&sslmode=require", "verify-full"},
		"direct TLS without TLS":         {"postgres://u:p@h/d?sslnegotiation=direct", "sslmode=require"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := configOf(tt.url, nil)
			if err == nil {
				t.Fatalf("%s was taken as %+v", tt.url, targetOf(c))
			}
			if !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "u:p") {
				t.Errorf("got %q, want something with %q", err, tt.want)
			}
		})
	}
}

func TestConnectTimeoutOnlyShortens(t *testing.T) {
	for value, want := range map[string]time.Duration{"": 2 * time.Second, "0": 2 * time.Second, "-1": 2 * time.Second, "1": time.Second, "10": 2 * time.Second} {
		c, err := configOf("postgres://u:p@h/d?connect_timeout="+value, nil)
		if value == "" {
			c, err = configOf("postgres://u:p@h/d", nil)
		}
		if err != nil || c.ConnectTimeout != want {
			t.Errorf("connect_timeout=%s: got %v, %v; want %v", value, c.ConnectTimeout, err, want)
		}
	}
}

func TestWithoutAnything(t *testing.T) {
	c, err := configOf("postgres://", nil)
	if err != nil {
		t.Fatal(err)
	}
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	if c.User != u.Username || c.Database != u.Username || c.Host != defaultHost(5432) || c.Hostaddr != (netip.Addr{}) {
		t.Errorf("got user %s, database %s, host %s; want those of libpq", c.User, c.Database, c.Host)
	}
}
