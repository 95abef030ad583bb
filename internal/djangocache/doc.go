// Package djangocache opens the cache that CACHE_URL names, for reading: Redis, Memcached, a DatabaseCache's table or a
// FileBasedCache's directory. Its caches are what djangosession/cachestore needs.
//
// A cache is more than its server: each of Django's backends, and each client library below them, writes values in
// its own way and spreads keys over servers in its own way.
//
//   - url.go and options.go read the URL as redis-py, django-environ and django-cache-url do, and refuse by name
//     what is not understood;
//   - redis.go and tls.go connect to Redis, and servers.go says which servers are read from; value.go, compress.go and msgpack.go read what django-redis and Django's
//     own RedisCache write;
//   - memcached.go and spread.go do the same for pymemcache, pylibmc and python-memcached;
//   - file.go reads files; tables are read by djangosession/dbstore.
//
// Nothing here logs, and no error holds the URL, a password or a value.
package djangocache
