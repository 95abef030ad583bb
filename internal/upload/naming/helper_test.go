package naming_test

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"django-sidecar/djangosession"
	"django-sidecar/internal/upload/naming"
)

func parseVersion(tb testing.TB, text string) djangosession.Version {
	tb.Helper()
	version, err := djangosession.ParseVersion(text)
	if err != nil {
		tb.Fatal(err)
	}
	return version
}

// newRules fills in a location.
func newRules(tb testing.TB, c naming.Config) *naming.Rules {
	tb.Helper()
	if c.Location == nil {
		c.Location = time.UTC
	}
	rules, err := naming.New(c)
	if err != nil {
		tb.Fatal(err)
	}
	return rules
}

func location(tb testing.TB, name string) *time.Location {
	tb.Helper()
	place, err := time.LoadLocation(name)
	if err != nil {
		tb.Fatal(err)
	}
	return place
}

// letterA is a source of randomness that always gives the letter a.
type letterA struct{}

func (letterA) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// validFilename is get_valid_filename in words: no space at the ends, underscores for others, and of the rest letters,
// digits, underscores, hyphens and dots.
func validFilename(name string) string {
	name = strings.TrimFunc(name, func(r rune) bool { return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f })
	var b strings.Builder
	for _, r := range strings.ReplaceAll(name, " ", "_") {
		if unicode.In(r, unicode.L, unicode.N) || strings.ContainsRune("_-.", r) {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// zeroTime is for names under directories without a date.
var zeroTime = time.Unix(0, 0).UTC()

var newest = djangosession.Version{Major: 6, Minor: 1, Patch: djangosession.LatestPatch}

func next(tb testing.TB, names *naming.Names) string {
	tb.Helper()
	name, err := names.Next()
	if err != nil {
		tb.Error(err)
	}
	return name
}
