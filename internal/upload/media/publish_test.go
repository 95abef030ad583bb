package media_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"django-sidecar/internal/upload/media"
)

func TestPublish(t *testing.T) {
	eachLinker(t, media.Config{}, func(t *testing.T, f *fixture) {
		file := f.create(t, "first")
		if got := tree(t, f.root); len(got) != 0 {
			t.Errorf("before it is published there is %v", got)
		}
		read := make([]byte, 5)
		if _, err := file.ReadAt(read, 0); err != nil || string(read) != "first" || file.Size() != 5 {
			t.Errorf("read %q of %d bytes, %v", read, file.Size(), err)
		}
		name, err := file.Publish(names(t, "a/b/c.txt"))
		if name != "a/b/c.txt" || err != nil {
			t.Errorf("got %q, %v", name, err)
		}
		if err := errors.Join(file.Discard(), file.Discard(), file.Close()); err != nil {
			t.Errorf("discarding what is published: %v", err)
		}
		f.publish(t, "second", "a/b/c.txt", "a/b/c_1.txt")
		f.publish(t, "", "top.txt")
		want := map[string]string{"a": "d", "a/b": "d", "a/b/c.txt": "first", "a/b/c_1.txt": "second", "top.txt": ""}
		if diff := cmp.Diff(want, tree(t, f.root)); diff != "" {
			t.Error(diff)
		}
		f.expectClean(t)
	})
}

// TestTaken: whatever stands under a name stays, and is not followed.
func TestTaken(t *testing.T) {
	eachLinker(t, media.Config{}, func(t *testing.T, f *fixture) {
		outside := filepath.Join(t.TempDir(), "outside")
		err := errors.Join(
			os.WriteFile(filepath.Join(f.root, "file"), []byte("old"), 0o600), os.Mkdir(filepath.Join(f.root, "directory"), 0o700),
			os.Symlink(outside, filepath.Join(f.root, "dangling")), os.Symlink("file", filepath.Join(f.root, "link")),
			os.Symlink("loop", filepath.Join(f.root, "loop")),
		)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.publish(t, "new", "file", "directory", "dangling", "link", "loop", "free"); got != "free" {
			t.Errorf("published as %q", got)
		}
		want := map[string]string{"file": "old", "directory": "d", "dangling": "L", "link": "L", "loop": "L", "free": "new"}
		if diff := cmp.Diff(want, tree(t, f.root)); diff != "" {
			t.Error(diff)
		}
		if _, err := os.Lstat(outside); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("something was made where a symlink points to: %v", err)
		}
	})
}

func TestNoNameIsFree(t *testing.T) {
	eachLinker(t, media.Config{}, func(t *testing.T, f *fixture) {
		f.publish(t, "old", "taken")
		file, asked := f.create(t, "new"), 0
		_, err := file.Publish(func() (string, error) { asked++; return "taken", nil })
		if !errors.Is(err, media.ErrTaken) || asked != media.MaxCandidates {
			t.Errorf("got %v after %d names", err, asked)
		}
		// The upload is still there, and may be published under another name.
		if name, err := file.Publish(names(t, "free")); name != "free" || err != nil {
			t.Errorf("got %q, %v", name, err)
		}
		if diff := cmp.Diff(map[string]string{"taken": "old", "free": "new"}, tree(t, f.root)); diff != "" {
			t.Error(diff)
		}
	})
}

// TestRefused: nothing is made for what cannot be published.
func TestRefused(t *testing.T) {
	errNext := errors.New("the caller's own")
	long := strings.Repeat("x", 256)
	eachLinker(t, media.Config{}, func(t *testing.T, f *fixture) {
		f.publish(t, "a file", "file")
		for _, tt := range []struct {
			name string
			want error
		}{
			{"", media.ErrName},
			{".", media.ErrName},
			{"..", media.ErrName},
			{"/etc/x", media.ErrName},
			{"../x", media.ErrName},
			{"a/../../x", media.ErrName},
			{"a/../x", media.ErrName},
			{"./x", media.ErrName},
			{"a//x", media.ErrName},
			{"a/", media.ErrName},
			{"a\x00b", media.ErrName},
			{"a/b\x00/c", media.ErrName},
			{"a\xff", media.ErrName},
			{long, media.ErrName},
			{long + "/x", media.ErrName},
			{strings.Repeat("x/", 2048) + "x", media.ErrName},
			{"file/x", nil},
			{"file/y/z", nil},
		} {
			file := f.create(t, "content")
			name, err := file.Publish(names(t, tt.name))
			if name != "" || err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("%.20q: got %q, %v", tt.name, name, err)
			}
			if err := file.Discard(); err != nil {
				t.Error(err)
			}
		}
		if _, err := f.create(t, "").Publish(func() (string, error) { return "x", errNext }); err != errNext { //nolint:errorlint // as it is
			t.Errorf("got %v, want what next returned", err)
		}
		if diff := cmp.Diff(map[string]string{"file": "a file"}, tree(t, f.root)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAfterItsEnd(t *testing.T) {
	eachLinker(t, media.Config{}, func(t *testing.T, f *fixture) {
		for what, end := range map[string]func(*media.PendingFile) error{
			"published": func(file *media.PendingFile) error { _, err := file.Publish(names(t, "x")); return err },
			"discarded": (*media.PendingFile).Discard,
			"closed":    (*media.PendingFile).Close,
		} {
			file := f.create(t, "content")
			if err := end(file); err != nil {
				t.Errorf("%s: %v", what, err)
			}
			_, writeErr := file.Write([]byte("x"))
			_, readErr := file.ReadAt(make([]byte, 1), 0)
			_, publishErr := file.Publish(names(t))
			for _, err := range []error{writeErr, readErr, publishErr, file.Sync(), file.Truncate(0)} {
				if !errors.Is(err, os.ErrClosed) {
					t.Errorf("%s: got %v", what, err)
				}
			}
			if err := errors.Join(file.Discard(), file.Close()); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
		f.expectClean(t)
	})
}

// TestAtOnce: of uploads that want the same name in a directory that is not there yet, each gets one of its own.
func TestAtOnce(t *testing.T) {
	const uploads = 64
	eachLinker(t, media.Config{DirectoryPermissions: permissions(0o750)}, func(t *testing.T, f *fixture) {
		var wait sync.WaitGroup
		start := make(chan struct{})
		results := make(chan string, uploads)
		for i := range uploads {
			file := f.create(t, fmt.Sprint("upload ", i))
			wait.Go(func() {
				<-start
				tried := -1
				name, err := file.Publish(func() (string, error) {
					tried++
					return fmt.Sprintf("up/2026/11/same_%d", tried), nil
				})
				if err != nil {
					t.Error(err)
				}
				results <- name + "=" + fmt.Sprint("upload ", i)
			})
		}
		close(start)
		wait.Wait()
		close(results)
		want := map[string]string{"up": "d", "up/2026": "d", "up/2026/11": "d"}
		for r := range results {
			name, content, _ := strings.Cut(r, "=")
			want[name] = content
		}
		if len(want) != uploads+3 {
			t.Errorf("%d names for %d uploads", len(want)-3, uploads)
		}
		if diff := cmp.Diff(want, tree(t, f.root)); diff != "" {
			t.Error(diff)
		}
		f.expectClean(t)
	})
}

// TestLarge: contents arrive as they were sent, whatever was announced.
func TestLarge(t *testing.T) {
	const size = 2<<20 + 12345
	eachLinker(t, media.Config{}, func(t *testing.T, f *fixture) {
		for i, announced := range []int64{size, -1, 0, 10, size - 1, 2 * size} {
			file, err := f.Create(announced)
			if err != nil {
				t.Fatal(err)
			}
			want := content(uint64(i), size)
			if _, err := io.CopyBuffer(struct{ io.Writer }{file}, strings.NewReader(string(want)), make([]byte, 100_000)); err != nil {
				t.Fatal(err)
			}
			name, err := file.Publish(names(t, fmt.Sprint(i)))
			if err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(filepath.Join(f.root, name))
			if seed, ok := whole(got); err != nil || !ok || seed != uint64(i) {
				t.Errorf("announced as %d: %d bytes of %d arrived, %v", announced, len(got), size, err)
			}
		}
		f.expectClean(t)
	})
}
