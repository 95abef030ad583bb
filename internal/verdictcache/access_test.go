package verdictcache_test

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"django-sidecar/djangosession"
	"django-sidecar/internal/verdictcache"
)

// allowed is an access to so many things.
func allowed(groups, permissions int) djangosession.Access {
	a := djangosession.Access{IsActive: true}
	for i := range groups {
		a.Groups = append(a.Groups, fmt.Sprintf("group %03d", i))
	}
	if permissions > 0 {
		a.Permissions = map[string]struct{}{}
	}
	for i := range permissions {
		a.Permissions[fmt.Sprintf("shop.change_thing%04d", i)] = struct{}{}
	}
	return a
}

func TestAccessIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{access: allowed(2, 3)}
		c := newCache(t, verdictcache.Config{Origin: f, Access: f, TTL: 5 * time.Second, Entries: 100, Now: time.Now})
		ask := func(asked int64) {
			t.Helper()
			got, err := c.AccessOf(t.Context(), "42")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(f.access, got); diff != "" {
				t.Error(diff)
			}
			wantAsked(t, f, asked)
		}
		ask(1)
		after(5*time.Second - time.Nanosecond)
		ask(1)
		after(time.Nanosecond)
		ask(2)
		if st := c.Stats().Accesses; st.Entries != 1 || st.Hits != 1 || st.Misses != 2 {
			t.Errorf("%+v", st)
		}
	})
}

func TestForgottenAccessesTakeNoRoom(t *testing.T) {
	f := &fake{access: allowed(2, 3)}
	c := newCache(t, verdictcache.Config{Origin: f, Access: f, TTL: time.Hour, Entries: 1000, Now: time.Now})
	empty := c.Stats()
	for range 2 {
		for _, forget := range []func(){func() { c.ForgetUser("42") }, c.ForgetAccess, c.ForgetAll} {
			if _, err := c.AccessOf(t.Context(), "42"); err != nil {
				t.Fatal(err)
			}
			if c.Stats().Bytes <= empty.Bytes {
				t.Error("an access takes no room")
			}
			forget()
			if st := c.Stats(); st.Bytes != empty.Bytes || st.Accesses.Entries != 0 {
				t.Errorf("%+v", st)
			}
		}
	}
	if n := c.Stats().Accesses.Forgotten; n != 6 {
		t.Errorf("%d were forgotten", n)
	}
}

func TestNoAccess(t *testing.T) {
	f := &fake{}
	c := newCache(t, verdictcache.Config{Origin: f, TTL: time.Second, Entries: 100, Now: time.Now})
	if a, err := c.AccessOf(t.Context(), "42"); err == nil {
		t.Errorf("%+v", a)
	}
	wantAsked(t, f, 0)
}

func TestLargeAccessIsNotKept(t *testing.T) {
	f := &fake{}
	c := newCache(t, verdictcache.Config{Origin: f, Access: f, TTL: time.Hour, Entries: 100_000, Now: time.Now})
	for _, tt := range []struct {
		permissions int
		asked       int64
	}{{1000, 1}, {10_000, 2}} {
		f.access = allowed(1, tt.permissions)
		f.asked.Store(0)
		for range 2 {
			if a, err := c.AccessOf(t.Context(), strconv.Itoa(tt.permissions)); err != nil || len(a.Permissions) != tt.permissions {
				t.Fatal(len(a.Permissions), err)
			}
		}
		wantAsked(t, f, tt.asked)
	}
}

func TestAccessIsBounded(t *testing.T) {
	for _, tt := range []struct{ entries, bytes int }{{100, 0}, {100, 100_000}, {5000, 0}} {
		c := newCache(t, verdictcache.Config{
			Origin: &fake{}, TTL: time.Hour, Entries: tt.entries, Bytes: int64(tt.bytes), Now: time.Now,
			Access: accessFunc(func(_ context.Context, userID string) (djangosession.Access, error) {
				i, err := strconv.Atoi(userID)
				return allowed(i%3, i%20), err
			}),
		})
		last := ""
		for i := range 3 * tt.entries {
			last = strconv.Itoa(i)
			if _, err := c.AccessOf(t.Context(), last); err != nil {
				t.Fatal(err)
			}
			st := c.Stats()
			if st.Accesses.Entries > tt.entries || st.Bytes > int64(max(tt.bytes, 400*tt.entries)) {
				t.Fatalf("%+v", st)
			}
		}
		st := c.Stats().Accesses
		if st.Evictions == 0 || st.Entries < 5 {
			t.Errorf("%+v", st)
		}
		if _, err := c.AccessOf(t.Context(), last); err != nil || c.Stats().Accesses.Hits != 1 {
			t.Errorf("what was asked for last is not kept: %v", err)
		}
	}
}

// TestAccessBytes holds the reckoning to what accesses take.
func TestAccessBytes(t *testing.T) {
	for _, tt := range []struct{ groups, permissions int }{{0, 0}, {2, 0}, {2, 20}, {3, 300}} {
		const n = 2000
		c := newCache(t, verdictcache.Config{
			Origin: &fake{}, TTL: time.Hour, Entries: n, Bytes: 1 << 30, Now: time.Now,
			Access: accessFunc(func(context.Context, string) (djangosession.Access, error) {
				return allowed(tt.groups, tt.permissions), nil
			}),
		})
		before, reckoned := heap(), c.Stats().Bytes
		for i := range n {
			if _, err := c.AccessOf(t.Context(), strconv.Itoa(i)); err != nil {
				t.Fatal(err)
			}
		}
		took, reckoned := (heap()-before)/n, (c.Stats().Bytes-reckoned)/n
		t.Logf("%d groups, %d permissions: %d bytes, %d by the reckoning", tt.groups, tt.permissions, took, reckoned)
		if reckoned < took*7/10 || reckoned > took*16/10 {
			t.Errorf("%d groups, %d permissions: the reckoning says %d bytes, and it is %d", tt.groups, tt.permissions, reckoned, took)
		}
		runtime.KeepAlive(c)
	}
}
