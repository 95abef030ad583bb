package djangotest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"django-sidecar/internal/djangotest"
)

func TestWallClock(t *testing.T) {
	synctest.Test(t, testWallClock)
	testWallClock(t)
}

func testWallClock(t *testing.T) {
	for _, d := range []time.Duration{5 * time.Hour, -5 * time.Hour} {
		var c djangotest.WallClock
		before := c.Now()
		c.Jump(d)
		after := c.Now()
		if by := after.Sub(before); by < 0 || by > time.Minute {
			t.Errorf("by the monotonic reading it jumped by %v", by)
		}
		if by := after.Round(0).Sub(before.Round(0)) - d; by < 0 || by > time.Minute {
			t.Errorf("by the wall it did not jump by %v, but by %v more", d, by)
		}
	}
}
