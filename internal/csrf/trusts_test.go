package csrf_test

import (
	"testing"

	"django-sidecar/internal/csrf"
)

// TestTrusts: an origin is a scheme and a host, and counts as it is written (django/middleware/csrf.py, 5.2,
// _origin_verified).
func TestTrusts(t *testing.T) {
	rules := csrf.Rules{TrustedOrigins: []string{"https://a.example", "https://*.b.example", "http://*.c.example:8000"}}
	for origin, want := range map[string]bool{
		"https://a.example":               true,
		"http://a.example":                false,
		"https://A.example":               false,
		"https://a.example:8443":          false,
		"https://x.a.example":             false,
		"https://b.example":               true,
		"https://x.y.b.example":           true,
		"https://*.b.example":             true, // no browser sends it; Django lets it in too
		"https://xb.example":              false,
		"http://x.b.example":              false,
		"https://evil.example/.b.example": false,
		"https://evil.example?.b.example": false,
		"https://evil.example#.b.example": false,
		"http://x.c.example:8000":         true,
		"http://x.c.example":              false,
		"null":                            false,
		"":                                false,
	} {
		if got := rules.Trusts(origin); got != want {
			t.Errorf("%q: %v, want %v", origin, got, want)
		}
		if (csrf.Rules{}).Trusts(origin) {
			t.Errorf("%q: trusted by nobody's word", origin)
		}
	}
}
