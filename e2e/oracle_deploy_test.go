//go:build live

package e2e

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"django-sidecar/internal/djangotest"
)

// engineProfiles are the engines, databases and caches that are not the default, each on some lines of Django.
func engineProfiles() []profile {
	paris := map[string]any{"USE_TZ": false, "TIME_ZONE": "Europe/Paris"}
	fallbacks := map[string]any{"SECRET_KEY_FALLBACKS": []string{"an older key, with a comma", "the oldest key"}}
	uuids := map[string]any{"AUTH_USER_MODEL": "oracle.UUIDUser"}
	texts := map[string]any{"AUTH_USER_MODEL": "oracle.TextUser"}
	people := map[string]string{
		"DJANGO_AUTH_USER_TABLE": "people", "DJANGO_AUTH_USER_ID_COLUMN": "login_id", "DJANGO_AUTH_USER_PASSWORD_COLUMN": "pw",
	}
	list := []profile{
		{name: "mysql", django: "2.2", mysql: true, settings: paris},
		{name: "mysql", django: "3.2", mysql: true},
		{name: "mysql, UUID keys", django: "4.2", mysql: true, settings: uuids},
		{name: "mysql, UUID keys", django: "6.1", mysql: true, settings: uuids},
		{name: "mysql, text keys", django: "5.2", mysql: true, settings: texts, env: people},
		{name: "mysql, local time", django: "5.2", mysql: true, settings: paris},
		{name: "mysql", django: "6.1", mysql: true},
		{name: "MySQL itself, local time", django: "2.2", mysql: true, server: djangotest.MySQL, settings: paris},
		{name: "MySQL itself, UUID keys", django: "4.2", mysql: true, server: djangotest.MySQL, settings: uuids},
		{name: "MySQL itself, text keys", django: "5.2", mysql: true, server: djangotest.MySQL, settings: texts, env: people},
		{name: "DatabaseCache on MySQL itself", django: "3.2", engine: "cache", cache: "db", mysql: true, server: djangotest.MySQL},

		{name: "sessions in another database", django: "5.2", apart: true},
		{name: "sessions in SQLite, users in MySQL", django: "6.1", apart: true, mysql: true},
		{name: "cached_db, sessions in another database", django: "4.2", apart: true, engine: "cached_db", cache: "redis"},

		{name: "schema before the tables", django: "5.2", schema: "tenant1", env: map[string]string{
			"DJANGO_AUTH_USER_TABLE": "tenant1.auth_user", "DJANGO_SESSION_TABLE": "tenant1.django_session",
		}},
		{name: "schema on the search path", django: "6.1", schema: "tenant1", settings: texts, env: people},
		{name: "a backend of the project's own", django: "5.2", sqlite: true, settings: map[string]any{
			"AUTHENTICATION_BACKENDS": []string{"oracle_app.backends.TokenBackend", "django.contrib.auth.backends.ModelBackend"},
		}},

		{name: "signed cookies, fallbacks", django: "4.1", engine: "signed_cookies", settings: fallbacks, sqlite: true},
		{
			name: "signed cookies, sha1", django: "3.2", engine: "signed_cookies", sqlite: true,
			settings: map[string]any{"DEFAULT_HASHING_ALGORITHM": "sha1"},
		},
		{name: "files, local time", django: "5.2", engine: "file", settings: paris, sqlite: true},

		{name: "RedisCache", django: "4.2", engine: "cache", cache: "redis"},
		{name: "RedisCache", django: "6.1", engine: "cache", cache: "redis", sqlite: true},
		{name: "RedisCache, UUID keys", django: "5.2", engine: "cache", cache: "redis", settings: uuids},
		{name: "RedisCache, text keys", django: "6.1", engine: "cache", cache: "redis", settings: texts, env: people, sqlite: true},
		{name: "django-redis", django: "3.2", engine: "cache", cache: "django-redis", sqlite: true},
		{name: "django-redis, JSON, zlib", django: "5.2", engine: "cache", cache: "django-redis json zlib", sqlite: true},
		{name: "django-redis, msgpack, lz4", django: "6.1", engine: "cache", cache: "django-redis msgpack lz4", sqlite: true},
		{name: "django-redis, pickle, gzip", django: "6.1", engine: "cache", cache: "django-redis pickle gzip", sqlite: true},
		{name: "MemcachedCache", django: "2.2", engine: "cache", cache: "python-memcached", sqlite: true},
		{name: "PyLibMCCache", django: "3.2", engine: "cache", cache: "pylibmc", sqlite: true},
		{name: "PyLibMCCache", django: "6.1", engine: "cache", cache: "pylibmc", sqlite: true},
		{name: "PyMemcacheCache", django: "5.2", engine: "cache", cache: "pymemcache", sqlite: true},
		{name: "DatabaseCache", django: "1.11", engine: "cache", cache: "db"},
		{name: "DatabaseCache, local time", django: "5.2", engine: "cache", cache: "db", sqlite: true, settings: paris},
		{name: "DatabaseCache on MySQL", django: "6.1", engine: "cache", cache: "db", mysql: true},
		{name: "FileBasedCache", django: "2.2", engine: "cache", cache: "file", sqlite: true},
		{name: "FileBasedCache", django: "6.1", engine: "cache", cache: "file", sqlite: true},

		{name: "cached_db, Redis", django: "6.1", engine: "cached_db", cache: "redis"},
		{name: "cached_db, Redis, pickle", django: "4.2", engine: "cached_db", cache: "redis", pickle: true, sqlite: true},
		{name: "cached_db, memcached", django: "5.2", engine: "cached_db", cache: "pymemcache", sqlite: true},
		{name: "cached_db, a table", django: "3.2", engine: "cached_db", cache: "db"},
		{name: "cached_db, files", django: "1.11", engine: "cached_db", cache: "file", sqlite: true},

		{name: "django-user-sessions", django: "5.2", engine: "user_sessions.backends.db", apps: []string{"user_sessions"}},
		{name: "django-user-sessions", django: "6.1", engine: "user_sessions.backends.db", apps: []string{"user_sessions"}, sqlite: true},
		{name: "django-qsessions", django: "6.1", engine: "qsessions.backends.db", apps: []string{"qsessions"}},
		{name: "django-qsessions, cached", django: "5.2", engine: "qsessions.backends.cached_db", cache: "redis", apps: []string{"qsessions"}, sqlite: true},

		{name: "pickle, UUID keys", django: "3.1", pickle: true, settings: uuids, sqlite: true},
		{name: "pickle, text keys", django: "4.2", pickle: true, settings: texts, env: people, sqlite: true},
		{name: "pickle in files", django: "3.2", pickle: true, engine: "file", sqlite: true},
		{name: "pickle in cookies", django: "4.2", pickle: true, engine: "signed_cookies", sqlite: true},
	}
	for _, v := range []string{"1.11", "2.2", "3.0", "3.1", "3.2", "4.2", "5.2", "6.1"} {
		list = append(list,
			profile{name: "signed cookies", django: v, engine: "signed_cookies", sqlite: true},
			profile{name: "files", django: v, engine: "file", sqlite: true})
	}
	for _, v := range []string{"1.11", "2.2", "3.0", "3.2", "4.0", "4.2"} {
		list = append(list, profile{name: "pickle", django: v, pickle: true, sqlite: true})
	}
	return list
}

// deploy starts the profile's Django, and sets the environment for the sidecar.
func (p profile) deploy(t *testing.T) *djangotest.Django {
	t.Helper()
	if p.hidden && !p.mysql && p.database == nil {
		p.database = djangotest.Postgres(t).Database(t)
	}
	settings := map[string]any{"SECRET_KEY": oracleSecret}
	for name, value := range p.settings {
		settings[name] = value
	}
	for name, value := range settings {
		t.Setenv("DJANGO_"+name, settingText(t, value))
	}
	t.Setenv("DJANGO_VERSION", p.django)
	if p.store != "" {
		t.Setenv("DJANGO_SESSION_STORE_CLASS", p.store)
		t.Setenv("DJANGO_SESSION_ENGINE", "oracle_app.customstore")
	}
	p.setEngine(t, settings)
	if p.cache != "" {
		settings["CACHES"] = map[string]any{"default": cacheFor(t, p.cache)}
	}
	entry := p.setDatabase(t)
	if p.apart {
		users := os.Getenv("DATABASE_URL")
		settings["DATABASES"] = map[string]any{"default": entry, "sessions": profile{sqlite: p.mysql}.setDatabase(t)}
		settings["DATABASE_ROUTERS"] = []string{"oracle_app.routers.SessionRouter"}
		t.Setenv("DJANGO_SESSION_DATABASE_URL", os.Getenv("DATABASE_URL"))
		t.Setenv("DATABASE_URL", users)
	}
	django := djangotest.StartDjango(t, djangotest.Project{
		Version: p.django, Settings: settings, Store: p.store, Apps: p.apps, Database: entry,
	})
	t.Setenv("DJANGO_AUTH_USER_TABLE", django.UserTable)
	for name, value := range p.env {
		t.Setenv(name, value)
	}
	switch {
	case p.hidden && p.mysql:
		hideOnMariaDB(t)
	case p.hidden:
		hidePasswords(t, p.database)
	}
	return django
}

// setDatabase makes a database, and returns the entry of Django's DATABASES.
func (p profile) setDatabase(t *testing.T) map[string]any {
	t.Helper()
	switch {
	case p.sqlite:
		path := filepath.Join(t.TempDir(), "db.sqlite3")
		t.Setenv("DATABASE_URL", "sqlite:///"+path)
		return map[string]any{"ENGINE": "django.db.backends.sqlite3", "NAME": path}
	case p.mysql:
		server := djangotest.MariaDB
		if p.server != nil {
			server = p.server
		}
		db := server(t).Database(t)
		t.Setenv("DATABASE_URL", db.URL())
		return db.Django()
	}
	db := p.database
	if db == nil {
		db = djangotest.Postgres(t).Database(t)
	}
	entry, url := db.Django(), db.URL()
	if p.schema != "" {
		db.Exec(t, "CREATE SCHEMA "+p.schema)
		entry["OPTIONS"] = map[string]any{"options": "-c search_path=" + p.schema}
		if p.env["DJANGO_SESSION_TABLE"] == "" { // no table is named with its schema
			url += "&options=-csearch_path%3D" + p.schema
		}
	}
	t.Setenv("DATABASE_URL", url)
	return entry
}

// setEngine says in both languages where sessions are, and how they are written.
func (p profile) setEngine(t *testing.T, settings map[string]any) {
	t.Helper()
	if p.engine != "" {
		engine := p.engine
		if !strings.Contains(engine, ".") {
			engine = "django.contrib.sessions.backends." + engine
		}
		settings["SESSION_ENGINE"] = engine
		t.Setenv("DJANGO_SESSION_ENGINE", engine)
	}
	if p.engine == "file" {
		dir := t.TempDir()
		settings["SESSION_FILE_PATH"] = dir
		t.Setenv("DJANGO_SESSION_FILE_PATH", dir)
	}
	if p.pickle {
		const serializer = "django.contrib.sessions.serializers.PickleSerializer"
		settings["SESSION_SERIALIZER"] = serializer
		t.Setenv("DJANGO_SESSION_SERIALIZER", serializer)
	}
}

// cacheFor makes a cache, and returns the entry of Django's CACHES. The first word says which; those of django-redis are
// its serializer and its compressor.
func cacheFor(t *testing.T, words string) map[string]any {
	t.Helper()
	prefix := "test-" + strings.ToLower(rand.Text()[:8]) // the servers are shared
	t.Setenv("DJANGO_CACHE_KEY_PREFIX", prefix)
	t.Setenv("DJANGO_CACHE_VERSION", "7")
	cache := map[string]any{"KEY_PREFIX": prefix, "VERSION": 7}
	kind, options, _ := strings.Cut(words, " ")
	const backends = "django.core.cache.backends."
	set := func(backend string, location any, url string) {
		cache["BACKEND"], cache["LOCATION"] = backend, location
		t.Setenv("DJANGO_CACHE_URL", url)
	}
	memcached := func(class string) {
		var servers []string
		for range 3 {
			servers = append(servers, djangotest.Memcached(t).Addr)
		}
		set(backends+"memcached."+class, servers, "memcached://"+strings.Join(servers, ",")+"?backend="+class)
	}
	switch kind {
	case "redis":
		url := "redis://" + djangotest.Redis(t, djangotest.RedisConfig{}).Addr + "/0"
		set(backends+"redis.RedisCache", url, url)
	case "django-redis":
		url := "redis://" + djangotest.Redis(t, djangotest.RedisConfig{}).Addr + "/0"
		query := "?backend=django_redis.cache.RedisCache"
		classes := map[string]any{"CLIENT_CLASS": "django_redis.client.DefaultClient"}
		if serializer, compressor, ok := strings.Cut(options, " "); ok {
			name := map[string]string{"json": "JSONSerializer", "msgpack": "MSGPackSerializer", "pickle": "PickleSerializer"}[serializer]
			classes["SERIALIZER"] = "django_redis.serializers." + serializer + "." + name
			name = map[string]string{"zlib": "ZlibCompressor", "lz4": "Lz4Compressor", "gzip": "GzipCompressor"}[compressor]
			classes["COMPRESSOR"] = "django_redis.compressors." + compressor + "." + name
			query += fmt.Sprintf("&serializer=%s&compressor=%s", classes["SERIALIZER"], classes["COMPRESSOR"])
		}
		cache["OPTIONS"] = classes
		set("django_redis.cache.RedisCache", url, url+query)
	case "python-memcached":
		memcached("MemcachedCache")
	case "pylibmc":
		memcached("PyLibMCCache")
		cache["OPTIONS"] = map[string]any{"behaviors": map[string]any{}} // without, pylibmc grumbles under Python 3.13
	case "pymemcache":
		memcached("PyMemcacheCache")
	case "db":
		set(backends+"db.DatabaseCache", "my_cache_table", "db://my_cache_table")
	case "file":
		dir := t.TempDir()
		set(backends+"filebased.FileBasedCache", dir, "file://"+dir)
	default:
		t.Fatalf("no cache %q", words)
	}
	return cache
}
