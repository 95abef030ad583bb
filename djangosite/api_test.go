package djangosite_test

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/api again")

// TestAPI: what the packages of the library export is in testdata/api, so that a change of it is seen where it is
// reviewed. go test ./djangosite -run TestAPI -update writes it again.
func TestAPI(t *testing.T) {
	for _, pkg := range []string{"djangosite", "djangosite/echosite", "djangosession/dbopen", "signing"} {
		got, err := exec.CommandContext(t.Context(), "go", "doc", "-short", "django-sidecar/"+pkg).Output()
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", "api", filepath.Base(pkg)+".txt")
		if *update {
			if err := os.WriteFile(path, got, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("package %s exports another API than %s has:\n%s", pkg, path, got)
		}
	}
}
