package verdictcache_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/verdictcache"
)

// usersOf has n users, whose sessions are those of usualKeys in turn. A key that is not one of these opens nothing.
func usersOf(n int) verifierFunc {
	return func(_ context.Context, key string) (djangosession.Verdict, error) {
		i, err := strconv.Atoi(key)
		if err != nil {
			return djangosession.Verdict{Reason: djangosession.NotFound}, nil //nolint:nilerr // a session is not there
		}
		return djangosession.Verdict{User: &djangosession.User{ID: strconv.Itoa(i % n)}}, nil
	}
}

func TestEntriesAreBounded(t *testing.T) {
	for _, entries := range []int{1, 7, 100, 1000, 20_000} {
		t.Run(strconv.Itoa(entries), func(t *testing.T) {
			keys := usualKeys(3 * entries)
			c := newCache(t, verdictcache.Config{TTL: time.Hour, Entries: entries, Now: time.Now, Origin: usersOf(entries)})
			for i, key := range keys {
				verify(t, c, key)
				if _, ok := peek(c, key); !ok {
					t.Fatalf("what was asked for last, %d, is not kept", i)
				}
				if i%(entries/10+1) == 0 && c.Stats().Verdicts.Entries != min(i+1, entries) {
					t.Fatalf("of %d: %+v", i+1, c.Stats().Verdicts)
				}
			}
			kept := 0
			for _, key := range keys {
				if _, ok := peek(c, key); ok {
					kept++
				}
			}
			st := c.Stats().Verdicts
			if kept != entries || st.Entries != entries || st.Evictions != uint64(2*entries) {
				t.Errorf("%d are kept: %+v", kept, st)
			}
		})
	}
}

func TestBytesAreBounded(t *testing.T) {
	const bound = 200_000
	c := newCache(t, verdictcache.Config{TTL: time.Hour, Entries: 10_000, Bytes: bound, Now: time.Now, Origin: finding(
		func(_ context.Context, key string) (djangosession.Verdict, error) {
			i, _ := strconv.Atoi(key)
			name := strings.Repeat("x", i%7*1000)
			if i == 1500 {
				name = strings.Repeat("x", 70_000) // which is as good as an attack
			}
			return djangosession.Verdict{User: &djangosession.User{ID: key, Username: &name}}, nil
		})})
	for i, key := range usualKeys(2000) {
		verify(t, c, key)
		if _, ok := peek(c, key); ok == (i == 1500) {
			t.Errorf("%d is kept: %v", i, ok)
		}
		if n := c.Stats().Bytes; n > bound {
			t.Fatalf("%d bytes", n)
		}
	}
	if n := c.Stats().Bytes; n < bound*8/10 {
		t.Errorf("%d bytes of %d are made use of", n, bound)
	}
}

// TestClockSparesWhatIsUsed: who comes once displaces nobody who comes again.
func TestClockSparesWhatIsUsed(t *testing.T) {
	const entries = 1000
	c := newCache(t, verdictcache.Config{TTL: time.Hour, Entries: entries, Now: time.Now, Origin: usersOf(1_000_000)})
	keys := usualKeys(10 * entries)
	regulars := keys[:entries/4]
	missed := 0
	for i, key := range keys {
		verify(t, c, key)
		if i%10 == 0 {
			for _, r := range regulars {
				if _, ok := peek(c, r); !ok {
					missed++
					verify(t, c, r)
				}
			}
		}
	}
	if missed > entries/2 { // all of them at first, before they have been asked for
		t.Errorf("the regulars were missed %d times", missed)
	}
}

// TestOldOnesGoFirst, however much they had been asked for.
func TestOldOnesGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t, verdictcache.Config{TTL: time.Minute, Entries: 100, Now: time.Now, Origin: usersOf(1000)})
		keys := usualKeys(150)
		for _, key := range keys[:50] {
			verify(t, c, key)
			peek(c, key)
		}
		after(time.Minute)
		for _, key := range keys[50:] {
			verify(t, c, key)
			peek(c, key)
		}
		for i, key := range keys {
			if _, ok := peek(c, key); ok != (i >= 50) {
				t.Errorf("%d is kept: %v", i, ok)
			}
		}
	})
}

// TestMadeUpKeys displace none that open something, and take no more room than they may.
func TestMadeUpKeys(t *testing.T) {
	const entries = 4000
	c := newCache(t, verdictcache.Config{TTL: time.Hour, Entries: entries, Now: time.Now, Origin: usersOf(entries)})
	keys := usualKeys(entries)
	for _, key := range keys {
		verify(t, c, key)
	}
	for i := range 10 * entries {
		if v := verify(t, c, fmt.Sprintf("made up %d", i)); v.Reason != djangosession.NotFound {
			t.Fatal(v)
		}
	}
	for _, key := range keys {
		if _, ok := peek(c, key); !ok {
			t.Fatal("a session was displaced")
		}
	}
	st := c.Stats()
	if n := st.Verdicts.Absents; n > entries/8 || n < entries/16 {
		t.Errorf("%d are kept that are none", n)
	}
	if st.Verdicts.Evictions != 0 || st.Bytes > 400*entries {
		t.Errorf("%+v", st)
	}
}
