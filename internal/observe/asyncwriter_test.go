package observe_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"django-sidecar/djangosession"
	"django-sidecar/internal/keyhash"
	"django-sidecar/internal/observe"
)

// slow is a log that takes nothing until it is told to.
type slow struct {
	mu      sync.Mutex
	b       bytes.Buffer
	allowed chan struct{}
	writes  int
}

func (s *slow) Write(p []byte) (int, error) {
	<-s.allowed
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	return s.b.Write(p)
}

func TestLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &slow{allowed: make(chan struct{})}
		l := observe.NewAsyncWriter(w, 10)
		l.Offer([]byte("first\n"))
		<-time.After(time.Second) // it is being written
		l.Offer([]byte("22222\n"))
		l.Offer([]byte("333\n"))
		l.Offer([]byte("4\n")) // no room
		l.Offer([]byte("longer than all the room\n"))
		if n := l.Dropped(); n != 2 {
			t.Errorf("%d dropped, want 2", n)
		}
		waited := false
		go func() {
			fmt.Fprintf(l, "a failure, longer than all the room\n")
			waited = true
		}()
		synctest.Wait()
		if waited {
			t.Error("a failure did not wait for room")
		}
		w.allowed <- struct{}{}
		synctest.Wait()
		if !waited {
			t.Error("a failure waits although there is room")
		}
		close(w.allowed)
		l.Close()
		fmt.Fprintln(l, "after the end")
		l.Offer([]byte("dropped\n"))
		want := "first\n22222\n333\na failure, longer than all the room\nafter the end\n"
		if diff := cmp.Diff(want, w.b.String()); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
		if w.writes != 4 || l.Dropped() != 3 {
			t.Errorf("%d writes, want 4 with what came together; %d dropped, want 3", w.writes, l.Dropped())
		}
	})
}

// What many write at once are whole lines, and all of them.
func TestLinesOfMany(t *testing.T) {
	var b bytes.Buffer
	l := observe.NewAsyncWriter(&b, 100)
	var running sync.WaitGroup
	for i := range 20 {
		running.Go(func() {
			for range 100 {
				fmt.Fprintf(l, "%s\n", strings.Repeat(string(rune('a'+i)), 30))
			}
		})
	}
	running.Wait()
	l.Close()
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	for _, line := range lines {
		if len(line) != 30 || strings.Trim(line, line[:1]) != "" {
			t.Fatalf("a line is torn: %q", line)
		}
	}
	if len(lines) != 2000 || l.Dropped() != 0 {
		t.Errorf("%d lines, %d dropped", len(lines), l.Dropped())
	}
}

// TestLogHandler: what the handler writes of an event is what slog's own handlers would.
func TestLogHandler(t *testing.T) {
	at := time.Date(2026, 11, 23, 7, 35, 33, 120_000_789, time.FixedZone("", -90*60))
	for _, e := range []*observe.Event{
		{},
		{Method: "GET", Path: "/authenticate", Status: 200, Took: 1234567, Remote: "192.0.2.1", Outcome: "alive", UserID: "42", Session: keyhash.Of("abc")},
		{Method: "M\"\x00", Path: "/é\xff<&>\u2028 \\", Status: 401, Took: time.Hour + 1000, Remote: "::1", Outcome: "ended", Reason: djangosession.Expired},
		{Method: "GET", Path: "/auth/nginx", Status: 503, Outcome: "unavailable", Decision: "x", Err: errors.New("down\n\"now\""), Stack: "a\n\tb"},
		{Status: 500, Took: -time.Second},
		{Status: 401, CookieLines: 2, Outcome: "ended", Reason: djangosession.NoCookie},
	} {
		e.At = at
		for _, text := range []bool{false, true} {
			var got, want bytes.Buffer
			lines := observe.NewAsyncWriter(&got, 1<<20)
			handler := observe.NewLogHandler(lines, text, slog.LevelInfo)
			e.Write(t.Context(), slog.New(handler))
			lines.Close()
			var plain slog.Handler = slog.NewJSONHandler(&want, nil)
			if text {
				plain = slog.NewTextHandler(&want, nil)
			}
			e.Write(t.Context(), slog.New(clocked{plain, at}))
			if diff := cmp.Diff(parsed(t, want.String(), text), parsed(t, got.String(), text)); diff != "" {
				t.Errorf("%+v: -want +got\n%s", e, diff)
			}
		}
	}
}

// clocked is a handler with a clock of its own.
type clocked struct {
	slog.Handler
	at time.Time
}

func (c clocked) Handle(ctx context.Context, r slog.Record) error {
	r.Time = c.at
	return c.Handler.Handle(ctx, r)
}

// parsed are the members of a line of JSON in their order; a text stays as it is.
func parsed(t *testing.T, line string, text bool) []any {
	t.Helper()
	if text {
		return []any{line}
	}
	var all []any
	for d := json.NewDecoder(strings.NewReader(line)); ; {
		token, err := d.Token()
		if err != nil {
			if len(all) < 4 || !strings.HasSuffix(line, "}\n") {
				t.Errorf("no line of JSON: %q", line)
			}
			return all
		}
		all = append(all, token)
	}
}

// Events of requests are dropped where the log is slow; failures, and what else is logged, are not. Levels hold for both.
func TestLogHandlerDrops(t *testing.T) {
	for _, text := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := &slow{allowed: make(chan struct{})}
			lines := observe.NewAsyncWriter(w, 300)
			level := new(slog.LevelVar)
			handler := observe.NewLogHandler(lines, text, level)
			logger := slog.New(handler)
			for range 100 {
				(&observe.Event{Status: 200, Method: "GET", Path: "/authenticate"}).Write(t.Context(), logger)
			}
			synctest.Wait()
			if n := handler.Dropped(); n < 90 || n > 98 {
				t.Errorf("%d of 100 dropped", n)
			}
			close(w.allowed)
			level.Set(slog.LevelWarn)
			(&observe.Event{Status: 404, Path: "/quiet"}).Write(t.Context(), logger)
			for range 10 {
				(&observe.Event{Status: 500, Path: "/failure"}).Write(t.Context(), logger)
				logger.Warn("a warning")
			}
			lines.Close()
			got := w.b.String()
			if n := strings.Count(got, "/failure"); n != 10 || strings.Count(got, "a warning") != 10 || strings.Contains(got, "/quiet") {
				t.Errorf("%d failures: %s", n, got)
			}
		})
	}
}
