package redis

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"time"

	"django-sidecar/internal/djangocache"
)

// Tracking says what Track listens for, and what it calls. Prefix, Heard, Everything, Fresh and Confirm are required.
//
// Fresh is about the sessions in this cache alone. Redis knows nothing of users: they are in the database, whatever
// the session engine is.
type Tracking struct {
	// Prefix is what the names of the keys begin with that hold sessions: cachestore.Store.Prefix.
	Prefix string
	// Heard is called for a key that was written, deleted, evicted or found to have expired, with what follows Prefix
	// in its name. If a cache has several servers, calls may come at the same time.
	Heard func(sessionKey string)
	// Everything is called when any key may have changed: a database was flushed, or listening begins.
	Everything func()
	// Fresh is called with true when Track begins to hear of every change, and with false when and why it no longer
	// does. The latter comes before anything that could take time. Calls come one at a time, and not twice with the
	// same.
	Fresh func(fresh bool, why error)
	// Confirm is called with a time: each change before it has been heard of, or Fresh(false) has been called since.
	Confirm func(until time.Time)

	// Ping is how often Track asks a server whether it still tells of changes, and Timeout is how long each answer may
	// take, connecting included. A silent failure is noticed after both together. Zero means a second each.
	Ping, Timeout time.Duration
	// Now is the clock, and Random gives random numbers; nil means time.Now and rand.Uint64.
	Now    func() time.Time
	Random func() uint64
}

// The pauses between attempts: each is twice the last, and as much less as Random says, by up to a half. After a
// refusal the pause is longer, because an operator has to allow it first.
const (
	firstTrackingPause   = 100 * time.Millisecond
	lastTrackingPause    = 5 * time.Second
	refusedTrackingPause = time.Minute
)

func (t Tracking) withDefaults() (Tracking, error) {
	if t.Prefix == "" || t.Heard == nil || t.Everything == nil || t.Fresh == nil || t.Confirm == nil {
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

// Track has Redis tell of every change of a session, until ctx ends; it returns nil then. For a cache that never
// tells it returns an error at once.
//
// It is CLIENT TRACKING of Redis 6.2 and Valkey, in its broadcasting mode, on a connection of its own for each server
// that is read from: a replica tells when it has a change itself, so that nothing is read from it that is older than
// what it has told. In that mode Redis keeps nothing for each key, and tells of all that begin with the prefix,
// whoever reads them and over whatever connection; the right to read them is not needed. It tells before it answers
// who has made the change. The numbers of databases do not matter to it: a key of the same name in another one is
// told of too.
//
// Tracking is on when the server itself says so, of this connection; a proxy that lends connections for single commands
// cannot. It is asked each Ping. What one cannot know is how late a message is that is under way; that the answer to a
// question overtakes none shows that it is at most Ping and Timeout.
//
// The server that tells has to be the one that is read from. Behind Sentinels it is looked at each Ping whether they
// still name it, by connecting as the library does, which has it drop its own connections to any other server; where
// the URL has a name for an address, each 30 s whether it still leads there.
func Track(ctx context.Context, c *djangocache.Backend, t Tracking) error {
	t, err := t.withDefaults()
	if err != nil {
		return err
	}
	servers, err := c.Servers()
	if err != nil {
		return err
	}
	track(ctx, t, servers)
	return nil
}

// tracker is a running Track.
type tracker struct {
	Tracking

	mu       sync.Mutex
	fresh    bool
	told     []time.Time // by server: each change before this time was heard of; zero: it does not tell
	reported []string    // by server: the last report
}

func track(ctx context.Context, t Tracking, servers []djangocache.RedisEndpoint) {
	tr := &tracker{Tracking: t, told: make([]time.Time, len(servers)), reported: make([]string, len(servers))}
	var running sync.WaitGroup
	for i := range servers {
		running.Go(func() { tr.run(ctx, i, &servers[i]) })
	}
	running.Wait()
}

// run listens to one server, again and again.
func (t *tracker) run(ctx context.Context, i int, s *djangocache.RedisEndpoint) {
	for pause := firstTrackingPause; ; pause = min(2*pause, lastTrackingPause) {
		told, why := t.listen(ctx, i, s)
		if told {
			pause = firstTrackingPause
		}
		wait := pause
		if errors.As(why, new(untracked)) {
			wait = refusedTrackingPause
		}
		select {
		case <-time.After(wait - time.Duration(t.Random()%uint64(wait/2))): //nolint:gosec // it is positive
		case <-ctx.Done():
			return
		}
	}
}

// confirm notes that each change of a server before a time was heard of, and that later ones will be.
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
	if !t.fresh {
		t.fresh = true
		clear(t.reported)
		// What was kept until now may be from before tracking was on.
		t.Everything()
		t.Fresh(true, nil)
	}
	t.Confirm(until)
}

// end notes that a server does not tell of changes any more. An attempt that was cut short is not reported.
func (t *tracker) end(i int, why error, cut bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.told[i] = time.Time{}
	// The first words say what was being done. The rest may hold the number of a port, another one each time.
	text, rest, _ := strings.Cut(why.Error(), ": ")
	if errors.As(why, new(untracked)) {
		text += rest
	}
	if t.fresh || !cut && text != t.reported[i] {
		t.fresh, t.reported[i] = false, text
		t.Fresh(false, why)
	}
}

// listen listens on one connection. It returns why that ended, and whether the server had begun to tell of changes.
func (t *tracker) listen(ctx context.Context, i int, s *djangocache.RedisEndpoint) (told bool, why error) {
	var conn *trackingConn
	defer func() {
		cut := ctx.Err() != nil
		if cut {
			why = ctx.Err()
		}
		t.end(i, why, cut) // before anything that could take time
		if conn != nil {
			_ = conn.Close() // it is not used again
		}
	}()
	raw, err := connect(ctx, s, t.Timeout)
	if err != nil {
		return false, fmt.Errorf("connecting to Redis at %s: %w", s.Name, err)
	}
	conn = newTrackingConn(raw, &t.Tracking)
	defer context.AfterFunc(ctx, func() { _ = raw.Close() })() // which wakes who reads
	if err := conn.begin(s.User, s.Password); err != nil {
		return false, fmt.Errorf("asking Redis at %s to tell of changes: %w", s.Name, err)
	}
	if err := conn.moved(ctx, s); err != nil {
		return false, err
	}
	confirm := func(until time.Time) { t.confirm(i, until) }
	confirm(conn.checked)
	return true, conn.follow(ctx, s, confirm)
}

func connect(ctx context.Context, s *djangocache.RedisEndpoint, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := s.Dial(ctx)
	if errors.Is(err, djangocache.ErrNoService) {
		err = untracked(err.Error())
	}
	return conn, err
}
