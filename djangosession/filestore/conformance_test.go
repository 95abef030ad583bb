package filestore_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"django-sidecar/djangosession/filestore"
	"django-sidecar/djangosession/storetest"
	"django-sidecar/signing"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Harness {
		f := newFixture(t, filestore.Config{Now: time.Now})
		f.dir = filepath.Join(f.dir, "sessions")
		if err := os.Mkdir(f.dir, 0o700); err != nil {
			t.Fatal(err)
		}
		store, err := filestore.New(filestore.Config{Version: django52, Dir: f.dir, Codec: f.codec, CookieAge: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		do := func(t *testing.T, err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		return storetest.Harness{
			Store: store,
			Put: func(t *testing.T, s storetest.SessionToStore) string {
				f.write(t, s.Key, f.encode(t, s.Entries), s.ExpireDate.Add(-time.Hour))
				return s.Key
			},
			Expire: func(t *testing.T, key string) string {
				old := time.Now().Add(-time.Hour)
				do(t, os.Chtimes(f.path(key), old, old))
				return key
			},
			Delete: func(t *testing.T, key string) { do(t, os.Remove(f.path(key))) },
			Corrupt: func(t *testing.T, key string) string {
				f.write(t, key, "e30:1wbGhM:c2lnbmF0dXJl", time.Now())
				return key
			},
			Break:     func(t *testing.T) { do(t, os.Rename(f.dir, f.dir+".away")) },
			Repair:    func(t *testing.T) { do(t, os.Rename(f.dir+".away", f.dir)) },
			Corrupted: signing.ErrBadSignature, TellsExpired: true, Secrets: []string{secret},
		}
	})
}
