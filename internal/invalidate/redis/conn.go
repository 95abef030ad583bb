package redis

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"django-sidecar/internal/djangocache"
)

// trackingConn is a connection on which a server tells of changes. It is used by one goroutine, and not used any more
// after an error.
type trackingConn struct {
	net.Conn

	tracking *Tracking
	reader   respReader
	looked   time.Time // when moved has looked
	checked  time.Time // when check was begun that has last found all well
	swaps    string    // how often databases have been swapped, as the server says it
	silent   bool      // the server does not say that
}

func newTrackingConn(conn net.Conn, t *Tracking) *trackingConn {
	return &trackingConn{Conn: conn, tracking: t, reader: respReader{br: bufio.NewReaderSize(conn, 16<<10)}}
}

// untracked is why Track does not rely on a server that answers. It does not pass by itself.
type untracked string

func (r untracked) Error() string { return string(r) }

const errNotOn = untracked("it does not say that tracking is on: something between here and Redis, " +
	"such as a proxy that lends connections, takes the one for another; the cache's URL must lead to the server")

// Answers that are no fault of this connection's.
var (
	errUnasked  = errors.New("an answer has come that nobody has asked for")
	errNotOurs  = errors.New("it tells of a key that does not begin with the prefix")
	errOtherNow = errors.New("it is another server now")
	errSwapped  = errors.New("its databases have been swapped, or its statistics reset; what was kept until now " +
		"may have changed untold")
	errBadNotice = fmt.Errorf("what it tells cannot be understood: %w", errResp)
)

// begin turns tracking on.
func (c *trackingConn) begin(user, password string) error {
	if password != "" {
		// Not as a part of HELLO: a server that does not know HELLO would repeat all of it in its error.
		auth := []string{"AUTH", password}
		if user != "" {
			auth = []string{"AUTH", user, password}
		}
		if err := c.demand(auth...); err != nil {
			return err
		}
	}
	if err := c.demand("HELLO", "3"); err != nil {
		return err
	}
	if err := c.demand("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", c.tracking.Prefix); err != nil {
		return err
	}
	return c.check()
}

// demand asks for something that is to be done.
func (c *trackingConn) demand(args ...string) error {
	answer, err := c.ask(args...)
	if err == nil && answer.isError() {
		err = refused(args, answer.text)
	}
	return err
}

// check asks the server whether it tells this very connection of changes. When it returns, each change that the
// server told of before the check has been heard.
func (c *trackingConn) check() error {
	began, command := c.tracking.Now(), []string{"CLIENT", "TRACKINGINFO"}
	info, err := c.ask(command...)
	if err != nil {
		return err
	}
	if info.isError() {
		return refused(command, info.text)
	}
	flags, prefixes := info.entry("flags"), info.entry("prefixes")
	if !flags.has("on") || !flags.has("bcast") || !prefixes.has(c.tracking.Prefix) {
		return errNotOn
	}
	if err := c.checkSwaps(); err != nil {
		return err
	}
	c.checked = began
	return nil
}

// checkSwaps finds out whether databases have been swapped, of which Redis tells nobody: it counts each command. A
// user who may not ask does not see that, and asks once, because Redis writes down each refusal.
func (c *trackingConn) checkSwaps() error {
	if c.silent {
		return nil
	}
	info, err := c.ask("INFO", "commandstats")
	if c.silent = err == nil && info.isError(); err != nil || c.silent {
		return err
	}
	calls := "calls=0"
	if _, rest, swapped := strings.Cut(info.text, "cmdstat_swapdb:"); swapped {
		calls, _, _ = strings.Cut(rest, ",")
	}
	before := c.swaps
	if c.swaps = calls; before != "" && before != calls {
		return errSwapped
	}
	return nil
}

// refused says what it means that a command was answered by an error. Of the error's text only the first word is shown,
// which is a name: servers repeat what they do not understand.
func refused(args []string, text string) error {
	code, _, _ := strings.Cut(text, " ")
	if len(code) > 20 || strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		code = "ERR"
	}
	command := args[0]
	if command == "CLIENT" {
		command += " " + args[1]
	}
	switch code {
	case "LOADING", "BUSY", "MASTERDOWN", "TRYAGAIN", "CLUSTERDOWN":
		return fmt.Errorf("%s is answered by %s", command, code)
	case "WRONGPASS", "NOAUTH":
		return untracked(command + " is answered by " + code + ": the user or the password is wrong")
	case "NOPERM":
		return untracked(command + " is answered by NOPERM: the user needs the rights +client|tracking and " +
			"+client|trackinginfo")
	}
	if command == "AUTH" {
		return untracked(command + " is answered by " + code)
	}
	return untracked(command + " is answered by " + code + ": it takes Redis 6.2 or newer or Valkey, and no proxy " +
		"that does not know the command")
}

// moved finds out whether the server is still the one to listen to.
func (c *trackingConn) moved(ctx context.Context, s *djangocache.RedisEndpoint) error {
	if s.Look == 0 || c.tracking.Now().Sub(c.looked) < s.Look {
		return nil
	}
	c.looked = c.tracking.Now()
	other, err := connect(ctx, s, c.tracking.Timeout)
	if err != nil {
		return fmt.Errorf("connecting to Redis at %s once more: %w", s.Name, err)
	}
	defer func() { _ = other.Close() }() // it has said what it was to say
	if other.RemoteAddr().String() != c.RemoteAddr().String() {
		return fmt.Errorf("looking for Redis at %s: %w", s.Name, errOtherNow)
	}
	return nil
}

// follow hears of changes, as long as nothing is wrong.
func (c *trackingConn) follow(ctx context.Context, s *djangocache.RedisEndpoint, confirm func(until time.Time)) error {
	listening := func(err error) error { return fmt.Errorf("listening to Redis at %s: %w", s.Name, err) }
	next := c.tracking.Now().Add(c.tracking.Ping)
	for {
		arrived, err := c.wait(next)
		if err != nil {
			return listening(err)
		}
		if arrived {
			if err := c.hear(); err != nil {
				return listening(err)
			}
		}
		// However much is told: that shows that the server is there, and not that it tells in time.
		if now := c.tracking.Now(); !now.Before(next) {
			if err := c.check(); err != nil {
				return listening(err)
			}
			if err := c.moved(ctx, s); err != nil {
				return err
			}
			confirm(c.checked)
			next = c.tracking.Now().Add(c.tracking.Ping)
		}
	}
}

// wait returns true when there is something to read, and false at the time until.
func (c *trackingConn) wait(until time.Time) (bool, error) {
	if c.reader.br.Buffered() > 0 {
		return true, nil
	}
	if err := c.SetReadDeadline(until); err != nil {
		return false, err
	}
	_, err := c.reader.br.Peek(1)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return false, nil
	}
	return err == nil, ended(err)
}

// hear reads what has come unasked.
func (c *trackingConn) hear() error {
	if err := c.SetReadDeadline(c.tracking.Now().Add(c.tracking.Timeout)); err != nil {
		return err
	}
	_, told, err := c.message()
	if err == nil && !told {
		err = errUnasked
	}
	return err
}

// ask sends a command and returns its answer. What is told before it has been heard then.
func (c *trackingConn) ask(args ...string) (respValue, error) {
	if err := c.SetDeadline(c.tracking.Now().Add(c.tracking.Timeout)); err != nil {
		return respValue{}, err
	}
	if _, err := c.Write(appendCommand(nil, args...)); err != nil {
		return respValue{}, err
	}
	for {
		answer, told, err := c.message()
		if err != nil || !told {
			return answer, err
		}
	}
}

// message reads one message, and reports whether it was one that tells of something.
func (c *trackingConn) message() (answer respValue, told bool, err error) {
	h, err := c.reader.header()
	if err != nil {
		return respValue{}, false, err
	}
	if h.kind == '>' {
		return respValue{}, true, c.notice(h.n)
	}
	answer, err = c.reader.value(h)
	return answer, false, err
}

// notice hears what is told in so many parts. A message of Redis has all keys that have changed at a time, however
// many: none of them is kept.
func (c *trackingConn) notice(parts int) error {
	if parts < 1 {
		return errBadNotice
	}
	name, err := c.reader.text()
	if err != nil {
		return err
	}
	if name != "invalidate" {
		_, err := c.reader.value(respHeader{kind: '*', n: parts - 1})
		return err
	}
	h, err := c.reader.header()
	switch {
	case err != nil:
		return err
	case parts != 2:
		return errBadNotice
	case h.kind == '_' || h.kind == '*' && h.n == -1:
		c.tracking.Everything() // FLUSHALL and FLUSHDB
		return nil
	case h.kind != '*':
		return errBadNotice
	}
	for range h.n {
		key, err := c.reader.text()
		if err != nil {
			return err
		}
		sessionKey, ours := strings.CutPrefix(key, c.tracking.Prefix)
		if !ours {
			return errNotOurs // something renames keys on their way
		}
		c.tracking.Heard(sessionKey)
	}
	return nil
}
