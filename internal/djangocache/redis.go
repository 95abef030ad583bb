package djangocache

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"

	"django-sidecar/djangosession"
	"django-sidecar/internal/breaker"
	"django-sidecar/signing"
)

// redisBackend reads from Redis servers that hold the same data.
type redisBackend struct {
	// clients are one for each URL: the first is the primary, which Django writes to.
	clients []redis.UniversalClient
	timeout time.Duration
	format  redisFormat
	// sentinels says that they name the server.
	sentinels bool
	// expiry is Options.Expiry, and now the clock.
	expiry bool
	now    func() time.Time
}

func openRedis(c *Backend, urls []*cacheURL, s *settings, o Options) error {
	for _, a := range urls {
		if err := s.read(a.query, redisOptions); err != nil {
			return err
		}
	}
	if _, err := s.one("backend", "RedisCache"); err != nil {
		return err
	}
	format, serializer, err := newRedisFormat(s, o.MaxBytes)
	if err != nil {
		return err
	}
	options, locations, err := redisServers(urls, s, o)
	if err != nil {
		return err
	}
	// The library would write to stderr what it also returns as errors, and has one logger for the whole process;
	// nothing else in it uses the library.
	logging.Disable()
	b := &redisBackend{timeout: o.Timeout, format: format, expiry: o.Expiry, now: o.Now}
	switch {
	case s.values["sentinels"] != "":
		b.sentinels = true
		b.clients, err = sentinelClient(options[0], s, o.Breaker(""), o.Now)
	case s.truth("cluster", false):
		b.clients, err = clusterClient(options, o.Breaker)
	default:
		for i := range options {
			client, server := redis.NewClient(options[i]), ""
			if len(options) > 1 {
				server = options[i].Addr
			}
			client.AddHook(guardHook{breaker: o.Breaker(server)})
			b.clients = append(b.clients, client)
		}
	}
	if err != nil {
		return err
	}
	c.store, c.Serializer, c.Location = b, serializer, "Redis at "+strings.Join(locations, ", ")
	return nil
}

// redisServers gives the options of each server, and where it is.
func redisServers(urls []*cacheURL, s *settings, o Options) (all []*redis.Options, locations []string, err error) {
	for _, a := range urls {
		endpoints, db, err := redisEndpoints(a, s)
		if err != nil {
			return nil, nil, err
		}
		secure := a.scheme == "rediss" || a.scheme == "valkeys" || s.truth("ssl", false)
		config, err := tlsConfig(secure, s)
		if err != nil {
			return nil, nil, err
		}
		for _, e := range endpoints {
			r := redisOptionsFor(o)
			r.Network, r.Addr, r.DB = e.network, e.String(), db
			// redis/connection.py, 8.1, parse_url: what the authority says goes before the query.
			r.Username = cmp.Or(a.user, s.values["username"])
			r.Password = cmp.Or(a.password, s.values["password"])
			if e.network == "tcp" {
				r.TLSConfig = config
			}
			r.Dialer = dialing(r.DialTimeout, r.TLSConfig).bounded(o.MaxBytes, redisLength).laterFailing()
			all, locations = append(all, r), append(locations, e.String())
		}
	}
	return all, locations, nil
}

// redisOptionsFor are the options that do not depend on the server.
func redisOptionsFor(o Options) *redis.Options {
	return &redis.Options{
		Protocol:        2, // as redis-py speaks it by default up to 7, and every server and proxy understands
		DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{
			Mode: maintnotifications.ModeDisabled, // a command that users without rights are refused
		},
		ContextTimeoutEnabled: true,
		DialTimeout:           o.Timeout, ReadTimeout: o.Timeout, WriteTimeout: o.Timeout, PoolTimeout: o.Timeout,
		PoolSize: o.Conns, MaxActiveConns: o.Conns, ConnMaxLifetime: connLifetime,
		PipelinePoolSize: -1, // or there would be ten connections more, for pipelines alone
		// A connection that broke while it was idle fails one read; the next has another. Reading again is harmless.
		MaxRetries: 2, MinRetryBackoff: time.Millisecond, MaxRetryBackoff: 20 * time.Millisecond, DialerRetries: 1,
	}
}

// redisEndpoints says where the servers of one URL are, and the number of the database.
func redisEndpoints(a *cacheURL, s *settings) (all []endpoint, db int, err error) {
	path := strings.Trim(a.path, "/")
	number := cmp.Or(s.values["db"], path)
	socket := a.scheme == "unix" || a.hosts == "" && path != "" && strings.Trim(path, "0123456789") != ""
	if socket {
		// unix:///run/redis.sock?db=1, and django-cache-url's redis:///run/redis.sock/1
		file := a.path
		number = s.values["db"]
		if i := strings.LastIndexByte(file, '/'); a.scheme != "unix" && i > 0 && strings.Trim(file[i+1:], "0123456789") == "" {
			number, file = cmp.Or(number, file[i+1:]), file[:i]
		}
		if a.hosts != "" || file == "" {
			return nil, 0, errors.New("the URL of a socket has three slashes: unix:///run/redis/redis.sock?db=1")
		}
		all = []endpoint{{network: "unix", host: file}}
	} else {
		for _, h := range splitHosts(cmp.Or(a.hosts, "localhost")) {
			e, err := parseEndpoint(h, "6379")
			if err != nil {
				return nil, 0, err
			}
			all = append(all, e)
		}
	}
	if number != "" {
		if db, err = strconv.Atoi(number); err != nil || db < 0 {
			return nil, 0, errors.New("the name of a Redis database is its number: redis://host:6379/1")
		}
	}
	return all, db, nil
}

// clusterClient takes the servers as members of one cluster, in which keys have their places.
func clusterClient(servers []*redis.Options, breakerOf func(server string) *breaker.Breaker) ([]redis.UniversalClient, error) {
	r := servers[0]
	c := &redis.ClusterOptions{
		Username: r.Username, Password: r.Password, TLSConfig: r.TLSConfig, Dialer: r.Dialer,
		Protocol: r.Protocol, DisableIdentity: true, MaintNotificationsConfig: r.MaintNotificationsConfig,
		ContextTimeoutEnabled: true,
		DialTimeout:           r.DialTimeout, ReadTimeout: r.ReadTimeout, WriteTimeout: r.WriteTimeout,
		PoolTimeout: r.PoolTimeout,
		PoolSize:    r.PoolSize, MaxActiveConns: r.MaxActiveConns, ConnMaxLifetime: r.ConnMaxLifetime,
		PipelinePoolSize: r.PipelinePoolSize,
		MaxRetries:       r.MaxRetries, MinRetryBackoff: r.MinRetryBackoff, MaxRetryBackoff: r.MaxRetryBackoff,
		DialerRetries: r.DialerRetries,
	}
	for _, r := range servers {
		if r.DB != 0 || r.Network != "tcp" {
			return nil, errors.New("a Redis cluster has hosts and the database 0 alone")
		}
		c.Addrs = append(c.Addrs, r.Addr)
	}
	client := redis.NewClusterClient(c)
	client.OnNewNode(func(node *redis.Client) {
		node.AddHook(guardHook{breaker: breakerOf(node.Options().Addr), reload: client.ReloadState, patience: r.ReadTimeout / 8})
	})
	return []redis.UniversalClient{client}, nil
}

// readers is _get_connection_pool_index of core/cache/backends/redis.py, 6.1, and get_next_client_index of
// django_redis/client/default.py, 7.0: reads go to any server but the first, if there are several.
// They are in the order in which to ask them: Django would have asked any of them, and fails with the one.
func (b *redisBackend) readers() []redis.UniversalClient {
	if len(b.clients) == 1 {
		return b.clients
	}
	first := rand.IntN(len(b.clients) - 1) //nolint:gosec // it spreads load and guards nothing
	return slices.Concat(b.clients[1+first:], b.clients[1:1+first])
}

// Get implements backend. Of several servers, each has its share of the time.
func (b *redisBackend) Get(ctx context.Context, key string) (value []byte, expires time.Time, err error) {
	readers := b.readers()
	for _, client := range readers {
		value, expires, err = b.getFrom(ctx, client, key, b.timeout/time.Duration(len(readers)))
		if err == nil || djangosession.IsAnswer(err) {
			break
		}
	}
	return value, expires, err
}

// getFrom asks one server. Redis forgets what has expired, and when that will be is a second question.
func (b *redisBackend) getFrom(
	ctx context.Context, client redis.UniversalClient, key string, timeout time.Duration,
) (value []byte, expires time.Time, err error) {
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, readingKey{}, true), timeout)
	defer cancel()
	if b.expiry {
		return b.getExpiring(ctx, client, key)
	}
	stored, err := client.Get(ctx, key).Bytes()
	if err == nil {
		value, err = b.format.decode(stored)
		return value, time.Time{}, err
	}
	return nil, time.Time{}, redisError(err, key)
}

// getExpiring asks both questions at once, and a cluster one after the other: its pipelines cannot be left (see guardHook).
// The second is answered a moment later: for a value that has been replaced in between, the end is its successor's. Where
// it is refused, the end is not known, as where there is none.
func (b *redisBackend) getExpiring(
	ctx context.Context, client redis.UniversalClient, key string,
) (value []byte, expires time.Time, err error) {
	asked := b.now()
	var get *redis.StringCmd
	var left *redis.DurationCmd
	if _, cluster := client.(*redis.ClusterClient); cluster {
		if get = client.Get(ctx, key); get.Err() == nil {
			left = client.PTTL(ctx, key)
		}
	} else {
		pipe := client.Pipeline()
		get, left = pipe.Get(ctx, key), pipe.PTTL(ctx, key)
		_, _ = pipe.Exec(ctx) // each command has its own error
	}
	stored, err := get.Bytes()
	if err != nil {
		return nil, time.Time{}, redisError(err, key)
	}
	value, err = b.format.decode(stored)
	switch d, ttlErr := left.Result(); {
	case ttlErr != nil || d == -1:
		return value, time.Time{}, err
	case d == -2: // it has expired in between
		return nil, time.Time{}, djangosession.ErrNotFound
	default:
		return value, asked.Add(d), err
	}
}

// withoutArguments takes out of a server's refusal what was sent: a server that does not know a command repeats its
// arguments, such as the session key, and of AUTH, which a new connection sends, the password.
func withoutArguments(err error, key string) error {
	if reason := hiddenIn(err); reason != nil {
		err = reason
	}
	var refusal redis.Error
	if !errors.As(err, &refusal) {
		return err
	}
	text, _, cut := strings.Cut(refusal.Error(), " with args")
	if key != "" && strings.Contains(text, key) {
		text, _, cut = strings.Cut(text, " ")
	}
	if !cut {
		return err
	}
	return errors.New(strings.TrimSuffix(text, ","))
}

// redisError tells answers from failures. Being refused, for want of a password or of a right, is a failure: the
// deployment's Django is not.
func redisError(err error, key string) error {
	switch {
	case errors.Is(err, redis.Nil):
		return djangosession.ErrNotFound
	case redis.HasErrorPrefix(err, "WRONGTYPE"):
		return &signing.SyntaxError{Problem: "a Redis value of another type than string"}
	}
	return fmt.Errorf("reading the cache: %w", withoutArguments(err, key))
}

// Probe implements backend: one server that is read from has to answer. One that forbids PING has answered.
func (b *redisBackend) Probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	readers := b.readers()
	errs := make([]error, len(readers))
	var asking sync.WaitGroup
	for i, client := range readers {
		asking.Go(func() {
			if err := client.Ping(ctx).Err(); err != nil && !redis.HasErrorPrefix(err, "NOPERM") {
				errs[i] = fmt.Errorf("asking the cache: %w", withoutArguments(err, ""))
			}
		})
	}
	asking.Wait()
	if slices.Contains(errs, nil) {
		return nil
	}
	return errors.Join(errs...)
}

// Close implements backend.
func (b *redisBackend) Close() error {
	var err error
	for _, client := range b.clients {
		err = errors.Join(err, client.Close())
	}
	return err
}
