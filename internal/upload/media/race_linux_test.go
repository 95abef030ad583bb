package media_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"django-sidecar/internal/upload/media"
)

// TestSwapped: while uploads are published below it, a directory takes turns with a symlink that leads outside. Whatever
// the instant, nothing gets out, and what was published is inside.
func TestSwapped(t *testing.T) {
	const uploads = 400
	for _, target := range []string{"../outside", "OUTSIDE"} {
		t.Run(target, func(t *testing.T) {
			eachLinker(t, media.Config{DirectoryPermissions: permissions(0o755)}, func(t *testing.T, f *fixture) {
				f.SetSync(func(*os.File) error { return nil }) // more turns in the same time
				outside := filepath.Join(filepath.Dir(f.root), "outside")
				in := func(name string) string { return filepath.Join(f.root, name) }
				err := errors.Join(os.Mkdir(outside, 0o755), os.MkdirAll(in("swapped/deep"), 0o755),
					os.MkdirAll(outside+"/deep", 0o755), os.Symlink(expand(target, f.root, outside, ""), in("link")))
				if err != nil {
					t.Fatal(err)
				}
				stop := swap(t, in("swapped"), in("link"))
				published, refused := 0, 0
				for i := range uploads {
					name := fmt.Sprintf("swapped/deep/%d/%d", i/2, i) // every other one has its directory made
					if i%3 == 0 {
						name = fmt.Sprintf("swapped/%d", i)
					}
					file := f.create(t, "content")
					_, err := file.Publish(names(t, name))
					switch {
					case err == nil:
						published++
					case errors.Is(err, media.ErrOutside):
						refused++
					case errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.EINVAL): // it was a symlink, and was none
						refused++
					default:
						t.Error(err)
					}
					if err := file.Discard(); err != nil {
						t.Error(err)
					}
				}
				turns := stop()
				t.Logf("%d published, %d refused, %d turns", published, refused, turns)
				if published == 0 || refused == 0 {
					t.Errorf("%d published, %d refused: there was no race", published, refused)
				}
				if got := tree(t, outside); len(got) != 1 || got["deep"] != "d" {
					t.Errorf("outside there is %v", got)
				}
				files := 0
				for _, what := range tree(t, f.root) {
					if what == "content" {
						files++
					}
				}
				if files != published {
					t.Errorf("%d files inside, %d were published", files, published)
				}
				f.expectClean(t)
			})
		})
	}
}

// swap exchanges two names again and again until it is stopped, and leaves them as they were.
func swap(t *testing.T, a, b string) (stop func() int) {
	t.Helper()
	done := make(chan struct{})
	var wait sync.WaitGroup
	turns := 0
	wait.Go(func() {
		for {
			select {
			case <-done:
				if turns%2 == 0 {
					return
				}
			default:
			}
			if err := unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE); err != nil {
				t.Error(err)
				return
			}
			turns++
		}
	})
	return func() int {
		close(done)
		wait.Wait()
		return turns
	}
}
