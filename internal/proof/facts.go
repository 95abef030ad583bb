package proof

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"django-sidecar/internal/checkup"
)

// Here are the sidecar's settings that a sample has facts about.
type Here struct {
	Version     string // DJANGO_VERSION
	CookieNames []string
	CookieAge   time.Duration
	Backends    []string
	Zone        *time.Location // of times that are stored without a zone
}

// Compare says in which settings the two differ. A session in the sample may not show it: one that ends tomorrow ends
// so in each zone.
func (s *Sample) Compare(here Here) (found []checkup.Finding) {
	differ := func(name, format string, args ...any) {
		found = append(found, checkup.Finding{
			Grade: checkup.Fail, Name: "settings", Found: fmt.Sprintf(format, args...),
			Remedy: "set " + name + " as Django has it",
		})
	}
	if s.Django != "" && minor(s.Django) != minor(here.Version) {
		differ("DJANGO_VERSION", "the sample is of Django %s, and DJANGO_VERSION is %s", s.Django, here.Version)
	}
	facts := s.Facts
	if n := facts.CookieName; n != nil && !slices.Contains(here.CookieNames, *n) {
		differ("DJANGO_SESSION_COOKIE_NAME", "Django's cookie is %q, and here it is %s", *n, some(here.CookieNames))
	}
	if age := facts.CookieAge; age != nil && time.Duration(*age)*time.Second != here.CookieAge {
		differ("DJANGO_SESSION_COOKIE_AGE", "Django's SESSION_COOKIE_AGE is %s, and here it is %v",
			checkup.Counted(*age, "second"), here.CookieAge)
	}
	if facts.Backends != nil {
		var more []string
		for _, path := range here.Backends {
			if !slices.Contains(facts.Backends, path) {
				more = append(more, path)
			}
		}
		if len(more) > 0 {
			differ("DJANGO_AUTHENTICATION_BACKENDS", "Django does not have the backends %s", some(more))
		}
	}
	if facts.Zone != nil && here.Zone != nil && !sameTime(*facts.Zone, here.Zone) {
		differ("DJANGO_TIME_ZONE, and DJANGO_USE_TZ,",
			"Django stores times in the zone %s, and they are read in %s", *facts.Zone, here.Zone)
	}
	return found
}

// minor is a version as far as what it does to sessions goes: 5.2 of 5.2.19.
func minor(version string) string {
	parts := strings.SplitN(version, ".", 3)
	for i, part := range parts { // 6.1rc1
		if end := strings.IndexFunc(part, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
			parts[i] = part[:end]
		}
	}
	return strings.Join(parts[:min(2, len(parts))], ".")
}

// sameTime reports whether two zones had the same time in each month of this century so far and of some years to come.
func sameTime(name string, here *time.Location) bool {
	zone, err := time.LoadLocation(name)
	if err != nil {
		return true // a zone that this machine does not know: the sessions have to show it
	}
	for month := range 12 * 40 {
		at := time.Date(2000, time.Month(1+month), 15, 12, 0, 0, 0, time.UTC)
		_, theirs := at.In(zone).Zone()
		if _, ours := at.In(here).Zone(); ours != theirs {
			return false
		}
	}
	return true
}
