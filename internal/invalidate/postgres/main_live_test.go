//go:build live

package postgres

import (
	"testing"

	"go.uber.org/goleak"

	"django-sidecar/internal/djangotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(djangotest.Suite{M: m}) }
