//go:build live

package djangocache_test

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/cachestore"
	"django-sidecar/internal/djangocache"
	"django-sidecar/internal/djangotest"
)

// TestExpiryTakesNoMoreConnections: both questions go over the connections that Options.Conns bounds.
func TestExpiryTakesNoMoreConnections(t *testing.T) {
	redis := djangotest.Redis(t, djangotest.RedisConfig{})
	redis.Do(setSession)
	c := openCache(t, "redis://"+redis.Addr+"?serializer=json", djangocache.Options{Timeout: trackTimeout, Conns: 2, Expiry: true})
	var asking sync.WaitGroup
	for range 20 {
		asking.Go(func() {
			for range 50 {
				if _, expires, err := c.Get(t.Context(), sessionPrefix+sessionKey); err != nil || !expires.IsZero() {
					t.Errorf("%v, %v", expires, err)
				}
			}
		})
	}
	asking.Wait()
	admin := connectRedis(t, redis.Addr)
	if _, err := fmt.Fprint(admin, "CLIENT LIST\r\n"); err != nil {
		t.Fatal(err)
	}
	var size int
	if _, err := fmt.Fscanf(admin.answers, "$%d\r\n", &size); err != nil {
		t.Fatal(err)
	}
	list := make([]byte, size)
	if _, err := io.ReadFull(admin.answers, list); err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(list, []byte("\n")) - 1; n < 1 || n > 2 {
		t.Errorf("%d connections: %s", n, list)
	}
}

// TestExpiry: Redis is asked when a session ends, where that is wanted and allowed.
func TestExpiry(t *testing.T) {
	redis := djangotest.Redis(t, djangotest.RedisConfig{Settings: []string{
		"user getter on nopass ~* -@all +get", "user asker on nopass ~* -@all +get +pttl",
	}})
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, tt := range map[string]struct {
		user   string
		ttl    string
		asked  bool
		within [2]time.Duration // after now; none if both are zero
	}{
		"not asked":  {user: "asker", ttl: "EXPIRE %s 100"},
		"asked":      {user: "asker", ttl: "EXPIRE %s 100", asked: true, within: [2]time.Duration{time.Second, 100 * time.Second}},
		"no end":     {user: "asker", ttl: "PERSIST %s", asked: true},
		"no right":   {user: "getter", ttl: "EXPIRE %s 100", asked: true},
		"for long":   {user: "asker", ttl: "EXPIRE %s 1209600", asked: true, within: [2]time.Duration{1209500 * time.Second, 1209600 * time.Second}},
		"by default": {ttl: "EXPIRE %s 100", asked: true, within: [2]time.Duration{time.Second, 100 * time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			redis.Do(setSession)
			redis.Do(fmt.Sprintf(tt.ttl, sessionPrefix+sessionKey))
			url := "redis://" + redis.Addr
			if tt.user != "" {
				url = "redis://" + tt.user + ":x@" + redis.Addr
			}
			c := openCache(t, url+"?serializer=json", djangocache.Options{
				Timeout: timeout, Conns: 2, Expiry: tt.asked, Now: func() time.Time { return now },
			})
			store, err := cachestore.New(cachestore.Config{Cache: c, Serializer: c.Serializer, Version: parseVersion(t, "6.1")})
			if err != nil {
				t.Fatal(err)
			}
			session, err := store.Load(t.Context(), sessionKey)
			if err != nil {
				t.Fatal(err)
			}
			if tt.within[1] == 0 {
				if !session.ExpireDate.IsZero() {
					t.Errorf("it ends at %v", session.ExpireDate)
				}
			} else if left := session.ExpireDate.Sub(now); left < tt.within[0] || left > tt.within[1] {
				t.Errorf("it ends in %v", left)
			}
			if _, err := store.Load(t.Context(), "another0123456789"); err == nil || !djangosession.IsAnswer(err) {
				t.Errorf("another key: %v", err)
			}
		})
	}
}
