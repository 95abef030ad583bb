package webhook_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"django-sidecar/internal/upload/webhook"
)

// TestCorrupt: what is no event is set aside, and the events beside it are delivered.
func TestCorrupt(t *testing.T) {
	dir := newDir(t)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) error { return os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600) }
	name := func(id string) string { return strings.Repeat("0", 20) + "-" + id + ".0.0.0.event" }
	if err := errors.Join(
		write(name("empty"), ""),
		write(name("zeros"), strings.Repeat("\x00", 200)),
		write(name("half"), `{"id":"half","at":"2026-11-22T12:00:00Z","user_id":"4`),
		write(name("other"), `{"id":"another","at":"2026-11-22T12:00:00Z","files":[{"name":"x"}]}`),
		write(name("long"), `{"id":"long","at":"2026-11-22T12:00:00Z","files":[{"name":"`+strings.Repeat("x", 1<<20)+`"}]}`),
		write("1-x.event", "a name that is none"),
		os.Mkdir(filepath.Join(dir, name("folder")), 0o700),
		os.Symlink("/etc/passwd", filepath.Join(dir, name("symlink"))),
		syscall.Mkfifo(filepath.Join(dir, name("pipe")), 0o600),
		write("notes.txt", "somebody's own"),
	); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		f := open(t, dir, webhook.Options{})
		f.add(t, "A")
		f.runFor(t, time.Minute)
		got := f.outcomes()
		slices.Sort(got)
		want := []string{
			"A delivered", "corrupt", "empty corrupt", "folder corrupt", "half corrupt", "long corrupt", "other corrupt",
			"pipe corrupt", "symlink corrupt", "zeros corrupt",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if n := len(f.files(t, "corrupt", ".event")); n != 9 || f.Pending() != 0 {
			t.Errorf("%d in corrupt/, %d pending", n, f.Pending())
		}
		if diff := cmp.Diff([]string{"corrupt", "failed", "notes.txt"}, f.files(t, "", "")); diff != "" {
			t.Error(diff)
		}
	})
}

// TestBroken: an event whose file cannot be dealt with does not keep the others from their turn.
func TestBroken(t *testing.T) {
	dir := newDir(t)
	synctest.Test(t, func(t *testing.T) {
		f := open(t, dir, webhook.Options{})
		bad := filepath.Join(dir, strings.Repeat("0", 20)+"-bad.0.0.0.event")
		corrupt := filepath.Join(dir, "corrupt")
		if err := errors.Join(os.WriteFile(bad, nil, 0o600), os.Remove(corrupt), os.WriteFile(corrupt, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
		f.answer = func(string) *http.Response { return status(http.StatusBadGateway) }
		f.add(t, "A")
		stop := f.start(t)
		defer stop()
		<-time.After(4 * time.Minute) // less than the broken one is left alone for
		broken := slices.DeleteFunc(f.outcomes(), func(o string) bool { return o != "bad broken" })
		if len(broken) != 1 || len(f.ids()) < 5 {
			t.Errorf("%v", f.outcomes())
		}
		<-time.After(4 * time.Minute)
		broken = slices.DeleteFunc(f.outcomes(), func(o string) bool { return o != "bad broken" })
		if len(broken) != 2 {
			t.Errorf("%v", f.outcomes())
		}
	})
}

// TestMovedBack: what was given up, or added by another process, is found while the queue runs.
func TestMovedBack(t *testing.T) {
	dir := newDir(t)
	synctest.Test(t, func(t *testing.T) {
		f, other := open(t, dir, webhook.Options{}), open(t, dir, webhook.Options{})
		stop := f.start(t)
		defer stop()
		other.add(t, "A")
		<-time.After(time.Minute)
		name := "00000000000000000001-B.0.0.0.event"
		given := filepath.Join(dir, "failed", name)
		err := os.WriteFile(given, []byte(`{"id":"B","at":"2026-11-22T12:00:00Z","user_id":"1","files":[{"name":"x"}]}`), 0o600)
		if err = errors.Join(err, os.Rename(given, filepath.Join(dir, name))); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute)
		if diff := cmp.Diff([]string{"A delivered", "B delivered"}, f.outcomes()); diff != "" || f.Pending() != 0 || other.Pending() != 1 {
			t.Error(diff, f.Pending(), other.Pending())
		}
	})
}

// TestTwoProcesses: an event is not delivered by a second process while a first one has it.
func TestTwoProcesses(t *testing.T) {
	dir := newDir(t)
	f := open(t, dir, webhook.Options{})
	f.add(t, "A", "B")
	held, err := os.Open(filepath.Join(dir, f.files(t, "", "-A.0.0.0.event")[0]))
	if err == nil {
		err = syscall.Flock(int(held.Fd()), syscall.LOCK_SH) // which no other process may be content with
	}
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		f := open(t, dir, webhook.Options{})
		stop := f.start(t)
		defer stop()
		<-time.After(time.Minute)
		if diff := cmp.Diff([]string{"B delivered"}, f.outcomes()); diff != "" {
			t.Error(diff)
		}
		if err := held.Close(); err != nil { // it died
			t.Fatal(err)
		}
		<-time.After(time.Minute)
		if diff := cmp.Diff([]string{"B delivered", "A delivered"}, f.outcomes()); diff != "" {
			t.Error(diff)
		}
	})
}

// TestSweep: what a dead process has left half written goes when nobody can be writing it any more.
func TestSweep(t *testing.T) {
	f := open(t, newDir(t), webhook.Options{})
	for name, age := range map[string]time.Duration{"old.temp": 2 * time.Hour, "new.temp": time.Minute, "old.txt": 2 * time.Hour} {
		path, at := filepath.Join(f.dir, name), time.Now().Add(-age)
		if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Chtimes(path, at, at)); err != nil {
			t.Fatal(err)
		}
	}
	f = open(t, f.dir, webhook.Options{})
	if diff := cmp.Diff([]string{"corrupt", "failed", "new.temp", "old.txt"}, f.files(t, "", "")); diff != "" {
		t.Error(diff)
	}
}

// TestMemory: what a queue takes does not depend on how many events are in it.
func TestMemory(t *testing.T) {
	const events = 10_000
	dir := newDir(t)
	plant(t, dir, events)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	synctest.Test(t, func(t *testing.T) {
		f := open(t, dir, webhook.Options{})
		stop := f.start(t)
		defer stop()
		synctest.Wait()
		if diff := cmp.Diff(events, len(f.ids())); diff != "" {
			t.Error(diff)
		}
		f.events, f.times, f.seen, f.attempts = nil, nil, nil, nil
		runtime.GC()
		runtime.ReadMemStats(&after)
		if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 4<<20 {
			t.Errorf("%d bytes more", grown)
		}
	})
}
