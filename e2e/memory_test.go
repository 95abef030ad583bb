//go:build live

package e2e

import (
	"cmp"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	hugeBytes   = 150 << 20     // of one session
	manyBytes   = 5 << 19       // 2.5 MiB, of each of many
	manyCount   = 128           // as many as share a query
	atOnce      = 8             // so many huge ones
	mostMemory  = 64 << 10      // KiB
	memoryRound = 2             // so often is each asked for
	goodKey     = "goodsession" // of a session of ordinary size
)

// largeStore is where sessions are that are too large.
type largeStore struct {
	name string
	env  map[string]string
	// huge and many are how many sessions there are of each kind; users are the keys of sessions of users who are too large.
	huge, many int
	bytes      int // of a huge one; 0 means hugeBytes
	users      []string
	// put stores the ordinary session of user 1, and the others.
	put func(t *testing.T, s *largeStore)
}

func hugeKey(n int) string { return fmt.Sprintf("hugesession%d", n) }
func manyKey(n int) string { return fmt.Sprintf("manysession%d", n) }

// each calls put for every session that is too large.
func (s *largeStore) each(put func(key string, bytes int)) {
	for n := range s.huge {
		put(hugeKey(n), cmp.Or(s.bytes, hugeBytes))
	}
	for n := range s.many {
		put(manyKey(n), manyBytes)
	}
}

// TestMemoryIsBounded: sessions that are larger than SIDECAR_MAX_SESSION_BYTES are unreadable, however large they are and however
// many are asked for at a time, and do not get into the sidecar's memory, wherever Django keeps them.
func TestMemoryIsBounded(t *testing.T) {
	program := sidecarProgram(t)
	for _, store := range largeStores() {
		t.Run(store.name, func(t *testing.T) {
			t.Setenv("DJANGO_SECRET_KEY", rigSecret)
			t.Setenv("DJANGO_VERSION", "5.2")
			t.Setenv("SIDECAR_EXPLAIN", "true")
			t.Setenv("SIDECAR_STORE_TIMEOUT", "30s")
			for name, value := range store.env {
				t.Setenv(name, value)
			}
			store.put(t, store)
			for _, ttl := range []string{"0", "1h"} {
				t.Run("SIDECAR_CACHE_TTL="+ttl, func(t *testing.T) {
					t.Setenv("SIDECAR_CACHE_TTL", ttl)
					t.Setenv("SIDECAR_CACHE_INVALIDATION", "off")
					store.ask(t, program)
				})
			}
		})
	}
}

func (s *largeStore) ask(t *testing.T, program string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "sidecar-") //nolint:usetesting // its name is short: a socket's path has room for 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a socket that has gone
	process, addr := (&uploadSite{root: filepath.Join(dir, "media")}).startProcess(t, program)
	r := &rig{url: "http://" + addr}
	client, closeIdle := newClient(60 * time.Second)
	defer closeIdle()
	before := residentKiB(t, process.Pid(), "VmHWM")
	want := func(key string, status int, says string) {
		got, answer, err := r.ask(t.Context(), client, key)
		if err != nil || got != status || !strings.Contains(answer, says) {
			t.Errorf("%s: got %d %s, %v; want %d and %s", key, got, answer, err, status, says)
		}
	}
	for range memoryRound {
		want(goodKey, http.StatusOK, `"id":"1"`)
		var running sync.WaitGroup
		for n := range atOnce {
			running.Go(func() { want(hugeKey(n%s.huge), http.StatusUnauthorized, `"unreadable"`) })
		}
		for _, key := range s.users {
			running.Go(func() { want(key, http.StatusUnauthorized, `"unreadable"`) })
		}
		running.Go(func() { want(goodKey, http.StatusOK, `"id":"1"`) })
		running.Wait()
		for n := range s.many {
			running.Go(func() { want(manyKey(n), http.StatusUnauthorized, `"unreadable"`) })
		}
		running.Wait()
	}
	most := residentKiB(t, process.Pid(), "VmHWM")
	t.Logf("%d KiB at first, %d KiB at most", before, most)
	if most > mostMemory {
		t.Errorf("the sidecar took %d KiB, want at most %d", most, mostMemory)
	}
}
