package djangocache

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"django-sidecar/internal/breaker"
)

// sentinels find the primary of a service, as Sentinel.discover_master of redis/sentinel.py, 8.1, does: they are asked
// in their order, the first answer counts, and who gave it is asked first from then on.
//
// The library's own client for this waits for one Sentinel, for good if that one is silent, whatever the others know.
type sentinels struct {
	service string
	// options are those for a Sentinel, but for its address.
	options redis.Options
	// dial connects to the primary.
	dial dialFunc
	// patience is how long a Sentinel is waited for until the next one is asked as well.
	patience time.Duration

	now func() time.Time

	mu      sync.Mutex
	order   []string
	open    map[*primaryConn]bool
	failure error // what they all said when they were asked last
	failed  time.Time
}

// sentinelRest is how long Sentinels are left alone that know no primary: each question would ask all of them.
const sentinelRest = 50 * time.Millisecond

// sentinelClient asks Sentinels where the primary is. As django-redis has it, the host of the URL is the service's
// name.
func sentinelClient(r *redis.Options, s *settings, b *breaker.Breaker, now func() time.Time) ([]redis.UniversalClient, error) {
	service, _, _ := strings.Cut(r.Addr, ":")
	found := &sentinels{
		service: service, options: *r, dial: dialFunc(r.Dialer).failingNow(), patience: r.DialTimeout / 8, open: map[*primaryConn]bool{}, now: now,
	}
	for _, h := range splitHosts(s.values["sentinels"]) {
		e, err := parseEndpoint(strings.TrimSpace(h), "26379")
		if err != nil {
			return nil, fmt.Errorf("option sentinels: %w", err)
		}
		found.order = append(found.order, e.String())
	}
	o := &found.options
	o.DB, o.Username, o.Password = 0, s.values["sentinel_username"], s.values["sentinel_password"]
	o.PoolSize, o.MaxActiveConns, o.MaxRetries = 1, 1, -1 // the next Sentinel is asked instead
	primary := *r
	primary.Dialer = dialFunc(found.connect).laterFailing()
	client := redis.NewClient(&primary)
	client.AddHook(guardHook{breaker: b})
	return []redis.UniversalClient{client}, nil
}

// connect connects to the primary. Connections to a server that was the primary before are closed then: Redis closes
// those to a primary that it makes a replica, but not those to one that its Sentinels have lost.
func (s *sentinels) connect(ctx context.Context, network, _ string) (net.Conn, error) {
	addr, err := s.primary(ctx)
	if err != nil {
		return nil, err
	}
	conn, err := s.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	c := &primaryConn{Conn: conn, addr: addr, of: s}
	for _, old := range s.opened(c) {
		_ = old.Close() // whoever reads from it hears of it
	}
	if raw, ok := conn.(syscall.Conn); ok {
		// The library looks there whether the server has closed a connection that was idle.
		return struct {
			*primaryConn
			syscall.Conn
		}{c, raw}, nil
	}
	return c, nil
}

// opened notes a connection, and returns those that lead elsewhere.
func (s *sentinels) opened(c *primaryConn) (old []*primaryConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for other := range s.open {
		if other.addr != c.addr {
			old = append(old, other)
		}
	}
	s.open[c] = true
	return old
}

// primaryConn is a connection to a primary.
type primaryConn struct {
	net.Conn
	addr string
	of   *sentinels
}

// Close implements net.Conn.
func (c *primaryConn) Close() error {
	c.of.mu.Lock()
	delete(c.of.open, c)
	c.of.mu.Unlock()
	return c.Conn.Close() //nolint:wrapcheck // the client compares errors
}

// primary finds the primary, or fails as who has just asked for it.
func (s *sentinels) primary(ctx context.Context) (addr string, err error) {
	s.mu.Lock()
	failure, age := s.failure, s.now().Sub(s.failed)
	s.mu.Unlock()
	if failure != nil && 0 <= age && age < sentinelRest {
		return "", failure
	}
	addr, err = s.find(ctx)
	if ctx.Err() != nil { // the time of this question was over, which says nothing
		return addr, err
	}
	s.mu.Lock()
	s.failure, s.failed = err, s.now()
	s.mu.Unlock()
	return addr, err
}

// errPrimaryDown is what a Sentinel says until it has chosen another one.
var errPrimaryDown = errors.New("the primary is down")

// said is what a Sentinel has answered.
type said struct {
	sentinel, primary string
	err               error
}

// find asks one Sentinel after the other, without waiting for those that are silent.
func (s *sentinels) find(ctx context.Context) (addr string, err error) {
	ctx, cancel := context.WithCancel(ctx)
	var asking sync.WaitGroup
	defer asking.Wait()
	defer cancel()
	s.mu.Lock()
	order := slices.Clone(s.order)
	s.mu.Unlock()
	answers := make(chan said, len(order))
	next := time.NewTimer(0)
	defer next.Stop()
	var failures []error
	for asked := 0; len(failures) < len(order); {
		select {
		case <-next.C:
			switch {
			case asked < len(order):
			case errors.Is(errors.Join(failures...), errPrimaryDown):
				// A failover is under way. Who waits for the silent ones now does not hear of its end.
				return "", allSay(failures)
			default:
				continue
			}
			sentinel := order[asked]
			asking.Go(func() { answers <- s.ask(ctx, sentinel) })
			asked++
			next.Reset(s.patience)
		case a := <-answers:
			if a.err == nil {
				s.prefer(a.sentinel)
				return a.primary, nil
			}
			failures = append(failures, a.err)
			if asked < len(order) {
				next.Reset(0)
			}
		case <-ctx.Done():
			return "", errors.Join(append(failures, fmt.Errorf("asking the Sentinels: %w", ctx.Err()))...)
		}
	}
	return "", allSay(failures)
}

// allSay is ErrNoService where all Sentinels say that. Otherwise some have failed to say anything.
func allSay(failures []error) error {
	rest := slices.DeleteFunc(failures, func(err error) bool { return errors.Is(err, ErrNoService) })
	if len(rest) == 0 {
		return ErrNoService
	}
	return errors.Join(rest...)
}

// ask asks one Sentinel.
func (s *sentinels) ask(ctx context.Context, sentinel string) said {
	o := s.options
	o.Addr = sentinel
	client := redis.NewSentinelClient(&o)
	defer context.AfterFunc(ctx, func() { _ = client.Close() })() // which wakes who reads
	defer func() { _ = client.Close() }()                         // nothing was written
	state, err := client.Master(ctx, s.service).Result()
	flags := strings.Split(state["flags"], ",")
	switch {
	case redis.HasErrorPrefix(err, "No such master"):
		return said{err: ErrNoService}
	case err != nil:
		return said{err: fmt.Errorf("asking the Sentinel at %s: %w", sentinel, withoutArguments(err, ""))}
	case state["ip"] == "" || state["port"] == "":
		return said{err: fmt.Errorf("the Sentinel at %s names no address", sentinel)}
	// check_master_state of redis/sentinel.py, 8.1. One that is cut off may name a primary that others have replaced.
	case !slices.Contains(flags, "master"), slices.Contains(flags, "s_down"), slices.Contains(flags, "o_down"):
		return said{err: fmt.Errorf("the Sentinel at %s says that %w", sentinel, errPrimaryDown)}
	}
	return said{sentinel: sentinel, primary: net.JoinHostPort(state["ip"], state["port"])}
}

// prefer has this Sentinel asked first.
func (s *sentinels) prefer(sentinel string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.order, sentinel); i > 0 {
		s.order[0], s.order[i] = s.order[i], s.order[0]
	}
}
