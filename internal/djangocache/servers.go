package djangocache

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// RedisEndpoint is where a Redis server is that sessions are read from, for who wants to listen to it.
type RedisEndpoint struct {
	Name string // for messages
	// Dial connects as the cache does for itself: over TLS or a socket, or to where Sentinels say, who may know
	// nothing: ErrNoService.
	Dial           func(ctx context.Context) (net.Conn, error)
	User, Password string
	// Look is how often Dial is asked whether it leads to another server by now; 0 means never, where it cannot.
	Look time.Duration
}

// ErrNoService says that Sentinels answer, and know no service of that name.
var ErrNoService = errors.New("the Sentinels know no such service")

// Reasons why a cache tells of nothing, ever.
var (
	errNoTracking      = errors.New("only Redis tells of changes, of all caches")
	errClusterTracking = errors.New("changes in a Redis cluster are not listened for: " +
		"the keys' places change, and a key may have changed at its new place before that is known")
)

// lookAtNames is how often it is looked at where a host's name leads.
const lookAtNames = 30 * time.Second

// Servers are the servers that values are read from. An error says why none can be listened to.
func (c *Backend) Servers() ([]RedisEndpoint, error) {
	b, ok := c.store.(*redisBackend)
	if !ok {
		return nil, errNoTracking
	}
	return b.servers(strings.TrimPrefix(c.Location, "Redis at "))
}

// servers are those that readers has. The location is for messages.
func (b *redisBackend) servers(location string) ([]RedisEndpoint, error) {
	read := b.clients
	if len(read) > 1 {
		read = read[1:]
	}
	var all []RedisEndpoint
	for _, c := range read {
		client, ok := c.(*redis.Client)
		if !ok {
			return nil, errClusterTracking
		}
		o := client.Options()
		name := o.Addr
		if b.sentinels {
			name = location
		}
		all = append(all, RedisEndpoint{
			Name: name, User: o.Username, Password: o.Password, Look: b.look(o),
			// The library bounds the time.
			Dial: func(ctx context.Context) (net.Conn, error) {
				return dialFunc(o.Dialer).failingNow()(ctx, o.Network, o.Addr)
			},
		})
	}
	return all, nil
}

// look is how often a server may be another one.
func (b *redisBackend) look(o *redis.Options) time.Duration {
	if b.sentinels {
		return time.Nanosecond // each Ping
	}
	host, _, err := net.SplitHostPort(o.Addr)
	if o.Network == "tcp" && err == nil && net.ParseIP(host) == nil {
		return lookAtNames
	}
	return 0
}
