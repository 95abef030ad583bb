package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
)

// rotating is a server, and the file that the URL is read from.
type rotating struct {
	mu           sync.Mutex
	server, file string // the password that each of them has
	asked        int    // how often the server was
	down         error
}

// set changes something while connections are opened.
func (s *rotating) set(change func(*rotating)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// opened is a connection that a password has opened.
type opened struct {
	driver.Conn

	password string
}

type withPassword struct {
	driver.Connector

	server   *rotating
	password string
}

func (c withPassword) Connect(context.Context) (driver.Conn, error) {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	c.server.asked++
	switch {
	case c.server.down != nil:
		return nil, c.server.down
	case c.password != c.server.server:
		return nil, &pq.Error{Code: pqerror.InvalidPassword}
	}
	return opened{password: c.password}, nil
}

func (s *rotating) connector() driver.Connector {
	o := Options{URLNow: func() (string, bool) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.file, s.file != ""
	}}
	return o.renew(s.file, withPassword{server: s, password: s.file}, func(url string) (driver.Connector, error) {
		if url == "nonsense" {
			return nil, errors.New("no URL")
		}
		return withPassword{server: s, password: url}, nil
	})
}

// connectWithin connects, and wants it to take no longer.
func connectWithin(t *testing.T, c driver.Connector, limit time.Duration) (string, error) {
	t.Helper()
	start := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	conn, err := c.Connect(ctx)
	if took := time.Since(start); took > limit {
		t.Errorf("it took %v", took)
	}
	if o, ok := conn.(opened); ok {
		return o.password, err
	}
	return "", err
}

func TestRenewedPasswords(t *testing.T) {
	for _, tt := range []struct {
		name  string
		later func(s *rotating) // what happens half a second after the refusal
		begin func(s *rotating) // and what before it
		want  string
		most  time.Duration
	}{
		{"the file is changed already", func(*rotating) {}, func(s *rotating) { s.server, s.file = "new", "new" }, "new", 0},
		{"the server first", func(s *rotating) { s.file = "new" }, func(s *rotating) { s.server = "new" }, "new", 700 * time.Millisecond},
		{"the file first", func(s *rotating) { s.server = "new" }, func(s *rotating) { s.file = "new" }, "new", 700 * time.Millisecond},
		{"the file first, and nobody knows", func(s *rotating) { s.server = "new" }, func(s *rotating) { s.file = "new"; s.server = "other" }, "new", 700 * time.Millisecond},
		{"taken back", func(s *rotating) { s.server = "old" }, func(s *rotating) { s.server = "new" }, "old", 700 * time.Millisecond},
		{"a file without a URL", func(s *rotating) { s.file = "new" }, func(s *rotating) { s.server, s.file = "new", "nonsense" }, "new", 700 * time.Millisecond},
		{"a file that is empty", func(s *rotating) { s.file = "new" }, func(s *rotating) { s.server, s.file = "new", "" }, "new", 700 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &rotating{server: "old", file: "old"}
				c := s.connector()
				if got, err := connectWithin(t, c, 0); got != "old" || err != nil {
					t.Fatalf("got %q, %v", got, err)
				}
				s.set(tt.begin)
				if tt.name == "the file first" {
					// A connection that does not know yet is opened with the old password.
					if got, err := connectWithin(t, c, 0); got != "old" || err != nil {
						t.Errorf("got %q, %v", got, err)
					}
					s.server = "nobody's"
				}
				go func() {
					<-time.After(500 * time.Millisecond)
					s.set(tt.later)
				}()
				if got, err := connectWithin(t, c, tt.most); got != tt.want || err != nil {
					t.Errorf("got %q, %v", got, err)
				}
				<-time.After(time.Second)
			})
		})
	}
}

// A password that stays wrong is waited for once, and not asked for often.
func TestWrongPasswords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &rotating{server: "old", file: "old"}
		c := s.connector()
		s.server = "new"
		for range 3 {
			if _, err := connectWithin(t, c, time.Second); !isRefusal(err) {
				t.Errorf("got %v", err)
			}
		}
		if s.asked > 30 {
			t.Errorf("the server was asked %d times", s.asked)
		}
		s.asked = 0
		for range 3 {
			if _, err := connectWithin(t, c, 0); !isRefusal(err) {
				t.Errorf("got %v", err)
			}
		}
		if s.asked != 3 {
			t.Errorf("the server was asked %d times", s.asked)
		}
		s.file = "new"
		if got, err := connectWithin(t, c, 0); got != "new" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
		s.server = "newer"
		if _, err := connectWithin(t, c, time.Second); !isRefusal(err) {
			t.Errorf("got %v", err)
		}
		s.down = errors.New("down")
		if _, err := connectWithin(t, c, 0); !errors.Is(err, s.down) {
			t.Errorf("got %v", err)
		}
	})
}

func TestRefusals(t *testing.T) {
	for err, want := range map[error]bool{
		&pq.Error{Code: "28P01"}: true, &pq.Error{Code: "28000"}: true, &pq.Error{Code: "3D000"}: false, &pq.Error{Code: "57P03"}: false,
		translateMySQL(&mysql.MySQLError{Number: 1045}): true, translateMySQL(&mysql.MySQLError{Number: 1698}): true,
		translateMySQL(&mysql.MySQLError{Number: 1040}): false, errors.New("refused"): false,
	} {
		if isRefusal(err) != want {
			t.Errorf("%v: got %v", err, !want)
		}
	}
}
