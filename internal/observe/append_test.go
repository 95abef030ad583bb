package observe

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"time"
)

func FuzzAppendTime(f *testing.F) {
	f.Add(int64(0), int64(0), 0)
	f.Add(int64(1700000000), int64(120_000_000), 5400)
	f.Add(int64(1700000000), int64(999_999_999), -1)
	f.Fuzz(func(t *testing.T, seconds, nanoseconds int64, offset int) {
		at := time.Unix(seconds%1e11, nanoseconds%1e9)
		for _, zone := range []*time.Location{time.UTC, time.FixedZone("", offset%86400)} {
			at = at.In(zone)
			want := at.Format(time.RFC3339Nano)
			for range 2 { // the second time, the second is known
				if got := string(appendTime(nil, at)); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
			}
		}
	})
}

func TestAppendMilliseconds(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	list := []time.Duration{0, 999, 1000, -1000, -1_234_567, time.Millisecond, 10 * time.Millisecond, 2250503 * time.Microsecond, time.Hour}
	for range 1000 {
		list = append(list, time.Duration(random.Int64N(1<<random.IntN(50))))
	}
	for _, d := range list {
		want := strconv.FormatFloat(float64(d.Microseconds())/1000, 'f', -1, 64)
		if got := string(appendMilliseconds(nil, d)); got != want {
			t.Errorf("%d: got %s, want %s", d, got, want)
		}
	}
}
