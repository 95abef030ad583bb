package djangosession

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Version is a release of Django, such as 5.2 or 4.1.7. The zero Version is no release, and nothing accepts it.
type Version struct {
	Major, Minor int
	// Patch is the third number, or LatestPatch.
	Patch int
}

// LatestPatch stands for the newest patch release of a line, which is what "5.2" means.
const LatestPatch = -1

// The oldest and newest lines whose rules are known here.
var (
	oldestVersion = Version{1, 11, LatestPatch}
	newestVersion = Version{6, 1, LatestPatch}
)

// ParseVersion reads "5.2" or "5.2.19". Releases before 1.11 and after 6.1 are refused: their rules are not
// known here, and guessing them would be a security fault.
func ParseVersion(s string) (Version, error) {
	parts := strings.Split(s, ".")
	numbers := [3]int{2: LatestPatch}
	bad := len(parts) < 2 || len(parts) > 3
	for i := 0; i < len(parts) && !bad; i++ {
		n, err := strconv.ParseUint(parts[i], 10, 16)
		numbers[i], bad = int(n), err != nil
	}
	if bad {
		return Version{}, fmt.Errorf("%.20q is not a Django version such as 5.2 or 4.2.16", s)
	}
	v := Version{numbers[0], numbers[1], numbers[2]}
	if !v.atLeast(oldestVersion.Major, oldestVersion.Minor) || v.atLeast(newestVersion.Major, newestVersion.Minor+1) {
		return Version{}, fmt.Errorf("django %s is not among the known versions, %s to %s", s, oldestVersion, newestVersion)
	}
	return v, nil
}

// String returns v as ParseVersion reads it.
func (v Version) String() string {
	if v.Patch == LatestPatch {
		return fmt.Sprintf("%d.%d", v.Major, v.Minor)
	}
	return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch)
}

func (v Version) atLeast(major, minor int) bool {
	return v.Major > major || v.Major == major && v.Minor >= minor
}

// The rules in which Django's versions differ. Each is read from the released source that it names.

// readsSigned: sessions made with signing.dumps (contrib/sessions/backends/base.py, 3.1, decode).
func (v Version) readsSigned() bool { return v.atLeast(3, 1) }

// readsLegacy: sessions as base64 of hash:data (the same file; _legacy_decode went in 4.0).
func (v Version) readsLegacy() bool { return v.atLeast(1, 11) && !v.atLeast(4, 0) }

// hashingAlgorithmMatters: DEFAULT_HASHING_ALGORITHM exists, and SHA-1 is accepted besides whatever it
// says (core/signing.py, 3.1 and 3.2, legacy_algorithm; contrib/auth/base_user.py, _legacy_get_session_auth_hash).
func (v Version) hashingAlgorithmMatters() bool { return v.readsSigned() && v.readsLegacy() }

// fallbackSignatures: SECRET_KEY_FALLBACKS are accepted in signatures (core/signing.py, 4.1).
func (v Version) fallbackSignatures() bool { return v.atLeast(4, 1) }

// fallbackAuthHashes: and in session auth hashes (contrib/auth/__init__.py; since 4.1.8, not yet in 4.1.7).
func (v Version) fallbackAuthHashes() bool {
	return v.fallbackSignatures() && (v.atLeast(4, 2) || v.Patch == LatestPatch || v.Patch >= 8)
}

// nullIsActive: a user whose is_active is NULL may log in, "is_active or is_active is None"
// (contrib/auth/backends.py to 4.1; from 4.2 getattr(user, "is_active", True), which is None).
func (v Version) nullIsActive() bool { return !v.atLeast(4, 2) }

// uuidFromInt: UUIDField.to_python takes integers too (db/models/fields/__init__.py, 2.0).
func (v Version) uuidFromInt() bool { return v.atLeast(2, 0) }

// decodesBytes: the text of bytes is what they are in UTF-8, and not their repr (db/models/fields/__init__.py, 1.11,
// CharField.to_python: smart_text(value); from 2.0 str(value)).
func (v Version) decodesBytes() bool { return !v.atLeast(2, 0) }

// dropsNonASCII: session data outside ASCII is passed over by base64 instead of failing
// (contrib/sessions/backends/base.py, 1.11: force_bytes(session_data); from 2.0 .encode('ascii')).
func (v Version) dropsNonASCII() bool { return !v.atLeast(2, 0) }

// maxIntDigits is how many digits Python's int() reads in a text, sys.get_int_max_str_digits(): since Python 3.11, and
// in the security releases of 3.7 to 3.10. The Pythons of Django 1.11 came before.
func (v Version) maxIntDigits() int {
	if v.atLeast(2, 0) {
		return 4300
	}
	return math.MaxInt
}

// maxDepth bounds how deeply JSON may be nested. Python's own bound is its recursion limit: 994 levels less
// what Django's call stack takes to Python 3.11, 9998 from 3.13 (measured). See docs/divergences.md.
func (v Version) maxDepth() int {
	if v.atLeast(5, 1) {
		return 9900
	}
	return 900
}
