//go:build live && browser

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"django-sidecar/internal/djangotest"
)

// TestPagesOfOtherOrigins: in Chromium, a page of an origin of CSRF_TRUSTED_ORIGINS uploads and reads the answers, and that of
// another one does neither. See testdata/browser/origins.mjs.
func TestPagesOfOtherOrigins(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil || listener.Close() != nil {
		t.Fatal(err)
	}
	site := newUploadSite(t, t.TempDir(), map[string]string{"DJANGO_CSRF_TRUSTED_ORIGINS": "http://127.0.0.1:" + port, "SIDECAR_UPLOAD_TO": "up"})
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	node := exec.CommandContext(t.Context(), "node", "testdata/browser/origins.mjs", "http://"+site.serve(t), site.cookie, port,
		filepath.Join(cache, "django-sidecar", "browser"), chromium(t),
		filepath.Join(djangotest.RepositoryPath(), "internal/demo/page/vendor/tus.min.js"), t.TempDir())
	node.Stderr, node.WaitDelay = &said, 10*time.Second
	out, err := node.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	var seen map[string]map[string][]any
	if err := json.Unmarshal(out, &seen); err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	want := map[string]map[string][]any{
		"trusted": {
			"form": {201.0, "Stored."}, "put": {201.0, "Stored."}, "stranger": {401.0, "Your login session has ended."}, "tus": {"stored"},
		},
		"other": {
			"form": {"no answer", "TypeError"}, "put": {"no answer", "TypeError"}, "stranger": {"no answer", "TypeError"}, "tus": {"no answer"},
		},
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	var names []string
	for path := range maps.Keys(filesBelow(t, site.root)) {
		names = append(names, path)
	}
	slices.Sort(names)
	if got, want := fmt.Sprint(names), "[up/trusted-form.txt up/trusted-put.txt up/trusted-tus.txt]"; got != want {
		t.Errorf("stored are %s, want %s", got, want)
	}
}
