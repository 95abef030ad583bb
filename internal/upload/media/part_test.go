package media_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"django-sidecar/internal/upload/media"
)

const id = "0123456789abcdef0123456789abcdef"

func (f *fixture) part(tb testing.TB, id, content string) *media.PendingFile {
	tb.Helper()
	p, err := f.CreatePart(id, -1)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = p.Close() })
	if _, err := p.Write([]byte(content)); err != nil {
		tb.Fatal(err)
	}
	return p
}

func TestPart(t *testing.T) {
	eachLinker(t, media.Config{FilePermissions: permissions(0o644)}, func(t *testing.T, f *fixture) {
		p := f.part(t, id, "hello")
		if err := errors.Join(p.Sync(), p.Close(), p.Close(), p.Discard()); err != nil {
			t.Fatal(err)
		}
		linker := f.Linker()
		f.open(t, media.Config{FilePermissions: permissions(0o644)}).Force(linker) // a restart
		if _, err := f.CreatePart(id, -1); !errors.Is(err, fs.ErrExist) {
			t.Errorf("the same id again: %v", err)
		}
		p, err := f.OpenPart(id, -1, 12)
		if err != nil {
			t.Fatal(err)
		}
		if p.Size() != 5 {
			t.Errorf("it has %d bytes", p.Size())
		}
		for _, text := range []string{", wrold", ", world"} {
			if err := p.Truncate(5); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Write([]byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(p.Truncate(-1), nil); err == nil {
			t.Error("truncated to less than nothing")
		}
		if err := p.Truncate(13); err == nil {
			t.Error("truncated to more than there is")
		}
		if name, err := p.Publish(names(t, "a/x")); name != "a/x" || err != nil {
			t.Errorf("got %q, %v", name, err)
		}
		if diff := cmp.Diff(map[string]string{"a": "d", "a/x": "hello, world"}, tree(t, f.root)); diff != "" {
			t.Error(diff)
		}
		if info, err := os.Stat(filepath.Join(f.root, "a/x")); err != nil || info.Mode() != 0o644 {
			t.Errorf("got %v, %v", info.Mode(), err)
		}
		if _, err := f.OpenPart(id, -1, -1); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a part that is published: %v", err)
		}
		f.expectClean(t)
	})
}

// TestSynced: of a part, what is not known to be on the disk is not kept.
func TestSynced(t *testing.T) {
	eachLinker(t, media.Config{}, func(t *testing.T, f *fixture) {
		if err := f.part(t, id, "0123456789").Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := f.OpenPart(id, 11, -1); !errors.Is(err, media.ErrDamaged) {
			t.Errorf("got %v", err)
		}
		for _, tt := range []struct{ synced, want int64 }{{-1, 10}, {10, 10}, {4, 4}, {-1, 4}, {0, 0}} {
			p, err := f.OpenPart(id, tt.synced, 20)
			if err != nil {
				t.Fatal(err)
			}
			if p.Size() != tt.want {
				t.Errorf("%d are synced: %d bytes are kept", tt.synced, p.Size())
			}
			if err := p.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Remove(id); err != nil {
			t.Error(err)
		}
		f.expectClean(t)
	})
}

// TestPartIsBusy: a part has one user at a time, in whichever process.
func TestPartIsBusy(t *testing.T) {
	f := newFixture(t, t.TempDir(), media.Config{})
	p := f.part(t, id, "content")
	other := (&fixture{root: f.root, state: f.state}).open(t, media.Config{})
	for _, err := range []error{second(f.OpenPart(id, -1, -1)), second(other.OpenPart(id, -1, -1)), other.Remove(id)} {
		if !errors.Is(err, media.ErrBusy) {
			t.Errorf("got %v", err)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	q, err := other.OpenPart(id, -1, -1)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(other.SaveState(id, []byte("{}")), q.Discard()); err != nil {
		t.Fatal(err)
	}
	f.expectClean(t)
}

func TestIDs(t *testing.T) {
	f := newFixture(t, t.TempDir(), media.Config{})
	for _, bad := range []string{
		"", "0", id[1:], id + "0", strings.ToUpper(id), id[:31] + "g", id[:31] + "/", id[:31] + "\x00", "../" + id[3:], strings.Repeat(".", 32), id[:30] + "é",
	} {
		for what, err := range map[string]error{
			"CreatePart": second(f.CreatePart(bad, 0)), "OpenPart": second(f.OpenPart(bad, -1, 0)), "Remove": f.Remove(bad), "SaveState": f.SaveState(bad, nil),
			"LoadState": second(f.LoadState(bad)), "Published": second(f.Published(bad, "x")),
		} {
			if !errors.Is(err, media.ErrID) {
				t.Errorf("%s of %q: got %v", what, bad, err)
			}
		}
	}
	f.expectClean(t)
}

// TestNoParts: what stands under a part's name without being one is not read.
func TestNoParts(t *testing.T) {
	f := newFixture(t, t.TempDir(), media.Config{})
	path := filepath.Join(f.state, id+".part")
	secret := filepath.Join(t.TempDir(), "secret")
	for what, make := range map[string]func() error{
		"a symlink":   func() error { return errors.Join(os.WriteFile(secret, []byte("x"), 0o600), os.Symlink(secret, path)) },
		"a directory": func() error { return os.Mkdir(path, 0o700) },
	} {
		if err := make(); err != nil {
			t.Fatal(err)
		}
		if _, err := f.OpenPart(id, -1, -1); err == nil {
			t.Errorf("%s was opened", what)
		}
		if _, err := f.CreatePart(id, -1); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: got %v", what, err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

func TestState(t *testing.T) {
	f := newFixture(t, t.TempDir(), media.Config{})
	if _, err := f.LoadState(id); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	for _, document := range []string{`{"name":"a"}`, "", strings.Repeat("x", 1<<20)} {
		if err := f.SaveState(id, []byte(document)); err != nil {
			t.Fatal(err)
		}
		if got, err := f.LoadState(id); string(got) != document || err != nil {
			t.Errorf("got %d bytes of %d, %v", len(got), len(document), err)
		}
	}
	if err := f.SaveState(id, make([]byte, 1<<20+1)); err == nil {
		t.Error("more than a state's bytes were saved")
	}
	info, err := os.Stat(filepath.Join(f.state, id+".json"))
	if err != nil || info.Mode() != 0o600 || info.Size() != 1<<20 {
		t.Errorf("got %v, %v", info, err)
	}
	if err := os.WriteFile(filepath.Join(f.state, id+".json"), make([]byte, 1<<20+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.LoadState(id); err == nil {
		t.Error("more than a state's bytes were read")
	}
	if err := errors.Join(f.Remove(id), f.Remove(id)); err != nil {
		t.Error(err)
	}
	f.expectClean(t)
}

func TestEntries(t *testing.T) {
	f := newFixture(t, t.TempDir(), media.Config{})
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	ids := make([]string, 4)
	for i := range ids {
		ids[i] = fmt.Sprintf("%032x", i)
	}
	state := func(name string) string { return filepath.Join(f.state, name) }
	if err := errors.Join(f.part(t, ids[0], "both").Close(), f.part(t, ids[1], "part").Close(), f.part(t, ids[3], "published").Close(),
		f.SaveState(ids[0], nil), f.SaveState(ids[2], nil), os.Link(state(ids[3]+".part"), filepath.Join(f.root, "x"))); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{ids[0] + ".json", ids[0] + ".part", ids[1] + ".part", ids[2] + ".json", ids[3] + ".part"} {
		when := at.Add(time.Duration(i) * time.Second)
		if err := os.Chtimes(state(name), when, when); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"x.part", "x.json", ids[0], ids[0] + ".part.json", ids[0] + ".json.part", ids[0] + ".txt"} {
		if err := os.WriteFile(state(name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := f.Entries()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]media.Entry{}
	for _, e := range entries {
		e.ModTime = e.ModTime.UTC()
		got[e.ID] = e
	}
	want := map[string]media.Entry{
		ids[0]: {ID: ids[0], HasPart: true, HasState: true, Size: 4, ModTime: at.Add(time.Second)},
		ids[1]: {ID: ids[1], HasPart: true, Size: 4, ModTime: at.Add(2 * time.Second)},
		ids[2]: {ID: ids[2], HasState: true, ModTime: at.Add(3 * time.Second)},
		ids[3]: {ID: ids[3], HasPart: true, Published: true, Size: 9, ModTime: at.Add(4 * time.Second)},
	}
	if diff := cmp.Diff(want, got); diff != "" || len(entries) != len(want) {
		t.Error(diff)
	}
}

// TestPublishedPart: what a process leaves that dies between giving a part its name and taking the old one.
func TestPublishedPart(t *testing.T) {
	f := newFixture(t, t.TempDir(), media.Config{})
	if err := errors.Join(f.part(t, id, "content").Close(), os.Mkdir(filepath.Join(f.root, "a"), 0o755),
		os.Link(filepath.Join(f.state, id+".part"), filepath.Join(f.root, "a/x")), os.WriteFile(filepath.Join(f.root, "a/y"), []byte("content"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := f.OpenPart(id, -1, -1); !errors.Is(err, media.ErrPublished) {
		t.Errorf("it could be published twice: %v", err)
	}
	for name, want := range map[string]bool{"a/x": true, "a/y": false, "a": false, "a/z": false, "b/c": false} {
		if got, err := f.Published(id, name); got != want || err != nil {
			t.Errorf("%s: got %t, %v", name, got, err)
		}
	}
	if _, err := f.Published(id, "../x"); !errors.Is(err, media.ErrName) {
		t.Errorf("got %v", err)
	}
	if n, err := f.Sweep(); n != 1 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
	if _, err := f.Published(id, "a/x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if got := tree(t, f.root); got["a/x"] != "content" {
		t.Errorf("what is published is %q", got["a/x"])
	}
	f.expectClean(t)
}

// TestSweep: what is in use or nobody's of ours stays.
func TestSweep(t *testing.T) {
	f := newFixture(t, t.TempDir(), media.Config{})
	f.Force("named")
	inUse := f.create(t, "in use")
	left := []string{id + ".part", id + ".json", "webhook.json", "webhook.tmp", "x.part"}
	for _, name := range append(left, "ORPHAN.unfinished") {
		if err := os.WriteFile(filepath.Join(f.state, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for want := range []int{1, 0} {
		if n, err := f.Sweep(); n != 1-want || err != nil {
			t.Errorf("swept %d, %v", n, err)
		}
	}
	if _, err := inUse.Publish(names(t, "x")); err != nil {
		t.Error(err)
	}
	want := map[string]string{}
	for _, name := range left {
		want[name] = ""
	}
	if diff := cmp.Diff(want, tree(t, f.state)); diff != "" {
		t.Error(diff)
	}
}

// TestOpenPartBesideSweep: a part that nobody has can be opened, also while others sweep.
func TestOpenPartBesideSweep(t *testing.T) {
	f := newFixture(t, t.TempDir(), media.Config{})
	p, err := f.CreatePart(id, -1)
	if err == nil {
		err = p.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.sweepMeanwhile(func(n int, err error) {
		if n != 0 || err != nil {
			t.Errorf("swept %d, %v", n, err)
		}
	})()
	for range 1000 {
		p, err := f.OpenPart(id, -1, -1)
		if err == nil {
			err = p.Close()
		}
		if err != nil {
			t.Error(err)
		}
	}
}

// TestPersist: the directory of a name is written to the disk, where it is there.
func TestPersist(t *testing.T) {
	f := newFixture(t, t.TempDir(), media.Config{})
	f.publish(t, "content", "a/x")
	var synced []string
	f.SetSync(func(opened *os.File) error {
		synced = append(synced, filepath.Base(opened.Name()))
		return nil
	})
	for _, name := range []string{"a/x", "gone/x"} {
		if err := f.Persist(name); err != nil {
			t.Error(err)
		}
	}
	if diff := cmp.Diff([]string{"a"}, synced); diff != "" {
		t.Error(diff)
	}
}
