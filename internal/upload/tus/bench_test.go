package tus_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"django-sidecar/internal/upload/tus"
)

// BenchmarkPatch is one PATCH of 256 MiB, with the hash and without, beside a handler that only copies, as tusd does.
func BenchmarkPatch(b *testing.B) {
	content := random(1, 256<<20)
	for _, digest := range []bool{true, false} {
		b.Run("digest="+strconv.FormatBool(digest), func(b *testing.B) {
			s := newSite(b, func(o *tus.Options) { o.Digest, o.MaxBytes = digest, int64(len(content)) })
			b.SetBytes(int64(len(content)))
			for b.Loop() {
				path := s.create(len(content), "a.bin")
				s.patch(path, 0, content).want(b, http.StatusNoContent)
				b.StopTimer()
				if err := os.RemoveAll(filepath.Join(s.root, "up")); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
	b.Run("copy", func(b *testing.B) {
		dir := b.TempDir()
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			f, err := os.OpenFile(filepath.Join(dir, "a"), os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600)
			if err != nil {
				b.Error(err)
				return
			}
			defer func() { _ = f.Close() }()
			if _, err := f.ReadFrom(r.Body); err != nil {
				b.Error(err)
			}
			w.WriteHeader(http.StatusNoContent)
		}))
		defer server.Close()
		b.SetBytes(int64(len(content)))
		for b.Loop() {
			r, err := http.NewRequestWithContext(b.Context(), http.MethodPatch, server.URL, bytes.NewReader(content))
			if err != nil {
				b.Fatal(err)
			}
			a, err := server.Client().Do(r)
			if err != nil {
				b.Fatal(err)
			}
			_ = a.Body.Close()
		}
	})
}
