package filestore

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"django-sidecar/djangosession"
)

// TestWithin: a file system that does not answer, as an NFS server may, holds nobody up beyond their context, and no more
// goroutines than there are slots.
func TestWithin(t *testing.T) {
	slots := make(chan struct{}, 2)
	answer := make(chan struct{})
	asked := make(chan struct{}, 3)
	hang := func() (string, error) {
		asked <- struct{}{}
		<-answer
		return "late", nil
	}
	for range 3 { // the third one finds no slot
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			if len(slots) < cap(slots) {
				<-asked
			}
			cancel()
		}()
		if got, err := within(ctx, slots, hang); !errors.Is(err, context.Canceled) || djangosession.IsAnswer(err) || got != "" {
			t.Errorf("got %q, %v", got, err)
		}
	}
	close(answer)
	if got, err := within(t.Context(), slots, func() (string, error) { return "soon", nil }); got != "soon" || err != nil {
		t.Errorf("when it answers again: got %q, %v", got, err)
	}
}

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
