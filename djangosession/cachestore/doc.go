// Package cachestore reads and writes sessions in a deployment's cache: the session engines cache and cached_db.
//
// It knows Django's names and Django's order of asking, and nothing of Redis or Memcached: a [Getter] does, such as
// those of internal/djangocache. A [Store] only reads: what cached_db of Django writes back into the cache as it reads
// stays Django's to write. A [Writer], or of cached_db a [CachedDBWriter], writes.
//
//	sessions, err := cachestore.New(cachestore.Config{Cache: cache, Version: version})             // cache
//	sessions, err := cachestore.New(cachestore.Config{Cache: cache, Version: version, Then: rows}) // cached_db
package cachestore
