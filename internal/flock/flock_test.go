package flock

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestTry(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	open := func() *os.File {
		t.Helper()
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		return f
	}
	first, second := open(), open()
	if err := Try(first); err != nil {
		t.Fatal(err)
	}
	if err := Try(first); err != nil {
		t.Errorf("the same open file again: %v", err)
	}
	if err := Try(second); !errors.Is(err, ErrHeld) {
		t.Errorf("a locked file: %v, not ErrHeld", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Try(second); err != nil {
		t.Errorf("a file that was locked until its closing: %v", err)
	}
	if err := Try(first); err == nil || errors.Is(err, ErrHeld) || errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a closed file: %v", err)
	}
}
