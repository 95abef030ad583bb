package filestore_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/filestore"
	"django-sidecar/djangosession/storetest"
	"django-sidecar/signing"
)

const (
	secret = "a secret key for tests of files"
	key    = "abcdefghijklmnopqrstuvwxyz012345"
)

var (
	django52 = djangosession.Version{Major: 5, Minor: 2, Patch: djangosession.LatestPatch}
	now      = time.Date(2026, 11, 22, 10, 0, 0, 123456999, time.UTC)
)

// fixture is a session directory, a store on it, and Django's way of writing to it.
type fixture struct {
	*filestore.Store
	dir   string
	codec *djangosession.Codec
	// waited is called instead of waiting for a half-written file.
	waited func()
	waits  int
}

func newFixture(tb testing.TB, c filestore.Config) *fixture {
	tb.Helper()
	f := &fixture{dir: tb.TempDir()}
	if c.Version == (djangosession.Version{}) {
		c.Version = django52
	}
	if c.Now == nil {
		c.Now = func() time.Time { return now }
	}
	if c.CookieAge == 0 {
		c.CookieAge = time.Hour
	}
	var err error
	f.codec, err = djangosession.NewCodec(djangosession.CodecConfig{Version: c.Version, SecretKey: signing.SecretKey(secret)})
	if err != nil {
		tb.Fatal(err)
	}
	c.Dir, c.Codec = f.dir, f.codec
	c.Wait = func(ctx context.Context, _ time.Duration) error {
		f.waits++
		if f.waited != nil {
			f.waited()
		}
		return ctx.Err()
	}
	if f.Store, err = filestore.New(c); err != nil {
		tb.Fatal(err)
	}
	return f
}

func (f *fixture) path(key string) string { return filepath.Join(f.dir, "sessionid"+key) }

// write stores text under key, as Django does: contrib/sessions/backends/file.py, 5.2, save.
func (f *fixture) write(tb testing.TB, key, text string, modified time.Time) {
	tb.Helper()
	whole := f.path(key) + "_out_"
	err := os.WriteFile(whole, []byte(text), 0o600)
	if err = errors.Join(err, os.Chtimes(whole, modified, modified), os.Rename(whole, f.path(key))); err != nil {
		tb.Fatal(err)
	}
}

func (f *fixture) encode(tb testing.TB, entries map[string]any) string {
	tb.Helper()
	text, err := f.codec.Encode(entries, now)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

// outcome is a session's JSON, or why there is none.
func (f *fixture) outcome(t *testing.T, key string) string {
	t.Helper()
	return storetest.Outcome(f.Load(t.Context(), key))
}

// dumps signs a payload as Django's store does.
func dumps(t *testing.T, payload string) string {
	t.Helper()
	s, err := signing.NewTimestampSigner(signing.Options{Secret: signing.SecretKey(secret), Salt: "django.contrib.sessions.SessionStore"})
	if err != nil {
		t.Fatal(err)
	}
	return s.Dumps([]byte(payload), true, now)
}
