package media_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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
	text, err := os.ReadFile(note)
	if err == nil {
		err = os.WriteFile(strings.Replace(note, ".reserved", left, 1), text, 0o600)
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
