package sessionid_test

import (
	"crypto/sha256"
	"strings"
	"testing"

	"django-sidecar/internal/sessionid"
)

func TestIDs(t *testing.T) {
	// printf abcdefgh | sha256sum
	id, err := sessionid.Parse("9c56cc51b374c3ba189210d5b6d4bf57")
	if err != nil || id != sessionid.Of("abcdefgh") {
		t.Errorf("%x, %v, want %x", id, err, sessionid.Of("abcdefgh"))
	}
	seen := map[sessionid.ID]int{}
	for n := range 2000 { // both ways of hashing, and where one ends and the other begins
		id := sessionid.Of(strings.Repeat("x", n))
		if m, ok := seen[id]; ok {
			t.Errorf("%d and %d characters have one ID", m, n)
		}
		seen[id] = n
	}
	for _, bad := range []string{"", "9c56cc51b374c3ba189210d5b6d4bf5", "9c56cc51b374c3ba189210d5b6d4bf5g", "9c56cc51b374c3ba189210d5b6d4bf5700"} {
		if id, err := sessionid.Parse(bad); err == nil || id != (sessionid.ID{}) {
			t.Errorf("%q: %x, %v", bad, id, err)
		}
	}
}

// TestIDsAreSHA256 compares both ways of hashing with the plain one.
func TestIDsAreSHA256(t *testing.T) {
	for _, n := range []int{1, 8, 32, 63, 64, 65, 511, 512, 513, 1024, 4000} {
		key := strings.Repeat("k", n)
		sum := sha256.Sum256([]byte(key))
		if got := sessionid.Of(key); got != sessionid.ID(sum[:16]) {
			t.Errorf("%d characters: %x", n, got)
		}
	}
}

func TestNoKey(t *testing.T) {
	if got := sessionid.Of(""); got != (sessionid.ID{}) {
		t.Errorf("no key has the ID %x", got)
	}
}

func TestName(t *testing.T) {
	for key, want := range map[string]string{
		"":    "",
		"abc": "ba7816bf8f01", // SHA-256 of "abc", FIPS 180-2
	} {
		if got := sessionid.Of(key).Name(); got != want {
			t.Errorf("%q is called %q, want %q", key, got, want)
		}
	}
}
