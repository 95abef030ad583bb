package verdictcache

import (
	"testing"
	"time"
)

// TestAgesByBothClocks cannot be had from outside: no time.Time can be made whose clocks disagree.
func TestAgesByBothClocks(t *testing.T) {
	asked := instant{mono: 10 * time.Second, wall: 10 * time.Second}
	for name, tt := range map[string]struct {
		now  instant
		want time.Duration
	}{
		"the clocks agree":              {instant{15 * time.Second, 15 * time.Second}, 5 * time.Second},
		"the wall clock was set back":   {instant{15 * time.Second, -time.Hour}, 5 * time.Second},
		"the machine was suspended":     {instant{11 * time.Second, time.Hour + 10*time.Second}, time.Hour},
		"a question was put after this": {instant{9 * time.Second, 9 * time.Second}, -time.Second},
	} {
		if got := tt.now.since(asked); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}
