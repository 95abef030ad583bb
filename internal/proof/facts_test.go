package proof_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/proof"
)

// TestFacts: a setting that is another one in Django is told, also where no session of the sample shows it.
func TestFacts(t *testing.T) {
	text := `{"format": "django-sidecar sample", "version": 2, "django": "5.2.19", "sessions": [` + session + `], "users": {}, "facts":
		{"cookie_name": "sessionid", "cookie_age": 3600, "backends": ["a.Backend", "b.Backend"], "zone": "Europe/Paris"}}`
	sample, err := proof.ReadSample(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	zone := func(name string) *time.Location {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		return zone
	}
	for _, c := range []struct {
		name, says string
		change     func(*proof.Here)
	}{
		{"the same", "", func(*proof.Here) {}},
		{"an older patch of Django", "", func(h *proof.Here) { h.Version = "5.2" }},
		{"a backend less", "", func(h *proof.Here) { h.Backends = h.Backends[:1] }},
		{"a cookie more", "", func(h *proof.Here) { h.CookieNames = append(h.CookieNames, "other") }},
		{"the zone under another name", "", func(h *proof.Here) { h.Zone = zone("Europe/Monaco") }},
		{"another Django", "set DJANGO_VERSION as Django has it", func(h *proof.Here) { h.Version = "5.1" }},
		{"a Django with more digits", "set DJANGO_VERSION as Django has it", func(h *proof.Here) { h.Version = "5.20" }},
		{"another cookie", "set DJANGO_SESSION_COOKIE_NAME as Django has it", func(h *proof.Here) { h.CookieNames = []string{"sid"} }},
		{"another age", "set DJANGO_SESSION_COOKIE_AGE as Django has it", func(h *proof.Here) { h.CookieAge = time.Minute }},
		{"a backend more", "set DJANGO_AUTHENTICATION_BACKENDS as Django has it", func(h *proof.Here) { h.Backends = append(h.Backends, "c.Backend") }},
		{"another zone", "set DJANGO_TIME_ZONE, and DJANGO_USE_TZ, as Django has it", func(h *proof.Here) { h.Zone = time.UTC }},
	} {
		here := proof.Here{
			Version: "5.2.1", CookieNames: []string{"sessionid"}, CookieAge: time.Hour, Backends: []string{"a.Backend", "b.Backend"}, Zone: zone("Europe/Paris"),
		}
		c.change(&here)
		found := sample.Compare(here)
		if (c.says == "") != (len(found) == 0) || c.says != "" && !strings.Contains(fmt.Sprint(found[0]), c.says) {
			t.Errorf("%s: %v, want %q", c.name, found, c.says)
		}
	}
}
