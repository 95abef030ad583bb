//go:build live

package e2e

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/config"
	"django-sidecar/internal/demo"
	"django-sidecar/internal/serving"
	"django-sidecar/internal/sidecar"
)

// uploadSite is a deployment with MEDIA_ROOT and a user who is logged in.
type uploadSite struct {
	root, state string
	settings    map[string]string // as the environment has them
	config      *config.Config
	cookie      string // of the user
	other       string // of another one
}

// newUploadSite makes a site below base with these settings besides its own.
func newUploadSite(t *testing.T, base string, settings map[string]string) *uploadSite {
	t.Helper()
	s := &uploadSite{root: filepath.Join(base, "media"), state: filepath.Join(base, "state")}
	if err := os.Mkdir(s.root, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(base, "db.sqlite3")
	s.settings = map[string]string{
		"DATABASE_URL": "sqlite:///" + path, "DJANGO_SECRET_KEY": rigSecret, "DJANGO_MEDIA_ROOT": s.root, "SIDECAR_UPLOAD_STATE_DIR": s.state,
		"SIDECAR_LISTEN": "127.0.0.1:0", "SIDECAR_ADMIN_LISTEN": "127.0.0.1:0",
	}
	for name, value := range settings {
		s.settings[name] = value
	}
	for name, value := range s.settings {
		t.Setenv(name, value)
	}
	c, err := config.FromProcess()
	if err != nil {
		t.Fatal(err)
	}
	s.config = c
	d, err := sidecar.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	visits, err := demo.Make(t.Context(), path, d.Codec(), d.Verifier(), time.Now())
	if err := errors.Join(err, d.Close()); err != nil {
		t.Fatal(err)
	}
	s.cookie, s.other = visits[0].Cookie, visits[1].Cookie // ada and grace
	if !visits[0].Alive || !visits[1].Alive {
		t.Fatal("the first two visits are of nobody")
	}
	return s
}

// serve runs the sidecar in this process until the test ends, and returns its address.
func (s *uploadSite) serve(t *testing.T) string {
	t.Helper()
	return s.serveWrapped(t, nil)
}

// serveWrapped is serve, with something around the public handler.
func (s *uploadSite) serveWrapped(t *testing.T, wrap func(http.Handler) http.Handler) string {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	listening, done := make(chan net.Addr, 1), make(chan error, 1)
	go func() {
		done <- serving.Run(ctx, s.config, serving.Options{
			Logger: slog.New(slog.DiscardHandler), Listening: func(at serving.Listeners) { listening <- at.Public.Addr() }, Wrap: wrap,
		})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("the sidecar ended with %v", err)
		}
	})
	select {
	case addr := <-listening:
		return addr.String()
	case err := <-done:
		done <- nil
		t.Fatalf("the sidecar has ended: %v", err)
	}
	return ""
}

// memoryDir is a directory in memory, for tests that make very many files.
func memoryDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "sidecar-uploads-") //nolint:usetesting // in memory
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// filesBelow are all that is no directory below a directory, with their sizes.
func filesBelow(t *testing.T, dir string) map[string]int64 {
	t.Helper()
	found := map[string]int64{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path != dir { // it has gone meanwhile
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		found[strings.TrimPrefix(path, dir+"/")] = info.Size()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// wantNoUploads: neither a file nor a trace of one.
func (s *uploadSite) wantNoUploads(t *testing.T, after string) {
	t.Helper()
	for where, dir := range map[string]string{"under MEDIA_ROOT": s.root, "in the state directory": s.state} {
		if left := filesBelow(t, dir); len(left) > 0 {
			t.Errorf("%s: left %s: %v", after, where, left)
		}
	}
}
