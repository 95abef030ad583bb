//go:build live && browser

package e2e

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestDemoPage: a person in Chromium picks sessions and sends files, and these are where the page says. See
// testdata/browser/demo.mjs; with DEMO_PICTURES, the pictures that it takes are copied into that folder.
func TestDemoPage(t *testing.T) {
	scratch, temporary := t.TempDir(), t.TempDir()
	t.Setenv("TMPDIR", temporary)
	t.Setenv("SIDECAR_LISTEN", "127.0.0.1:0")
	t.Setenv("SIDECAR_ADMIN_LISTEN", "127.0.0.1:0")
	t.Setenv("SIDECAR_UPLOAD_MAX_BYTES", "8MiB")
	url, stop := startDemo(t)

	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	node := exec.CommandContext(t.Context(), "node", "testdata/browser/demo.mjs",
		url, filepath.Join(cache, "django-sidecar", "browser"), chromium(t), scratch)
	node.Stderr, node.WaitDelay = &said, 10*time.Second
	out, err := node.Output()
	keepPictures(t, scratch)
	if err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}

	var names map[string]string // of stored files, by those that they had
	if err := json.Unmarshal(out, &names); err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	if len(names) < 6 {
		t.Errorf("only %d files were stored: %v", len(names), names)
	}
	checkStored(t, temporary, scratch, names)
	if err := stop(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) != 0 {
		t.Errorf("the demo has left %v, %v", left, err)
	}
}

// chromium is where Chromium is, or what is built of it. tools/setup-browser.sh knows the same names.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("there is no Chromium; tools/setup-browser.sh installs it")
	return ""
}

// startDemo runs the demo, and returns its page's URL and what ends it.
func startDemo(t *testing.T) (url string, stop func() error) {
	t.Helper()
	demo := exec.Command(sidecarProgram(t), "demo")
	printed, err := demo.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := demo.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 1)
	var reading sync.WaitGroup
	end := sync.OnceValue(func() error {
		_ = demo.Process.Signal(os.Interrupt) // it may have ended
		reading.Wait()
		return demo.Wait()
	})
	t.Cleanup(func() { _ = end() }) // where the test has not done it
	reading.Go(func() {
		all := make([]byte, 0, 8<<10)
		buffer, found := make([]byte, 1<<10), false
		for {
			n, err := printed.Read(buffer)
			all = append(all, buffer[:n]...)
			if _, rest, ok := strings.Cut(string(all), "In a browser: "); ok && !found {
				if line, _, whole := strings.Cut(rest, "\n"); whole {
					lines <- line
					found = true
				}
			}
			if err != nil {
				close(lines)
				return
			}
		}
	})
	url, ok := <-lines
	if !ok {
		t.Fatalf("the demo has printed no page, and ended with: %v", end())
	}
	return url, end
}

// checkStored fails unless the demo's MEDIA_ROOT has these files, with their contents, and no others.
func checkStored(t *testing.T, temporary, scratch string, names map[string]string) {
	t.Helper()
	roots, err := filepath.Glob(filepath.Join(temporary, "django-sidecar-demo-*", "media"))
	if err != nil || len(roots) != 1 {
		t.Fatalf("MEDIA_ROOT is one of %v, %v", roots, err)
	}
	for original, name := range names {
		want, err := os.ReadFile(filepath.Join(scratch, original))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(roots[0], name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is stored as %s, with %d bytes, %v; want %d bytes", original, name, len(got), err, len(want))
		}
	}
	files := 0
	err = filepath.WalkDir(roots[0], func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files++
		}
		return err
	})
	if err != nil || files != len(names) {
		t.Errorf("MEDIA_ROOT has %d files, %v; want %d", files, err, len(names))
	}
}

// keepPictures copies the pictures to where they can be looked at.
func keepPictures(t *testing.T, scratch string) {
	t.Helper()
	into := os.Getenv("DEMO_PICTURES")
	if into == "" {
		return
	}
	pictures, err := filepath.Glob(filepath.Join(scratch, "*.png"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pictures {
		content, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(into, filepath.Base(p)), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
