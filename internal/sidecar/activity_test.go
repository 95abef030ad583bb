package sidecar

import (
	"encoding/binary"
	"testing"
	"time"

	"django-sidecar/internal/config"
	"django-sidecar/internal/keyhash"
)

// TestManyActiveSessions: where there are more sessions than are remembered, room is made for many of them at once.
// Otherwise each of them would have all of the others looked through, while every verdict waits.
func TestManyActiveSessions(t *testing.T) {
	t.Parallel()
	now := time.Now()
	a := &activity{live: &Live{Config: &config.Config{TouchInterval: time.Minute}}, looked: map[keyhash.Hash]time.Time{}}
	id := func(n int) (h keyhash.Hash) {
		binary.BigEndian.PutUint64(h[:], uint64(n))
		return h
	}
	for n := range maxActive {
		a.looked[id(n)] = now
	}
	a.looked[id(0)] = now.Add(-time.Hour) // one that need not be remembered
	if !a.due(id(maxActive), now) || len(a.looked) > maxActive*3/4 {
		t.Errorf("%d of %d are remembered", len(a.looked), maxActive)
	}
	if a.looked[id(1)] = now; a.due(id(1), now) {
		t.Error("a session that was looked at just now is due")
	}
}
