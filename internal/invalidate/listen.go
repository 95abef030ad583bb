package invalidate

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// Conn is a connection that notifications arrive on: database.Notifications. It is used by one goroutine, and not used
// any more after an error.
type Conn interface {
	// Ask sends a query, and returns the first column of its first row. What arrived before the answer has been
	// handed to the function that the connection was opened with when Ask returns.
	Ask(ctx context.Context, query string) (string, error)
	// Wait returns true when there is something that Ask would read, and false at the time until.
	Wait(ctx context.Context, until time.Time) (bool, error)
	Listen(ctx context.Context, channel string) error
	Unlisten(ctx context.Context, channel string) error
	Close() error
}

// Config says what Listen listens to, and who is told. Connect, Notify and Cache are required.
type Config struct {
	Tables Tables
	// Connect opens a connection, in a time that it bounds; notify is to be called with each notification, as Conn says.
	Connect func(ctx context.Context, notify func(channel, payload string)) (Conn, error)
	// Notify sends an empty notification, on another connection, one that verdicts use.
	Notify func(ctx context.Context, channel string) error
	Cache  Forgetter
	// Report is told when the cache has become sound, and when and why it is not; not twice of the same. nil means
	// nobody is.
	Report func(sound bool, why error)

	// Ping is how long nothing arrives before the connection is asked for an answer, and Timeout how long each answer
	// may take: what breaks without a sound is noticed after their sum. A second each, where they are zero.
	Ping, Timeout time.Duration
	// Recheck is how often the triggers are looked at: 30 s.
	Recheck time.Duration
	// Now is the clock, and Random gives random numbers; nil means time.Now and rand.Uint64.
	Now    func() time.Time
	Random func() uint64
}

// The pauses between attempts: each is twice the last, and as much less as Random says, by up to a half.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)

func (c Config) withDefaults() (Config, error) {
	if c.Connect == nil || c.Notify == nil || c.Cache == nil {
		return c, errors.New("internal error: Listen needs Connect, Notify and Cache")
	}
	for _, d := range []struct {
		field    *time.Duration
		standard time.Duration
	}{{&c.Ping, time.Second}, {&c.Timeout, time.Second}, {&c.Recheck, 30 * time.Second}} {
		if *d.field <= 0 {
			*d.field = d.standard
		}
	}
	if c.Report == nil {
		c.Report = func(bool, error) {}
	}
	if c.Now == nil {
		c.Now = time.Now //nolint:forbidigo // the default of a parameter
	}
	if c.Random == nil {
		c.Random = rand.Uint64 // it spreads attempts, and keeps two sidecars' channels apart
	}
	return c, c.Tables.check()
}

// listener is a running Listen.
type listener struct {
	Config

	reported string // the last report
	echo     string // the private channel, while its notification is awaited
	echoed   bool
	sound    bool // since the last attempt began
}

// Listen hears what the triggers tell and has the cache forget it, until ctx ends. The cache is sound while a connection
// listens that answers in time, and the triggers are in place; else it is not, and Listen tries again. It returns nil
// when ctx has ended, and an error at once for a Config that cannot be.
func Listen(ctx context.Context, c Config) error {
	c, err := c.withDefaults()
	if err != nil {
		return err
	}
	l := &listener{Config: c}
	l.Cache.SetSound(false)
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		l.sound = false
		why := l.listen(ctx)
		select {
		case <-ctx.Done():
			return nil
		default:
			l.report(false, why)
		}
		if l.sound {
			pause = firstPause
		}
		select {
		case <-time.After(pause - time.Duration(l.Random()%uint64(pause/2))): //nolint:gosec // it is positive
		case <-ctx.Done():
			return nil
		}
	}
}

// report tells of what is new.
func (l *listener) report(sound bool, why error) {
	text := fmt.Sprint(sound)
	if why != nil {
		// The first words say what was being done. The rest may hold the number of a port, another one each time.
		doing, rest, _ := strings.Cut(why.Error(), ": ")
		if text += doing; errors.As(why, new(unfit)) {
			text += rest
		}
	}
	if text != l.reported {
		l.reported = text
		l.Report(sound, why)
	}
}

// unfit is why a server that answers is not one to rely on.
type unfit string

func (u unfit) Error() string { return string(u) }

// errNoEcho is what a pooler in transaction mode shows: LISTEN went to a server that is not ours any more.
const errNoEcho = unfit("a notification that was sent has not arrived: something between here and PostgreSQL, " +
	"such as a pooler in transaction mode, keeps it; DATABASE_URL must lead to the server, or to a pooler in session mode")

// listen listens on one connection. It returns why it ended.
func (l *listener) listen(ctx context.Context) error {
	conn, err := l.Connect(ctx, l.hear)
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	defer func() { _ = conn.Close() }() // it is of no use any more
	if err := l.prepare(ctx, conn); err != nil {
		return err // the cache has not become sound: what it keeps is as good as before
	}
	defer l.Cache.SetSound(false) // before the connection is closed, which could take time
	// What was kept until now may be from before LISTEN.
	l.Cache.ForgetAll()
	l.Cache.SetSound(true)
	l.sound = true
	l.report(true, nil)
	return l.follow(ctx, conn)
}

// prepare makes sure that every change will be heard of.
func (l *listener) prepare(ctx context.Context, conn Conn) error {
	if err := l.demand(ctx, conn, "looking at the server", serverQuery); err != nil {
		return err
	}
	if err := l.within(ctx, func(ctx context.Context) error { return conn.Listen(ctx, Channel) }); err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	if err := l.demand(ctx, conn, "looking at the triggers", l.Tables.query()); err != nil {
		return err
	}
	if err := l.within(ctx, func(ctx context.Context) error { return l.hearEcho(ctx, conn) }); err != nil {
		return fmt.Errorf("waiting for a notification of our own: %w", err)
	}
	return nil
}

// follow hears notifications, as long as nothing is wrong.
func (l *listener) follow(ctx context.Context, conn Conn) error {
	checked, asked := l.Now(), l.Now()
	for {
		if _, err := conn.Wait(ctx, asked.Add(l.Ping)); err != nil {
			return fmt.Errorf("listening: %w", err)
		}
		// Whether something has come or nothing has for too long: this reads it, and shows that the server is there.
		asked = l.Now()
		if asked.Sub(checked) >= l.Recheck {
			checked = asked
			if err := l.demand(ctx, conn, "looking at the triggers", l.Tables.query()); err != nil {
				return err
			}
			continue
		}
		if err := l.within(ctx, func(ctx context.Context) error { return ask(ctx, conn) }); err != nil {
			return fmt.Errorf("listening: %w", err)
		}
	}
}

func ask(ctx context.Context, conn Conn) error {
	_, err := conn.Ask(ctx, ";")
	return err
}

// demand asks a query whose answer is what is wrong, or nothing.
func (l *listener) demand(ctx context.Context, conn Conn, doing, query string) error {
	problems, err := bounded(ctx, l.Timeout, func(ctx context.Context) (string, error) { return conn.Ask(ctx, query) })
	if err == nil && problems != "" {
		err = unfit(problems)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// hearEcho sends a notification through another connection, and waits for it. Nothing else is asked meanwhile: a pooler
// would lend a server for that, and the server might have our notification with it by chance.
func (l *listener) hearEcho(ctx context.Context, conn Conn) error {
	l.echo, l.echoed = fmt.Sprintf("%s_%016x", Channel, l.Random()), false
	if err := conn.Listen(ctx, l.echo); err != nil {
		return err
	}
	if err := l.Notify(ctx, l.echo); err != nil {
		return err
	}
	until, _ := ctx.Deadline()
	for !l.echoed {
		arrived, err := conn.Wait(ctx, until)
		switch {
		case !arrived && (err == nil || errors.Is(err, context.DeadlineExceeded)):
			return errNoEcho
		case err != nil:
			return err
		}
		if err := ask(ctx, conn); err != nil {
			return err
		}
	}
	return conn.Unlisten(ctx, l.echo)
}

// hear is called with every notification.
func (l *listener) hear(channel, payload string) {
	switch channel {
	case Channel:
		parsePayload(payload).tell(l.Cache)
	case l.echo:
		l.echoed = true
	}
}

func (l *listener) within(ctx context.Context, do func(context.Context) error) error {
	_, err := bounded(ctx, l.Timeout, func(ctx context.Context) (struct{}, error) { return struct{}{}, do(ctx) })
	return err
}

// bounded gives an operation its time.
func bounded[T any](ctx context.Context, timeout time.Duration, do func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return do(ctx)
}
