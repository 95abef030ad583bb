package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"django-sidecar/internal/invalidate"
)

// NotificationConn is a connection that notifications arrive on: database.Notifications. It is used by one goroutine,
// and not used any more after an error.
type NotificationConn interface {
	// Ask sends a query, and returns the first column of its first row. What arrived before the answer has been
	// handed to the function that the connection was opened with when Ask returns.
	Ask(ctx context.Context, query string) (string, error)
	// Wait returns true when there is something that Ask would read, and false at the time until.
	Wait(ctx context.Context, until time.Time) (bool, error)
	Listen(ctx context.Context, channel string) error
	Close() error
}

// Config says what Listen listens to, and which cache it has forget. Connect, Notify and Cache are required.
type Config struct {
	Tables Tables
	// Connect opens a connection, in a time that it bounds; notify is to be called with each notification, as
	// NotificationConn says.
	Connect func(ctx context.Context, notify func(channel, payload string)) (NotificationConn, error)
	// Notify sends an empty notification, on another connection, one that verdicts use.
	Notify func(ctx context.Context, channel string) error
	Cache  invalidate.Forgetter
	// Report is called when the cache has become fresh, and when and why it is not; not twice with the same. nil: no
	// reports.
	Report func(fresh bool, why error)

	// Look is how often Listen looks whether the triggers are as they were, and Timeout is how long each answer may
	// take. A silent failure is noticed after both together. Zero means a second each.
	Look, Timeout time.Duration
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
	for _, d := range []*time.Duration{&c.Look, &c.Timeout} {
		if *d <= 0 {
			*d = time.Second
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
	return c, c.Tables.Check()
}

// listenRun is a running Listen.
type listenRun struct {
	Config

	reported string // the last report
	echo     string // this connection's private channel, and the name of its prepared lookQuery
	echoes   int    // how often something has come through it since the last look
	seen     string // the sum of what the first look of this connection has seen
	fresh    bool   // since the last attempt began
}

// Listen hears what the triggers tell and has the cache forget it, until ctx ends. The cache is fresh while a
// connection listens that answers in time, and the triggers are in place and untouched; else it is not, and Listen
// tries again. It returns nil when ctx has ended, and an error at once for a Config that cannot be.
//
// Each look that finds all as it was confirms what the cache keeps, as of the moment when the look began: each change
// that was committed before has either been told, and what was told has been heard before the look's answer; or it
// could be made without being told, and then something has been changed in a catalogue, which the look would have
// seen.
func Listen(ctx context.Context, c Config) error {
	c, err := c.withDefaults()
	if err != nil {
		return err
	}
	l := &listenRun{Config: c}
	l.Cache.SetFresh(false)
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		l.fresh = false
		why := l.listen(ctx)
		select {
		case <-ctx.Done():
			return nil
		default:
			l.report(false, why)
		}
		if l.fresh {
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
func (l *listenRun) report(fresh bool, why error) {
	text := fmt.Sprint(fresh)
	if why != nil {
		// The first words say what was being done. The rest may hold the number of a port, another one each time.
		doing, rest, _ := strings.Cut(why.Error(), ": ")
		if text += doing; errors.As(why, new(unfit)) {
			text += rest
		}
	}
	if text != l.reported {
		l.reported = text
		l.Report(fresh, why)
	}
}

// unfit is why Listen does not rely on a server that answers.
type unfit string

func (u unfit) Error() string { return string(u) }

// errNoEcho says that our own notification did not come back. A pooler in transaction mode causes this: LISTEN went
// to a server that is not ours any more.
const errNoEcho = unfit("a notification that was sent has not arrived: something between here and PostgreSQL, " +
	"such as a pooler in transaction mode, keeps it; DATABASE_URL must lead to the server, or to a pooler in " +
	"session mode")

// listen listens on one connection. It returns why it ended.
func (l *listenRun) listen(ctx context.Context) error {
	conn, err := l.Connect(ctx, l.hear)
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	defer func() { _ = conn.Close() }() // it is not used again
	began, err := l.prepare(ctx, conn)
	if err != nil {
		return err // the cache has not become fresh: what it keeps is as good as before
	}
	defer l.Cache.SetFresh(false) // before the connection is closed, which could take time
	// What was kept until now may be from before LISTEN.
	l.Cache.ForgetAll()
	l.Cache.SetFresh(true)
	l.Cache.Confirm(began)
	l.fresh = true
	l.report(true, nil)
	return l.follow(ctx, conn, began)
}

// prepare makes sure that every change will be heard of. It returns the time when the look began that has found so.
func (l *listenRun) prepare(ctx context.Context, conn NotificationConn) (began time.Time, err error) {
	if err := l.demand(ctx, conn, "looking at the server", serverQuery); err != nil {
		return began, err
	}
	l.echo, l.echoes, l.seen = fmt.Sprintf("%s_%016x", Channel, l.Random()), 0, ""
	for _, channel := range []string{Channel, l.echo} {
		if err := l.within(ctx, func(ctx context.Context) error { return conn.Listen(ctx, channel) }); err != nil {
			return began, fmt.Errorf("listening: %w", err)
		}
	}
	if err := l.within(ctx, func(ctx context.Context) error { return l.hearEcho(ctx, conn) }); err != nil {
		return began, fmt.Errorf("waiting for a notification of our own: %w", err)
	}
	if err := l.demand(ctx, conn, "looking at the triggers", "PREPARE "+l.echo+" AS "+l.Tables.lookQuery(l.echo)); err != nil {
		return began, err
	}
	if err := l.look(ctx, conn, 0); err != nil {
		return began, err
	}
	if err := l.settle(ctx, conn); err != nil {
		return began, err
	}
	began = l.Now()
	return began, l.look(ctx, conn, 0)
}

// look looks at the triggers: they must be as they have to be, and as the first look of this connection has seen them.
// What had been told when the look began has been heard when it returns, also the notifications that other connections
// have sent to the private channel since the last look: so many at least.
func (l *listenRun) look(ctx context.Context, conn NotificationConn, others int) error {
	const looking = "looking at the triggers"
	answer, err := bounded(ctx, l.Timeout, func(ctx context.Context) (string, error) { return conn.Ask(ctx, "EXECUTE "+l.echo) })
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", looking, err)
	case len(answer) < sumLength:
		return fmt.Errorf("%s: %w", looking, unfit("the answer cannot be understood"))
	case len(answer) > sumLength:
		return fmt.Errorf("%s: %w", looking, unfit(answer[sumLength:]))
	case l.seen != "" && answer != l.seen:
		return fmt.Errorf("%s: %w", looking, errTouched)
	case l.echoes <= others:
		return fmt.Errorf("waiting for a notification of our own: %w", errNoEcho)
	}
	l.seen, l.echoes = answer, 0
	return nil
}

// errTouched is not a fault: listening begins anew, with an empty cache.
const errTouched = unfit("the tables, their triggers or what these call have been changed, or the settings of a " +
	"role or the database; what was kept until now may have changed untold")

// settle waits for the end of each transaction that has written to the tables before the first look. It may have
// written when the triggers were others, without telling, and may commit that now. Who begins to write later finds
// what that look has seen.
func (l *listenRun) settle(ctx context.Context, conn NotificationConn) error {
	const waiting = "waiting for transactions that were writing"
	query, begun := l.Tables.writersQuery(), l.Now()
	var old []string
	for first := true; ; first = false {
		answer, err := bounded(ctx, l.Timeout, func(ctx context.Context) (string, error) { return conn.Ask(ctx, query) })
		if err != nil {
			return fmt.Errorf("%s: %w", waiting, err)
		}
		writers := strings.Fields(answer)
		if first {
			old = writers
		}
		old = slices.DeleteFunc(old, func(t string) bool { return !slices.Contains(writers, t) })
		if len(old) == 0 {
			return nil
		}
		now := l.Now()
		if now.Sub(begun) >= l.Timeout {
			l.report(false, fmt.Errorf("%s: %w", waiting, unfit("one has not ended for a while; when it does, "+
				"changes will be told")))
		}
		if _, err := conn.Wait(ctx, now.Add(settlePause)); err != nil {
			return fmt.Errorf("%s: %w", waiting, err)
		}
	}
}

// settlePause is how often it is asked whether transactions have ended.
const settlePause = 100 * time.Millisecond

// follow hears notifications, as long as nothing is wrong. The last look began at the time looked.
func (l *listenRun) follow(ctx context.Context, conn NotificationConn, looked time.Time) error {
	compared := looked
	for {
		next := looked.Add(l.Look)
		if _, err := conn.Wait(ctx, next); err != nil {
			return fmt.Errorf("listening: %w", err)
		}
		now := l.Now()
		if now.Before(next) { // something has come
			if err := l.within(ctx, func(ctx context.Context) error { return ask(ctx, conn) }); err != nil {
				return fmt.Errorf("listening: %w", err)
			}
			continue
		}
		others := 0
		if now.Sub(compared) >= comparePause {
			compared = now
			others = l.notifyAgain(ctx)
		}
		if err := l.look(ctx, conn, others); err != nil {
			return err
		}
		looked = now
		l.Cache.Confirm(looked)
	}
}

// comparePause is how often it is found out again whether verdicts come from the server that is listened to: a name
// or a pooler may lead elsewhere by now, while this connection lives on.
const comparePause = 30 * time.Second

// notifyAgain sends a notification through a connection that verdicts use, and returns how many it has sent. Where it
// has to wait for a connection, it leaves it at that: notifications wait meanwhile.
func (l *listenRun) notifyAgain(ctx context.Context) int {
	ctx, cancel := context.WithTimeout(ctx, l.Timeout/10)
	defer cancel()
	if l.Notify(ctx, l.echo) != nil {
		return 0
	}
	return 1
}

func ask(ctx context.Context, conn NotificationConn) error {
	_, err := conn.Ask(ctx, ";")
	return err
}

// demand sends a query whose answer says what is wrong. An empty answer says that all is well.
func (l *listenRun) demand(ctx context.Context, conn NotificationConn, doing, query string) error {
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
func (l *listenRun) hearEcho(ctx context.Context, conn NotificationConn) error {
	if err := l.Notify(ctx, l.echo); err != nil {
		return err
	}
	until, _ := ctx.Deadline()
	for l.echoes == 0 {
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
	l.echoes = 0
	return nil
}

// hear is called with every notification.
func (l *listenRun) hear(channel, payload string) {
	switch channel {
	case Channel:
		parsePayload(payload).tell(l.Cache)
	case l.echo:
		l.echoes++
	}
}

func (l *listenRun) within(ctx context.Context, do func(context.Context) error) error {
	_, err := bounded(ctx, l.Timeout, func(ctx context.Context) (struct{}, error) { return struct{}{}, do(ctx) })
	return err
}

// bounded runs an operation with Config.Timeout.
func bounded[T any](ctx context.Context, timeout time.Duration, do func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return do(ctx)
}
