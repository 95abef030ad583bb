package filestore

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"django-sidecar/djangosession"
)

// TestOpenFault: which of the system's errors say something about a session. Root may read everything, so that some of
// them cannot be had from real files.
func TestOpenFault(t *testing.T) {
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := root.Close(); err != nil {
			t.Error(err)
		}
	}()
	for errno, answer := range map[syscall.Errno]bool{
		syscall.ENOENT: true, syscall.ENAMETOOLONG: true, syscall.EISDIR: true, syscall.ENXIO: true,
		syscall.EACCES: false, syscall.EPERM: false, syscall.EIO: false, syscall.EMFILE: false, syscall.ENFILE: false, syscall.ENOMEM: false,
		syscall.ESTALE: false, syscall.ETIMEDOUT: false, syscall.ENOTDIR: false, syscall.ELOOP: false, syscall.EINTR: false,
	} {
		err := openFault(root, "sessionidkey", &fs.PathError{Op: "openat", Path: "sessionidkey", Err: errno})
		if djangosession.IsAnswer(err) != answer || strings.Contains(err.Error(), "sessionidkey") || !answer && !errors.Is(err, errno) {
			t.Errorf("%s: got %v", errno, err)
		}
	}
}
