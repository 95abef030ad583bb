//go:build live

package database

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

// TestNotifications hears everything that is sent, at once, with and without TLS: whether it comes alone, before an
// answer, or right behind one.
func TestNotifications(t *testing.T) {
	plain := djangotest.Postgres(t)
	encrypted := tlsServer(t)
	for _, tt := range []struct {
		name, sslmode string
		server        *djangotest.PostgresServer
	}{{"plain", "disable", plain}, {"prefer, without TLS", "prefer", plain}, {"TLS", "require", encrypted.PostgresServer}} {
		t.Run(tt.name, func(t *testing.T) {
			db := tt.server.Database(t)
			options := Options{Timeout: liveTimeout, Conns: 1}
			address := strings.Replace(db.URL(), "sslmode=disable", "sslmode="+tt.sslmode, 1)
			l, err := NewSubscriber(address, options)
			if err != nil {
				t.Fatal(err)
			}
			var heard []string
			n, err := l.Connect(t.Context(), func(channel, payload string) { heard = append(heard, channel+" "+payload) })
			if err != nil {
				t.Fatal(err)
			}
			defer n.Close() //nolint:errcheck // the test has what it wants
			if err := n.Listen(t.Context(), `a "channel"`); err != nil {
				t.Fatal(err)
			}
			if encrypted, err := n.Ask(t.Context(), "SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()"); err != nil || encrypted != fmt.Sprint(tt.sslmode == "require") {
				t.Errorf("encrypted: %q, %v", encrypted, err)
			}
			sender := mustOpen(t, address, options)
			const total = 2000
			sent := make(chan error, 1)
			go func() {
				for i := range total {
					var nothing any
					if err := sender.QueryRowContext(t.Context(), "SELECT pg_notify($1, $2)", `a "channel"`, fmt.Sprint(i)).Scan(&nothing); err != nil {
						sent <- err
						return
					}
				}
				sent <- nil
			}()
			for len(heard) < total {
				// Whatever has been sent is seen by Wait: nothing hides until the next question.
				arrived, err := n.Wait(t.Context(), time.Now().Add(liveTimeout))
				if err != nil || !arrived {
					t.Fatalf("after %d of %d: %v, %v", len(heard), total, arrived, err)
				}
				if _, err := n.Ask(t.Context(), ";"); err != nil {
					t.Fatal(err)
				}
			}
			if err := <-sent; err != nil {
				t.Fatal(err)
			}
			want := make([]string, total)
			for i := range want {
				want[i] = fmt.Sprintf(`a "channel" %d`, i)
			}
			if !slices.Equal(heard, want) {
				t.Errorf("heard %d, and not in order", len(heard))
			}
			testEndOfWaiting(t, n)
		})
	}
}

func testEndOfWaiting(t *testing.T, n *Notifications) {
	t.Helper()
	if answer, err := n.Ask(t.Context(), "SELECT 'text', 2 UNION SELECT 'text', 3"); err != nil || answer != "text" {
		t.Errorf("got %q, %v", answer, err)
	}
	if _, err := n.Ask(t.Context(), "SELECT nonsense"); err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("got %v", err)
	}
	if arrived, err := n.Wait(t.Context(), time.Now().Add(10*time.Millisecond)); err != nil || arrived {
		t.Errorf("got %v, %v", arrived, err)
	}
	if _, err := n.Ask(t.Context(), ";"); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, err := n.Wait(ctx, time.Now().Add(time.Hour)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := n.Ask(t.Context(), ";"); err == nil {
		t.Error("an answer on a connection that was cut")
	}
}

// An answer that does not come ends with its context.
func TestNotificationsInABlackHole(t *testing.T) {
	server := djangotest.Postgres(t)
	db := server.Database(t)
	proxy := djangotest.NewFaultProxy(t, server.Addr())
	l, err := NewSubscriber(db.URLAt(proxy.Addr()), Options{Timeout: liveTimeout})
	if err != nil {
		t.Fatal(err)
	}
	n, err := l.Connect(t.Context(), func(string, string) {})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close() //nolint:errcheck // nobody is there
	proxy.SetMode(djangotest.BlackHole())
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := n.Ask(ctx, ";"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := l.Connect(ctx, func(string, string) {}); err == nil {
		t.Error("a connection out of a black hole")
	}
}
