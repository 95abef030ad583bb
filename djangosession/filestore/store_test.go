package filestore_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/filestore"
	"django-sidecar/djangosession/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestKeys: none of these reaches the file system, where some of them would find a file.
func TestKeys(t *testing.T) {
	f := newFixture(t, filestore.Config{Prefix: "sessionid"})
	login := f.encode(t, map[string]any{"a": 1})
	for _, name := range []string{"ABCDEFGH", "abcdefg.", "abcdefg_", "abcdefg ", "abcdefgé", "abcdefgh\n", "", "abcdefgh"} {
		f.write(t, name, login, now)
	}
	if err := os.Mkdir(f.path("abc"), 0o700); err != nil {
		t.Fatal(err)
	}
	f.write(t, "abc/12345678", login, now)
	for _, k := range []string{
		"ABCDEFGH", "abcdefg.", "abcdefg_", "abcdefg ", "abcdefgé", "abcdefgh\n", "", "abc/12345678", "abc/../abcdefgh",
		"/../sessionidabcdefgh", "abcdefgh/", "abcdefgh\x00", "./abcdefgh", "ａbcdefgh", strings.Repeat("a", 10_000), strings.Repeat("a", 246),
	} {
		if got := f.outcome(t, k); got != "not found" {
			t.Errorf("%.50q: got %q", k, got)
		}
	}
	if got := f.outcome(t, "abcdefgh"); got != `{"a":1}` {
		t.Errorf("abcdefgh: got %q", got)
	}
	f.waited = func() { t.Error("a missing file is waited for") }
	f.outcome(t, "nosuchkey")
}

func TestPrefix(t *testing.T) {
	f := newFixture(t, filestore.Config{Prefix: "__Host-sid.1"})
	f.write(t, key, f.encode(t, nil), now)
	if got := f.outcome(t, key); got != "not found" {
		t.Errorf("another cookie's file: got %q", got)
	}
	if err := os.Rename(f.path(key), filepath.Join(f.dir, "__Host-sid.1"+key)); err != nil {
		t.Fatal(err)
	}
	if got := f.outcome(t, key); got != "{}" {
		t.Errorf("the prefix of SESSION_COOKIE_NAME: got %q", got)
	}
}

// TestHalfWritten: such a file is read once more.
func TestHalfWritten(t *testing.T) {
	for name, tt := range map[string]struct {
		half, then string
		want       string
	}{
		"empty, then whole":      {"", "whole", `{"a":1}`},
		"half, then whole":       {"half", "whole", `{"a":1}`},
		"strange, then whole":    {"\xff", "whole", `{"a":1}`},
		"empty, and stays so":    {"", "", "not found"},
		"half, and stays so":     {"half", "half", "bad signature"},
		"strange, and stays so":  {"\xff", "\xff", "unreadable"},
		"empty, then half":       {"", "half", "bad signature"},
		"half, then empty":       {"half", "", "not found"},
		"empty, then it is gone": {"", "gone", "not found"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, filestore.Config{})
			whole := f.encode(t, map[string]any{"a": 1})
			put := func(text string) {
				text = strings.NewReplacer("whole", whole, "half", whole[:len(whole)/2]).Replace(text)
				if f.write(t, key, text, now); text == "gone" {
					if err := os.Remove(f.path(key)); err != nil {
						t.Fatal(err)
					}
				}
			}
			put(tt.half)
			f.waited = func() { put(tt.then) }
			if got := f.outcome(t, key); got != tt.want || f.waits != 1 {
				t.Errorf("got %q after %d waits, want %q", got, f.waits, tt.want)
			}
		})
	}
	t.Run("the context ends meanwhile", func(t *testing.T) {
		f := newFixture(t, filestore.Config{})
		f.write(t, key, "", now)
		ctx, cancel := context.WithCancel(t.Context())
		f.waited = cancel
		if _, err := f.Load(ctx, key); !errors.Is(err, context.Canceled) || djangosession.IsAnswer(err) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("with a timer", func(t *testing.T) {
		f := newFixture(t, filestore.Config{})
		f.write(t, key, "", now)
		s, err := filestore.New(filestore.Config{Version: django52, Dir: f.dir, Codec: f.codec})
		if err != nil {
			t.Fatal(err)
		}
		if got := storetest.Outcome(s.Load(t.Context(), key)); got != "not found" {
			t.Errorf("got %q", got)
		}
	})
}

// TestText: contrib/sessions/backends/file.py, 5.2, load: open(…, encoding="ascii"); in 1.11 open(…, "rb").
func TestText(t *testing.T) {
	old := djangosession.Version{Major: 1, Minor: 11}
	for _, tt := range []struct {
		name    string
		version djangosession.Version
		change  func(text string) string
		want    string
	}{
		{"a newline at the end", django52, func(s string) string { return s + "\n" }, "bad signature"},
		{"a newline at the end of an old form", old, func(s string) string { return s + "\r\n" }, `{"a":1}`},
		{"a character outside ASCII", django52, func(s string) string { return "é" + s }, "unreadable"},
		{"a character outside ASCII in an old form", old, func(s string) string { return "é" + s }, `{"a":1}`},
		{"bytes outside ASCII in an old form", old, func(s string) string { return s[:3] + "\xff\xfe" + s[3:] }, `{"a":1}`},
		{"white space", django52, func(string) string { return " \n" }, "bad signature"},
		{"too much", django52, func(string) string { return strings.Repeat("a", 1<<20+1) }, "unreadable"},
	} {
		f := newFixture(t, filestore.Config{Version: tt.version})
		f.write(t, key, tt.change(f.encode(t, map[string]any{"a": 1})), now)
		if got := f.outcome(t, key); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestOtherFiles: what is no regular file of the directory is no session, and nothing waits for it.
func TestOtherFiles(t *testing.T) {
	f := newFixture(t, filestore.Config{})
	login := f.encode(t, map[string]any{"a": 1})
	f.write(t, "inside", login, now)
	outside := filepath.Join(t.TempDir(), "sessionidoutside")
	for _, err := range []error{
		os.WriteFile(outside, []byte(login), 0o600),
		os.Mkdir(f.path("directory"), 0o700),
		syscall.Mkfifo(f.path("fifo"), 0o600),
		os.Symlink("sessionidinside", f.path("link")),
		os.Symlink(outside, f.path("linkout")),
		os.Symlink("../"+filepath.Base(filepath.Dir(outside))+"/sessionidoutside", f.path("linkup")),
		os.Symlink("/dev/zero", f.path("device")),
		os.Symlink("sessionidloop", f.path("loop")),
		os.Symlink("nowhere", f.path("dangling")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for k, want := range map[string]string{
		"directory": "unreadable", "fifo": "unreadable", "link": `{"a":1}`, "linkout": "unreadable", "linkup": "unreadable",
		"device": "unreadable", "loop": "unreadable", "dangling": "not found",
	} {
		if got := f.outcome(t, k); got != want {
			t.Errorf("%s: got %q, want %q", k, got, want)
		}
	}
}

// TestMaxBytes: a file is read up to the bound, even where the codec would take more.
func TestMaxBytes(t *testing.T) {
	f := newFixture(t, filestore.Config{MaxBytes: 200})
	f.write(t, "within", f.encode(t, nil), now)
	f.write(t, "beyond", f.encode(t, map[string]any{"a": []byte("random enough not to be compressed to less than two hundred bytes: " + secret + key)}), now)
	for k, want := range map[string]string{"within": "{}", "beyond": "unreadable"} {
		if got := f.outcome(t, k); got != want {
			t.Errorf("%s: got %q, want %q", k, got, want)
		}
	}
}

func TestNew(t *testing.T) {
	f := newFixture(t, filestore.Config{})
	for name, c := range map[string]filestore.Config{
		"no version":         {Dir: f.dir, Codec: f.codec},
		"no directory":       {Version: django52, Codec: f.codec},
		"no codec":           {Version: django52, Dir: f.dir},
		"a path as a prefix": {Version: django52, Dir: f.dir, Codec: f.codec, Prefix: "../sessionid"},
	} {
		if s, err := filestore.New(c); err == nil || s != nil {
			t.Errorf("%s: got %v, %v", name, s, err)
		}
	}
	// The zero CookieAge lets nobody in.
	s, err := filestore.New(filestore.Config{Version: django52, Dir: f.dir, Codec: f.codec})
	if err != nil {
		t.Fatal(err)
	}
	f.write(t, key, f.encode(t, nil), time.Now())
	if got := storetest.Outcome(s.Load(t.Context(), key)); got != "expired" {
		t.Errorf("without a CookieAge: got %q", got)
	}
}
