//go:build live

package invalidate

import (
	"testing"

	"go.uber.org/goleak"

	"django-sidecar/internal/djangotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(djangotest.Suite{M: m}) }
