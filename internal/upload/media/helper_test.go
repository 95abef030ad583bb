package media_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"django-sidecar/djangosession"
	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/upload/media"
)

var roles = djangotest.Roles{}

func TestMain(m *testing.M) {
	roles.Play()
	m.Run()
}

var django52 = djangosession.Version{Major: 5, Minor: 2, Patch: djangosession.LatestPatch}

func permissions(p uint32) *uint32 { return &p }

// fixture is a MEDIA_ROOT and a state directory beside it.
type fixture struct {
	*media.Dir
	root, state string
}

// newFixture opens a new MEDIA_ROOT below a directory.
func newFixture(tb testing.TB, below string, c media.Config) *fixture {
	tb.Helper()
	f := &fixture{root: filepath.Join(below, "media"), state: filepath.Join(below, ".django-sidecar")}
	if err := os.Mkdir(f.root, 0o755); err != nil {
		tb.Fatal(err)
	}
	return f.open(tb, c)
}

func (f *fixture) open(tb testing.TB, c media.Config) *fixture {
	tb.Helper()
	c.Root, c.StateDir = f.root, f.state
	if c.Version == (djangosession.Version{}) {
		c.Version = django52
	}
	var err error
	if f.Dir, err = media.Open(c); err != nil {
		tb.Fatal(err)
	}
	return f
}

// eachLinker runs a test in every way in which files get their names, each time in a new MEDIA_ROOT.
func eachLinker(t *testing.T, c media.Config, test func(t *testing.T, f *fixture)) {
	t.Helper()
	for _, name := range linkers(t) {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, t.TempDir(), c)
			f.Force(name)
			test(t, f)
		})
	}
}

// linkers are those that work here: all of them where Open finds more than the last.
func linkers(tb testing.TB) []string {
	tb.Helper()
	if newFixture(tb, tb.TempDir(), media.Config{}).Linker() == "named" {
		return []string{"named"}
	}
	return []string{"O_TMPFILE and AT_EMPTY_PATH", "O_TMPFILE and /proc", "named", "renamed", "reserved"}
}

// names offers names one after the other, and then fails the test.
func names(tb testing.TB, candidates ...string) func() (string, error) {
	return func() (string, error) {
		if len(candidates) == 0 {
			tb.Error("more names were asked for than there are")
			return "", fs.ErrInvalid
		}
		name := candidates[0]
		candidates = candidates[1:]
		return name, nil
	}
}

// create begins an upload and writes to it.
func (f *fixture) create(tb testing.TB, content string) *media.PendingFile {
	tb.Helper()
	file, err := f.Create(int64(len(content)))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = file.Discard() })
	if n, err := file.Write([]byte(content)); n != len(content) || err != nil {
		tb.Fatalf("wrote %d of %d bytes: %v", n, len(content), err)
	}
	return file
}

func (f *fixture) publish(tb testing.TB, content string, candidates ...string) string {
	tb.Helper()
	file := f.create(tb, content)
	name, err := file.Publish(names(tb, candidates...))
	if err := errors.Join(err, file.Discard()); err != nil {
		tb.Fatal(err)
	}
	return name
}

// sweepMeanwhile sweeps over and over, as another process does, until it is stopped. check looks at each result.
func (f *fixture) sweepMeanwhile(check func(swept int, err error)) (stop func()) {
	done := make(chan struct{})
	var sweeping sync.WaitGroup
	sweeping.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				check(f.Sweep())
			}
		}
	})
	return func() {
		close(done)
		sweeping.Wait()
	}
}

// tree is what is below a directory: its regular files with their contents, the rest with its type.
func tree(tb testing.TB, dir string) map[string]string {
	tb.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		found[name] = entry.Type().String()[:1]
		if entry.Type().IsRegular() {
			content, err := os.ReadFile(path)
			found[name] = string(content)
			return err
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return found
}

// expectClean fails the test if the state directory holds anything, or room is still promised.
func (f *fixture) expectClean(tb testing.TB) {
	tb.Helper()
	if left := tree(tb, f.state); len(left) != 0 {
		tb.Errorf("the state directory holds %d files", len(left))
	}
	if n := f.AllPromised(); n != 0 {
		tb.Errorf("%d bytes are still promised", n)
	}
}

// Contents that tell whether they are whole: a seed, their length, what the seed makes, and the hash of all that.

const frame = 16 + sha256.Size

func content(seed uint64, size int) []byte {
	b := binary.BigEndian.AppendUint64(nil, seed)
	b = binary.BigEndian.AppendUint64(b, uint64(size))
	r := rand.New(rand.NewPCG(seed, 0))
	for len(b) < size-sha256.Size {
		b = binary.BigEndian.AppendUint64(b, r.Uint64())
	}
	b = b[:size-sha256.Size]
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

// whole returns the seed of contents, and whether they are whole.
func whole(b []byte) (seed uint64, ok bool) {
	if len(b) < frame || binary.BigEndian.Uint64(b[8:]) != uint64(len(b)) {
		return 0, false
	}
	sum := sha256.Sum256(b[:len(b)-sha256.Size])
	return binary.BigEndian.Uint64(b), bytes.Equal(sum[:], b[len(b)-sha256.Size:])
}
