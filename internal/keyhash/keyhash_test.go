package keyhash_test

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"django-sidecar/internal/keyhash"
)

func TestHashes(t *testing.T) {
	// printf abcdefgh | sha256sum
	id, err := keyhash.Parse("9c56cc51b374c3ba189210d5b6d4bf57")
	if err != nil || id != keyhash.Of("abcdefgh") {
		t.Errorf("%x, %v, want %x", id, err, keyhash.Of("abcdefgh"))
	}
	seen := map[keyhash.Hash]int{}
	for n := range 2000 { // both ways of hashing, and where one ends and the other begins
		id := keyhash.Of(strings.Repeat("x", n))
		if m, ok := seen[id]; ok {
			t.Errorf("%d and %d characters have one hash", m, n)
		}
		seen[id] = n
	}
	for _, bad := range []string{"", "9c56cc51b374c3ba189210d5b6d4bf5", "9c56cc51b374c3ba189210d5b6d4bf5g", "9c56cc51b374c3ba189210d5b6d4bf5700"} {
		if id, err := keyhash.Parse(bad); err == nil || id != (keyhash.Hash{}) {
			t.Errorf("%q: %x, %v", bad, id, err)
		}
	}
}

// TestHashesAreSHA256 compares both ways of hashing with the plain one.
func TestHashesAreSHA256(t *testing.T) {
	for _, n := range []int{1, 8, 32, 63, 64, 65, 511, 512, 513, 1024, 4000} {
		key := strings.Repeat("k", n)
		sum := sha256.Sum256([]byte(key))
		if got := keyhash.Of(key); got != keyhash.Hash(sum[:16]) {
			t.Errorf("%d characters: %x", n, got)
		}
	}
}

func TestNoKey(t *testing.T) {
	if got := keyhash.Of(""); got != (keyhash.Hash{}) {
		t.Errorf("the hash of no key is %x", got)
	}
}

func TestName(t *testing.T) {
	for key, want := range map[string]string{
		"":    "",
		"abc": "ba7816bf8f01", // SHA-256 of "abc", FIPS 180-2
	} {
		if got := keyhash.Of(key).Name(); got != want {
			t.Errorf("%q is called %q, want %q", key, got, want)
		}
	}
}

// TestKeysAreNotPrinted: a key in a message is its name there.
func TestKeysAreNotPrinted(t *testing.T) {
	key := keyhash.New("abc")
	if key.Text != "abc" || key.Hash != keyhash.Of("abc") {
		t.Fatalf("the key is %q", key.Text)
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if got := strings.Trim(fmt.Sprintf(format, key), `"`); got != "ba7816bf8f01" {
			t.Errorf("%s prints %s", format, got)
		}
	}
}
