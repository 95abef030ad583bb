package config

import (
	"strings"
	"time"

	"django-sidecar/internal/databaseurl"
)

// VerdictCache are the settings of the cache of verdicts; there is none without TTL.
type VerdictCache struct {
	TTL       time.Duration // zero: no verdict is kept; 0
	Entries   int           // 1 to 100 million; 100,000
	Listen    bool          // true: PostgreSQL tells of changes, where it can
	MaxAge    time.Duration // above zero; 5m
	ListenURL Secret        // of PostgreSQL; empty: DatabaseURL
}

// longTTL is from where on a verdict that nobody takes back is worth a warning.
const longTTL = time.Minute

// readCache reads the settings of the cache. They are read where it is off too, so that a mistake is seen.
func (c *Config) readCache(r *reader) {
	const ttl, url = "SIDECAR_CACHE_TTL", "SIDECAR_CACHE_LISTEN_URL"
	c.Cache.TTL = r.durationOrOff(ttl)
	c.Cache.Entries = int(r.number("SIDECAR_CACHE_ENTRIES", 1, 1e8))
	c.Cache.MaxAge = r.duration("SIDECAR_CACHE_MAX_AGE")
	c.Cache.Listen = r.oneOf("SIDECAR_CACHE_INVALIDATION", "auto", "off") == "auto"
	text, _ := r.secret(url)
	if text = strings.TrimSpace(text); text != "" {
		if kind, err := databaseurl.Of(text); err != nil || kind != databaseurl.Postgres {
			r.fault(url, "is not the URL of a PostgreSQL server, such as postgres://")
		}
		c.Cache.ListenURL = NewSecret(text)
	}
	if c.Cache.TTL > longTTL {
		r.warn("SIDECAR_CACHE_TTL is %s: where nothing tells of changes, a logout is seen that much later", c.Cache.TTL)
	}
}
