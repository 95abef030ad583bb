package djangotest

import (
	"os"
	"strconv"
	"testing"
	"time"
)

// Seed returns what a comparison with Django makes its questions from: ORACLE_SEED, or 1, so that every run asks the
// same and a failure tells of a change. ORACLE_SEED=0 takes one from the clock, as make test-seeds does. The test's
// log has it.
func Seed(tb testing.TB) uint64 {
	tb.Helper()
	seed := uint64(1)
	if text := os.Getenv("ORACLE_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 32); err != nil {
			tb.Fatalf("ORACLE_SEED: %v", err)
		}
	}
	if seed == 0 {
		seed = uint64(time.Now().UnixNano()) % (1 << 32) // which every random of ours takes
	}
	tb.Logf("to see the same again: ORACLE_SEED=%d", seed)
	return seed
}
