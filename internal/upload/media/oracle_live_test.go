//go:build live

package media_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"django-sidecar/djangosession"
	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/upload/media"
)

func init() { roles["saver"] = saver }

// nobody is who saves files without privileges, and the group that he is in.
const nobody = 65534

// uploadCase is one file to save, by Django and by us.
type uploadCase struct {
	Root      string  `json:"root"`
	Umask     int     `json:"umask"`
	File      *uint32 `json:"file"`
	Directory *uint32 `json:"directory"`
	Name      string  `json:"name"`
	Content   string  `json:"content"`

	Version djangosession.Version `json:"-"`
}

// request is what media.py reads, and our own saver.
type request struct {
	Cases []uploadCase `json:"cases"`
	UID   int          `json:"uid"`

	Version string `json:"version"`
	Linker  string `json:"linker"`
	Part    bool   `json:"part"`
}

// layouts prepare a MEDIA_ROOT: the directories that are there already, and whose they are.
var layouts = []struct {
	name string
	make func(root string) error
}{
	{"plain", func(root string) error { return chown(root, nobody, 0o755) }},
	{"setgid", func(root string) error { return chown(root, nobody, 0o2775) }},
	{"another group", func(root string) error { return chown(root, 4321, 0o775) }},
	{"another group, setgid", func(root string) error { return chown(root, 4321, 0o2775) }},
	{"with directories", func(root string) error {
		return join(chown(root, nobody, 0o755), os.Mkdir(root+"/up", 0o700), chown(root+"/up", nobody, 0o1777))
	}},
	{"with a setgid directory", func(root string) error {
		return join(chown(root, nobody, 0o755), os.Mkdir(root+"/up", 0o700), chown(root+"/up", 4321, 0o2770))
	}},
}

func join(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// chown gives a directory to nobody and a group. It sets the mode last: a change of owner takes bits away.
func chown(path string, gid int, mode uint32) error {
	return join(os.Chown(path, nobody, gid), syscall.Chmod(path, mode))
}

// cases returns every combination, each with a MEDIA_ROOT of its own below base.
func cases(t *testing.T, base string) []uploadCase {
	t.Helper()
	var all []uploadCase
	for _, layout := range layouts {
		for _, umask := range []int{0o022, 0o077, 0o002} {
			for _, file := range []*uint32{nil, permissions(0o644), permissions(0o600), permissions(0o664), permissions(0o6755)} {
				for _, directory := range []*uint32{nil, permissions(0o755), permissions(0o750), permissions(0o2775), permissions(0o1777)} {
					for _, name := range []string{"x.txt", "up/2026/11/x.txt"} {
						if name == "x.txt" && directory != nil {
							continue // no directory is made for it
						}
						root := filepath.Join(base, fmt.Sprint(len(all)), "media")
						if err := join(os.Mkdir(filepath.Dir(root), 0o700), os.Mkdir(root, 0o700), layout.make(root), chown(filepath.Dir(root), nobody, 0o755)); err != nil {
							t.Fatal(err)
						}
						all = append(all, uploadCase{Root: root, Umask: umask, File: file, Directory: directory, Name: name, Content: layout.name})
					}
				}
			}
		}
	}
	return all
}

// TestOracle compares modes and groups of files and directories with those that Django's own FileSystemStorage makes.
func TestOracle(t *testing.T) {
	if os.Getuid() != 0 {
		t.Fatal("must be run by root, who makes directories for other groups")
	}
	total := 0
	for _, version := range djangotest.Lines {
		t.Run("Django "+version, func(t *testing.T) {
			for _, uid := range []int{0, nobody} {
				django := request{Cases: cases(t, newBase(t)), UID: uid}
				answer := askDjango(t, version, django)
				for _, ours := range []request{{Linker: "O_TMPFILE and /proc"}, {Linker: "O_TMPFILE and /proc", Part: true}, {Linker: "named"}} {
					ours.Cases, ours.UID, ours.Version = cases(t, newBase(t)), uid, version
					saveAll(t, ours)
					total += compare(t, django, answer.Names, ours)
				}
			}
		})
	}
	t.Logf("%d files compared", total)
}

// newBase is a directory that everybody can get into.
func newBase(t *testing.T) string {
	t.Helper()
	base, err := os.MkdirTemp("/dev/shm", "media-oracle-") //nolint:usetesting // in memory: there are many, and another user gets in
	if err == nil {
		err = os.Chmod(base, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(base); err != nil {
			t.Error(err)
		}
	})
	return base
}

type answer struct {
	Django, Python string
	Names          []string
}

func askDjango(t *testing.T, version string, r request) answer {
	t.Helper()
	cmd := exec.Command(djangotest.Python(t, version), filepath.Join(djangotest.RepositoryPath(), "testdata", "oracle", "media.py"))
	var a answer
	if err := json.Unmarshal(run(t, cmd, r), &a); err != nil {
		t.Fatal(err)
	}
	if len(a.Names) != len(r.Cases) {
		t.Fatalf("%d answers to %d questions", len(a.Names), len(r.Cases))
	}
	return a
}

func run(t *testing.T, cmd *exec.Cmd, r request) []byte {
	t.Helper()
	in, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func saveAll(t *testing.T, r request) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roles.As("saver"))
	run(t, cmd, r)
}

// saver saves the cases in a process whose umask and user it may change.
func saver() error {
	var r request
	if err := json.NewDecoder(os.Stdin).Decode(&r); err != nil {
		return err
	}
	if r.UID != 0 {
		if err := join(syscall.Setgroups(nil), syscall.Setgid(r.UID), syscall.Setuid(r.UID)); err != nil {
			return err
		}
	}
	version, err := djangosession.ParseVersion(r.Version)
	if err != nil {
		return err
	}
	for _, c := range r.Cases {
		c.Version = version
		if err := saveOne(c, r); err != nil {
			return fmt.Errorf("%+v: %w", c, err)
		}
	}
	return nil
}

func saveOne(c uploadCase, r request) error {
	syscall.Umask(c.Umask)
	d, err := media.Open(media.Config{
		Root: c.Root, StateDir: filepath.Join(filepath.Dir(c.Root), ".state"), Version: c.Version,
		FilePermissions: c.File, DirectoryPermissions: c.Directory,
	})
	if err != nil {
		return err
	}
	d.SetSync(func(*os.File) error { return nil }) // there are many
	d.Force(r.Linker)
	create := d.Create
	if r.Part {
		create = func(size int64) (*media.PendingFile, error) { return d.CreatePart(id, size) }
	}
	f, err := create(int64(len(c.Content)))
	if err != nil {
		return err
	}
	if _, err := f.Write([]byte(c.Content)); err != nil {
		return err
	}
	_, err = f.Publish(func() (string, error) { return c.Name, nil })
	return err
}

// impossible: without privileges Linux gives a file to the group of a setgid directory that it is created in, and no
// process may give it to that group unless it is in it. These are lines in docs/divergences.md.
func impossible(c uploadCase, r request) bool {
	exact := r.Version == "4.2" || r.Version == "5.2" || r.Version[0] == '6'
	loses := !exact && c.Directory != nil && *c.Directory&uint32(c.Umask) != 0 // chmod takes the bit, os.umask does not
	switch {
	case r.UID == 0 || c.Name == "x.txt" && r.Linker != "named":
		return false
	case c.Content == "with a setgid directory": // and MEDIA_ROOT is of another group, which files get from 4.1 on: chown takes bits
		to40 := !djangosession.MustVersion(r.Version).AtLeast(4, 1)
		return c.Name != "x.txt" && (to40 || loses || c.File != nil && *c.File&0o6000 != 0)
	case c.Content == "another group, setgid" && r.Linker == "named": // the file is created beside MEDIA_ROOT
		return c.Directory == nil || !exact
	case c.Content == "another group, setgid":
		return loses
	}
	return false
}

// compare returns how many cases there are in which both made the same, and reports the others.
func compare(t *testing.T, django request, answers []string, ours request) (n int) {
	t.Helper()
	byKey := map[string]int{}
	key := func(c uploadCase) string { c.Root = ""; b, _ := json.Marshal(c); return string(b) }
	for i, c := range django.Cases {
		byKey[key(c)] = i
	}
	different := 0
	for _, c := range ours.Cases {
		if impossible(c, ours) {
			continue
		}
		i, ok := byKey[key(c)]
		if !ok || answers[i] != c.Name {
			t.Fatalf("Django answers %q to %+v", answers[i], c)
		}
		if diff := cmp.Diff(modes(t, django.Cases[i].Root), modes(t, c.Root)); diff != "" {
			if different++; different <= 5 {
				t.Errorf("%s, part %t, user %d, %s\n%s", ours.Linker, ours.Part, ours.UID, key(c), diff)
			}
		}
		n++
	}
	if different > 0 {
		t.Errorf("%s, part %t, user %d: %d of %d differ", ours.Linker, ours.Part, ours.UID, different, n)
	}
	return n - different
}

// modes has the mode, the owner and the group of what is below a directory.
func modes(t *testing.T, root string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var stat syscall.Stat_t
		if err := syscall.Lstat(path, &stat); err != nil {
			return err
		}
		text := fmt.Sprintf("%06o %d:%d", stat.Mode, stat.Uid, stat.Gid)
		if entry.Type().IsRegular() {
			text += fmt.Sprintf(" %d bytes", stat.Size)
		}
		found[path[len(root):]] = text
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
