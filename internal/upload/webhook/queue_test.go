package webhook_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"django-sidecar/internal/upload/webhook"
)

// TestEvent: what the application gets is what was added, in characters that Django reads as they are meant.
func TestEvent(t *testing.T) {
	dir := newDir(t)
	want := webhook.UploadEvent{
		ID: "ABC-def_123", At: time.Date(2026, 11, 22, 12, 0, 0, 5000, time.UTC), UserID: "42",
		Files: []webhook.UploadedFile{
			{"file", "up/naïve_文.txt", "<naïve> \U0001f600.txt\x00\xff", 1 << 40, "text/plain", "application/pdf", strings.Repeat("0f", 32)},
			{Name: "up/second.bin"},
		},
	}
	synctest.Test(t, func(t *testing.T) {
		f := open(t, dir, webhook.Options{})
		e := want
		e.At = e.At.In(time.FixedZone("", 3600))
		if err := f.Add(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(dir, f.files(t, "", ".event")[0]))
		if err != nil || regexp.MustCompile(`[^ -~]`).Match(text) || !json.Valid(text) {
			t.Errorf("not JSON in ASCII: %q, %v", text, err)
		}
		f.runFor(t, 0)
		want.Files[0].OriginalName = strings.ReplaceAll(want.Files[0].OriginalName, "\xff", "\ufffd")
		if diff := cmp.Diff([]webhook.UploadEvent{want}, f.events); diff != "" {
			t.Error(diff)
		}
		if got := f.header.Get("Content-Type"); got != "text/plain; charset=us-ascii" {
			t.Error(got)
		}
	})
}

// TestRestart: what was not delivered is found by the next process, with what is known of it, and nobody else can read it.
func TestRestart(t *testing.T) {
	dir := newDir(t)
	synctest.Test(t, func(t *testing.T) {
		f := open(t, dir, webhook.Options{})
		f.answer = func(string) *http.Response { return status(http.StatusInternalServerError) }
		f.add(t, "A")
		f.runFor(t, 10*time.Second) // four tries
		f.add(t, "B")
		tried := len(f.seen)

		next := open(t, dir, webhook.Options{})
		if next.Pending() != 2 {
			t.Errorf("%d pending", next.Pending())
		}
		start := time.Now()
		next.runFor(t, time.Minute)
		if diff := cmp.Diff([]string{"B delivered", "A delivered"}, next.outcomes()); diff != "" {
			t.Error(diff)
		}
		if got := next.attempts[1].Tries; got != tried+1 {
			t.Errorf("the try after the restart is number %d of %d", got, tried+1)
		}
		if got := next.seen[1].Sub(start); got < 2*time.Second {
			t.Errorf("A came %v after the restart, before its time", got)
		}
	})
	for _, name := range []string{"", "failed", "corrupt"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode() != os.ModeDir|0o700 {
			t.Errorf("%q: %v, %v", name, info.Mode(), err)
		}
	}
}

// TestAddRefuses what could not be delivered.
func TestAddRefuses(t *testing.T) {
	f := open(t, newDir(t), webhook.Options{})
	for name, change := range map[string]func(e *webhook.UploadEvent){
		"an empty id":           func(e *webhook.UploadEvent) { e.ID = "" },
		"a path for an id":      func(e *webhook.UploadEvent) { e.ID = "../x" },
		"a dotted id":           func(e *webhook.UploadEvent) { e.ID = "a.b" },
		"a long id":             func(e *webhook.UploadEvent) { e.ID = strings.Repeat("x", 65) },
		"no time":               func(e *webhook.UploadEvent) { e.At = time.Time{} },
		"a time past all years": func(e *webhook.UploadEvent) { e.At = time.Unix(1<<40, 0) },
		"no file":               func(e *webhook.UploadEvent) { e.Files = nil },
		"a file without a name": func(e *webhook.UploadEvent) { e.Files[0].Name = "" },
		"a name in Latin-1":     func(e *webhook.UploadEvent) { e.Files[0].Name = "na\xefve" },
		"a megabyte":            func(e *webhook.UploadEvent) { e.Files[0].OriginalName = strings.Repeat("x", 1<<20) },
	} {
		e := eventOf("A")
		change(&e)
		if err := f.Add(t.Context(), e); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.Add(ctx, eventOf("A")); !errors.Is(err, context.Canceled) {
		t.Errorf("after its context has ended: %v", err)
	}
	if f.Pending() != 0 || len(f.files(t, "", "")) != 2 {
		t.Errorf("%d pending, %v", f.Pending(), f.files(t, "", ""))
	}
}

// TestFull: past MaxPending nothing is taken until something is delivered.
func TestFull(t *testing.T) {
	dir := newDir(t)
	synctest.Test(t, func(t *testing.T) {
		f := open(t, dir, webhook.Options{MaxPending: 2})
		f.add(t, "B", "A") // at the same instant, and yet one is older
		if names := f.files(t, "", ".event"); !strings.HasSuffix(names[0], "-B.0.0.0.event") {
			t.Error(names)
		}
		if err := f.Add(t.Context(), eventOf("C")); !errors.Is(err, webhook.ErrFull) {
			t.Errorf("%v, want ErrFull", err)
		}
		f.runFor(t, 0)
		f.add(t, "C")
		if f.Pending() != 1 {
			t.Errorf("%d pending", f.Pending())
		}
	})
}

func init() { roles["small disk"] = smallDisk }

// smallDisk adds events where no file may have more than 100 bytes, and then where it may.
func smallDisk() error {
	q, err := webhook.Open(webhook.Options{URL: "http://application/", Dir: os.Args[1], Sign: sign, Now: time.Now})
	if err != nil {
		return err
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	small := syscall.Rlimit{Cur: 100, Max: limit.Max}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &small); err != nil {
		return err
	}
	if err := q.Add(context.Background(), eventOf("A")); !errors.Is(err, syscall.EFBIG) {
		return fmt.Errorf("without room: %w", err)
	}
	if q.Pending() != 0 {
		return fmt.Errorf("%d pending", q.Pending())
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	return q.Add(context.Background(), eventOf("B"))
}

// TestNoRoom: without room on the disk Add fails and leaves nothing, and works again when there is some.
func TestNoRoom(t *testing.T) {
	f := open(t, newDir(t), webhook.Options{})
	cmd := exec.Command(os.Args[0], f.dir)
	cmd.Env = append(os.Environ(), roles.As("small disk"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if names := f.files(t, "", ""); len(names) != 3 || !strings.HasSuffix(names[0], "-B.0.0.0.event") {
		t.Errorf("left behind: %v", names)
	}
}

// TestFolderGone: a folder that is not there is an error of Add's and of nothing else, and delivery goes on when it is back.
func TestFolderGone(t *testing.T) {
	dir := newDir(t)
	synctest.Test(t, func(t *testing.T) {
		f := open(t, dir, webhook.Options{})
		f.add(t, "A")
		if err := os.Rename(dir, dir+".away"); err != nil {
			t.Fatal(err)
		}
		if err := f.Add(t.Context(), eventOf("B")); !errors.Is(err, os.ErrNotExist) || f.Pending() != 1 {
			t.Errorf("%v, %d pending", err, f.Pending())
		}
		stop := f.start(t)
		defer stop()
		synctest.Wait()
		if err := os.Rename(dir+".away", dir); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute)
		if diff := cmp.Diff([]string{"broken", "A delivered"}, slices.Compact(f.outcomes())); diff != "" {
			t.Error(diff)
		}
	})
	if _, err := webhook.Open(webhook.Options{URL: "http://application/", Dir: filepath.Join(dir, "no", "such"), Sign: sign, Now: time.Now}); err == nil {
		t.Error("it is made where there is no directory")
	}
}
