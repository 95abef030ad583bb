package filestore_test

import (
	"testing"

	"django-sidecar/djangosession/filestore"
)

func BenchmarkLoad(b *testing.B) {
	f := newFixture(b, filestore.Config{})
	f.write(b, key, f.encode(b, map[string]any{"_auth_user_id": "42", "_auth_user_backend": "b", "_auth_user_hash": "h"}), now)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Load(b.Context(), key); err != nil {
			b.Fatal(err)
		}
	}
}
