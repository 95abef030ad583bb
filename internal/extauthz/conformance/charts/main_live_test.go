//go:build live

package charts_test

import (
	"os"
	"testing"

	"django-sidecar/internal/djangotest"
)

func TestMain(m *testing.M) { os.Exit(djangotest.Suite{M: m}.Run()) }
