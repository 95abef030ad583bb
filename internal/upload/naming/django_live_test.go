//go:build live

package naming_test

import (
	"flag"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"django-sidecar/internal/djangotest"
)

var (
	questions = flag.Int("questions", 4000, "how much of each kind every Django is asked")
	djangos   = flag.String("djangos", "1.11 2.2 3.0 3.1 3.2 4.0 4.1 4.2 5.0 5.2 6.1", "whom to ask; tools/setup.sh makes these")
)

func random(t *testing.T) *rand.Rand {
	t.Helper()
	return rand.New(rand.NewPCG(djangotest.Seed(t), 0))
}

// askDjango puts questions to testdata/oracle/naming.py, and decodes the answers into a slice.
func askDjango(t *testing.T, version string, asked [][]any, answers any) {
	t.Helper()
	djangotest.AskScript(t, version, filepath.Join(djangotest.RepositoryPath(), "testdata", "oracle", "naming.py"), asked, answers)
}

// eachDjango runs a test for every Django at a time.
func eachDjango(t *testing.T, compare func(t *testing.T, version string)) {
	t.Helper()
	for _, version := range strings.Fields(*djangos) {
		t.Run("Django "+version, func(t *testing.T) {
			t.Parallel()
			compare(t, version)
		})
	}
}
