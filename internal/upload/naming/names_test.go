package naming_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"django-sidecar/internal/upload/naming"
)

func TestNamesAreCutToMaxLength(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 150)
	for _, tt := range []struct {
		version, stored string
		maxLength       int
		want            []string // what to try, in order; none at the end: refused
	}{
		{"5.2", "up/a.txt", 100, []string{"up/a.txt", "up/a_aaaaaaa.txt", "up/a_aaaaaaa.txt"}},
		{"5.2", "up/abcdef.txt", 16, []string{"up/abcdef.txt", "up/a_aaaaaaa.txt", "up/a_aaaaaaa.txt"}},
		{"5.2", "up/abcdef.txt", 15, []string{"up/abcdef.txt", ""}},
		{"5.2", "up/" + long + ".txt", 100, []string{"up/" + long[:85] + "_aaaaaaa.txt"}},
		{"5.2", "x." + long, 100, []string{""}}, // an extension is never cut
		{"5.0", "x." + long + ".z", 100, []string{"x." + long[:88] + "_aaaaaaa.z"}},
		{"5.1", "x." + long + ".z", 100, []string{""}},
		{"5.2", "éééé.txt", 14, []string{"éééé.txt", "éé_aaaaaaa.txt"}}, // in characters
	} {
		rules := newRules(t, naming.Config{Version: parseVersion(t, tt.version), MaxLength: tt.maxLength})
		names := rules.Names(tt.stored, letterA{})
		for _, want := range tt.want {
			got, err := names.Next()
			if got != want || (want == "") != errors.Is(err, naming.ErrSuspiciousFileOperation) {
				t.Errorf("Django %s, %.30s, %d: %q, %v, want %q", tt.version, tt.stored, tt.maxLength, got, err, want)
			}
		}
	}
}

func TestNamesOfTooManyBytesAreRefused(t *testing.T) {
	t.Parallel()
	rules := newRules(t, naming.Config{Version: newest})
	for name, want := range map[string]error{
		strings.Repeat("漢", 85):          nil, // 255 bytes
		strings.Repeat("漢", 86):          naming.ErrNameTooLong,
		strings.Repeat("漢", 90) + ".txt": naming.ErrNameTooLong,
		strings.Repeat("x/", 49) + "x":   nil,
	} {
		if _, err := rules.Names(name, letterA{}).Next(); !errors.Is(err, want) {
			t.Errorf("%.20s: %v, want %v", name, err, want)
		}
	}
}

func TestRandomPartsAreDjangos(t *testing.T) {
	t.Parallel()
	rules := newRules(t, naming.Config{Version: newest})
	// Of the 64 values of six bits the last two are no letters, so that all letters are as likely.
	random := strings.NewReader("\x00\x19\x1a\x33\x34\x3e\x3f\x3d\xc0")
	names := rules.Names("a", random)
	if first, second := next(t, names), next(t, names); first != "a" || second != "a_azAZ09a" {
		t.Errorf("%q, then %q", first, second)
	}
	if _, err := names.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("without randomness: %v", err)
	}
	names = rules.Names("a", iotest.ErrReader(io.ErrClosedPipe))
	if got := next(t, names); got != "a" { // which needs none
		t.Errorf("%q", got)
	}
	if _, err := names.Next(); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("without randomness: %v", err)
	}
}
