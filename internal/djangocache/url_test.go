package djangocache_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/djangocache"
)

var options = djangocache.Options{Timeout: time.Second, Conns: 2}

func TestURLs(t *testing.T) {
	for _, tt := range []struct{ url, location, prefix, version string }{
		{"redis://localhost", "Redis at localhost:6379", "", ""},
		{"redis://", "Redis at localhost:6379", "", ""},
		{"redis:///3", "Redis at localhost:6379", "", ""},
		{"redis://user:secret@h:1/2?key_prefix=p&version=3", "Redis at h:1", "p", "3"},
		{"redis://:s%40cret@h/0?KEY_PREFIX=p&TIMEOUT=60", "Redis at h:6379", "p", ""},
		{"rediss://h:6380?ssl_cert_reqs=none", "Redis at h:6380", "", ""},
		{"valkeys://h:6380", "Redis at h:6380", "", ""},
		{"redis://[::1]:7000/1", "Redis at [::1]:7000", "", ""},
		{"redis://a:1,b:2/1", "Redis at a:1, b:2", "", ""},
		{"redis://:x@a:1/1,redis://:y@b:2/1;redis://c/1", "Redis at a:1, b:2, c:6379", "", ""},
		{"redis://a:1/1?key_prefix=p,redis://b:2/1?key_prefix=p", "Redis at a:1, b:2", "p", ""},
		{"unix:///run/redis.sock?db=1", "Redis at /run/redis.sock", "", ""},
		{"unix://:secret@/run/redis.sock", "Redis at /run/redis.sock", "", ""},
		{"rediscache:///run/redis.sock", "Redis at /run/redis.sock", "", ""},
		{"redis:///run/redis.sock/1", "Redis at /run/redis.sock", "", ""},
		{"redis://h?serializer=django_redis.serializers.json.JSONSerializer&compressor=zstd", "Redis at h:6379", "", ""},
		{"redis://h?backend=django.core.cache.backends.redis.RedisCache&socket_timeout=5&max_connections=9", "Redis at h:6379", "", ""},
		{"redis://mymaster/0?sentinels=a:1,b&client_class=SentinelClient", "Redis at mymaster:6379", "", ""},
		{"redis://a:1,b:2?cluster=true", "Redis at a:1, b:2", "", ""},
		{"memcached://h", "Memcached at h:11211", "", ""},
		{"memcache://127.0.0.1:1/?key_prefix=ci", "Memcached at 127.0.0.1:1", "ci", ""},
		{"memcached:///run/memcached.sock", "Memcached at /run/memcached.sock", "", ""},
		{"memcached://unix:/run/memcached.sock", "Memcached at /run/memcached.sock", "", ""},
		{"pymemcache://a:1;b:2", "Memcached at a:1, b:2", "", ""},
		{"pylibmc://a:1,[::1]:2", "Memcached at a:1, [::1]:2", "", ""},
		{"memcached://a,b?backend=PyMemcacheCache", "Memcached at a:11211, b:11211", "", ""},
		{"memcached://unix:/a.sock,unix:/b.sock?backend=django.core.cache.backends.memcached.PyLibMCCache", "Memcached at /a.sock, /b.sock", "", ""},
		{"file:///var/tmp/django%20cache", "files in /var/tmp/django cache", "", ""},
		{"filecache:///var/tmp/c?timeout=5", "files in /var/tmp/c", "", ""},
	} {
		t.Run(tt.url, func(t *testing.T) {
			c, err := djangocache.Open(tt.url, options)
			if err != nil {
				t.Fatal(err)
			}
			if c.Location != tt.location || c.KeyPrefix != tt.prefix || c.KeyVersion != tt.version {
				t.Errorf("got %q %q %q, want %q %q %q", c.Location, c.KeyPrefix, c.KeyVersion, tt.location, tt.prefix, tt.version)
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestURLsThatAreRefused(t *testing.T) {
	const percent = "must be percent-encoded"
	for url, want := range map[string]string{
		"":                                           percent,
		"s3cret":                                     percent,
		"redis://:s3cret/x@h":                        percent,
		"redis://:s3cret#x@h":                        percent,
		"redis://:s3cret%zz@h":                       percent,
		"redis://h:s3cret":                           "a port is a number",
		"redis://h/s3cret":                           "its number",
		"redis://h?db=s3cret":                        "its number",
		"redis://h?pasword=s3cret":                   `unknown option "pasword"`,
		"redis://h?db=1&db=2":                        `"db" is given 2 times`,
		"redis://a?db=1,redis://b?db=2":              "option db has two values",
		"redis://h?key_function=f":                   "key_function",
		"redis://h?version=s3cret":                   "version is not a number",
		"redis://h?compressor=lzma":                  "identity, zlib, gzip, lz4 and zstd",
		"redis://h?compressor=x.BrotliCompressor":    "identity, zlib, gzip, lz4 and zstd",
		"redis://h?serializer=site.MySerializer":     "option serializer is none of",
		"redis://h?client_class=d.HerdClient":        "client_class",
		"redis://h?backend=redis_cache.cache.Custom": "option backend",
		"redis://h?ssl_cert_reqs=none":               "needs a rediss:// URL",
		"rediss://h?ssl_cert_reqs=s3cret":            "ssl_cert_reqs",
		"rediss://h?ssl_ca_certs=/no/such/file":      "ssl_ca_certs",
		"redis://h/1?cluster=true":                   "database 0",
		"redis://mymaster?sentinels=a:s3cret":        "option sentinels",
		"unix://host/run/redis.sock":                 "three slashes",
		"memcached://":                               "names its servers",
		"memcached://a,b":                            "option backend",
		"memcached://a:1:2":                          "a port is a number",
		"memcached://u:s3cret@a":                     "SASL",
		"pymemcache://a?serde=x":                     "unknown option",
		"pylibmc://a,b?behaviors=ketama":             "unknown option",
		"db://t":                                     "DATABASE_URL",
		"db://":                                      "name of its table",
		"file://relative/dir":                        "three slashes",
		"file:///":                                   "three slashes",
		"locmem://":                                  "LocMemCache lives inside one process and cannot be shared",
		"locmemcache://name":                         "LocMemCache lives inside one process and cannot be shared",
		"dummy://":                                   "DummyCache",
		"uwsgicache://s3cret":                        "its scheme is none of",
	} {
		c, err := djangocache.Open(url, options)
		if err == nil {
			t.Errorf("%s: opened as %s", url, c.Location)
			continue
		}
		if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: got %q, want %q", url, err, want)
		}
	}
}

func TestOptionsAreRequired(t *testing.T) {
	for _, o := range []djangocache.Options{{}, {Timeout: time.Second}, {Conns: 1}} {
		if _, err := djangocache.Open("redis://h", o); err == nil {
			t.Errorf("%+v passes", o)
		}
	}
}

// TestServersThatAreNotThere: nothing listens, so that every backend fails, at once and with no answer.
func TestServersThatAreNotThere(t *testing.T) {
	for _, url := range []string{
		"redis://127.0.0.1:1", "unix:///no/such.sock", "memcached://127.0.0.1:1", "memcached:///no/such.sock", "file:///no/such/directory",
		"redis://mymaster?sentinels=127.0.0.1:1", "redis://127.0.0.1:1?cluster=true", "rediss://127.0.0.1:1",
	} {
		c, err := djangocache.Open(url, options)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		if _, _, err := c.Get(ctx, "key"); err == nil || djangosession.IsAnswer(err) || errors.Is(err, djangosession.ErrNotFound) {
			t.Errorf("%s: got %v", url, err)
		}
		if err := c.Probe(ctx); err == nil {
			t.Errorf("%s: Probe is content", url)
		}
		cancel()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}
