package folder_test

import (
	"context"
	"errors"
	"testing"

	"django-sidecar/internal/folder"
)

// TestWithin: a file system that does not answer, as an NFS server may, holds nobody up beyond their context, and no more
// goroutines than there are slots.
func TestWithin(t *testing.T) {
	t.Parallel()
	slots := make(folder.Slots, 2)
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
		if got, err := folder.Within(ctx, slots, hang); !errors.Is(err, context.Canceled) || got != "" {
			t.Errorf("got %q, %v", got, err)
		}
	}
	close(answer)
	if got, err := folder.Within(t.Context(), slots, func() (string, error) { return "soon", nil }); got != "soon" || err != nil {
		t.Errorf("when it answers again: got %q, %v", got, err)
	}
}
