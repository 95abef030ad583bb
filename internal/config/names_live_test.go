//go:build live

package config_test

import (
	"os/exec"
	"strings"
	"testing"

	"django-sidecar/internal/djangotest"
)

// TestDjangosOwnSettingsAreNotTakenForMisspelt has every setting of real Djangos, as a deployment's DJANGO_ variables.
func TestDjangosOwnSettingsAreNotTakenForMisspelt(t *testing.T) {
	e := required()
	for _, version := range []string{"1.11", "2.2", "3.2", "4.2", "5.2", "6.1"} {
		cmd := exec.CommandContext(t.Context(), djangotest.Python(t, version), "-c",
			"from django.conf import global_settings as g\nprint(*(name for name in dir(g) if name.isupper()))")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("Django %s: %v", version, err)
		}
		names := strings.Fields(string(out))
		if len(names) < 100 {
			t.Fatalf("Django %s has %d settings", version, len(names))
		}
		for _, name := range names {
			if name = "DJANGO_" + name; !isRead(name) {
				e[name] = "x"
			}
		}
	}
	if c := mustLoad(t, e); len(c.Warnings) != 0 {
		t.Errorf("got %q", c.Warnings)
	}
}
