package djangocache_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// A pool of go-redis 9.23 looks every second whether a server that was down is back, and looks once more after it
		// has been closed (internal/pool/pool.go, tryDial).
		goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"))
}
