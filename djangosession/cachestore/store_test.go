package cachestore_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/cachestore"
	"django-sidecar/djangosession/storetest"
	"django-sidecar/signing"
)

// cacheFunc is a Getter that a test makes up.
type cacheFunc func(ctx context.Context, key string) ([]byte, time.Time, error)

func (f cacheFunc) Get(ctx context.Context, key string) ([]byte, time.Time, error) {
	return f(ctx, key)
}

// storeFunc is a session table that a test makes up.
type storeFunc func(ctx context.Context, key string) (*djangosession.Session, error)

func (f storeFunc) Load(ctx context.Context, key string) (*djangosession.Session, error) {
	return f(ctx, key)
}

var (
	django52 = djangosession.Version{Major: 5, Minor: 2, Patch: djangosession.LatestPatch}
	errDown  = errors.New("down")
)

func holds(value string) cacheFunc {
	return func(context.Context, string) ([]byte, time.Time, error) { return []byte(value), time.Time{}, nil }
}

func fails(err error) cacheFunc {
	return func(context.Context, string) ([]byte, time.Time, error) { return nil, time.Time{}, err }
}

func parse(t *testing.T, json string) *djangosession.Session {
	t.Helper()
	s, err := djangosession.ParseSession([]byte(json), djangosession.JSON, django52, 1<<10)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newStore(t *testing.T, c cachestore.Config) *cachestore.Store {
	t.Helper()
	c.Version = django52
	s, err := cachestore.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// outcome is the user of a session, or what went wrong, without what a failure says.
func outcome(session *djangosession.Session, err error) string {
	if err != nil {
		words, _, _ := strings.Cut(storetest.Outcome(session, err), ":")
		return words
	}
	text, _ := session.AuthUserID.Text()
	return text
}

// TestEngines: what both engines make of what the cache has, and the table after it.
func TestEngines(t *testing.T) {
	const row = `{"_auth_user_id": "row"}`
	unreadable := &signing.SyntaxError{Problem: "any"}
	for name, tt := range map[string]struct {
		cache            cachestore.Getter
		serializer       djangosession.Serializer
		cached, cachedDB string
	}{
		"a session":               {holds(`{"_auth_user_id": "cache"}`), djangosession.JSON, "cache", "cache"},
		"an empty session":        {holds(`{}`), djangosession.JSON, "", ""},
		"a miss":                  {fails(djangosession.ErrNotFound), djangosession.JSON, "not found", "row"},
		"an expired one":          {fails(djangosession.ErrExpired), djangosession.JSON, "expired", "row"},
		"a failure":               {fails(errDown), djangosession.JSON, "failure", "row"},
		"a fault":                 {fails(unreadable), djangosession.JSON, "unreadable", "row"},
		"no dict, says the cache": {fails(cachestore.ErrNotDict), djangosession.JSON, "unreadable", "unreadable"},
		"broken JSON":             {holds(`{"_auth`), djangosession.JSON, "unreadable", "row"},
		"too large":               {holds(`{"a": "` + strings.Repeat("x", 1<<10) + `"}`), djangosession.JSON, "unreadable", "row"},
		"a large None":            {holds(strings.Repeat(" ", 1<<10) + "null"), djangosession.JSON, "unreadable", "row"},
		"null":                    {holds(" null\n"), djangosession.JSON, "not found", "row"},
		"a list":                  {holds(`[1]`), djangosession.JSON, "unreadable", "unreadable"},
		"a number":                {holds(`1`), djangosession.JSON, "unreadable", "unreadable"},
		"a text":                  {holds(`"{}"`), djangosession.JSON, "unreadable", "unreadable"},
		// pickle.dumps of CPython 3.13
		"None, protocol 0":   {holds("N."), djangosession.Pickle, "not found", "row"},
		"None, protocol 2":   {holds("\x80\x02N."), djangosession.Pickle, "not found", "row"},
		"None, protocol 5":   {holds("\x80\x05N."), djangosession.Pickle, "not found", "row"},
		"True":               {holds("\x80\x05\x88."), djangosession.Pickle, "unreadable", "unreadable"},
		"42":                 {holds("\x80\x05K*."), djangosession.Pickle, "unreadable", "unreadable"},
		"42, protocol 0":     {holds("I42\n."), djangosession.Pickle, "unreadable", "unreadable"},
		"1.5":                {holds("\x80\x05\x95\x0a\x00\x00\x00\x00\x00\x00\x00G?\xf8\x00\x00\x00\x00\x00\x00."), djangosession.Pickle, "unreadable", "unreadable"},
		"[]":                 {holds("\x80\x05]\x94."), djangosession.Pickle, "unreadable", "unreadable"},
		"()":                 {holds("\x80\x05)."), djangosession.Pickle, "unreadable", "unreadable"},
		"'text'":             {holds("\x80\x05\x95\x08\x00\x00\x00\x00\x00\x00\x00\x8c\x04text\x94."), djangosession.Pickle, "unreadable", "unreadable"},
		"a pickle cut short": {holds("\x80\x05]"), djangosession.Pickle, "unreadable", "row"},
		"no pickle":          {holds("pickle"), djangosession.Pickle, "unreadable", "row"},
		"nothing":            {holds(""), djangosession.Pickle, "unreadable", "row"},
	} {
		t.Run(name, func(t *testing.T) {
			c := cachestore.Config{Cache: tt.cache, Serializer: tt.serializer, MaxBytes: 1 << 10}
			if got := outcome(newStore(t, c).Load(t.Context(), "12345678")); got != tt.cached {
				t.Errorf("cache: got %q, want %q", got, tt.cached)
			}
			c.Then = storeFunc(func(context.Context, string) (*djangosession.Session, error) { return parse(t, row), nil })
			if got := outcome(newStore(t, c).Load(t.Context(), "12345678")); got != tt.cachedDB {
				t.Errorf("cached_db: got %q, want %q", got, tt.cachedDB)
			}
		})
	}
}

// TestTheTableDecides: where the cache does not know, cached_db says what the table says.
func TestTheTableDecides(t *testing.T) {
	for want, err := range map[string]error{
		"expired": djangosession.ErrExpired, "not found": djangosession.ErrNotFound, "failure": errDown, "unreadable": &signing.SyntaxError{},
	} {
		for _, cache := range []cacheFunc{fails(djangosession.ErrNotFound), fails(errDown)} {
			s := newStore(t, cachestore.Config{Cache: cache, Then: storeFunc(func(context.Context, string) (*djangosession.Session, error) {
				return nil, err
			})})
			if got := outcome(s.Load(t.Context(), "12345678")); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	}
}

// TestCacheKeys: default_key_func, and KEY_PREFIX of both engines.
func TestCacheKeys(t *testing.T) {
	then := storeFunc(func(context.Context, string) (*djangosession.Session, error) { return nil, djangosession.ErrNotFound })
	for want, c := range map[string]cachestore.Config{
		":1:django.contrib.sessions.cache12345678":        {},
		":1:django.contrib.sessions.cached_db12345678":    {Then: then},
		"site:1:django.contrib.sessions.cache12345678":    {KeyPrefix: "site"},
		"a:b:0:django.contrib.sessions.cached_db12345678": {KeyPrefix: "a:b", KeyVersion: "0", Then: then},
		":1:my.sessions.12345678":                         {SessionKeyPrefix: "my.sessions."},
	} {
		var asked string
		c.Cache = cacheFunc(func(_ context.Context, key string) ([]byte, time.Time, error) {
			asked = key
			return nil, time.Time{}, djangosession.ErrNotFound
		})
		if got := outcome(newStore(t, c).Load(t.Context(), "12345678")); got != "not found" || asked != want {
			t.Errorf("asked for %q, want %q: %s", asked, want, got)
		}
	}
}

func TestExpireDateIsTheCaches(t *testing.T) {
	end := time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC)
	s := newStore(t, cachestore.Config{Cache: cacheFunc(func(context.Context, string) ([]byte, time.Time, error) {
		return []byte("{}"), end, nil
	})})
	session, err := s.Load(t.Context(), "12345678")
	if err != nil || !session.ExpireDate.Equal(end) {
		t.Errorf("got %v, %v", session, err)
	}
}

// TestHungCacheLeavesTimeForTheTable: half of what the caller has.
func TestHungCacheLeavesTimeForTheTable(t *testing.T) {
	hangs := cacheFunc(func(ctx context.Context, _ string) ([]byte, time.Time, error) {
		<-ctx.Done()
		return nil, time.Time{}, ctx.Err()
	})
	s := newStore(t, cachestore.Config{Cache: hangs, Then: storeFunc(func(ctx context.Context, _ string) (*djangosession.Session, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		return parse(t, `{"_auth_user_id": "row"}`), nil
	})})
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	if got := outcome(s.Load(ctx, "12345678")); got != "row" {
		t.Errorf("got %q", got)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if got := outcome(s.Load(ended, "12345678")); got != "failure" {
		t.Errorf("a context that has ended: got %q", got)
	}
}

func TestConfigIsRequired(t *testing.T) {
	for _, c := range []cachestore.Config{{}, {Cache: holds("{}")}, {Version: django52}} {
		if _, err := cachestore.New(c); err == nil {
			t.Errorf("%+v passes", c)
		}
	}
}

// TestProbe: a deployment of cached_db works while its table does.
func TestProbe(t *testing.T) {
	works, broken := fails(djangosession.ErrNotFound), fails(errDown)
	then := storeFunc(func(context.Context, string) (*djangosession.Session, error) { return nil, djangosession.ErrNotFound })
	for name, tt := range map[string]struct {
		c    cachestore.Config
		want error
	}{
		"a cache that works":                   {cachestore.Config{Cache: works}, nil},
		"a cache that is down":                 {cachestore.Config{Cache: broken}, errDown},
		"a table, and a cache that is down":    {cachestore.Config{Cache: broken, Then: then}, nil},
		"a table that is down":                 {cachestore.Config{Cache: works, Then: probed{then, errDown}}, errDown},
		"a table that works, and no cache":     {cachestore.Config{Cache: broken, Then: probed{then, nil}}, nil},
		"a cache with a probe that is down":    {cachestore.Config{Cache: probedCache{works, errDown}}, errDown},
		"a cache with a probe, and no session": {cachestore.Config{Cache: probedCache{works, nil}}, nil},
	} {
		if err := newStore(t, tt.c).Probe(t.Context()); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type probed struct {
	djangosession.Store
	err error
}

func (p probed) Probe(context.Context) error { return p.err }

type probedCache struct {
	cachestore.Getter
	err error
}

func (p probedCache) Probe(context.Context) error { return p.err }
