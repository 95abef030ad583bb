package breaker_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/breaker"
	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/observe"
)

// server is a store of each kind. It answers as told.
type server struct {
	mu     sync.Mutex
	asked  int
	answer func(ctx context.Context) error
}

func (s *server) ask(ctx context.Context) error {
	s.mu.Lock()
	s.asked++
	answer := s.answer
	s.mu.Unlock()
	return answer(ctx)
}

// behave has the server answer so what is asked from now on.
func (s *server) behave(answer func(ctx context.Context) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

// recover has it answer at once.
func (s *server) recover() { s.behave(func(context.Context) error { return nil }) }

// count is how often it has been asked.
func (s *server) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func (s *server) Load(ctx context.Context, _ string) (*djangosession.Session, error) {
	return nil, s.ask(ctx)
}

func (s *server) UserByID(ctx context.Context, _ djangosession.Value) (*djangosession.StoredUser, error) {
	return nil, s.ask(ctx)
}

func (s *server) AccessOf(ctx context.Context, _ string) (djangosession.Access, error) {
	return djangosession.Access{}, s.ask(ctx)
}

func (s *server) Get(ctx context.Context, _ string) ([]byte, time.Time, error) {
	return nil, time.Time{}, s.ask(ctx)
}

func (s *server) SetPassword(ctx context.Context, _, _, _ string) (bool, error) {
	return false, s.ask(ctx)
}

func (s *server) SetLastLogin(ctx context.Context, _ string, _ time.Time) error { return s.ask(ctx) }

func silent(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

const (
	timeout  = 2 * time.Second
	pause    = 250 * time.Millisecond
	patience = 100 * time.Millisecond // of those who ask a silent server
)

// questions are the ways in which a Breaker's server is asked. Each takes at most the timeout.
func questions(s *server, b *breaker.Breaker) []func() error {
	watch := observe.Watch{Now: time.Now, Breaker: b}
	bounded := func(ask func(context.Context) error) func() error {
		return func() error {
			ctx, cancel := context.WithTimeout(context.Background(), timeout)
			defer cancel()
			return ask(ctx)
		}
	}
	return []func() error{
		bounded(func(ctx context.Context) error {
			_, err := (&observe.Sessions{Store: s, Watch: watch}).Load(ctx, "")
			return err
		}),
		bounded(func(ctx context.Context) error {
			_, err := (&observe.Users{Store: s, Watch: watch}).UserByID(ctx, djangosession.Value{})
			return err
		}),
		bounded(func(ctx context.Context) error {
			_, err := (&observe.Accesses{Store: s, Watch: watch}).AccessOf(ctx, "")
			return err
		}),
		bounded(func(ctx context.Context) error {
			_, err := breaker.Ask(ctx, b, func(ctx context.Context) ([]byte, error) {
				value, _, err := s.Get(ctx, "")
				return value, err
			})
			return err
		}),
	}
}

// Whoever asks a silent server waits for it at first. Then nobody does for long; and as soon as one is answered, all are.
func TestSilentServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []bool
		s := &server{answer: silent}
		ways := questions(s, breaker.New("user table", time.Now, func(open bool) { told = append(told, open) }, new(sync.WaitGroup)))
		ask := func(i int) (time.Duration, error) {
			began := time.Now()
			err := ways[i%len(ways)]()
			return time.Since(began), err
		}
		for i := range 5 {
			if took, err := ask(i); took != timeout || !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, breaker.ErrOpen) {
				t.Errorf("question %d: %v after %v", i, err, took)
			}
		}
		for i := range len(ways) {
			took, err := ask(i)
			if took != 0 || !errors.Is(err, breaker.ErrOpen) || djangosession.IsAnswer(err) {
				t.Errorf("%d of a silent server: %v after %v", i, err, took)
			}
		}
		if s.asked != 5 {
			t.Errorf("asked %d times", s.asked)
		}
		<-time.After(251 * time.Millisecond)
		hanging := make(chan error)
		go func() { _, err := ask(0); hanging <- err }()
		synctest.Wait()
		if took, err := ask(1); took != 0 || !errors.Is(err, breaker.ErrOpen) || s.count() != 6 {
			t.Errorf("beside the one that is put: %v after %v, asked %d times", err, took, s.count())
		}
		before := time.Now()
		if err := <-hanging; !errors.Is(err, breaker.ErrOpen) || time.Since(before) != patience {
			t.Errorf("the one that was put into silence: %v, after %v", err, time.Since(before))
		}
		s.recover() // and what hangs goes on hanging
		<-time.After(251 * time.Millisecond)
		for i := range ways {
			if took, err := ask(i); err != nil || took != 0 {
				t.Errorf("%d of a server that answers again: %v after %v", i, err, took)
			}
		}
		<-time.After(timeout) // the one that was put into silence ends too, and changes nothing
		if err := ways[0](); err != nil || !slices.Equal(told, []bool{true, false}) {
			t.Errorf("at last: %v, told %v", err, told)
		}
	})
}

// A wall clock that is set leaves an open Breaker with its question four times a second.
func TestWallClockIsSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, by := range []time.Duration{5 * time.Hour, -5 * time.Hour} {
			var clock djangotest.WallClock
			s := &server{answer: silent}
			ask := questions(s, breaker.New("user table", clock.Now, func(bool) {}, new(sync.WaitGroup)))[0]
			for range 5 {
				_ = ask()
			}
			clock.Jump(by)
			if err := ask(); !errors.Is(err, breaker.ErrOpen) {
				t.Errorf("set by %v: it was asked at once: %v", by, err)
			}
			<-time.After(250 * time.Millisecond)
			s.recover()
			if err := ask(); errors.Is(err, breaker.ErrOpen) {
				t.Errorf("set by %v: it was not asked after a quarter of a second", by)
			}
		}
	})
}

// What is no silence never opens a Breaker: an answer of any kind, a failure at once, a panic.
func TestWhatIsNoSilence(t *testing.T) {
	for name, answer := range map[string]func(int) error{
		"not found":    func(int) error { return djangosession.ErrNotFound },
		"no such user": func(int) error { return djangosession.ErrUserNotFound },
		"refused":      func(int) error { return errors.New("connection refused") },
		"one in five is answered": func(n int) error {
			if n%5 == 0 {
				return nil
			}
			return os.ErrDeadlineExceeded
		},
	} {
		n := 0
		s := &server{answer: func(context.Context) error { n++; return answer(n) }}
		ways := questions(s, breaker.New("user table", time.Now, func(bool) { t.Errorf("%s opens it", name) }, new(sync.WaitGroup)))
		for i := range 40 {
			if err := ways[i%len(ways)](); errors.Is(err, breaker.ErrOpen) {
				t.Errorf("%s: question %d was not put", name, i)
			}
		}
	}
	s := &server{answer: func(context.Context) error { panic("a panic of the test") }}
	ways := questions(s, breaker.New("user table", time.Now, func(bool) {}, new(sync.WaitGroup)))
	for i := range 10 {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("panic %d was swallowed", i)
				}
			}()
			_ = ways[i%len(ways)]() // it panics
		}()
	}
	if s.asked != 10 {
		t.Errorf("asked %d times, want 10", s.asked)
	}
}

// That there are no tables of permissions is an answer too, and closes a Breaker.
func TestNoTablesAreAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{answer: silent}
		ask := questions(s, breaker.New("permission tables", time.Now, func(bool) {}, new(sync.WaitGroup)))[2]
		for range 5 {
			if err := ask(); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		}
		s.answer = func(context.Context) error { return djangosession.ErrNoPermissionsMixin }
		<-time.After(251 * time.Millisecond)
		for range 3 {
			if err := ask(); !errors.Is(err, djangosession.ErrNoPermissionsMixin) {
				t.Errorf("got %v", err)
			}
		}
	})
}

// Questions that hang since before the last answer do not open a Breaker, however many end at the same moment.
func TestQuestionsThatHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{answer: silent}
		ways := questions(s, breaker.New("user table", time.Now, func(bool) { t.Error("it opened") }, new(sync.WaitGroup)))
		hanging := make(chan error)
		for i := range 20 {
			go func() { hanging <- ways[i%len(ways)]() }()
		}
		<-time.After(timeout/2 + time.Millisecond)
		s.recover()
		if err := ways[0](); err != nil {
			t.Error(err)
		}
		for range 20 {
			if err := <-hanging; !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		}
		if err := ways[0](); err != nil {
			t.Error(err)
		}
	})
}

// A network's timeout is silence too, whatever the context says: a driver has deadlines of its own.
func TestTimeoutsOfTheNetwork(t *testing.T) {
	s := &server{answer: func(context.Context) error { return os.ErrDeadlineExceeded }}
	ways := questions(s, breaker.New("user table", time.Now, func(bool) {}, new(sync.WaitGroup)))
	for range 5 {
		if err := ways[0](); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
	}
	if err := ways[0](); !errors.Is(err, breaker.ErrOpen) {
		t.Errorf("after five: %v", err)
	}
}

// Without a Breaker every question is put.
func TestNoBreaker(t *testing.T) {
	s := &server{answer: func(context.Context) error { return os.ErrDeadlineExceeded }}
	for _, ask := range slices.Repeat(questions(s, nil), 3) {
		if err := ask(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
	}
}

// TestClientsThatHangUp: that a client has gone says nothing of a server, however often.
func TestClientsThatHangUp(t *testing.T) {
	t.Parallel()
	s := &server{answer: silent}
	b := breaker.New("user table", time.Now, func(open bool) { t.Errorf("open: %v", open) }, new(sync.WaitGroup))
	gone, hangUp := context.WithCancel(t.Context())
	hangUp()
	users := &observe.Users{Store: s, Watch: observe.Watch{Now: time.Now, Breaker: b}}
	for i := range 10 {
		if _, err := users.UserByID(gone, djangosession.Value{}); !errors.Is(err, context.Canceled) {
			t.Errorf("question %d: %v", i, err)
		}
	}
	s.recover()
	if _, err := users.UserByID(t.Context(), djangosession.Value{}); err != nil {
		t.Errorf("who has not hung up: %v", err)
	}
}
