package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"django-sidecar/djangosession"
	"django-sidecar/internal/config"
)

func TestPlainNames(t *testing.T) {
	t.Run("a plain name is read where the prefixed one is unset or empty", func(t *testing.T) {
		c := mustLoad(t, env{
			"SECRET_KEY": goodKey, "DATABASE_URL": goodURL, "SESSION_TABLE": "plain", "DJANGO_SESSION_TABLE": "",
		})
		if c.SecretKey.Reveal() != goodKey || c.SessionTable != "plain" {
			t.Errorf("got the table %q, and the key %t", c.SessionTable, c.SecretKey.Reveal() == goodKey)
		}
	})
	t.Run("a prefixed name wins", func(t *testing.T) {
		c := mustLoad(t, with(env{
			"SECRET_KEY": "another", "DJANGO_DATABASE_URL": "sqlite:///ours", "SESSION_TABLE": "plain", "DJANGO_SESSION_TABLE": "ours",
		}))
		if c.SecretKey.Reveal() != goodKey || c.DatabaseURL.Reveal() != "sqlite:///ours" || c.SessionTable != "ours" {
			t.Errorf("got the table %q, or another key or database", c.SessionTable)
		}
	})
	t.Run("a plain VERSION is not Django's", func(t *testing.T) {
		if c := mustLoad(t, with(env{"VERSION": "4.2"})); c.DjangoVersion != "5.2" {
			t.Errorf("got %s", c.DjangoVersion)
		}
	})
	t.Run("a plain LISTEN is not ours", func(t *testing.T) {
		if c := mustLoad(t, with(env{"LISTEN": "0.0.0.0:1"})); c.Listen != "127.0.0.1:8100" {
			t.Errorf("got %s", c.Listen)
		}
	})
	t.Run("a fault names the variable that it came from", func(t *testing.T) {
		wantFault(t, with(env{"USE_TZ": "maybe"}), "USE_TZ", `is "maybe"`, "DJANGO_USE_TZ=true")
		wantFault(t, with(env{"USE_TZ": "1", "DJANGO_USE_TZ": "maybe"}), "DJANGO_USE_TZ", `is "maybe"`, "DJANGO_USE_TZ=true")
	})
	t.Run("what opens a door needs its full name", func(t *testing.T) {
		for plain, text := range map[string]string{
			"MEDIA_ROOT": "/srv/media", "CSRF_TRUSTED_ORIGINS": "https://evil.example", "AUTH_USER_ACTIVE_COLUMN": "-",
			"AUTH_USER_STAFF_COLUMN": "is_active", "AUTH_USER_SUPERUSER_COLUMN": "is_active",
		} {
			c := mustLoad(t, with(env{plain: text}))
			want := defaults()
			want.Hints = c.Hints
			if d := diff(want, c); d != "" {
				t.Errorf("%s alone changes something (-want +got):\n%s", plain, d)
			}
			if len(c.Hints) != 1 || !strings.Contains(c.Hints[0], plain+" is not read: ") || !strings.Contains(c.Hints[0], "DJANGO_"+plain) {
				t.Errorf("%s: got the hints %q", plain, c.Hints)
			}
		}
		c := mustLoad(t, with(env{"MEDIA_ROOT": "/srv/django", "DJANGO_MEDIA_ROOT": "/srv/media"}))
		if c.Uploads.MediaRoot != "/srv/media" || len(c.Hints) != 0 {
			t.Errorf("got %q, hints %q", c.Uploads.MediaRoot, c.Hints)
		}
	})
}

func TestDjangoVersion(t *testing.T) {
	for _, version := range strings.Fields("1.11 1.11.29 2.0 2.1 2.2.28 3.0 3.1 3.2.25 4.0 4.1.3 4.2 5.0 5.1 5.2 5.2.19 6.0 6.1 6.1.0 5.2rc1 6.1a1 4.2.dev20230101") {
		if c := mustLoad(t, with(env{"DJANGO_VERSION": version})); c.DjangoVersion != version {
			t.Errorf("got %s, want %s", c.DjangoVersion, version)
		}
	}
	for _, version := range strings.Fields("1.10 1.10rc1 1.12 2.3 5.3 5 7 5.2. .2 5.2.x 5.2rc 5.2.19.1 v5.2 05.2 5.02 5.2.019 5.2.-1 5.2.+1 5.2.9999 latest") {
		wantFault(t, with(env{"DJANGO_VERSION": version}), "DJANGO_VERSION", "from 1.11 on, such as 6.1", "DJANGO_VERSION=5.2")
	}
	wantFault(t, with(env{"DJANGO_VERSION": "5.2 LTS"}), "DJANGO_VERSION", "from 1.11 on", "DJANGO_VERSION=5.2")
	for _, version := range strings.Fields("6.2 6.2.1 7.0 6.2a1 6.2rc1 6.2.dev20260101 10.0") {
		c := mustLoad(t, with(env{"DJANGO_VERSION": version}))
		wantWarning(t, c, "DJANGO_VERSION is "+version+", which is newer than the newest Django that is known here: sessions are judged as Django 6.1")
		if c.DjangoVersion != version || c.Uploads.FilePermissions == nil {
			t.Errorf("got %+v", c)
		}
	}
}

func TestASGI(t *testing.T) {
	for value, want := range map[string]bool{"": false, "false": false, "true": true} {
		if c := mustLoad(t, with(env{"DJANGO_ASGI": value, "DJANGO_VERSION": "3.0"})); c.ASGI != want {
			t.Errorf("%q: got %t", value, c.ASGI)
		}
	}
	if c := mustLoad(t, with(env{"ASGI": "true"})); c.ASGI {
		t.Error("plain ASGI is read")
	}
	wantFault(t, with(env{"DJANGO_ASGI": "uvicorn"}), "DJANGO_ASGI", "true", "=false")
	wantFault(t, with(env{"DJANGO_ASGI": "true", "DJANGO_VERSION": "2.2"}), "DJANGO_ASGI", "Django 2.2 has no ASGI: leave it out, or set DJANGO_VERSION to 3.0 or newer", "=false")
}

func TestHashingAlgorithm(t *testing.T) {
	for _, version := range []string{"3.1", "3.2", "5.2"} {
		c := mustLoad(t, with(env{"DJANGO_VERSION": version, "DJANGO_DEFAULT_HASHING_ALGORITHM": "sha1"}))
		if c.DefaultHashingAlgorithm != "sha1" {
			t.Errorf("under %s: got %q", version, c.DefaultHashingAlgorithm)
		}
	}
	for _, algorithm := range []string{"md5", "SHA1", "sha-256"} {
		wantFault(t, with(env{"DJANGO_DEFAULT_HASHING_ALGORITHM": algorithm}), "DJANGO_DEFAULT_HASHING_ALGORITHM",
			"sha256 or sha1", "=sha256")
	}
}

func TestFallbackKeys(t *testing.T) {
	const name = "DJANGO_SECRET_KEY_FALLBACKS"
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"none", "[]", nil},
		{"one", "old", []string{"old"}},
		{"spaces around items are trimmed", " old , older ", []string{"old", "older"}},
		{"a JSON array keeps commas and spaces", ` ["o,l,d", " older "]`, []string{"o,l,d", " older "}},
		{"the same as the secret key", goodKey, []string{goodKey}},
		{"letters beyond ASCII", `["schlüssel","\u00e9"]`, []string{"schlüssel", "é"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := mustLoad(t, with(env{name: tt.text}))
			if d := cmp.Diff(tt.want, reveal(c.SecretKeyFallbacks)); d != "" {
				t.Errorf("keys (-want +got):\n%s", d)
			}
		})
	}
	for text, problem := range map[string]string{
		"old,":          "empty item at place 2",
		",":             "empty item at place 1",
		`["old",""]`:    "empty item at place 2",
		`["old",null]`:  "empty item at place 2",
		`["old"`:        "not a JSON array",
		`['old']`:       "not a JSON array",
		`["old",1]`:     "not a JSON array",
		`["old"] x`:     "not a JSON array",
		"caf\xe9,older": "is not UTF-8",
	} {
		wantFault(t, with(env{name: text}), name, problem, `DJANGO_SECRET_KEY_FALLBACKS=["the-previous-secret-key"]`)
	}
}

func TestFallbackKeysBeforeDjango41(t *testing.T) {
	for version, ignored := range map[string]bool{"1.11": true, "3.2.25": true, "4.0": true, "4.1": false, "4.1.13": false, "6.1": false} {
		c := mustLoad(t, with(env{"DJANGO_VERSION": version, "DJANGO_SECRET_KEY_FALLBACKS": goodKey + "old"}))
		if ignored {
			wantWarning(t, c, "ignored, as Django "+version+" does")
		} else if len(c.Warnings) > 0 {
			t.Errorf("under %s: got %q", version, c.Warnings)
		}
	}
}

func TestSecretKeyFaultsAndWarnings(t *testing.T) {
	for name, e := range map[string]env{
		"is not set: it must be": {},
		"is empty: it must be":   {"DJANGO_SECRET_KEY": ""},
	} {
		e["DATABASE_URL"] = goodURL
		wantFault(t, e, "DJANGO_SECRET_KEY", name, "DJANGO_SECRET_KEY_FILE=/run/secrets/django-secret-key")
	}
	wantFault(t, env{"DATABASE_URL": goodURL, "SECRET_KEY": ""}, "SECRET_KEY", "is empty", "DJANGO_SECRET_KEY_FILE=")
	wantFault(t, env{"DATABASE_URL": goodURL, "SECRET_KEY": "caf\xe9-0123456789-0123456789"}, "SECRET_KEY", "is not UTF-8", "_FILE=")
}

func TestDatabaseURL(t *testing.T) {
	for _, text := range []string{
		"postgres://h/n", "postgresql://h/n", "psql://h/n", "pgsql://h/n", "postgis://h/n", "sqlite:///relative",
		"sqlite:////absolute", "PostgreSQL://h/n", "postgres://%2Frun%2Fpostgresql/n",
		"mysql://u@h/n", "mysql2://h/n", "mysqlgis://h/n", "mysql-connector://h/n", "mariadb://h/n",
		"cockroach://h/n", "timescale://h/n", "psqlextra://h/n", "spatialite:///x", "postgresql+psycopg://h/n",
	} {
		if c := mustLoad(t, with(env{"DATABASE_URL": text})); c.DatabaseURL.Reveal() != text {
			t.Errorf("got another URL than %s", text)
		}
	}
	for text, problem := range map[string]string{
		"oracle://u:pa55word@h/n": "names Oracle, which django-sidecar does not read",
		"ftp://u:pa55word@h/n":    "is not a URL that begins with postgres://",
		"pa55word":                "is not a URL that begins with postgres://",
		"postgres:pa55word":       "is not a URL that begins with postgres://",
		"mysql:pa55word":          "is not a URL that begins with postgres://",
		" ":                       "is not a URL that begins with postgres://",
		"":                        "is empty",
	} {
		wantFault(t, with(env{"DATABASE_URL": text}), "DATABASE_URL", problem, "DATABASE_URL=postgres://")
	}
	wantFault(t, env{"SECRET_KEY": goodKey}, "DATABASE_URL", "is not set", "DATABASE_URL=postgres://")
}

func TestSessionDatabaseURL(t *testing.T) {
	const apart = "mysql://u:pa55word@sessions.example/s"
	c := mustLoad(t, with(env{"DJANGO_SESSION_DATABASE_URL": apart}))
	if c.SessionDatabaseURL.Reveal() != apart || c.DatabaseURL.Reveal() != goodURL || len(c.Warnings) > 0 {
		t.Errorf("got other URLs, or the warnings %q", c.Warnings)
	}
	c = mustLoad(t, with(env{"DJANGO_SESSION_DATABASE_URL_FILE": write(t, apart+"\n"), "SESSION_ENGINE": "cached_db", "CACHE_URL": "redis://c"}))
	if c.SessionDatabaseURL.Reveal() != apart {
		t.Error("the file is not read")
	}
	// Without users, nothing else is in a database.
	c = mustLoad(t, env{"SECRET_KEY": goodKey, "SESSION_DATABASE_URL": apart, "SIDECAR_INSECURE_SKIP_USER_CHECK": "true"})
	if c.SessionDatabaseURL.Reveal() != apart || c.DatabaseURL.Reveal() != "" {
		t.Error("got other URLs")
	}
	wantWarning(t, mustLoad(t, with(env{"DJANGO_SESSION_DATABASE_URL": apart, "SESSION_ENGINE": "file"})), "is not used: the engine file has no session table")
	wantFault(t, with(env{"DJANGO_SESSION_DATABASE_URL": "oracle://u:pa55word@h/n"}), "DJANGO_SESSION_DATABASE_URL", "names Oracle", "postgres://")
	wantFault(t, env{"SECRET_KEY": goodKey, "DJANGO_SESSION_DATABASE_URL": apart}, "DATABASE_URL", "is not set", "DATABASE_URL=postgres://")
}

func TestReplica(t *testing.T) {
	const replica = "postgres://u:pa55word@replica/n"
	c := mustLoad(t, with(env{"DATABASE_REPLICA_URL": replica}))
	if c.ReplicaURL.Reveal() != replica || c.ReplicaMaxLag != time.Second {
		t.Errorf("got %d characters, %v", len(c.ReplicaURL.Reveal()), c.ReplicaMaxLag)
	}
	c = mustLoad(t, with(env{"DATABASE_REPLICA_URL_FILE": write(t, replica+"\n"), "SIDECAR_REPLICA_MAX_LAG": "250ms"}))
	if c.ReplicaURL.Reveal() != replica || c.ReplicaMaxLag != 250*time.Millisecond {
		t.Errorf("from a file: got %d characters, %v", len(c.ReplicaURL.Reveal()), c.ReplicaMaxLag)
	}
	for name, tt := range map[string]struct {
		env  env
		want string
	}{
		"another database":   {env{"DATABASE_URL": "mysql://u@h/n"}, "PostgreSQL alone"},
		"another replica":    {env{"DATABASE_REPLICA_URL": "mysql://u:pa55word@h/n"}, "PostgreSQL alone"},
		"another engine":     {env{"SESSION_ENGINE": "cached_db", "CACHE_URL": "redis://c"}, "for the engine db"},
		"sessions elsewhere": {env{"DJANGO_SESSION_DATABASE_URL": goodURL}, "DJANGO_SESSION_DATABASE_URL"},
		"no users":           {env{"SIDECAR_INSECURE_SKIP_USER_CHECK": "true"}, "SIDECAR_INSECURE_SKIP_USER_CHECK"},
		"a cache":            {env{"SIDECAR_CACHE_TTL": "5s"}, "SIDECAR_CACHE_TTL"},
		"little time":        {env{"SIDECAR_STORE_TIMEOUT": "1999ms"}, "SIDECAR_STORE_TIMEOUT"},
		"writing":            {env{"SIDECAR_WRITE": "touch"}, "SIDECAR_WRITE"},
		"no time":            {env{"SIDECAR_REPLICA_MAX_LAG": "0s"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			settings := with(env{"DATABASE_REPLICA_URL": replica})
			for name, value := range tt.env {
				settings[name] = value
			}
			if tt.want == "" {
				wantFault(t, settings, "SIDECAR_REPLICA_MAX_LAG", "", "SIDECAR_REPLICA_MAX_LAG=1s")
				return
			}
			wantFault(t, settings, "DATABASE_REPLICA_URL", tt.want, "DATABASE_REPLICA_URL=postgres://")
		})
	}
}

// TestAsFarAsItGoes: what is at fault counts as unset, and the rest is read.
func TestAsFarAsItGoes(t *testing.T) {
	read := func(e env) *config.Config {
		if _, err := load(t, e); err == nil {
			t.Errorf("%v is no fault", e)
		}
		return config.AsFarAsItGoes()
	}
	c := read(with(env{"DJANGO_VERSION": "0.96", "SIDECAR_STORE_TIMEOUT": "fast", "SIDECAR_LISTN": "x", "SESSION_TABLE": "ours", "TIME_ZONE": "Mars"}))
	if c == nil || c.DjangoVersion != "5.2" || c.StoreTimeout != 2*time.Second || c.SessionTable != "ours" || c.KeyMissing || c.SecretKey.Reveal() != goodKey {
		t.Errorf("got %+v", c)
	}
	if c = read(env{"DATABASE_URL": goodURL}); c == nil || !c.KeyMissing || len(c.SecretKey.Reveal()) < 50 {
		t.Errorf("without a key: got %+v", c)
	}
	for _, e := range []env{{"SECRET_KEY": goodKey}, with(env{"DATABASE_URL": "oracle://h/n"}), {}} {
		if c = read(e); c != nil {
			t.Errorf("without a database: got %+v", c)
		}
	}
}

func TestNoDatabaseIsNeededForWhatIsNotInIt(t *testing.T) {
	skip := env{"SECRET_KEY": goodKey, "SIDECAR_INSECURE_SKIP_USER_CHECK": "true", "CACHE_URL": "redis://cache"}
	for engine, needed := range map[string]bool{"db": true, "cached_db": true, "cache": false, "file": false, "signed_cookies": false} {
		skip["SESSION_ENGINE"] = engine
		if needed {
			wantFault(t, skip, "DATABASE_URL", "is not set", "DATABASE_URL=postgres://")
		} else if c := mustLoad(t, skip); c.DatabaseURL.Reveal() != "" {
			t.Errorf("%s: there is a database", engine)
		}
	}
	skip["SESSION_ENGINE"], skip["CACHE_URL"] = "cache", "db://cache_table"
	wantFault(t, skip, "DATABASE_URL", "is not set", "DATABASE_URL=postgres://")
	wantFault(t, env{"SECRET_KEY": goodKey, "SESSION_ENGINE": "file"}, "DATABASE_URL", "is not set", "DATABASE_URL=postgres://")
}

func TestSessionEngine(t *testing.T) {
	const django = "django.contrib.sessions.backends."
	for _, tt := range []struct {
		e    env
		want string
		kind config.Engine
	}{
		{env{"SESSION_ENGINE": django + "db"}, django + "db", config.EngineDB},
		{env{"SESSION_ENGINE": "db"}, django + "db", config.EngineDB},
		{env{"SESSION_ENGINE": "shop.sessions", "SESSION_TABLE": "shop_session"}, "shop.sessions", config.EngineDB},
		{env{"SESSION_ENGINE": "shop.sessions", "SESSION_STORE_CLASS": "SessionStore"}, "shop.sessions", config.EngineDB},
		{env{"SESSION_ENGINE": "cached_db", "CACHE_URL": "redis://c"}, django + "cached_db", config.EngineCachedDB},
		{env{"SESSION_ENGINE": django + "cache", "CACHE_URL": "redis://c"}, django + "cache", config.EngineCache},
		{env{"SESSION_ENGINE": "file"}, django + "file", config.EngineFile},
		{env{"SESSION_ENGINE": "signed_cookies"}, django + "signed_cookies", config.EngineSignedCookies},
		{env{"SESSION_ENGINE": "shop.file"}, "shop.file", config.EngineFile},
		{
			env{"SESSION_ENGINE": "qsessions.backends.cached_db", "CACHE_URL": "redis://c"},
			"qsessions.backends.cached_db", config.EngineCachedDB,
		},
	} {
		if c := mustLoad(t, with(tt.e)); c.SessionEngine != tt.want || c.SessionEngineKind != tt.kind {
			t.Errorf("%v: got %q like %q", tt.e, c.SessionEngine, c.SessionEngineKind)
		}
	}
	for text, problem := range map[string]string{
		django + "dbs":            "or the dotted path of an engine",
		"shop.sessions":           "set DJANGO_SESSION_STORE_CLASS or DJANGO_SESSION_TABLE too",
		"shop.backends.cached_db": "set DJANGO_SESSION_STORE_CLASS or DJANGO_SESSION_TABLE too",
		"shop/sessions.py":        "or the dotted path of an engine",
		"shop..sessions":          "or the dotted path of an engine",
	} {
		wantFault(t, with(env{"SESSION_ENGINE": text}), "SESSION_ENGINE", problem, "DJANGO_SESSION_ENGINE="+django+"db")
	}
	for _, engine := range []string{"cache", "cached_db"} {
		wantFault(t, with(env{"SESSION_ENGINE": engine}), "DJANGO_CACHE_URL", "is not set", "DJANGO_CACHE_URL=redis://")
	}
}

func TestKnownPackages(t *testing.T) {
	e := env{"SESSION_ENGINE": "qsessions.backends.cached_db", "CACHE_URL": "redis://c"}
	if c := mustLoad(t, with(e)); c.SessionTable != "qsessions_session" || c.SessionCacheKeyPrefix != "qsessions.q_cached_db" {
		t.Errorf("got table %q and prefix %q", c.SessionTable, c.SessionCacheKeyPrefix)
	}
	e["SESSION_TABLE"], e["SESSION_CACHE_KEY_PREFIX"] = "tenant.qsessions_session", "own"
	if c := mustLoad(t, with(e)); c.SessionTable != "tenant.qsessions_session" || c.SessionCacheKeyPrefix != "own" {
		t.Errorf("got table %q and prefix %q", c.SessionTable, c.SessionCacheKeyPrefix)
	}
	e = env{"SESSION_ENGINE": "user_sessions.backends.db"}
	if c := mustLoad(t, with(e)); c.SessionTable != "user_sessions_session" || c.SessionEngineKind != config.EngineDB {
		t.Errorf("got table %q, like %q", c.SessionTable, c.SessionEngineKind)
	}
}

func TestSessionFilePath(t *testing.T) {
	dir := t.TempDir()
	e := with(env{"TMPDIR": "/nowhere", "TEMP": dir})
	if c := mustLoad(t, e); c.SessionFilePath != dir {
		t.Errorf("got %q, want the first of Python's folders for temporary files that is there", c.SessionFilePath)
	}
}

func TestSessionSettings(t *testing.T) {
	for path, want := range map[string]djangosession.Serializer{
		"django.core.signing.JSONSerializer":                   djangosession.JSON,
		"shop.JSONSerializer":                                  djangosession.JSON,
		"shop.PickleSerializer":                                djangosession.Pickle,
		"django.contrib.sessions.serializers.PickleSerializer": djangosession.Pickle,
	} {
		if c := mustLoad(t, with(env{"SESSION_SERIALIZER": path, "DJANGO_VERSION": "4.2"})); c.SessionSerializer != want {
			t.Errorf("%s: got %v", path, c.SessionSerializer)
		}
	}
	for _, serializer := range []string{"shop.MyJSONSerializer", "JSONSerializer", ".JSONSerializer"} {
		wantFault(t, with(env{"SESSION_SERIALIZER": serializer}), "SESSION_SERIALIZER",
			"a JSONSerializer or PickleSerializer", "serializers.JSONSerializer")
	}
	wantFault(t, with(env{"SESSION_SERIALIZER": "django.contrib.sessions.serializers.PickleSerializer", "DJANGO_VERSION": "5.0"}),
		"SESSION_SERIALIZER", "which Django 5.0 does not have", "serializers.JSONSerializer")
	wantFault(t, with(env{"CACHE_VERSION": "one"}), "CACHE_VERSION", "a whole number", "=1")
	for _, name := range []string{"session id", "sid;", "a=b", "säßion", `"sid"`, "a/b", "a,b/c", "[]", "[ ]", `["a b"]`, `["a,b"]`} {
		wantFault(t, with(env{"SESSION_COOKIE_NAME": name}), "SESSION_COOKIE_NAME", "the name of a cookie", "=sessionid")
	}
	for name, problem := range map[string]string{"a,,b": "empty item", "a,b,a": `"a" twice`, `["a"`: "JSON array"} {
		wantFault(t, with(env{"SESSION_COOKIE_NAME": name}), "SESSION_COOKIE_NAME", problem, "=sessionid")
	}
	for _, text := range []string{"__Host-shop_session,shop_session", " __Host-shop_session , shop_session ", `["__Host-shop_session", "shop_session"]`} {
		c := mustLoad(t, with(env{"SESSION_COOKIE_NAME": text}))
		if d := cmp.Diff([]string{"__Host-shop_session", "shop_session"}, c.SessionCookieNames); d != "" || c.SessionCookieName != "__Host-shop_session" {
			t.Errorf("%s: the first is %s, all (-want +got):\n%s", text, c.SessionCookieName, d)
		}
	}
	for _, age := range []string{"-1", "1h", "1.5", "60*60", "9223372037"} {
		wantFault(t, with(env{"SESSION_COOKIE_AGE": age}), "SESSION_COOKIE_AGE", "a whole number of seconds", "=1209600")
	}
	wantFault(t, with(env{"SESSION_TABLE": "a\nb"}), "SESSION_TABLE", `is "a\nb"`, "=django_session")
	wantFault(t, with(env{"SESSION_STORE_CLASS": "a\x7fb"}), "SESSION_STORE_CLASS", "without control characters", "=SessionStore")
}
