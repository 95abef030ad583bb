package filestore_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/filestore"
)

// TestDiskFault: a file that is there and cannot be read is a failure, and its name stays out of it.
func TestDiskFault(t *testing.T) {
	f := newFixture(t, filestore.Config{})
	// Linux has a regular file whose first bytes cannot be read: /proc/self/mem.
	s, err := filestore.New(filestore.Config{Version: django52, Dir: "/proc/self", Prefix: "m", Codec: f.codec})
	if err != nil {
		t.Fatal(err)
	}
	session, err := s.Load(t.Context(), "em")
	if session != nil || !errors.Is(err, syscall.EIO) || djangosession.IsAnswer(err) || strings.Contains(err.Error(), "mem") {
		t.Errorf("got %v, %v", session, err)
	}
}

// TestMissingDirectory: it is a failure before it is there, and none thereafter, even if it is another one.
func TestMissingDirectory(t *testing.T) {
	f := newFixture(t, filestore.Config{})
	for range 2 {
		if err := os.RemoveAll(f.dir); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Load(t.Context(), key); err == nil || djangosession.IsAnswer(err) || strings.Contains(err.Error(), key) {
			t.Errorf("no directory: got %v", err)
		}
		if err := f.Probe(t.Context()); err == nil {
			t.Error("no directory: Probe is content")
		}
		if _, err := f.Recent(t.Context(), 1); err == nil {
			t.Error("no directory: Recent is content")
		}
		if err := os.Mkdir(f.dir, 0o700); err != nil {
			t.Fatal(err)
		}
		f.write(t, key, f.encode(t, nil), now)
		if got := f.outcome(t, key); got != "{}" {
			t.Errorf("a new directory: got %q", got)
		}
	}
	if err := os.RemoveAll(f.dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(f.dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Load(t.Context(), key); err == nil || djangosession.IsAnswer(err) {
		t.Errorf("a file for a directory: got %v", err)
	}
	if err := f.Probe(t.Context()); err == nil {
		t.Error("a file for a directory: Probe is content")
	}
}

// TestWhileDjangoWrites: a session that is saved again and again is always there, and whole.
func TestWhileDjangoWrites(t *testing.T) {
	f := newFixture(t, filestore.Config{})
	text := f.encode(t, map[string]any{"a": 1})
	f.write(t, key, text, now)
	stop := make(chan struct{})
	var writing sync.WaitGroup
	writing.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				f.write(t, key, text, now)
			}
		}
	})
	for range 300 {
		if got := f.outcome(t, key); got != `{"a":1}` {
			t.Fatalf("while writing: got %q", got)
		}
	}
	close(stop)
	writing.Wait()
	if f.waits != 0 {
		t.Errorf("%d files looked half-written", f.waits)
	}
}

func TestRecent(t *testing.T) {
	f := newFixture(t, filestore.Config{})
	if got, err := f.Recent(t.Context(), 10); err != nil || len(got) != 0 {
		t.Errorf("an empty directory: got %v, %v", got, err)
	}
	for i, k := range []string{"third", "second", "first"} {
		f.write(t, k, "data of "+k, now.Add(time.Duration(i)*time.Minute))
	}
	f.write(t, "empty", "", now.Add(time.Hour))
	for _, name := range []string{"sessionidfirst_out_x7", "sessionid", "other", "sessionidUPPER"} {
		if err := os.WriteFile(filepath.Join(f.dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(f.path("directory"), 0o700); err != nil {
		t.Fatal(err)
	}
	want := []djangosession.StoredSession{{Key: "first", Data: "data of first"}, {Key: "second", Data: "data of second"}}
	if got, err := f.Recent(t.Context(), 3); err != nil || !slices.Equal(got, want) {
		t.Errorf("three of them, one empty: got %v, %v", got, err)
	}
	if got, err := f.Recent(t.Context(), 100); err != nil || len(got) != 3 {
		t.Errorf("all of them: got %v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Recent(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled context: got %v", err)
	}
}
