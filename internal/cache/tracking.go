package cache

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Tracking says what Track listens for, and who is told. Prefix, Heard, Everything, Sound and Confirm are required.
//
// What is told to Sound is about this cache alone: of users, which are in the database whatever the session engine is,
// Redis knows nothing.
type Tracking struct {
	// Prefix is what the names of the keys begin with that hold sessions: cachestore.Store.Prefix.
	Prefix string
	// Heard is told what follows Prefix in the name of a key that has been written, deleted, evicted or found to have
	// expired. Where a cache has several servers, calls may be made at the same time.
	Heard func(sessionKey string)
	// Everything is told that any key may have changed: a database was flushed, or listening begins.
	Everything func()
	// Sound is told when every change is heard of from now on, and when and why that is not so any more. The latter
	// comes before anything that could take time. It is not told twice of the same, and one call at a time.
	Sound func(sound bool, why error)
	// Confirm is told that each change from before that time has been told, or that Sound(false) has been since.
	Confirm func(until time.Time)

	// Ping is how often a server is asked whether it still tells, and Timeout how long each answer, connecting
	// included, may take: what breaks without a sound is noticed after their sum. A second each, where they are zero.
	Ping, Timeout time.Duration
	// Now is the clock, and Random gives random numbers; nil means time.Now and rand.Uint64.
	Now    func() time.Time
	Random func() uint64
}

// The pauses between attempts: each is twice the last, and as much less as Random says, by up to a half. What a server
// has refused, somebody has to allow first.
const (
	firstTrackingPause   = 100 * time.Millisecond
	lastTrackingPause    = 5 * time.Second
	refusedTrackingPause = time.Minute
)

// lookAtNames is how often it is looked at where a host's name leads.
const lookAtNames = 30 * time.Second

// Reasons why a cache tells of nothing, ever.
var (
	errNoTracking      = errors.New("only Redis tells of changes, of all caches")
	errClusterTracking = errors.New("changes in a Redis cluster are not listened for: " +
		"the keys' places change, and a key may have changed at its new place before that is known")
)

func (t Tracking) withDefaults() (Tracking, error) {
	if t.Prefix == "" || t.Heard == nil || t.Everything == nil || t.Sound == nil || t.Confirm == nil {
		return t, errors.New("internal error: tracking needs a prefix, and whom to tell")
	}
	for _, d := range []*time.Duration{&t.Ping, &t.Timeout} {
		if *d <= 0 {
			*d = time.Second
		}
	}
	if t.Now == nil {
		t.Now = time.Now //nolint:forbidigo // the default of a parameter
	}
	if t.Random == nil {
		t.Random = rand.Uint64 // it spreads attempts
	}
	return t, nil
}

// Track has Redis tell of every change of a session, until ctx ends; it returns nil then. For a cache that never tells it
// returns an error at once.
//
// It is CLIENT TRACKING of Redis 6.2 and Valkey, in its broadcasting mode, on a connection of its own for each server that
// is read from: a replica tells when it has a change itself, so that nothing is read from it that is older than what it
// has told. In that mode Redis keeps nothing for each key, and tells of all that begin with the prefix, whoever reads
// them and over whatever connection; the right to read them is not needed. It tells before it answers who has made the
// change. The numbers of databases do not matter to it: a key of the same name in another one is told of too.
//
// Tracking is on when the server itself says so, of this connection; a proxy that lends connections for single commands
// cannot. It is asked each Ping. What one cannot know is how late a message is that is under way; that the answer to a
// question overtakes none shows that it is at most Ping and Timeout.
//
// The server that tells has to be the one that is read from. Behind Sentinels it is looked at each Ping whether they still
// name it, by connecting as the library does, which has it drop its own connections to any other server; where the URL
// has a name for an address, each 30 s whether it still leads there.
func (c *Cache) Track(ctx context.Context, t Tracking) error {
	t, err := t.withDefaults()
	if err != nil {
		return err
	}
	b, ok := c.backend.(*redisBackend)
	if !ok {
		return errNoTracking
	}
	servers, err := b.tracked(strings.TrimPrefix(c.Location, "Redis at "))
	if err != nil {
		return err
	}
	track(ctx, t, servers)
	return nil
}

// trackedServer is a server that is read from.
type trackedServer struct {
	name           string // for messages
	dial           func(ctx context.Context) (net.Conn, error)
	user, password string
	// look is how often dial is asked whether it leads to another server by now; 0 means never, where it cannot.
	look time.Duration
}

// tracked are the servers that reader chooses from. The location is for messages.
func (b *redisBackend) tracked(location string) ([]trackedServer, error) {
	read := b.clients
	if len(read) > 1 {
		read = read[1:]
	}
	var all []trackedServer
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
		all = append(all, trackedServer{
			name: name, user: o.Username, password: o.Password, look: b.look(o),
			// As the library connects for itself: over TLS or a socket, or to where Sentinels say. It bounds the time.
			dial: func(ctx context.Context) (net.Conn, error) {
				conn, err := o.Dialer(ctx, o.Network, o.Addr)
				if errors.Is(err, redis.Nil) {
					err = errNoService
				}
				return conn, err
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

// tracker is a running Track.
type tracker struct {
	Tracking

	mu       sync.Mutex
	sound    bool
	told     []time.Time // by server: until when it has told of all, zero where it does not tell
	reported []string    // by server: the last report
}

func track(ctx context.Context, t Tracking, servers []trackedServer) {
	tr := &tracker{Tracking: t, told: make([]time.Time, len(servers)), reported: make([]string, len(servers))}
	var running sync.WaitGroup
	for i := range servers {
		running.Go(func() { tr.run(ctx, i, &servers[i]) })
	}
	running.Wait()
}

// run listens to one server, again and again.
func (t *tracker) run(ctx context.Context, i int, s *trackedServer) {
	for pause := firstTrackingPause; ; pause = min(2*pause, lastTrackingPause) {
		told, why := t.listen(ctx, i, s)
		if told {
			pause = firstTrackingPause
		}
		wait := pause
		if errors.As(why, new(refusal)) {
			wait = refusedTrackingPause
		}
		select {
		case <-time.After(wait - time.Duration(t.Random()%uint64(wait/2))): //nolint:gosec // it is positive
		case <-ctx.Done():
			return
		}
	}
}

// confirm says that a server has told of all until a time, and tells of what comes.
func (t *tracker) confirm(i int, until time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.told[i] = until
	for _, told := range t.told {
		if told.IsZero() {
			return
		}
		if told.Before(until) {
			until = told
		}
	}
	if !t.sound {
		t.sound = true
		clear(t.reported)
		// What was kept until now may be from before tracking was on.
		t.Everything()
		t.Sound(true, nil)
	}
	t.Confirm(until)
}

// end says that a server does not tell. That an attempt was cut short is nothing to report.
func (t *tracker) end(i int, why error, cut bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.told[i] = time.Time{}
	// The first words say what was being done. The rest may hold the number of a port, another one each time.
	text, rest, _ := strings.Cut(why.Error(), ": ")
	if errors.As(why, new(refusal)) {
		text += rest
	}
	if t.sound || !cut && text != t.reported[i] {
		t.sound, t.reported[i] = false, text
		t.Sound(false, why)
	}
}

// listen listens on one connection. It returns whether the server has told anything, and why it ended.
func (t *tracker) listen(ctx context.Context, i int, s *trackedServer) (told bool, why error) {
	var conn *trackingConn
	defer func() {
		cut := ctx.Err() != nil
		if cut {
			why = ctx.Err()
		}
		t.end(i, why, cut) // before anything that could take time
		if conn != nil {
			_ = conn.Close() // it is of no use any more
		}
	}()
	raw, err := s.connect(ctx, t.Timeout)
	if err != nil {
		return false, fmt.Errorf("connecting to Redis at %s: %w", s.name, err)
	}
	conn = newTrackingConn(raw, &t.Tracking)
	defer context.AfterFunc(ctx, func() { _ = raw.Close() })() // which wakes who reads
	if err := conn.begin(s.user, s.password); err != nil {
		return false, fmt.Errorf("asking Redis at %s to tell of changes: %w", s.name, err)
	}
	if err := conn.moved(ctx, s); err != nil {
		return false, err
	}
	confirm := func(until time.Time) { t.confirm(i, until) }
	confirm(conn.checked)
	return true, conn.follow(ctx, s, confirm)
}

func (s *trackedServer) connect(ctx context.Context, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return s.dial(ctx)
}
