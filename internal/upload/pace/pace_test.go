package pace_test

import (
	"testing"
	"time"

	"django-sidecar/internal/upload/pace"
)

func TestLimit(t *testing.T) {
	start := time.Unix(1_000_000, 0)
	const s = time.Second
	for _, c := range []struct {
		name  string
		rate  int64
		at    []time.Duration
		bytes []int
		want  time.Duration
	}{
		{"nothing came", 240, nil, nil, 10 * s},
		{"as fast as demanded", 240, []time.Duration{1 * s, 2 * s, 3 * s}, []int{240, 240, 240}, 13 * s},
		{"half as fast", 240, []time.Duration{2 * s, 4 * s, 6 * s}, []int{240, 240, 240}, 13 * s},
		{"much at once buys no more than idle", 240, []time.Duration{1 * s}, []int{1 << 30}, 61 * s},
		{"nothing came, at any rate", 0, nil, nil, 60 * s},
		{"a read begins, at any rate", 0, []time.Duration{5 * s}, []int{0}, 65 * s},
		{"one byte, at any rate", 0, []time.Duration{5 * s}, []int{1}, 65 * s},
	} {
		l := pace.New(c.rate, 10*s, 60*s, start)
		for i, at := range c.at {
			l.Add(c.bytes[i], start.Add(at))
		}
		if got := l.Until().Sub(start); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}
