package djangosession_test

import (
	"errors"
	"strings"
	"testing"

	"django-sidecar/djangosession"
	"django-sidecar/signing"
)

func TestParseVersion(t *testing.T) {
	for _, s := range []string{"1.11", "1.11.29", "2.0", "3.2.25", "4.1.7", "4.1.8", "5.2", "5.2.0", "6.1", "6.1.99"} {
		if got, err := djangosession.ParseVersion(s); err != nil || got.String() != s {
			t.Errorf("%s: %v, %v", s, got, err)
		}
	}
	for _, s := range []string{
		"", "5", "5.", ".2", "5.2.", "5.2.1.1", "1.10", "1.10.8", "1.11a", "1.10rc1", "0.96", "1.12", "2.3", "5.3", "v5.2", " 5.2", "5.2 ",
		"5.2 LTS", "5.2-rc1", "5.2c1", "5.2rc", "5.2.dev-1", "5.2a1\n", "05.2", "5.02", "5.2.019",
		"5,2", "-5.2", "+5.2", "5.-2", "5.2.-1", "5.0x2", "5_0.2", "99999999999999999999.1", "5.2.99999999999999999999", "٥.٢",
		"latest", strings.Repeat("9", 1000),
	} {
		if got, err := djangosession.ParseVersion(s); err == nil || got != (djangosession.Version{}) {
			t.Errorf("%.50q was read as %v, %v", s, got, err)
		} else if len(err.Error()) > 1100 {
			t.Errorf("%.50q: an error of %d bytes", s, len(err.Error()))
		}
	}
}

// TestNewerVersions has what somebody runs who upgrades before this package does.
func TestNewerVersions(t *testing.T) {
	newest := djangosession.NewestVersion()
	for s, want := range map[string]struct {
		text  string
		newer bool
	}{
		"6.2": {"6.2", true}, "6.2.3": {"6.2.3", true}, "7.0": {"7.0", true}, "10.0": {"10.0", true}, "26.4": {"26.4", true},
		"6.2a1": {"6.2.0", true}, "6.2b1": {"6.2.0", true}, "6.2rc1": {"6.2.0", true}, "6.2.dev20260101120000": {"6.2.0", true}, "7.0.dev": {"7.0.0", true},
		"6.1": {"6.1", false}, "6.1rc1": {"6.1.0", false}, "5.2a1": {"5.2.0", false}, "4.1rc1": {"4.1.0", false}, "1.11rc1": {"1.11.0", false},
	} {
		got, err := djangosession.ParseVersion(s)
		if err != nil || got.String() != want.text || got.Newer() != want.newer {
			t.Errorf("%s: got %v, newer: %v, %v", s, got, got.Newer(), err)
			continue
		}
		if !got.Newer() {
			continue
		}
		data := modern(t, secret, signing.SHA256, `{"a":1}`)
		if _, err := newCodec(t, s).Decode(data); err != nil {
			t.Errorf("%s does not read what %s writes: %v", s, newest, err)
		}
		if _, err := newCodec(t, s).Decode(legacy(secret, `{"a":1}`)); !isUnreadable(err) {
			t.Errorf("%s reads what %s does not: %v", s, newest, err)
		}
	}
}

// TestWhatEachVersionReads has the rules of session data at their borders.
func TestWhatEachVersionReads(t *testing.T) {
	const payload = `{"a":1}`
	old := legacy(secret, payload)
	for _, tt := range []struct {
		name string
		data string
		// from and to are the first and last of the versions that read it; the others must not.
		from, to string
	}{
		{"signed with SHA-256", modern(t, secret, signing.SHA256, payload), "3.1", "6.1"},
		{"signed with SHA-1", modern(t, secret, signing.SHA1, payload), "3.1", "3.2.25"},
		{"in the legacy form", old, "1.11", "3.2.25"},
		{"signed with a fallback key", modern(t, fallback, signing.SHA256, payload), "4.1", "6.1"},
		{"signed with a fallback key and SHA-1", modern(t, fallback, signing.SHA1, payload), "", ""},
		{"in the legacy form with a fallback key", legacy(fallback, payload), "", ""},
		{"signed with another key", modern(t, "other", signing.SHA256, payload), "", ""},
		{"in the legacy form with another key", legacy("other", payload), "", ""},
		{"in the legacy form with a stray character", old[:8] + "é" + old[8:], "1.11", "2.1"},
		{"in the legacy form with a stray ASCII character", old[:8] + "!" + old[8:], "1.11", "3.2.25"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			reads := false
			for _, version := range versions {
				reads = reads || version == tt.from
				s, err := newCodec(t, version).Decode(tt.data)
				switch {
				case reads && (err != nil || s.JSON() != payload):
					t.Errorf("Django %s: %v, %v, want it read", version, s, err)
				case !reads && !isUnreadable(err):
					t.Errorf("Django %s: %v, %v, want it refused", version, s, err)
				}
				reads = reads && version != tt.to
			}
		})
	}
}

// versions stand around every rule's border.
var versions = []string{
	"1.11", "1.11.29", "2.0", "2.1", "2.2", "3.0", "3.0.14", "3.1", "3.1.0", "3.2", "3.2.25", "4.0", "4.0.10", "4.1", "4.1.0", "4.1.7",
	"4.1.8", "4.1.13", "4.2", "4.2.0", "5.0", "5.1", "5.2", "5.2.19", "6.0", "6.1",
}

func isUnreadable(err error) bool {
	return errors.Is(err, signing.ErrBadSignature) || errors.As(err, new(*signing.SyntaxError))
}

func TestDefaultHashingAlgorithm(t *testing.T) {
	const payload = `{"a":1}`
	sha1 := func(c *djangosession.CodecConfig) { c.HashingAlgorithm = signing.SHA1 }
	for _, tt := range []struct {
		version string
		data    string
		want    string // SignedBy, "" for refused
	}{
		{"3.2", modern(t, secret, signing.SHA256, payload), ""},
		{"3.2", modern(t, secret, signing.SHA1, payload), "SECRET_KEY (sha1)"},
		{"3.2", legacy(secret, payload), "SECRET_KEY (sha1)"},
		{"3.1", modern(t, secret, signing.SHA256, payload), ""},
		// The setting is gone in 4.0, and not there yet in 3.0.
		{"4.0", modern(t, secret, signing.SHA256, payload), "SECRET_KEY (sha256)"},
		{"4.0", modern(t, secret, signing.SHA1, payload), ""},
		{"3.0", legacy(secret, payload), "SECRET_KEY (sha1)"},
	} {
		s, err := newCodec(t, tt.version, sha1).Decode(tt.data)
		if tt.want == "" {
			if !isUnreadable(err) {
				t.Errorf("Django %s read %s: %v", tt.version, tt.data, err)
			}
			continue
		}
		if err != nil || s.SignedBy.String() != tt.want {
			t.Errorf("Django %s, %s: %v, want it read, signed by %s", tt.version, tt.data, err, tt.want)
		}
	}
}

func TestNestingAndDigits(t *testing.T) {
	nested := func(depth int) string {
		return `{"a":` + strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1) + `}`
	}
	mixed := func(depth int) string {
		return strings.Repeat(`{"a":[`, depth/2) + strings.Repeat(`]}`, depth/2)
	}
	digits := func(n int) string { return `{"a":-` + strings.Repeat("1", n) + `}` }
	for _, tt := range []struct {
		version, payload string
		ok               bool
	}{
		{"5.0", nested(900), true},
		{"5.0", nested(901), false},
		{"5.0", mixed(900), true},
		{"5.0", mixed(902), false},
		{"5.1", nested(9900), true},
		{"5.1", nested(9901), false},
		{"5.1", mixed(9900), true},
		{"5.1", mixed(9902), false},
		{"5.2", nested(400000), false},
		{"5.2", strings.Repeat("[", 400000), false},
		{"5.2", strings.Repeat(`{"a":`, 200000), false},
		{"1.11", digits(100000), true},
		{"2.0", digits(4300), true},
		{"2.0", digits(4301), false},
		{"5.2", digits(4300), true},
		{"5.2", digits(4301), false},
		{"5.2", strings.TrimSuffix(digits(4301), "}") + ".0}", true}, // a float
	} {
		if _, err := decode(t, tt.version, tt.payload); (err == nil) != tt.ok || err != nil && !isUnreadable(err) {
			t.Errorf("Django %s, %.20s… of %d bytes: %v, want it read: %v", tt.version, tt.payload, len(tt.payload), err, tt.ok)
		}
	}
}

// TestIDsOfEachVersion has the rules of to_python at their borders.
func TestIDsOfEachVersion(t *testing.T) {
	const one = "00000000-0000-0000-0000-000000000001"
	zeros := `"` + strings.Repeat("0", 4300)
	for _, tt := range []struct {
		version, json string
		key           djangosession.KeyType
		want          string // "" for ErrBadUserID
	}{
		{"1.11", "1", djangosession.UUIDKey, ""},
		{"1.11.29", "true", djangosession.UUIDKey, ""},
		{"2.1", "1", djangosession.UUIDKey, ""},
		{"2.2", "1", djangosession.UUIDKey, one},
		{"2.2", "true", djangosession.UUIDKey, one},
		{"1.11", `"` + one + `"`, djangosession.UUIDKey, one},
		{"1.11", zeros + `42"`, djangosession.IntegerKey, "42"},
		{"2.0", zeros + `"`, djangosession.IntegerKey, "0"},
		{"2.0", zeros + `42"`, djangosession.IntegerKey, ""},
		{"6.1", zeros + `42"`, djangosession.IntegerKey, ""},
	} {
		got, err := tt.key.ToPython(value(t, tt.version, tt.json), parseVersion(t, tt.version))
		if got != tt.want || (tt.want == "") != errors.Is(err, djangosession.ErrBadUserID) {
			t.Errorf("Django %s, %.50s: %q, %v, want %q", tt.version, tt.json, got, err, tt.want)
		}
	}
}
