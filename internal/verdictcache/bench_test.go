package verdictcache_test

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/keyhash"
	"django-sidecar/internal/verdictcache"
)

// usualKeys are so many session keys as Django makes them.
func usualKeys(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("%032d", i)
	}
	return keys
}

// usual is a verdict as deployments have it: a name and an address, each text an allocation of the driver.
func usual(i int) djangosession.Verdict {
	username, email := fmt.Sprintf("user.%06d", i), fmt.Sprintf("user.%06d@example.com", i)
	user := &djangosession.User{
		ID: fmt.Sprint(1_000_000 + i), Username: &username, Email: &email, IsStaff: djangosession.False, IsSuperuser: djangosession.False,
	}
	return djangosession.Verdict{User: user, Expires: time.Date(2100, 1, 2, 3, 4, 5, 0, time.UTC)}
}

// usualVerifier reads the number out of a key of usualKeys.
func usualVerifier(_ context.Context, key string) (djangosession.Verdict, error) {
	i, err := strconv.Atoi(key)
	return usual(i), err
}

func filled(tb testing.TB, keys []string) *verdictcache.Cache {
	tb.Helper()
	c := newCache(tb, verdictcache.Config{Origin: verifierFunc(usualVerifier), TTL: time.Hour, Entries: len(keys), Now: time.Now})
	for _, key := range keys {
		if _, err := ask(tb.Context(), c, key); err != nil {
			tb.Fatal(err)
		}
	}
	return c
}

// heap is what is in use.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what the first one has found to be finalised, and sync.Pools
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestBytes holds what 100,000 verdicts take to what is promised, and the reckoning to what they take.
func TestBytes(t *testing.T) {
	const n = 100_000
	keys := usualKeys(n)
	before := heap()
	c := filled(t, keys)
	took := heap() - before
	st := c.Stats()
	if st.Verdicts.Entries != n {
		t.Fatalf("%d of %d are kept", st.Verdicts.Entries, n)
	}
	t.Logf("%d bytes an entry, %d by the reckoning", took/n, st.Bytes/n)
	if took > 300*n {
		t.Errorf("%d bytes an entry, want at most 300", took/n)
	}
	if st.Bytes < took*9/10 || st.Bytes > took*13/10 {
		t.Errorf("the reckoning says %d bytes, and it is %d", st.Bytes, took)
	}
	runtime.KeepAlive(keys)
}

// TestKeptAllocates the user whom it hands out, and nothing for a look that finds nothing. To hash a long key, it is copied.
func TestKeptAllocates(t *testing.T) {
	keys := usualKeys(2)
	long := fmt.Sprintf("%04000d", 1) // a cookie that holds a session
	c := newCache(t, verdictcache.Config{Origin: verifierFunc(usualVerifier), TTL: time.Hour, Entries: 10, Now: time.Now})
	for _, key := range []string{keys[0], long} {
		if _, err := ask(t.Context(), c, key); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		key  string
		want float64
	}{{keys[0], 2}, {long, 3}, {keys[1], 0}} {
		if _, ok := peek(c, tt.key); ok != (tt.want > 0) {
			t.Errorf("%d characters: at hand: %v", len(tt.key), ok)
		}
		if n := testing.AllocsPerRun(100, func() { peek(c, tt.key) }); n != tt.want {
			t.Errorf("%d characters: %v allocations, want %v", len(tt.key), n, tt.want)
		}
		if n := testing.AllocsPerRun(100, func() { _, _ = ask(t.Context(), c, tt.key) }); tt.want > 0 && n != tt.want {
			t.Errorf("%d characters that are asked for: %v allocations, want %v", len(tt.key), n, tt.want)
		}
	}
}

// BenchmarkKept asks for each of 100,000 in turn, which no processor's cache has all of, and for one alone.
func BenchmarkKept(b *testing.B) {
	keys := usualKeys(100_000)
	c := filled(b, keys)
	hit := func(b *testing.B, key string) {
		if _, err := ask(b.Context(), c, key); err != nil {
			b.Error(key)
		}
	}
	b.Run("all in turn", func(b *testing.B) {
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			hit(b, keys[i%len(keys)])
			i += 7919
		}
	})
	b.Run("one", func(b *testing.B) {
		for b.Loop() {
			hit(b, keys[0])
		}
	})
	b.Run("all in turn, parallel", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i += 7919 {
				hit(b, keys[i%len(keys)])
			}
		})
	})
	b.Run("one, parallel", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				hit(b, keys[0])
			}
		})
	})
}

// constant finds the same verdict on each session.
type constant djangosession.Verdict

func (c constant) Begin(context.Context, string) (djangosession.Claim, error) {
	return djangosession.Claim{Expires: c.Expires}, nil
}

func (c constant) Resolve(context.Context, djangosession.Claim) (djangosession.Verdict, error) {
	return djangosession.Verdict(c), nil
}

// BenchmarkVerify is what a miss costs besides the store, with everything kept and at the bound.
func BenchmarkVerify(b *testing.B) {
	keys := usualKeys(200_000)
	c := newCache(b, verdictcache.Config{Origin: constant(usual(0)), TTL: time.Hour, Entries: 100_000, Now: time.Now})
	b.Run("miss at the bound", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if _, err := ask(b.Context(), c, keys[i%len(keys)]); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkForget is what a notification costs with 100,000 kept that it does not concern.
func BenchmarkForget(b *testing.B) {
	c := filled(b, usualKeys(100_000))
	b.Run("session", func(b *testing.B) {
		another := keyhash.Of("another")
		for b.Loop() {
			c.ForgetSession(another)
		}
	})
	b.Run("user", func(b *testing.B) {
		for b.Loop() {
			c.ForgetUser("another")
		}
	})
}
