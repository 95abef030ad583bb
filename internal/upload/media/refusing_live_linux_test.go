//go:build live

package media_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/upload/media"
)

// noLinks and so on are what makes Open choose each way, on a file system that knows no O_TMPFILE.
var (
	noLinks    = map[string]syscall.Errno{"link": syscall.EPERM}
	noRenames  = map[string]syscall.Errno{"link": syscall.ENOTSUP, "noreplace": syscall.EINVAL}
	noneOfThem = map[string]syscall.Errno{"link": syscall.EPERM, "noreplace": syscall.EINVAL, "rename": syscall.ENOSYS}
)

// refusingCases are file systems, how files get their names there, and what is said of them.
var refusingCases = []struct {
	what    string
	told    djangotest.Refusals
	chmod   *uint32 // FILE_UPLOAD_PERMISSIONS
	linker  string
	lacking string // "" for nothing
	publish error  // nil for a file that is published
}{
	{what: "nothing is refused", linker: "named"},
	{what: "links EPERM", told: djangotest.Refusals{Refuse: noLinks}, linker: "renamed", lacking: "no hard links"},
	{what: "links ENOTSUP", told: djangotest.Refusals{Refuse: map[string]syscall.Errno{"link": syscall.ENOTSUP}}, linker: "renamed", lacking: "no hard links"},
	{what: "links EMLINK", told: djangotest.Refusals{Refuse: map[string]syscall.Errno{"link": syscall.EMLINK}}, linker: "renamed", lacking: "no hard links"},
	{what: "links EACCES", told: djangotest.Refusals{Refuse: map[string]syscall.Errno{"link": syscall.EACCES}}, linker: "renamed", lacking: "no hard links"},
	{what: "renames without replacing alone", told: djangotest.Refusals{Refuse: map[string]syscall.Errno{"noreplace": syscall.EINVAL}}, linker: "named"},
	{what: "links and renames without replacing", told: djangotest.Refusals{Refuse: noRenames}, linker: "reserved", lacking: "an empty file for a moment"},
	{what: "chmod, with None", told: djangotest.Refusals{Refuse: map[string]syscall.Errno{"chmod": syscall.EPERM}}, linker: "named"},
	{
		what: "chmod", told: djangotest.Refusals{Refuse: map[string]syscall.Errno{"chmod": syscall.EPERM}}, chmod: permissions(0o644),
		linker: "named", lacking: "every upload is refused with 503", publish: media.ErrReadOnly,
	},
	{
		what: "chmod ENOTSUP", told: djangotest.Refusals{Refuse: map[string]syscall.Errno{"chmod": syscall.ENOTSUP}}, chmod: permissions(0o644),
		linker: "named", lacking: "every upload is refused with 503", publish: syscall.ENOTSUP,
	},
	{
		what: "chmod to the mode that all have", told: djangotest.Refusals{Refuse: map[string]syscall.Errno{"chmod": syscall.EPERM}, Mode: 0o755},
		chmod: permissions(0o755), linker: "named", lacking: "the mode of FILE_UPLOAD_PERMISSIONS already",
	},
	{what: "any permissions", told: djangotest.Refusals{Mode: 0o777}, chmod: permissions(0o644), linker: "named", lacking: "no permissions"},
	{what: "chown EPERM", told: djangotest.Refusals{Refuse: map[string]syscall.Errno{"chown": syscall.EPERM}}, linker: "named"},
	{what: "chown ENOTSUP", told: djangotest.Refusals{Refuse: map[string]syscall.Errno{"chown": syscall.ENOTSUP}}, linker: "named"},
	{what: "locks ENOLCK", told: djangotest.Refusals{Refuse: map[string]syscall.Errno{"flock": syscall.ENOLCK}}, linker: "named", lacking: "no locks"},
	{what: "locks ENOTSUP", told: djangotest.Refusals{Refuse: map[string]syscall.Errno{"flock": syscall.ENOTSUP}}, linker: "named", lacking: "no locks"},
	{what: "held locks EACCES", told: djangotest.Refusals{Held: syscall.EACCES}, linker: "named"},
	{what: "fsync of folders", told: djangotest.Refusals{Refuse: map[string]syscall.Errno{"fsyncdir": syscall.EINVAL}}, linker: "named", lacking: "no fsync"},
	{what: "fsync", told: djangotest.Refusals{Refuse: map[string]syscall.Errno{"fsync": syscall.EINVAL}}, linker: "named", lacking: "no fsync"},
	{what: "free space", told: djangotest.Refusals{NoSpaceTold: true}, linker: "named", lacking: "no free space"},
	{what: "statfs", told: djangotest.Refusals{Refuse: map[string]syscall.Errno{"statfs": syscall.ENOTSUP}}, linker: "named", lacking: "no free space"},
	{
		what: "all of that", told: djangotest.Refusals{Mode: 0o777, NoSpaceTold: true, Refuse: map[string]syscall.Errno{
			"link": syscall.EPERM, "noreplace": syscall.EINVAL, "chmod": syscall.EPERM, "chown": syscall.EPERM, "flock": syscall.ENOLCK,
			"fsync": syscall.EINVAL, "fsyncdir": syscall.EINVAL,
		}}, linker: "reserved", lacking: "no locks",
	},
}

// TestRefusingFileSystems: whatever a file system refuses, uploads are published as well as it can, and it is said what is lost.
func TestRefusingFileSystems(t *testing.T) {
	if !djangotest.OwnMounts(t) {
		return
	}
	r, told := djangotest.NewRefusingFS(t), map[string]syscall.Errno{}
	for i, tt := range refusingCases {
		t.Run(tt.what, func(t *testing.T) {
			below := filepath.Join(r.Dir, fmt.Sprint(i))
			if err := os.Mkdir(below, 0o755); err != nil {
				t.Fatal(err)
			}
			r.Tell(t, tt.told)
			defer r.Tell(t, djangotest.Refusals{})
			f := newFixture(t, below, media.Config{FilePermissions: tt.chmod, MinFree: 1})
			lacking := fmt.Sprint(f.Lacking())
			if f.Linker() != tt.linker || (len(f.Lacking()) == 0) != (tt.lacking == "") || !strings.Contains(lacking, tt.lacking) {
				t.Errorf("files are %s, lacking %s", f.Linker(), lacking)
			}
			if tt.publish != nil {
				file := f.create(t, "content")
				if _, err := file.Publish(names(t, "a/x")); !errors.Is(err, tt.publish) {
					t.Errorf("got %v", err)
				}
				if err := file.Discard(); err != nil {
					t.Error(err)
				}
				if diff := cmp.Diff(map[string]string{"a": "d"}, tree(t, f.root)); diff != "" {
					t.Error(diff)
				}
				f.expectClean(t)
				return
			}
			f.publishAll(t)
		})
	}
	// The kernel believes ENOSYS for as long as a FUSE file system is mounted: so they come last.
	for _, call := range []string{"noreplace", "link", "flock", "fsyncdir", "statfs", "chmod"} {
		told[call] = syscall.ENOSYS
		r.Tell(t, djangotest.Refusals{Refuse: told})
		below := filepath.Join(r.Dir, call)
		if err := os.Mkdir(below, 0o755); err != nil {
			t.Fatal(err)
		}
		newFixture(t, below, media.Config{}).publishAll(t)
	}
	t.Run("neither links nor renames", func(t *testing.T) {
		r.Tell(t, djangotest.Refusals{Refuse: noneOfThem})
		root := filepath.Join(r.Dir, "none")
		if err := os.Mkdir(root, 0o755); err != nil {
			t.Fatal(err)
		}
		_, err := media.Open(media.Config{Root: root, StateDir: root + "-state", Version: django52})
		if err == nil || !strings.Contains(err.Error(), "neither hard links nor renames") {
			t.Errorf("got %v", err)
		}
	})
}

// publishAll publishes a file, one with a name that is taken, and a part that was resumed.
func (f *fixture) publishAll(t *testing.T) {
	t.Helper()
	f.publish(t, "content", "a/x")
	f.publish(t, "more", "a/x", "a/y")
	if err := f.part(t, id, "hel").Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.SaveState(id, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	p, err := f.OpenPart(id, -1, 5)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.OpenPart(id, -1, 5); !errors.Is(err, media.ErrBusy) {
		t.Errorf("it was opened twice: %v", err)
	}
	if _, err := p.Write([]byte("lo")); err != nil {
		t.Fatal(err)
	}
	if n, err := f.Sweep(); n != 0 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
	if _, err := p.Publish(names(t, "a/y", "b/z")); err != nil {
		t.Fatal(err)
	}
	if err := f.Remove(id); err != nil {
		t.Error(err)
	}
	want := map[string]string{"a": "d", "b": "d", "a/x": "content", "a/y": "more", "b/z": "hello"}
	if diff := cmp.Diff(want, tree(t, f.root)); diff != "" {
		t.Error(diff)
	}
	f.expectClean(t)
}

// TestRefusedLater: what Open has found to work may be refused by one directory, or from now on.
func TestRefusedLater(t *testing.T) {
	if !djangotest.OwnMounts(t) {
		return
	}
	r := djangotest.NewRefusingFS(t)
	f := newFixture(t, r.Dir, media.Config{})
	for _, told := range []map[string]syscall.Errno{noLinks, noRenames, {"noreplace": syscall.EINVAL}, {"link": syscall.EMLINK, "noreplace": syscall.ENOTSUP}} {
		r.Tell(t, djangotest.Refusals{Refuse: told})
		f.publishAll(t)
		if err := errors.Join(os.RemoveAll(filepath.Join(f.root, "a")), os.RemoveAll(filepath.Join(f.root, "b"))); err != nil {
			t.Fatal(err)
		}
	}
	for _, told := range []map[string]syscall.Errno{nil, noLinks, noRenames} { // as vfat refuses some names
		r.Tell(t, djangotest.Refusals{Refuse: told, Names: "[?:]"})
		file := f.create(t, "content")
		if _, err := file.Publish(names(t, "10:30?")); !errors.Is(err, media.ErrName) {
			t.Errorf("got %v", err)
		}
		if _, err := file.Publish(names(t, "10.30")); err != nil {
			t.Error(err)
		}
		if err := os.Remove(filepath.Join(f.root, "10.30")); err != nil {
			t.Error(err)
		}
	}
	f.expectClean(t)
}

// TestLocksForWhoMayWrite: NFS locks only what is open for writing. What is given up and what is left behind goes there too.
func TestLocksForWhoMayWrite(t *testing.T) {
	if !djangotest.OwnMounts(t) {
		return
	}
	r := djangotest.NewRefusingFS(t)
	r.Tell(t, djangotest.Refusals{WriteToLock: true})
	leaveBehind(t, r.Dir)
}

// leaveBehind leaves behind whatever a sweep removes, and gives up a part.
func leaveBehind(t *testing.T, below string) {
	t.Helper()
	f := newFixture(t, below, media.Config{Now: func() time.Time { return time.Now().Add(2 * time.Hour) }})
	if lacking := f.Lacking(); len(lacking) != 0 {
		t.Errorf("the file system lacks %v", lacking)
	}
	f.publishAll(t)
	for _, linker := range []string{f.Linker(), "reserved"} {
		f.Force(linker)
		want := 2
		if err := f.part(t, id, "given up").Close(); err != nil {
			t.Fatal(err)
		}
		if err := f.Remove(id); err != nil {
			t.Error(err)
		}
		for name, mode := range map[string]os.FileMode{"ORPHAN.unfinished": 0o600, "ORPHAN.probe": asIfReserved} {
			if err := os.WriteFile(filepath.Join(f.state, name), nil, mode); err != nil {
				t.Fatal(err)
			}
		}
		if linker == "reserved" {
			f.onNote(t, func(note string) {
				leave(t, note)
				leaveAs(t, note, filepath.Join(f.state, "another"+left)) // which speaks of the same file
			})
			f.publish(t, "content", "reserved")
			f.SetSync((*os.File).Sync)
			want = 4
		}
		if n, err := f.Sweep(); n != want || err != nil {
			t.Errorf("%s: swept %d, %v", linker, n, err)
		}
		f.expectClean(t)
	}
}

// TestWithoutLocks: what is in use stays, and what is left behind goes when it is old.
func TestWithoutLocks(t *testing.T) {
	if !djangotest.OwnMounts(t) {
		return
	}
	r := djangotest.NewRefusingFS(t)
	r.Tell(t, djangotest.Refusals{Refuse: map[string]syscall.Errno{"flock": syscall.ENOLCK}})
	now := time.Now()
	f := newFixture(t, r.Dir, media.Config{Now: func() time.Time { return now }})
	inUse := f.create(t, "in use")
	if err := os.WriteFile(filepath.Join(f.state, "ORPHAN.unfinished"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{0, 1} {
		if n, err := f.Sweep(); n != want || err != nil {
			t.Errorf("swept %d, %v", n, err)
		}
		now = now.Add(2 * time.Hour)
	}
	if _, err := inUse.Publish(names(t, "x")); err != nil {
		t.Error(err)
	}
	f.expectClean(t)
}

func init() { roles["upload"], roles["part"] = onceUpload, oncePart }

var published = job{Seed: 1, Size: 5000, Name: "up/once.bin"}

// onceUpload publishes an upload when its standard input ends.
func onceUpload() error {
	d, err := media.Open(media.Config{Root: os.Args[1], StateDir: os.Args[2], Version: django52, FilePermissions: permissions(0o644)})
	if err != nil {
		return err
	}
	f, err := d.Create(-1)
	if err != nil {
		return err
	}
	if err := errors.Join(write(f, published, published.Size), awaitEnd()); err != nil {
		return err
	}
	_, err = f.Publish(func() (string, error) { return published.Name, nil })
	return err
}

// oncePart does that with a part.
func oncePart() error {
	d, err := media.Open(media.Config{Root: os.Args[1], StateDir: os.Args[2], Version: django52, FilePermissions: permissions(0o644)})
	if err != nil {
		return err
	}
	p, err := d.CreatePart(id, -1)
	if err != nil {
		return err
	}
	j := published
	j.Name = ""
	if err := errors.Join(save(d, id, j), write(p, j, j.Size), awaitEnd()); err != nil {
		return err
	}
	if _, err := p.Publish(func() (string, error) { return published.Name, save(d, id, published) }); err != nil {
		return err
	}
	return d.Remove(id)
}

// awaitEnd says that it is ready, and waits for the end of the standard input.
func awaitEnd() error {
	fmt.Println("ready")
	if _, err := os.Stdin.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("there is something to read: %w", err)
	}
	return nil
}

// TestKilledAtEachStep: a process is killed in place of each call that changes something while it publishes. What is under
// MEDIA_ROOT is whole; a name that is reserved is an empty file that nobody may read, until the next process has swept it. A
// part is published once.
func TestKilledAtEachStep(t *testing.T) {
	if !djangotest.OwnMounts(t) {
		return
	}
	r := djangotest.NewRefusingFS(t)
	for linker, told := range map[string]map[string]syscall.Errno{"named": nil, "renamed": noLinks, "reserved": noRenames} {
		for _, role := range []string{"upload", "part"} {
			t.Run(linker+" "+role, func(t *testing.T) {
				below := filepath.Join(r.Dir, linker+"-"+role)
				if err := os.Mkdir(below, 0o755); err != nil {
					t.Fatal(err)
				}
				r.Tell(t, djangotest.Refusals{Refuse: told})
				f := newFixture(t, below, media.Config{FilePermissions: permissions(0o644)})
				if f.Linker() != linker {
					t.Fatalf("files are %s", f.Linker())
				}
				f.killAtEachStep(t, r, told, role)
			})
		}
	}
}

func (f *fixture) killAtEachStep(t *testing.T, r *djangotest.RefusingFS, told map[string]syscall.Errno, role string) {
	t.Helper()
	reservations, killed := 0, 0
	var found outcomes
	for ; f.killedAt(t, r, told, role, killed+1); killed++ {
		r.Tell(t, djangotest.Refusals{Refuse: told})
		reservations += f.expectWholeOrReserved(t)
		reported := map[string]uint64{}
		found.add(restart(t, f, false, reported))
		if n := verify(t, f.root, reported); role == "part" && n != 1 {
			t.Errorf("killed at call %d: there are %d files", killed+1, n)
		}
		if err := os.RemoveAll(filepath.Join(f.root, "up")); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("killed at %d calls, %d reservations were left, %+v", killed, reservations, found)
	if killed < 6 || (reservations > 0) != (f.Linker() == "reserved") || (found.unfinished > 0) != (role == "part") {
		t.Error("these are not all")
	}
	r.Tell(t, djangotest.Refusals{Refuse: told})
	if got := tree(t, f.root); len(got[published.Name]) != published.Size {
		t.Errorf("nobody was killed, and there is %d", len(got))
	}
	f.expectClean(t)
}

// killedAt runs a process that is killed at a call, and reports whether it came to that.
func (f *fixture) killedAt(t *testing.T, r *djangotest.RefusingFS, told map[string]syscall.Errno, role string, call int) bool {
	t.Helper()
	cmd := exec.Command(os.Args[0], f.root, f.state)
	cmd.Env = append(os.Environ(), roles.As(role))
	cmd.Stderr = new(bytes.Buffer)
	in, err := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err, err2, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil { // it is ready
		t.Fatal(err, cmd.Wait(), cmd.Stderr)
	}
	r.Tell(t, djangotest.Refusals{Refuse: told, Kill: &djangotest.KillAt{PID: cmd.Process.Pid, At: call}})
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	err = cmd.Wait()
	if err == nil {
		return false
	}
	if status := new(exec.ExitError); !errors.As(err, &status) || status.Exited() {
		t.Fatalf("killed at call %d, it ended by itself: %v: %s", call, err, cmd.Stderr)
	}
	return true
}

// expectWholeOrReserved fails the test if a file is neither, and returns how many are reserved.
func (f *fixture) expectWholeOrReserved(t *testing.T) (reserved int) {
	t.Helper()
	for name, text := range tree(t, f.root) {
		if text == "d" {
			continue
		}
		info, err := os.Stat(filepath.Join(f.root, name))
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := whole([]byte(text)); ok {
			continue
		}
		if info.Size() != 0 || info.Mode() != 0o200 {
			t.Errorf("%s has %d bytes, and is not whole", name, len(text))
		}
		reserved++
	}
	return reserved
}
