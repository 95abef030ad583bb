package folder_test

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"django-sidecar/internal/folder"
)

// TestReplace: what has been deleted meanwhile does not come back, and no temporary file is left.
func TestReplace(t *testing.T) {
	t.Parallel()
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close() //nolint:errcheck // nothing is read
	replace := func(content string) error {
		t.Helper()
		temporary, err := folder.WriteTemporary(root, "temporary", []byte(content))
		if err != nil {
			t.Fatal(err)
		}
		return folder.Replace(root, temporary, "file")
	}
	if err := replace("gone"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("replacing what is not there: %v", err)
	}
	if err := root.WriteFile("file", nil, folder.FileMode); err != nil {
		t.Fatal(err)
	}
	if err := replace("new"); err != nil {
		t.Error(err)
	}
	if got, err := root.ReadFile("file"); string(got) != "new" || err != nil {
		t.Errorf("the file has %q, %v", got, err)
	}
	if all, err := fs.ReadDir(root.FS(), "."); len(all) != 1 || err != nil {
		t.Errorf("there is left %v, %v", all, err)
	}
}
