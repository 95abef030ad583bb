package media_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"django-sidecar/internal/upload/media"
)

// asIfReserved are the permissions of a reservation: where a file system keeps none, every file looks like one.
const asIfReserved = 0o200

// newReserving publishes over reservations, on a file system that gives every file the same permissions.
func newReserving(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t, t.TempDir(), media.Config{FilePermissions: permissions(asIfReserved)})
	f.Force("reserved")
	return f
}

// onNote does something to each note, once it is on the disk and before anything is reserved.
func (f *fixture) onNote(t *testing.T, do func(note string)) {
	t.Helper()
	done := map[string]bool{}
	f.SetSync(func(opened *os.File) error {
		notes, err := filepath.Glob(filepath.Join(f.state, "*.reserved"))
		if err != nil {
			t.Error(err)
		}
		for _, note := range notes {
			if text, err := os.ReadFile(note); err == nil && len(text) > 0 && !done[note] && !strings.HasSuffix(note, left) {
				done[note] = true
				do(note)
			}
		}
		return opened.Sync()
	})
}

// left is how the names of notes end that leave has made.
const left = "-left.reserved"

// leave copies a note, as a process leaves it that is killed after its next step.
func leave(t *testing.T, note string) {
	t.Helper()
	leaveAs(t, note, strings.Replace(note, ".reserved", left, 1))
}

func leaveAs(t *testing.T, note, name string) {
	t.Helper()
	text, err := os.ReadFile(note)
	if err == nil {
		err = os.WriteFile(name, text, 0o600)
	}
	if err != nil {
		t.Error(err)
	}
}

// TestSweepLeavesEmptyFiles: a process that dies leaves a note. What it speaks of may be an empty file that is no reservation: the
// upload, which is there by now, or a file of Django's, which was there before.
func TestSweepLeavesEmptyFiles(t *testing.T) {
	f := newReserving(t)
	if err := os.WriteFile(filepath.Join(f.root, "django"), nil, asIfReserved); err != nil {
		t.Fatal(err)
	}
	f.onNote(t, func(note string) { leave(t, note) })
	if name := f.publish(t, "", "django", "ours\nand more"); name != "ours\nand more" {
		t.Fatalf("it is published as %q", name)
	}
	if n, err := f.Sweep(); n != 1 || err != nil {
		t.Errorf("%d files are swept: %v", n, err)
	}
	if diff := cmp.Diff(map[string]string{"django": "", "ours\nand more": ""}, tree(t, f.root)); diff != "" {
		t.Error(diff)
	}
	f.expectClean(t)
}

// TestSweepRemovesReservations: the empty file that a note speaks of is removed.
func TestSweepRemovesReservations(t *testing.T) {
	f := newReserving(t)
	f.onNote(t, func(note string) { leave(t, note) })
	name := f.publish(t, "content", "a/line\nfeed")
	at := filepath.Join(f.root, name) // the upload stays somewhere, so that the empty file gets another inode
	if err := errors.Join(os.Rename(at, filepath.Join(f.root, "moved")), os.WriteFile(at, nil, asIfReserved)); err != nil {
		t.Fatal(err)
	}
	if n, err := f.Sweep(); n != 1 || err != nil {
		t.Errorf("%d files are swept: %v", n, err)
	}
	if diff := cmp.Diff(map[string]string{"a": "d", "moved": "content"}, tree(t, f.root)); diff != "" {
		t.Error(diff)
	}
	f.expectClean(t)
}

// TestSweepLeavesReservationsInUse: one process has died with a note, and another is about to move an upload over its reservation of
// the same name. A sweep that removed it might remove the upload.
func TestSweepLeavesReservationsInUse(t *testing.T) {
	for _, test := range []struct {
		name  string
		locks bool
		live  string // what the second note says
		want  int    // of the two notes
	}{
		{"the same name", true, "a/file\n2\n", 0},
		{"the same file by another name", true, "link/file\n2\n", 0},
		{"another file", true, "a/other\n2\n", 1},
		{"not written to the end", true, "a/file\n2", 1},
		{"without locks", false, "a/file\n2\n", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			now := time.Now()
			f := newFixture(t, t.TempDir(), media.Config{FilePermissions: permissions(asIfReserved), Now: func() time.Time { return now }})
			f.Force("reserved")
			dead, live := filepath.Join(f.state, "dead.reserved"), filepath.Join(f.state, "live.reserved")
			err := errors.Join(
				os.Mkdir(filepath.Join(f.root, "a"), 0o755), os.Symlink("a", filepath.Join(f.root, "link")),
				os.WriteFile(filepath.Join(f.root, "a/file"), nil, asIfReserved),
				os.WriteFile(dead, []byte("a/file\n1\n"), 0o600), os.WriteFile(live, []byte(test.live), 0o600),
			)
			if !test.locks {
				f.WithoutLocks()
				err = errors.Join(err, os.Chtimes(dead, now, now.Add(-2*time.Hour)))
			}
			held, err2 := os.Open(live)
			if err := errors.Join(err, err2); err != nil {
				t.Fatal(err)
			}
			if err := unix.Flock(int(held.Fd()), unix.LOCK_EX); err != nil {
				t.Fatal(err)
			}
			n, err := f.Sweep()
			_, there := tree(t, f.root)["a/file"]
			if n != test.want || err != nil || there != (test.want == 0) {
				t.Errorf("%d notes are swept, %v; the reservation is there: %v", n, err, there)
			}
			if err := held.Close(); err != nil {
				t.Fatal(err)
			}
			now = now.Add(2 * time.Hour)
			if n, err := f.Sweep(); n != 2-test.want || err != nil {
				t.Errorf("then %d notes, %v", n, err)
			}
			if diff := cmp.Diff(map[string]string{"a": "d", "link": "L"}, tree(t, f.root)); diff != "" {
				t.Error(diff)
			}
			f.expectClean(t)
		})
	}
}

// TestNoteStays: an upload that has its name is published, though its note cannot be removed.
func TestNoteStays(t *testing.T) {
	f := newReserving(t)
	f.onNote(t, func(note string) {
		if err := errors.Join(os.Remove(note), os.Mkdir(note, 0o700)); err != nil {
			t.Error(err)
		}
	})
	f.publish(t, "content", "a")
	if diff := cmp.Diff(map[string]string{"a": "content"}, tree(t, f.root)); diff != "" {
		t.Error(diff)
	}
}

// TestLinksThatSayNothing: on a file system without links, how many a file has says nothing.
func TestLinksThatSayNothing(t *testing.T) {
	for _, way := range []string{"renamed", "reserved"} {
		t.Run(way, func(t *testing.T) {
			f := newFixture(t, t.TempDir(), media.Config{})
			f.Force(way)
			id := strings.Repeat("a", 32)
			part, err := f.CreatePart(id, 7)
			if err != nil {
				t.Fatal(err)
			}
			if err := part.Close(); err != nil {
				t.Fatal(err)
			}
			name := filepath.Join(f.state, id+".part")
			if err := os.Link(name, name+".2"); err != nil {
				t.Fatal(err)
			}
			if n, err := f.Sweep(); n != 0 || err != nil {
				t.Errorf("%d files are swept: %v", n, err)
			}
			entries, err := f.Entries()
			if err != nil || len(entries) != 1 || !entries[0].HasPart || entries[0].Published {
				t.Errorf("got %+v, %v", entries, err)
			}
		})
	}
}
