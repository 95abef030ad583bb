package djangocache

import (
	"context"
	"errors"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/cachestore"
	"django-sidecar/djangosession/dbstore"
	"django-sidecar/internal/breaker"
	"django-sidecar/internal/database"
)

// Options say how a cache is used.
type Options struct {
	// Timeout bounds connecting, and each answer; required.
	Timeout time.Duration
	// Conns is how many connections to a server are open at most; required.
	Conns int
	// MaxBytes bounds a value, as stored and as inflated; 0 means djangosession.DefaultMaxBytes.
	MaxBytes int
	// Database is where a db:// cache has its table, and Zone how instants are kept in it; nil if there is none.
	Database *database.Database
	Zone     dbstore.Zone
	// Writes has the connections to the database that may write, where those of Database may not; nil: they may.
	Writes *database.Database
	// Expiry has Redis asked when a value expires, with the value: one command more, PTTL, which a cluster is
	// asked after the value. Other caches tell anyway, or never.
	Expiry bool
	// Breaker makes what watches a server; nil watches none. server is "" for a cache that is one place, and an address
	// where it has several.
	Breaker func(server string) *breaker.Breaker
	// Now is the clock that files expire by, and that ends of Redis's values are told in; nil means time.Now.
	Now func() time.Time
}

// store is what each kind of cache implements. Get is that of cachestore.Getter.
type store interface {
	Get(ctx context.Context, key string) (value []byte, expires time.Time, err error)
	// Delete deletes a value. It is no error if there is none.
	Delete(ctx context.Context, key string) error
	Probe(ctx context.Context) error
	Close() error
}

// Backend is an open cache, what CACHES calls a backend. Nothing has been connected yet.
type Backend struct {
	store

	// Serializer is how the values that Get returns are written.
	Serializer djangosession.Serializer
	// KeyPrefix and KeyVersion are the options key_prefix and version of the URL, "" where it has none.
	KeyPrefix, KeyVersion string
	// Location says where the cache is, for messages: without user, password and options.
	Location string
}

// Changer is what writes values to the cache. An error says why none are written.
func (c *Backend) Changer() (cachestore.Changer, error) {
	s := c.store
	if g, ok := s.(guarded); ok {
		s = g.store
	}
	if b, ok := s.(*redisBackend); ok && b.format.serializer == "msgpack" {
		return nil, errors.New("values in msgpack are read, and not written")
	}
	if changer, ok := s.(cachestore.Changer); ok {
		return changer, nil
	}
	return nil, errors.New("values in this cache are read, and not written")
}

// errInProcess is what to say of caches that no other process can read.
var errInProcess = errors.New("LocMemCache lives inside one process and cannot be shared: " +
	"sessions need a cache that all processes reach, such as Redis, Memcached or a database table")

// Open makes ready the cache that a CACHE_URL names. It connects to nothing, so an error is a fault of the URL or of a
// file that it names; it never holds the URL or a part of it that could be secret.
func Open(rawURL string, o Options) (*Backend, error) {
	if o.Timeout <= 0 || o.Conns <= 0 {
		return nil, errors.New("internal error: a cache needs a timeout and connections")
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = djangosession.DefaultMaxBytes
	}
	if o.Breaker == nil {
		o.Breaker = func(string) *breaker.Breaker { return nil }
	}
	if o.Now == nil {
		o.Now = time.Now //nolint:forbidigo // the default of a parameter
	}
	urls, err := parseURLs(rawURL)
	if err != nil {
		return nil, err
	}
	c := &Backend{Serializer: djangosession.Pickle}
	s := &settings{values: map[string]string{}}
	switch a := urls[0]; a.scheme {
	case "redis", "rediss", "unix", "rediscache", "hiredis", "valkey", "valkeys":
		err = openRedis(c, urls, s, o)
	case "memcached", "memcache", "pymemcache", "pymemcached", "pylibmc", "pylibmccache", "djangopylibmc":
		err = openMemcached(c, a, s, o)
	case "db", "dbcache":
		err = openTable(c, a, s, o)
	case "file", "filecache":
		err = openFiles(c, a, s, o)
	case "locmem", "locmemcache":
		err = errInProcess
	case "dummy", "dummycache":
		err = errors.New("DummyCache stores nothing: there are no sessions in it")
	default:
		err = errors.New("its scheme is none of redis, rediss, unix, memcached, pymemcache, pylibmc, db and file")
	}
	if err != nil {
		return nil, err
	}
	c.KeyPrefix, c.KeyVersion = s.values["key_prefix"], s.values["version"]
	return c, nil
}

// tableBackend is a table; the database is its owner's to close.
type tableBackend struct {
	*dbstore.CacheTable
	*dbstore.CacheTableWriter
}

// Close implements backend.
func (tableBackend) Close() error { return nil }

func openTable(c *Backend, a *cacheURL, s *settings, o Options) error {
	table := a.hosts + a.path
	for len(table) > 0 && table[0] == '/' {
		table = table[1:]
	}
	switch err := s.read(a.query, tableOptions); {
	case err != nil:
		return err
	case table == "" || a.user != "":
		return errors.New("the URL of a DatabaseCache is db:// and the name of its table")
	case o.Database == nil:
		return errors.New("a DatabaseCache needs DATABASE_URL, which says where its table is")
	}
	d, writes := o.Database, o.Writes
	if writes == nil {
		writes = d
	}
	config := dbstore.CacheTableConfig{
		Dialect: d.Dialect, Table: table, Zone: o.Zone, Prepare: d.Prepares, Now: o.Now, MaxBytes: o.MaxBytes,
	}
	both := tableBackend{dbstore.NewCacheTable(d.DB, config), dbstore.NewCacheTableWriter(writes.DB, config)}
	c.store = guarded{o.Breaker(""), both}
	c.Location = "cache table " + table + " in " + d.Location
	return nil
}
