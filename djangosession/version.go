package djangosession

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
)

// Version is a release of Django, such as 5.2 or 4.1.7. The zero Version is no release, and nothing accepts it.
type Version struct {
	// Major and Minor are the first two numbers: 5 and 0 of Django 5.0.
	Major, Minor int
	// Patch is the third number, or LatestPatch; 0 is the first release of a line.
	Patch int
}

// LatestPatch stands for the newest patch release of a line, which is what "5.2" means.
const LatestPatch = -1

// releases are the lines of Django whose rules are known here, from the oldest to the newest. Nothing else lists them.
var releases = [][2]int{
	{1, 11},
	{2, 0},
	{2, 1},
	{2, 2},
	{3, 0},
	{3, 1},
	{3, 2},
	{4, 0},
	{4, 1},
	{4, 2},
	{5, 0},
	{5, 1},
	{5, 2},
	{6, 0},
	{6, 1},
}

// OldestVersion is the oldest line whose rules are known here.
func OldestVersion() Version { return Version{releases[0][0], releases[0][1], LatestPatch} }

// NewestVersion is the newest line whose rules are known here.
func NewestVersion() Version {
	newest := releases[len(releases)-1]
	return Version{newest[0], newest[1], LatestPatch}
}

// versionText is what django.utils.version.get_version writes (django/utils/version.py, 5.2), such as 5.2, 5.2.19,
// 6.2a1, 6.2rc1 and 6.2.dev20260101120000. No number begins with a zero that it does not need.
var versionText = regexp.MustCompile(`^(0|[1-9][0-9]{0,3})\.(0|[1-9][0-9]{0,3})(\.(0|[1-9][0-9]{0,2}))?((a|b|rc)(0|[1-9][0-9]{0,2})|\.dev[0-9]{0,20})?$`)

// ParseVersion reads "5.2" or "5.2.19", and what comes before a release: "6.2a1", "6.2rc1", "6.2.dev20260101", which
// are read as the first release of their line, 6.2.0.
//
// A line that is newer than NewestVersion is accepted, and has the rules of the newest that is known; Newer tells.
// What is older than OldestVersion is refused, and so is what lies between and was never released, such as 2.3.
func ParseVersion(s string) (Version, error) {
	parts := versionText.FindStringSubmatch(s)
	if parts == nil {
		return Version{}, fmt.Errorf("%.20q is not a Django version such as 5.2 or 4.2.16", s)
	}
	v := Version{number(parts[1]), number(parts[2]), LatestPatch}
	switch {
	case parts[4] != "":
		v.Patch = number(parts[4])
	case parts[5] != "":
		v.Patch = 0
	}
	if !v.Newer() && !slices.Contains(releases, [2]int{v.Major, v.Minor}) {
		return Version{}, fmt.Errorf("django %s is not among the known versions, %s to %s",
			s, OldestVersion(), NewestVersion())
	}
	return v, nil
}

// MustVersion is ParseVersion for a version that the program's own text has. It panics where that is none.
func MustVersion(text string) Version {
	v, err := ParseVersion(text)
	if err != nil {
		panic("djangosession: MustVersion: " + err.Error())
	}
	return v
}

// number is what versionText has found; it has few digits.
func number(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}

// Newer reports whether v is of a line that came after NewestVersion. The rules of that one are applied to it.
func (v Version) Newer() bool {
	newest := NewestVersion()
	return v.AtLeast(newest.Major, newest.Minor+1)
}

// String returns v as ParseVersion reads it.
func (v Version) String() string {
	if v.Patch == LatestPatch {
		return fmt.Sprintf("%d.%d", v.Major, v.Minor)
	}
	return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch)
}

// AtLeast reports whether v is of that line or of a later one.
func (v Version) AtLeast(major, minor int) bool {
	return v.Major > major || v.Major == major && v.Minor >= minor
}

// The rules in which Django's versions differ. Each is read from the released source that it names.

// readsSigned: sessions made with signing.dumps (contrib/sessions/backends/base.py, 3.1, decode).
func (v Version) readsSigned() bool { return v.AtLeast(3, 1) }

// readsLegacy: sessions as base64 of hash:data (the same file; _legacy_decode went in 4.0).
func (v Version) readsLegacy() bool { return v.AtLeast(1, 11) && !v.AtLeast(4, 0) }

// hashingAlgorithmMatters: DEFAULT_HASHING_ALGORITHM exists, and SHA-1 is accepted besides whatever it
// says (core/signing.py, 3.1 and 3.2, legacy_algorithm; contrib/auth/base_user.py, _legacy_get_session_auth_hash).
func (v Version) hashingAlgorithmMatters() bool { return v.readsSigned() && v.readsLegacy() }

// fallbackSignatures: SECRET_KEY_FALLBACKS are accepted in signatures (core/signing.py, 4.1).
func (v Version) fallbackSignatures() bool { return v.AtLeast(4, 1) }

// fallbackAuthHashes: and in session auth hashes (contrib/auth/__init__.py; since 4.1.8, not yet in 4.1.7).
func (v Version) fallbackAuthHashes() bool {
	return v.fallbackSignatures() && (v.AtLeast(4, 2) || v.Patch == LatestPatch || v.Patch >= 8)
}

// nullIsActive: a user whose is_active is NULL may log in, "is_active or is_active is None"
// (contrib/auth/backends.py to 4.1; from 4.2 getattr(user, "is_active", True), which is None).
func (v Version) nullIsActive() bool { return !v.AtLeast(4, 2) }

// uuidFromInt: UUIDField.to_python takes integers too (db/models/fields/__init__.py, 2.2: input_form; not yet in 2.1).
func (v Version) uuidFromInt() bool { return v.AtLeast(2, 2) }

// dropsNonASCII: session data outside ASCII is passed over by base64 instead of failing
// (contrib/sessions/backends/base.py, 2.1: force_bytes(session_data); from 2.2 .encode('ascii')).
func (v Version) dropsNonASCII() bool { return !v.AtLeast(2, 2) }

// maxIntDigits is how many digits Python's int() reads in a text, sys.get_int_max_str_digits(): since Python 3.11, and
// in the security releases of 3.7 to 3.10. The Pythons of Django 1.11 came before.
func (v Version) maxIntDigits() int {
	if v.AtLeast(2, 0) {
		return 4300
	}
	return math.MaxInt
}

// maxDepth bounds how deeply JSON may be nested. Python's own bound is its recursion limit: 994 levels less
// what Django's call stack takes to Python 3.11, 9998 from 3.13 (measured). See docs/divergences.md.
func (v Version) maxDepth() int {
	if v.AtLeast(5, 1) {
		return 9900
	}
	return 900
}
