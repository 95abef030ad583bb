package djangocache

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/folder"
	"django-sidecar/signing"
)

// What pickle.dumps of CPython 3.13 makes of times, in the protocols that Django's Pythons have as the highest.
const (
	never2, never5 = "\x80\x02N.", "\x80\x05N."
	at3            = "\x80\x03GA\xda\x5a\x49\x4a\x00\x00\x00."                                     // 1768498472.0
	at5            = "\x80\x05\x95\x0a\x00\x00\x00\x00\x00\x00\x00GA\xda\x5a\x49\x4a\x00\x00\x00." // the same
	int5           = "\x80\x05\x95\x06\x00\x00\x00\x00\x00\x00\x00J\x28\x25\x69\x69."              // 1768498472
	zero5          = "\x80\x05K\x00."
)

func TestFiles(t *testing.T) {
	value := string(compressed(t, "zlib", []byte("a pickle")))
	dir := t.TempDir()
	end := time.Unix(1768498472, 0).UTC()
	now := end
	b := &fileBackend{slots: folder.New(), dir: dir, maxBytes: testMax, now: func() time.Time { return now }}
	const key = "the key"
	name := filepath.Join(dir, fileName(key))
	for _, tt := range []struct {
		name, content string
		now           time.Time
		want          string
		expires       time.Time
	}{
		{"at its end", at5 + value, end, "a pickle", end},
		{"before its end", at3 + value, end.Add(-time.Hour), "a pickle", end},
		{"after its end", at5 + value, end.Add(time.Microsecond), "expired", time.Time{}},
		{"an integer for a time", int5 + value, end, "a pickle", end},
		{"an integer long ago", zero5 + value, end, "expired", time.Time{}},
		{"no end, protocol 2", never2 + value, end, "a pickle", time.Time{}},
		{"no end, protocol 5", never5 + value, end, "a pickle", time.Time{}},
		{"an end beyond time", "\x80\x03G\x7f\xe0\x00\x00\x00\x00\x00\x00." + value, end, "a pickle", time.Time{}},
		{"an empty file", "", end, "expired", time.Time{}},
		{"a text for a time", "\x80\x05\x8c\x01x\x94." + value, end, "unreadable", time.Time{}},
		{"a time that is no number", "\x80\x03G\x7f\xf8\x00\x00\x00\x00\x00\x00." + value, end, "unreadable", time.Time{}},
		{"a call for a time", "\x80\x03cos\nsystem\n." + value, end, "unreadable", time.Time{}},
		{"a file cut in the time", at5[:12], end, "unreadable", time.Time{}},
		{"a file cut in the value", at5 + value[:5], end, "unreadable", time.Time{}},
		{"no value", at5, end, "unreadable", time.Time{}},
		{"a value that is not compressed", at5 + "a pickle", end, "unreadable", time.Time{}},
		{"a bomb", never5 + string(compressed(t, "zlib", make([]byte, 1<<20))), end, "unreadable", time.Time{}},
		{"a huge file", never5 + strings.Repeat("x", testMax), end, "unreadable", time.Time{}},
	} {
		if err := os.WriteFile(name, []byte(tt.content), 0o600); err != nil {
			t.Fatal(err)
		}
		now = tt.now
		got, expires, err := b.Get(t.Context(), key)
		outcome := string(got)
		switch {
		case errors.Is(err, djangosession.ErrExpired):
			outcome = "expired"
		case errors.As(err, new(*signing.SyntaxError)):
			outcome = "unreadable"
		case err != nil:
			outcome = err.Error()
		}
		if outcome != tt.want || !expires.Equal(tt.expires) {
			t.Errorf("%s: got %.60q, %v; want %q, %v", tt.name, outcome, expires, tt.want, tt.expires)
		}
	}
}

// TestFilesThatAreNone: nothing but regular files in the directory is read, and nothing is waited for.
func TestFilesThatAreNone(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte(never5+string(compressed(t, "zlib", []byte("secret")))), 0o600); err != nil {
		t.Fatal(err)
	}
	for key, make := range map[string]func(path string) error{
		"a directory": func(path string) error { return os.Mkdir(path, 0o700) },
		"a pipe":      func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"a link":      func(path string) error { return os.Symlink(outside, path) },
	} {
		if err := make(filepath.Join(dir, fileName(key))); err != nil {
			t.Fatal(err)
		}
		b := &fileBackend{slots: folder.New(), dir: dir, maxBytes: testMax, now: time.Now}
		if got, _, err := b.Get(t.Context(), key); !errors.As(err, new(*signing.SyntaxError)) {
			t.Errorf("%s: got %q, %v", key, got, err)
		}
		if _, _, err := b.Get(t.Context(), "another"); !errors.Is(err, djangosession.ErrNotFound) {
			t.Errorf("no file: %v", err)
		}
	}
	gone := &fileBackend{slots: folder.New(), dir: filepath.Join(dir, "gone"), maxBytes: testMax, now: time.Now}
	if _, _, err := gone.Get(t.Context(), "key"); err == nil || djangosession.IsAnswer(err) {
		t.Errorf("no directory: %v", err)
	}
	if err := gone.Probe(t.Context()); err == nil {
		t.Error("no directory: Probe is content")
	}
}
