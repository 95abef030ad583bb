package djangotest

import "testing"

// Python returns the interpreter of the virtual environment that has a Django, for scripts beside a test. It has the
// cache clients too: see tools/setup.sh.
func Python(tb testing.TB, version string) string {
	tb.Helper()
	return pythonOf(tb, version)
}
