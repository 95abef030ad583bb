package sidecar_test

import (
	"testing"
	"time"

	"django-sidecar/internal/sidecar"
)

// TestCleared: the lines of clearsessions, for one and for several.
func TestCleared(t *testing.T) {
	for _, tt := range []struct {
		cleared        sidecar.Cleared
		line, progress string
	}{
		{sidecar.Cleared{Took: time.Second}, "deleted 0 expired sessions in 1s", "0 expired sessions so far, 0 deleted"},
		{sidecar.Cleared{Found: 1, Deleted: 1, Took: time.Second}, "deleted 1 expired session in 1s", "1 expired session so far, 1 deleted"},
		{sidecar.Cleared{Found: 1, DryRun: true}, "would delete 1 expired session; nothing has been deleted", "1 expired session so far, 0 deleted"},
		{sidecar.Cleared{Found: 2, DryRun: true}, "would delete 2 expired sessions; nothing has been deleted", "2 expired sessions so far, 0 deleted"},
		{
			sidecar.Cleared{Found: 2, Deleted: 1, Took: time.Minute},
			"deleted 1 expired session in 1m0s; 1 more has been renewed, deleted or locked by others meanwhile", "2 expired sessions so far, 1 deleted",
		},
		{
			sidecar.Cleared{Found: 1002, Deleted: 1000, Took: time.Minute, Stopped: true},
			"deleted 1000 expired sessions in 1m0s; 2 more have been renewed, deleted or locked by others meanwhile; stopped before the end",
			"1002 expired sessions so far, 1000 deleted",
		},
	} {
		if line, progress := tt.cleared.String(), tt.cleared.Progress(); line != tt.line || progress != tt.progress {
			t.Errorf("%+v:\n%q, want %q\n%q, want %q", tt.cleared, line, tt.line, progress, tt.progress)
		}
	}
}
