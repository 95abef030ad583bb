//go:build live

package djangocache_test

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/cachestore"
	"django-sidecar/djangosession/dbstore"
	"django-sidecar/djangosession/storetest"
	"django-sidecar/internal/database"
	"django-sidecar/internal/djangocache"
	"django-sidecar/internal/djangotest"
	"django-sidecar/signing"
)

// deployment is a Django with a cache, and the same cache opened here.
type deployment struct {
	version djangosession.Version
	django  *django
	cache   *djangocache.Backend
	rows    djangosession.Store // nil for the engine cache
	store   *cachestore.Store
	writer  djangosession.Writer
}

// site says how to deploy.
type site struct {
	version string // Django's; "" means 6.1
	engine  string // "" means cache
	caches  map[string]any
	url     string
}

const timeout = 3 * time.Second

func parseVersion(t *testing.T, s string) djangosession.Version {
	t.Helper()
	v, err := djangosession.ParseVersion(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func deploy(t *testing.T, s site) *deployment {
	t.Helper()
	if s.version == "" {
		s.version = "6.1"
	}
	if s.engine == "" {
		s.engine = "cache"
	}
	version := parseVersion(t, s.version)
	d := &deployment{version: version, django: startDjango(t, s.version, s.engine, s.caches)}
	db, err := database.Open("sqlite:///"+d.django.database, database.Options{Timeout: 10 * time.Second, Conns: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	writes, err := database.Open("sqlite:///"+d.django.database, database.Options{Timeout: 10 * time.Second, Conns: 1, Write: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := writes.Close(); err != nil {
			t.Error(err)
		}
	})
	var rowWriter djangosession.Writer
	if s.engine == "cached_db" {
		codec, err := djangosession.NewCodec(djangosession.CodecConfig{Version: version, SecretKey: signing.SecretKey(secretKey)})
		if err != nil {
			t.Fatal(err)
		}
		c := dbstore.SessionsConfig{Dialect: db.Dialect, Zone: dbstore.Zone{UseTZ: true}, Prepare: db.Prepares}
		d.rows, rowWriter = dbstore.NewSessions(db.DB, codec, c), dbstore.NewWriter(writes.DB, codec, c)
	}
	d.cache = openCache(t, s.url, djangocache.Options{
		Timeout: timeout, Conns: 3, Database: db, Writes: writes, Zone: dbstore.Zone{UseTZ: true}, Expiry: true,
	})
	d.store, err = cachestore.New(cachestore.Config{
		Cache: d.cache, Then: d.rows, Serializer: d.cache.Serializer, KeyPrefix: d.cache.KeyPrefix, KeyVersion: d.cache.KeyVersion,
		Version: version,
	})
	if err != nil {
		t.Fatal(err)
	}
	switch changer, err := d.cache.Changer(); {
	case rowWriter != nil && err == nil:
		d.writer = d.store.WriteRows(rowWriter, changer)
	case rowWriter != nil:
		d.writer = d.store.WriteRows(rowWriter, d.cache)
	case err == nil:
		d.writer = d.store.Writer(changer)
	case !strings.Contains(s.url, "msgpack"):
		t.Error(err)
	}
	return d
}

func openCache(t *testing.T, url string, o djangocache.Options) *djangocache.Backend {
	t.Helper()
	c, err := djangocache.Open(url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// harness is the deployment as the suite of all stores wants it.
func (d *deployment) harness() storetest.Harness {
	return storetest.Harness{
		Store: d.store,
		Put: func(t *testing.T, s storetest.SessionToStore) string {
			d.django.put(t, s.Key, s.Entries)
			return s.Key
		},
		Expire: func(t *testing.T, key string) string {
			d.django.simple(t, "expire", key)
			return key
		},
		Delete:    func(t *testing.T, key string) { d.django.simple(t, "delete", key) },
		Corrupted: storetest.ErrUnreadable,
	}
}

// outcome is who is logged in, or what the error is.
func (d *deployment) outcome(ctx context.Context, key string) string {
	session, err := d.store.Load(ctx, key)
	switch {
	case errors.Is(err, djangosession.ErrNotFound):
		return "not found"
	case errors.As(err, new(*signing.SyntaxError)):
		return "unreadable"
	case err != nil:
		return "failure: " + err.Error()
	}
	user, _ := session.AuthUserID.Text()
	return user
}

func (d *deployment) expect(t *testing.T, what, key, want string) {
	t.Helper()
	if got := d.outcome(t.Context(), key); got != want {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

const (
	djangoRedis   = "django.core.cache.backends.redis.RedisCache"
	otherRedis    = "django_redis.cache.RedisCache"
	pyMemcache    = "django.core.cache.backends.memcached.PyMemcacheCache"
	pyLibMC       = "django.core.cache.backends.memcached.PyLibMCCache"
	oldMemcached  = "django.core.cache.backends.memcached.MemcachedCache"
	databaseCache = "django.core.cache.backends.db.DatabaseCache"
	fileCache     = "django.core.cache.backends.filebased.FileBasedCache"
)

func withOptions(caches, options map[string]any) map[string]any {
	caches = maps.Clone(caches)
	caches["OPTIONS"] = options
	return caches
}

// sites are caches of every kind, as Django writes them and as we name them.
func sites(t *testing.T) map[string]site {
	t.Helper()
	redis, memcached, socket := djangotest.Redis(t, djangotest.RedisConfig{}), djangotest.Memcached(t), djangotest.MemcachedOnSocket(t)
	location := "redis://" + redis.Addr + "/"
	all := map[string]site{
		"RedisCache": {caches: map[string]any{"BACKEND": djangoRedis, "LOCATION": location}, url: location},
		"RedisCache of 5.2 on a socket": {
			version: "5.2", url: "unix://" + redis.Socket + "?db=3",
			caches: map[string]any{"BACKEND": djangoRedis, "LOCATION": "unix://" + redis.Socket + "?db=3", "KEY_PREFIX": ""},
		},
		"RedisCache with a prefix and a version": {
			url:    location + "2?key_prefix=Ωsite&version=7",
			caches: map[string]any{"BACKEND": djangoRedis, "LOCATION": location + "2", "KEY_PREFIX": "Ωsite", "VERSION": 7},
		},
		"PyMemcacheCache": {caches: map[string]any{"BACKEND": pyMemcache, "LOCATION": memcached.Addr}, url: "pymemcache://" + memcached.Addr},
		"PyLibMCCache": {
			version: "5.2", url: "pylibmc://" + memcached.Addr + "?key_prefix=lib",
			caches: map[string]any{"BACKEND": pyLibMC, "LOCATION": memcached.Addr, "KEY_PREFIX": "lib"},
		},
		"PyLibMCCache on a socket": {
			version: "5.2", url: "pylibmc://" + socket.Addr,
			caches: map[string]any{"BACKEND": pyLibMC, "LOCATION": "unix:" + socket.Addr},
		},
		"MemcachedCache of 3.2": {
			version: "3.2", url: "memcached://" + memcached.Addr + "?key_prefix=old",
			caches: map[string]any{"BACKEND": oldMemcached, "LOCATION": memcached.Addr, "KEY_PREFIX": "old"},
		},
		"DatabaseCache": {caches: map[string]any{"BACKEND": databaseCache, "LOCATION": "cache table"}, url: "db://cache table"},
	}
	for _, version := range []string{"1.11", "6.1"} {
		dir := filepath.Join(t.TempDir(), "cache")
		all["FileBasedCache of "+version] = site{
			version: version, caches: map[string]any{"BACKEND": fileCache, "LOCATION": dir}, url: "file://" + dir,
		}
	}
	for i, options := range []struct{ version, query, serializer, compressor string }{
		{"6.1", "", "", ""},
		{"6.1", "compressor=zlib", "", "zlib.ZlibCompressor"},
		{"6.1", "compressor=gzip&serializer=json", "json.JSONSerializer", "gzip.GzipCompressor"},
		{"6.1", "compressor=lz4", "", "lz4.Lz4Compressor"},
		{"6.1", "COMPRESSOR=django_redis.compressors.zstd.ZStdCompressor&serializer=msgpack", "msgpack.MSGPackSerializer", "zstd.ZStdCompressor"},
		{"5.2", "serializer=json", "json.JSONSerializer", ""},
		{"5.2", "serializer=msgpack&compressor=zlib", "msgpack.MSGPackSerializer", "zlib.ZlibCompressor"},
		{"3.2", "compressor=lz4", "", "lz4.Lz4Compressor"},
		{"3.2", "backend=django_redis.cache.RedisCache", "", ""},
	} {
		set := map[string]any{}
		if options.serializer != "" {
			set["SERIALIZER"] = "django_redis.serializers." + options.serializer
		}
		if options.compressor != "" {
			set["COMPRESSOR"] = "django_redis.compressors." + options.compressor
		}
		at := location + strconv.Itoa(4+i)
		all["django-redis of "+options.version+" "+options.query] = site{
			version: options.version, url: at + "?" + options.query,
			caches: withOptions(map[string]any{"BACKEND": otherRedis, "LOCATION": at}, set),
		}
	}
	return all
}

func TestEveryBackendConforms(t *testing.T) {
	all := sites(t)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, engine := range []string{"cache", "cached_db"} {
			t.Run(name+"/"+engine, func(t *testing.T) {
				s := all[name]
				s.engine = engine
				d := deploy(t, s)
				h := d.harness()
				h.TellsExpired = engine == "cached_db" || strings.HasPrefix(name, "Database") || strings.HasPrefix(name, "File")
				if engine == "cache" {
					h.Corrupt = func(t *testing.T, key string) string {
						d.django.setValue(t, key, "[1, 2, 3]")
						return key
					}
				}
				storetest.Run(t, func(*testing.T) storetest.Harness { return h })
				testOddValues(t, d, engine)
				if d.writer != nil {
					testWriter(t, d)
				}
			})
		}
	}
}

// testOddValues asks Django itself what it makes of values that are no sessions.
func testOddValues(t *testing.T, d *deployment, engine string) {
	const key = sessionKey
	for _, value := range []string{"42", "-7", "0", "True", "None", "[]", "[1]", "'text'", "'42'", "1.5", "''", "{}", "{'_auth_user_id': '9'}", "{'_auth_user_id': '9', 'x': 'é' * 5000}"} {
		d.django.put(t, key, map[string]any{"_auth_user_id": "1"})
		d.django.setValue(t, key, value)
		theirs := d.django.do(t, map[string]any{"op": "load", "key": key})
		// Asked again, since cached_db writes what it finds in the table into the cache.
		d.django.setValue(t, key, value)
		ours := d.outcome(t.Context(), key)
		want := "" // nobody
		if theirs.User != nil {
			want = *theirs.User
		}
		if got := ours; got != want && (want != "" || got != "not found" && got != "unreadable") {
			t.Errorf("%s, %s: Django says %+v, we say %q", engine, value, theirs, ours)
		}
	}
	d.django.simple(t, "forget", key)
	want := "not found"
	if engine == "cached_db" {
		want = "1"
	}
	d.expect(t, "a value that the cache has lost", key, want)
}
