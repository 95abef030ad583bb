package dbstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var (
	errAbsent = errors.New("absent")
	errDown   = errors.New("the database is down")
)

// refusal is the error of a text that the database cannot hold.
type refusal struct{ error }

func (refusal) SQLState() string { return "22021" }

// table is a queue on a database whose every query takes a second.
type table struct {
	lookupQueue[string]

	mu      sync.Mutex
	running int      // queries that run now
	most    int      // and that have run at once
	queries []string // the keys of each query
	spell   func(key string) string
	fail    func(keys []string) error
}

func newTable(batcher *Batcher) *table {
	tb := &table{spell: func(key string) string { return key }, fail: func([]string) error { return nil }}
	tb.lookupQueue = lookupQueue[string]{batcher: batcher, absent: errAbsent, one: func(ctx context.Context, key string) (string, error) {
		result, err := "", errAbsent
		if failure := tb.query(ctx, []string{key}, func(_, r string) { result, err = r, nil }); failure != nil {
			return "", failure
		}
		return result, err
	}, many: tb.query}
	return tb
}

// query finds every key that does not begin with "no".
func (tb *table) query(ctx context.Context, keys []string, found func(key, r string)) error {
	tb.mu.Lock()
	tb.queries = append(tb.queries, strings.Join(keys, " "))
	tb.running++
	tb.most = max(tb.most, tb.running)
	tb.mu.Unlock()
	defer func() {
		tb.mu.Lock()
		tb.running--
		tb.mu.Unlock()
	}()
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := tb.fail(keys); err != nil {
		return err
	}
	for _, key := range keys {
		if !strings.HasPrefix(key, "no") {
			found(tb.spell(key), "row of "+key)
		}
	}
	return nil
}

// now counts the queries that run.
func (tb *table) now() int {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	return tb.running
}

// answer is what find says, in words.
func (tb *table) answer(ctx context.Context, key string) string {
	r, err := tb.find(ctx, key)
	if err != nil {
		return err.Error()
	}
	return r
}

// askAll asks for all keys at once, the first of which occupies the only connection.
func (tb *table) askAll(ctx context.Context, keys ...string) []string {
	answers := make([]string, len(keys))
	var running sync.WaitGroup
	running.Go(func() { tb.answer(ctx, "first") })
	synctest.Wait()
	for i, key := range keys {
		running.Go(func() { answers[i] = tb.answer(ctx, key) })
	}
	running.Wait()
	return answers
}

func TestLookupsJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tb := newTable(NewBatcher(1))
		got := tb.askAll(t.Context(), "b", "nobody", "a", "b", "é", `"`, "NULL", strings.Repeat("x", 65))
		want := []string{"row of b", "absent", "row of a", "row of b", "row of é", `row of "`, "row of NULL", "row of " + strings.Repeat("x", 65)}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		slices.Sort(tb.queries)
		if want := []string{`"`, "NULL a b nobody", "first", strings.Repeat("x", 65), "é"}; !slices.Equal(tb.queries, want) {
			t.Errorf("the queries were for %q, want %q", tb.queries, want)
		}
	})
}

// What is asked on one processor by all who can run is one query, although a connection is idle.
func TestLookupsOfOneMomentJoin(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	synctest.Test(t, func(t *testing.T) {
		tb := newTable(NewBatcher(4))
		var running sync.WaitGroup
		for i := range 20 {
			running.Go(func() { tb.answer(t.Context(), fmt.Sprint("key", i)) })
		}
		running.Wait()
		if len(tb.queries) > 4 || tb.most > 4 {
			t.Errorf("%d queries for 20 lookups, %d at once", len(tb.queries), tb.most)
		}
	})
}

// The sessions and the users of one database are asked for at once, if the first answer does not come soon.
func TestLookupsUseEveryConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		batcher := NewBatcher(2)
		a, b := newTable(batcher), newTable(batcher)
		var running sync.WaitGroup
		start := time.Now()
		for i, tb := range []*table{a, b, a, b, a, b} {
			running.Go(func() { tb.answer(t.Context(), fmt.Sprint("key", i)) })
			synctest.Wait()
			switch i {
			case 0:
				if a.now() != 1 {
					t.Error("nothing is asked, and the first lookup waits")
				}
			case 1:
				if b.now() != 0 {
					t.Error("an answer may come soon, and nobody waits for it")
				}
				<-time.After(soon)
				synctest.Wait()
				if a.now() != 1 || b.now() != 1 {
					t.Error("an answer has not come soon, and an idle connection is not used")
				}
			}
		}
		running.Wait()
		synctest.Wait()
		if took := time.Since(start); took != 2*time.Second+soon {
			t.Errorf("it took %s, want the time of two queries on each connection", took)
		}
		if got, want := fmt.Sprint(a.queries, b.queries), "[key0 key2 key4] [key1 key3 key5]"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if batcher.idle != 2 || len(batcher.ready) != 0 || a.waiting != nil {
			t.Errorf("%d connections are idle at the end, want 2", batcher.idle)
		}
	})
}

// lateUntilUsed counts how often an answer is late until another connection is used, while this processor is busy so many times.
func lateUntilUsed(t *testing.T, busy int) (late int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		batcher := NewBatcher(2)
		tb := newTable(batcher)
		var running sync.WaitGroup
		ask := func(key string) { running.Go(func() { tb.answer(t.Context(), key) }) }
		for _, key := range []string{"first", "second"} {
			ask(key)
			synctest.Wait()
		}
		for ; tb.now() < 2 && late <= 2*maxExtensions; late++ {
			if late < busy {
				ask(fmt.Sprint("key", late)) // on one processor it runs when this goroutine lets it
			}
			batcher.onTimeout()
			synctest.Wait()
		}
		running.Wait()
	})
	return late
}

// An answer that is late because this processor is busy asking is waited for again, and not for ever.
func TestLookupsWaitForABusyProcessor(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const times = 30
	again := 0
	for range times {
		if late := lateUntilUsed(t, 0); late != 1 {
			t.Fatalf("another connection is used after %d late answers of a processor that does nothing", late)
		}
		if late := lateUntilUsed(t, 2*maxExtensions); late > maxExtensions+1 {
			t.Fatalf("another connection is used after %d late answers, want it after %d at most", late, maxExtensions+1)
		}
		for range rand.IntN(100) { // one time in 61 the scheduler goes on with who has just yielded to others: not always the same
			runtime.Gosched()
		}
		if lateUntilUsed(t, 1) == 2 {
			again++
		}
	}
	if again < times*2/3 {
		t.Errorf("a busy processor was waited for %d times of %d", again, times)
	}
}

// A connection that gets no answer holds up nobody for longer than soon, however many lookups there are.
func TestLookupsPassAStalledConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tb := newTable(NewBatcher(3))
		answer := make(chan struct{})
		tb.fail = func(keys []string) error {
			if keys[0] == "stalled" {
				<-answer
			}
			return nil
		}
		var running sync.WaitGroup
		running.Go(func() { tb.answer(t.Context(), "stalled") })
		synctest.Wait()
		for i := range 2 * maxBatch {
			running.Go(func() {
				start := time.Now()
				tb.answer(t.Context(), fmt.Sprint("key", i))
				if took := time.Since(start); took > time.Second+2*soon {
					t.Errorf("key %d took %s", i, took)
				}
			})
		}
		<-time.After(time.Minute)
		close(answer)
		running.Wait()
	})
}

// A query takes no more than maxBatch keys, and no lookup is left behind.
func TestManyLookups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tb := newTable(NewBatcher(1))
		var keys, want []string
		for i := range 2*maxBatch + 1 {
			keys = append(keys, fmt.Sprint("key", i))
			want = append(want, fmt.Sprint("row of key", i))
		}
		if got := tb.askAll(t.Context(), keys...); !slices.Equal(got, want) {
			t.Errorf("got %q", got)
		}
		if len(tb.queries) != 4 {
			t.Errorf("%d queries, want 4", len(tb.queries))
		}
	})
}

// A failure is its own query's.
func TestFailingLookups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tb := newTable(NewBatcher(1))
		tb.fail = func(keys []string) error {
			if slices.Contains(keys, "first") {
				return errDown
			}
			return nil
		}
		if got := tb.askAll(t.Context(), "a", "b"); got[0] != "row of a" || got[1] != "row of b" {
			t.Errorf("after a failure: %q", got)
		}
		tb.fail = func([]string) error { return errDown }
		if got := tb.askAll(t.Context(), "a", "b"); got[0] != errDown.Error() || got[1] != errDown.Error() {
			t.Errorf("got %q, want the failure", got)
		}
		// What a server refuses for one key's sake is asked again, key for key.
		tb.fail = func(keys []string) error {
			if slices.Contains(keys, "poison") {
				return refusal{errDown}
			}
			return nil
		}
		if got := tb.askAll(t.Context(), "a", "poison", "nobody"); !slices.Equal(got, []string{"row of a", errDown.Error(), "absent"}) {
			t.Errorf("beside a poisoned key: %q", got)
		}
		// A row under another spelling may be anybody's, so that absence is not known.
		tb.fail, tb.spell = func([]string) error { return nil }, strings.ToUpper
		tb.queries = nil
		if got := tb.askAll(t.Context(), "a", "nobody"); !slices.Equal(got, []string{"row of a", "absent"}) {
			t.Errorf("in another spelling: %q", got)
		}
		if len(tb.queries) != 4 {
			t.Errorf("in another spelling: queries for %q", tb.queries)
		}
	})
}

// Each lookup lasts as long as its own context, and a query as long as its most patient lookup.
func TestLookupsEndWithTheirContexts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tb := newTable(NewBatcher(1))
		var running sync.WaitGroup
		ask := func(ctx context.Context, key, want string, after time.Duration) {
			start := time.Now()
			running.Go(func() {
				if got := tb.answer(ctx, key); got != want || time.Since(start) != after {
					t.Errorf("%s: got %q after %s, want %q after %s", key, got, time.Since(start), want, after)
				}
			})
			synctest.Wait()
		}
		within := func(d time.Duration) context.Context {
			ctx, cancel := context.WithTimeout(t.Context(), d)
			t.Cleanup(cancel)
			return ctx
		}
		const enough = 2 * time.Second
		ask(within(500*time.Millisecond), "alone", context.DeadlineExceeded.Error(), 500*time.Millisecond)
		ask(within(enough), "patient", "row of patient", 1500*time.Millisecond)
		ask(within(time.Second), "impatient", context.DeadlineExceeded.Error(), time.Second)
		ask(t.Context(), "endless", "row of endless", 1500*time.Millisecond)
		ctx, cancel := context.WithCancel(t.Context())
		ask(ctx, "cancelled", context.Canceled.Error(), 0)
		cancel()
		running.Wait()
	})
}

// A panic comes out where the lookup was asked for, as without a queue, and the connection is used on.
func TestLookupPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tb := newTable(NewBatcher(1))
		tb.fail = func([]string) error { panic("the driver's") }
		func() {
			defer func() {
				if p := recover(); p != "the driver's" {
					t.Errorf("recovered %v", p)
				}
			}()
			tb.answer(t.Context(), "a")
		}()
		tb.fail = func([]string) error { return nil }
		if got := tb.answer(t.Context(), "a"); got != "row of a" {
			t.Errorf("after a panic: %q", got)
		}
	})
}
