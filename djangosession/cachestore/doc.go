// Package cachestore reads sessions from a deployment's cache: the session engines cache and cached_db.
//
// It knows Django's names and Django's order of asking, and nothing of Redis or Memcached: a [Getter] does, such as
// those of internal/djangocache. It only ever reads; what cached_db would write back into the cache stays Django's to
// write.
//
//	sessions, err := cachestore.New(cachestore.Config{Cache: cache, Version: version})             // cache
//	sessions, err := cachestore.New(cachestore.Config{Cache: cache, Version: version, Then: rows}) // cached_db
package cachestore
