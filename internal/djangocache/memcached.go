package djangocache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"django-sidecar/djangosession"
	"django-sidecar/internal/breaker"
)

// memcachedBackend reads from Memcached servers as one of Django's clients writes to them.
type memcachedBackend struct {
	client   *memcache.Client
	selector *selector
	breakers []*breaker.Breaker // of the selector's servers
	timeout  time.Duration
	conns    int
	maxBytes int
	now      func() time.Time
	running  sync.WaitGroup // the questions that are still being asked
}

// memcachedSpreads are Django's backends by the last part of their dotted path.
var memcachedSpreads = map[string]spread{
	"PyMemcacheCache": rendezvous,
	"PyLibMCCache":    modula,
	"MemcachedCache":  crc32Modulo,
}

func openMemcached(c *Backend, a *cacheURL, s *settings, o Options) error {
	if err := s.read(a.query, memcachedOptions); err != nil {
		return err
	}
	if a.user != "" || a.password != "" {
		return errors.New("the URL has a user: Memcached's SASL authentication is not supported")
	}
	servers, locations, err := memcachedServers(a)
	if err != nil {
		return err
	}
	class, err := s.one("backend", "PyMemcacheCache", "PyLibMCCache", "MemcachedCache")
	if err != nil {
		return err
	}
	if class == "" {
		switch a.scheme {
		case "pymemcache":
			class = "PyMemcacheCache"
		case "pylibmc", "pylibmccache", "djangopylibmc":
			class = "PyLibMCCache"
		case "pymemcached": // django-cache-url's word for it
			class = "MemcachedCache"
		}
	}
	if class == "" && len(servers) > 1 {
		return errors.New("several servers need the option backend, PyMemcacheCache, PyLibMCCache or MemcachedCache: " +
			"each spreads the keys over them in its own way")
	}
	b := &memcachedBackend{
		selector: &selector{servers: servers, spread: memcachedSpreads[class]},
		timeout:  o.Timeout, conns: o.Conns, maxBytes: o.MaxBytes, now: o.Now,
	}
	for _, server := range servers {
		name := ""
		if len(servers) > 1 {
			name = server.String()
		}
		b.breakers = append(b.breakers, o.Breaker(name))
	}
	b.client = memcache.NewFromSelector(b.selector)
	b.client.DialContext = dialing(o.Timeout, nil).bounded(o.MaxBytes, memcachedLength).aged(o.Now)
	b.client.Timeout, b.client.MaxIdleConns = o.Timeout, o.Conns
	c.store, c.Location = b, "Memcached at "+strings.Join(locations, ", ")
	return nil
}

// memcachedServers reads the servers of a URL in the forms of LOCATION: host, host:port, unix:/path and /path.
func memcachedServers(a *cacheURL) (servers []endpoint, locations []string, err error) {
	list := splitHosts(a.hosts)
	if a.hosts == "" && strings.Trim(a.path, "/") != "" {
		list = []string{a.path} // memcached:///run/memcached.sock
	}
	for _, l := range list {
		e := endpoint{network: "unix"}
		switch path, isUnix := strings.CutPrefix(l, "unix:"); {
		case isUnix || strings.HasPrefix(l, "/"):
			e.host = path
		default:
			l = strings.TrimPrefix(strings.TrimPrefix(l, "inet:"), "inet6:") // python-memcached's
			if e, err = parseEndpoint(l, "11211"); err != nil {
				return nil, nil, err
			}
		}
		servers, locations = append(servers, e), append(locations, e.String())
	}
	if len(servers) == 0 {
		return nil, nil, errors.New("the URL of a Memcached cache names its servers: memcached://host:11211")
	}
	return servers, locations, nil
}

// selector is a memcache.ServerSelector.
type selector struct {
	servers []endpoint
	spread  spread
}

// PickServer implements memcache.ServerSelector.
func (s *selector) PickServer(key string) (net.Addr, error) {
	// Where that server is down, Django's clients go on to another after some time, and find nothing there: to us, it
	// is a failure.
	return s.servers[s.of(key)], nil
}

// of is the number of the server that has a key.
func (s *selector) of(key string) int {
	if len(s.servers) == 1 {
		return 0
	}
	return s.spread(s.servers, key)
}

// Each implements memcache.ServerSelector.
func (s *selector) Each(f func(net.Addr) error) error {
	for _, e := range s.servers {
		if err := f(e); err != nil {
			return err
		}
	}
	return nil
}

// Get implements backend. Memcached does not tell when a value expires.
func (b *memcachedBackend) Get(ctx context.Context, key string) ([]byte, time.Time, error) {
	if !validMemcachedKey(key) {
		return nil, time.Time{}, djangosession.ErrNotFound // Django: InvalidCacheKey, and so no session
	}
	item, err := breaker.Ask(ctx, b.breakers[b.selector.of(key)], func(ctx context.Context) (*memcache.Item, error) {
		item, err := ask(ctx, b, func() (*memcache.Item, error) { return b.client.Get(key) })
		if errors.Is(err, memcache.ErrCacheMiss) {
			return nil, djangosession.ErrNotFound
		}
		return item, err
	})
	switch {
	case errors.Is(err, djangosession.ErrNotFound):
		return nil, time.Time{}, err
	case err != nil:
		return nil, time.Time{}, fmt.Errorf("reading the cache: %w", err)
	}
	value, err := decodeMemcached(item.Value, item.Flags, b.maxBytes)
	return value, time.Time{}, err
}

// Probe implements backend: every server must answer, since each has sessions that no other has.
func (b *memcachedBackend) Probe(ctx context.Context) error {
	_, err := ask(ctx, b, func() (struct{}, error) { return struct{}{}, b.client.Ping() })
	if err != nil {
		return fmt.Errorf("asking the cache: %w", err)
	}
	return nil
}

// ask puts a question to the client, which knows no contexts: it ends by its timeout, and is waited for until ctx ends.
func ask[T any](ctx context.Context, b *memcachedBackend, question func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	answers := make(chan answer, 1)
	b.running.Go(func() {
		var a answer
		// The server may have closed any of the idle connections, and one that it has closed gives no answer: each of
		// them may fail once.
		for range b.conns + 1 {
			if a.value, a.err = question(); !brokenConnection(a.err) || ctx.Err() != nil {
				break
			}
		}
		answers <- a
	})
	select {
	case a := <-answers:
		return a.value, a.err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

func brokenConnection(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// validMemcachedKey: core/cache/backends/base.py, 6.1, memcache_key_warnings, at most 250 characters, and none of
// [\x00-\x20\x7f]; and all three clients, at most 250 bytes. To 3.0, Django left the former to the clients.
func validMemcachedKey(key string) bool {
	return len(key) <= 250 && strings.IndexFunc(key, func(r rune) bool { return r <= ' ' || r == 0x7f }) < 0
}

// Close implements backend.
func (b *memcachedBackend) Close() error {
	b.running.Wait()
	return b.client.Close()
}
