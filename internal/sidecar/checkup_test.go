package sidecar

import (
	"strings"
	"testing"

	"django-sidecar/internal/config"
)

// TestDescribeCounts: the line that check prints counts as English does.
func TestDescribeCounts(t *testing.T) {
	const first, second = "django.contrib.auth.backends.ModelBackend", "django.contrib.auth.backends.RemoteUserBackend"
	for want, backends := range map[string][]string{
		", 0 fallback keys, 1 backend": {first}, ", 0 fallback keys, 2 backends": {first, second},
	} {
		d := testDeployment(t, func(c *config.Config) { c.AuthenticationBackends = backends })
		if got := d.Describe(); !strings.HasSuffix(got, want) {
			t.Errorf("%q does not end with %q", got, want)
		}
	}
}
