package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/djangocache"

	"github.com/google/go-cmp/cmp"
)

func TestTrackHears(t *testing.T) {
	f := newFakeRedis()
	following(t, []djangocache.RedisEndpoint{f.server()}, func(t *testing.T, n *notes) {
		n.want(t, "at first", "everything", "fresh")
		want := []string{"AUTH reader sesame", "HELLO 3", "CLIENT TRACKING ON BCAST PREFIX p:", "CLIENT TRACKINGINFO", "INFO commandstats"}
		if diff := cmp.Diff(want, f.commands); diff != "" {
			t.Error(diff)
		}
		f.send(t, push("p:one"))
		n.want(t, "a key", "heard one")
		f.send(t, push("p:one", "p:", "p:two")+push("p:three")+push())
		n.want(t, "keys", "heard one", "heard ", "heard two", "heard three")
		for _, b := range push("p:one") {
			f.send(t, string(b))
		}
		n.want(t, "byte by byte", "heard one")
		for _, flush := range []string{">2\r\n$10\r\ninvalidate\r\n_\r\n", ">2\r\n+invalidate\r\n*-1\r\n"} {
			f.send(t, flush)
			n.want(t, "FLUSHALL", "everything")
		}
		f.send(t, ">3\r\n$6\r\nMOVING\r\n:1\r\n*1\r\n+a\r\n")
		n.want(t, "something else")
		pass(time.Hour)
		n.want(t, "nothing")
		f.send(t, push("p:late"))
		n.want(t, "an hour later", "heard late")
		if f.dials != 1 {
			t.Errorf("%d connections", f.dials)
		}
	})
}

// Whatever is not as it should be ends freshness at once, and then another connection is tried.
func TestTrackDoubts(t *testing.T) {
	const listening = "listening to Redis at redis:6379: "
	for name, tt := range map[string]struct {
		sent, why string
	}{
		"an answer to nothing":  {"+OK\r\n", listening + "an answer has come that nobody has asked for"},
		"no RESP":               {"HTTP/1.1 400 Bad Request\r\n", listening + "what has come is no RESP3"},
		"a key of others":       {push("q:one"), listening + "it tells of a key that does not begin with the prefix"},
		"a key without end":     {">2\r\n$10\r\ninvalidate\r\n*1\r\n$99999999\r\n", listening + "what has come is no RESP3"},
		"a key that is none":    {">2\r\n$10\r\ninvalidate\r\n*1\r\n:7\r\n", listening + "what has come is no RESP3"},
		"keys that are none":    {">2\r\n$10\r\ninvalidate\r\n:7\r\n", listening + "what it tells cannot be understood: what has come is no RESP3"},
		"more than keys":        {">3\r\n$10\r\ninvalidate\r\n*0\r\n", listening + "what it tells cannot be understood: what has come is no RESP3"},
		"nothing that is told":  {">0\r\n", listening + "what it tells cannot be understood: what has come is no RESP3"},
		"something without end": {">99999\r\n+other\r\n", listening + "what has come is no RESP3"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeRedis()
			following(t, []djangocache.RedisEndpoint{f.server()}, func(t *testing.T, n *notes) {
				n.want(t, "at first", "everything", "fresh")
				f.mu.Lock()
				conn := f.conn
				f.mu.Unlock()
				_, _ = conn.Write([]byte(tt.sent)) // some of it is not read any more
				n.want(t, "then", "not fresh: "+tt.why)
				pass(time.Second)
				n.want(t, "a second later", "everything", "fresh")
			})
		})
	}
}

func TestTrackEnds(t *testing.T) {
	f := newFakeRedis()
	following(t, []djangocache.RedisEndpoint{f.server()}, func(t *testing.T, n *notes) {
		for range 3 {
			n.want(t, "at first", "everything", "fresh")
			if err := f.conn.Close(); err != nil {
				t.Error(err)
			}
			n.want(t, "closed", "not fresh: listening to Redis at redis:6379: unexpected EOF")
			pass(200 * time.Millisecond)
		}
		n.want(t, "at last", "everything", "fresh")
	})
}

// A server that does not answer tells nothing, or what was long ago.
func TestTrackWantsAnswers(t *testing.T) {
	for _, told := range []bool{false, true} {
		f := newFakeRedis()
		following(t, []djangocache.RedisEndpoint{f.server()}, func(t *testing.T, n *notes) {
			n.want(t, "at first", "everything", "fresh")
			f.set(func() { f.answers["CLIENT TRACKINGINFO"] = "" })
			for range 19 {
				pass(100 * time.Millisecond)
				if told {
					f.send(t, push("p:one"))
				}
			}
			if said := n.take(); slices.ContainsFunc(said, func(s string) bool { return s != "heard one" }) {
				t.Errorf("within 1.9 s: %q", said)
			}
			pass(100 * time.Millisecond)
			n.want(t, "after two seconds", "not fresh: listening to Redis at redis:6379: read pipe: i/o timeout")
			f.set(func() { f.answers["CLIENT TRACKINGINFO"] = infoOn })
			pass(10 * time.Second)
			if said := n.take(); !slices.Equal(said[len(said)-2:], []string{"everything", "fresh"}) {
				t.Errorf("when it answers again: %q", said)
			}
		})
	}
}

// Of swapped databases a server tells nobody, and counts them.
func TestTrackSwaps(t *testing.T) {
	f := newFakeRedis()
	following(t, []djangocache.RedisEndpoint{f.server()}, func(t *testing.T, n *notes) {
		n.want(t, "at first", "everything", "fresh")
		for _, line := range []string{"cmdstat_swapdb:calls=1,usec=9\r\n", "cmdstat_swapdb:calls=2,usec=18\r\n", ""} {
			f.set(func() { f.answers["INFO"] = statistics(line) })
			pass(2 * time.Second)
			n.want(t, "swapped, or counted anew", "not fresh: listening to Redis at redis:6379: "+errSwapped.Error(), "everything", "fresh")
		}
		pass(time.Hour)
		n.want(t, "nothing")
		f.set(func() { f.answers["INFO"], f.commands = "-NOPERM this user\r\n", nil })
		pass(time.Hour)
		n.want(t, "who may not ask")
		if asked := slices.Index(f.commands, "INFO commandstats"); slices.Contains(f.commands[asked+1:], "INFO commandstats") {
			t.Error("asked again after a refusal")
		}
	})
}

// TestTrackConfirms: each check of all servers confirms what is from before the earliest of them began.
func TestTrackConfirms(t *testing.T) {
	one, two := newFakeRedis(), newFakeRedis()
	following(t, []djangocache.RedisEndpoint{one.server(), two.server()}, func(t *testing.T, n *notes) {
		start := time.Now()
		want := func(what string, until time.Duration) {
			t.Helper()
			if got := n.confirmedUntil().Sub(start); got != until {
				t.Errorf("%s: confirmed until %v, want %v", what, got, until)
			}
		}
		pass(time.Millisecond)
		want("at first", 0)
		pass(time.Second)
		want("a second later", time.Second)
		two.set(func() { two.answers["CLIENT TRACKINGINFO"] = "" })
		pass(1900 * time.Millisecond)
		want("when one is silent", time.Second)
		pass(time.Second)
		want("when it has been given up", time.Second)
		two.set(func() { two.answers["CLIENT TRACKINGINFO"] = infoOn })
		pass(10*time.Second - time.Since(start))
		if age := time.Since(n.confirmedUntil()); age > 2*time.Second {
			t.Errorf("confirmed %v ago", age)
		}
	})
}

// What a server refuses is reported once, without a secret, and seldom tried again.
func TestTrackIsRefused(t *testing.T) {
	const asking, tooOld = "not fresh: asking Redis at redis:6379 to tell of changes: ",
		": it takes Redis 6.2 or newer or Valkey, and no proxy that does not know the command"
	for name, tt := range map[string]struct{ command, answer, why string }{
		"an old server": {
			"HELLO", "-ERR unknown command `HELLO`, with args beginning with: `3`, `sesame`\r\n", "HELLO is answered by ERR" + tooOld,
		},
		"a clone":          {"CLIENT TRACKING", "-ERR syntax error\r\n", "CLIENT TRACKING is answered by ERR" + tooOld},
		"one of 6.0":       {"CLIENT TRACKINGINFO", "-ERR Unknown subcommand\r\n", "CLIENT TRACKINGINFO is answered by ERR" + tooOld},
		"RESP2 alone":      {"HELLO", "-NOPROTO unsupported\r\n", "HELLO is answered by NOPROTO" + tooOld},
		"a wrong password": {"AUTH", "-WRONGPASS sesame\r\n", "AUTH is answered by WRONGPASS: the user or the password is wrong"},
		"no users":         {"AUTH", "-ERR wrong number of arguments\r\n", "AUTH is answered by ERR"},
		"a strange word":   {"AUTH", "-sesame\r\n", "AUTH is answered by ERR"},
		"no rights": {
			"CLIENT TRACKING", "-NOPERM this user\r\n",
			"CLIENT TRACKING is answered by NOPERM: the user needs the rights +client|tracking and +client|trackinginfo",
		},
		"off":     {"CLIENT TRACKINGINFO", infoOff, errNotOn.Error()},
		"no info": {"CLIENT TRACKINGINFO", "+OK\r\n", errNotOn.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeRedis()
			right := f.answers[tt.command]
			f.answers[tt.command] = tt.answer
			following(t, []djangocache.RedisEndpoint{f.server()}, func(t *testing.T, n *notes) {
				n.want(t, "at first", asking+tt.why)
				pass(time.Hour + time.Second)
				n.want(t, "an hour later")
				if f.dials != 61 {
					t.Errorf("%d attempts in an hour", f.dials)
				}
				f.set(func() { f.answers[tt.command] = right })
				pass(time.Minute)
				n.want(t, "when it is allowed", "everything", "fresh")
				f.set(func() { f.answers["CLIENT TRACKINGINFO"] = infoOff })
				pass(time.Second)
				n.want(t, "when tracking is off", "not fresh: listening to Redis at redis:6379: "+errNotOn.Error())
			})
		})
	}
}

func TestTrackTriesAgain(t *testing.T) {
	f := newFakeRedis()
	f.dialErr = errors.New("dial from port 1: refused")
	following(t, []djangocache.RedisEndpoint{f.server()}, func(t *testing.T, n *notes) {
		n.want(t, "at first", "not fresh: connecting to Redis at redis:6379: dial from port 1: refused")
		f.set(func() { f.dialErr = errors.New("dial from port 2: refused") })
		pass(61 * time.Second)
		n.want(t, "a minute later")
		if f.dials < 15 || f.dials > 25 {
			t.Errorf("%d attempts in a minute", f.dials)
		}
		f.set(func() { f.dialErr, f.answers["HELLO"] = nil, "-LOADING the data\r\n" })
		pass(5 * time.Second)
		n.want(t, "while it starts", "not fresh: asking Redis at redis:6379 to tell of changes: HELLO is answered by LOADING")
		f.set(func() { f.answers["HELLO"] = "%0\r\n" })
		pass(5 * time.Second)
		n.want(t, "when it has", "everything", "fresh")
	})
}

// A cache is fresh when all servers tell that are read from.
func TestTrackSeveralServers(t *testing.T) {
	one, two := newFakeRedis(), newFakeRedis()
	two.answers["HELLO"] = "-LOADING the data\r\n"
	following(t, []djangocache.RedisEndpoint{one.server(), two.server()}, func(t *testing.T, n *notes) {
		n.want(t, "at first", "not fresh: asking Redis at redis:6379 to tell of changes: HELLO is answered by LOADING")
		one.send(t, push("p:one"))
		n.want(t, "one alone tells", "heard one")
		two.set(func() { two.answers["HELLO"] = "%0\r\n" })
		pass(5 * time.Second)
		n.want(t, "both", "everything", "fresh")
		two.send(t, push("p:two"))
		n.want(t, "the other one tells", "heard two")
		one.set(func() { one.dialErr = errors.New("refused") })
		if err := one.conn.Close(); err != nil {
			t.Error(err)
		}
		n.want(t, "one has gone", "not fresh: listening to Redis at redis:6379: unexpected EOF")
		pass(time.Minute)
		n.want(t, "and does not come back", "not fresh: connecting to Redis at redis:6379: refused")
		one.set(func() { one.dialErr = nil })
		pass(5 * time.Second)
		n.want(t, "it is back", "everything", "fresh")
	})
}

// The one that tells must be the one that is read from.
func TestTrackMoves(t *testing.T) {
	const one = time.Second
	for _, look := range []time.Duration{one, 30 * one} {
		f := newFakeRedis()
		s := f.server()
		s.Look = look
		following(t, []djangocache.RedisEndpoint{s}, func(t *testing.T, n *notes) {
			n.want(t, "at first", "everything", "fresh")
			pass(60 * one)
			n.want(t, "as long as it is the same")
			if want := 2 + int(60*one/look); f.dials != want {
				t.Errorf("%d connections in a minute, want %d", f.dials, want)
			}
			f.set(func() { f.addr = "there" })
			pass(look)
			n.want(t, "another one", "not fresh: looking for Redis at redis:6379: it is another server now")
			pass(one)
			n.want(t, "with the other one", "everything", "fresh")
			f.set(func() { f.dialErr = djangocache.ErrNoService })
			pass(look + one)
			n.want(t, "unknown", "not fresh: connecting to Redis at redis:6379 once more: the Sentinels know no such service")
			pass(60 * one)
			n.want(t, "still unknown", "not fresh: connecting to Redis at redis:6379: the Sentinels know no such service")
		})
	}
}

// The end of Track is the end of freshness, and of connections.
func TestTrackEndsWithContext(t *testing.T) {
	f := newFakeRedis()
	n := &notes{}
	following(t, []djangocache.RedisEndpoint{f.server()}, func(t *testing.T, told *notes) {
		told.want(t, "at first", "everything", "fresh")
		n = told
	})
	if diff := cmp.Diff([]string{"not fresh: context canceled"}, n.said); diff != "" {
		t.Error(diff)
	}
}

func TestTrackCannot(t *testing.T) {
	n := &notes{}
	for url, want := range map[string]string{
		"memcached://localhost":              "only Redis tells",
		"file://" + t.TempDir():              "only Redis tells",
		"redis://localhost:1?cluster=true":   "changes in a Redis cluster",
		"redis://localhost:1":                "", // it would try
		"redis://a:1,redis://b:2,unix:///c":  "",
		"redis://service/0?sentinels=host:1": "",
	} {
		c, err := djangocache.Open(url, djangocache.Options{Timeout: time.Second, Conns: 1})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := Track(ctx, c, n.tracking()); !strings.HasPrefix(fmt.Sprint(err), want) || want == "" && err != nil {
			t.Errorf("%s: %v", url, err)
		}
		if err := Track(ctx, c, Tracking{}); err == nil {
			t.Errorf("%s: without a prefix there is no error", url)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	if len(n.said) > 0 {
		t.Errorf("%q", n.said)
	}
}
