package config_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"django-sidecar/internal/config"
)

// heard is what Watch has called back with since the last look.
type heard struct {
	configs []*config.Config
	errs    []error
}

// watch runs Watch on c. step makes it tick twice, waits until it waits again, and yields what it said meanwhile.
func watch(t *testing.T, c *config.Config, test func(t *testing.T, step func() heard)) {
	t.Helper()
	watchTicking(t, c, 2, test)
}

// watchTicking is watch with another number of ticks a step.
func watchTicking(t *testing.T, c *config.Config, ticks int, test func(t *testing.T, step func() heard)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		tick, done := make(chan time.Time), make(chan struct{})
		var h heard
		go func() {
			defer close(done)
			c.Watch(ctx, tick, func(c *config.Config, err error) {
				if (c == nil) == (err == nil) {
					t.Errorf("called with %v and %v", c, err)
				}
				if err != nil {
					h.errs = append(h.errs, err)
				} else {
					h.configs = append(h.configs, c)
				}
			})
		}()
		test(t, func() heard {
			for range ticks {
				tick <- time.Now()
				synctest.Wait()
			}
			last := h
			h = heard{}
			return last
		})
		cancel()
		<-done
	})
}

func wantQuiet(t *testing.T, h heard) {
	t.Helper()
	if len(h.configs) != 0 || len(h.errs) != 0 {
		t.Errorf("got %d configs and the errors %v, want none", len(h.configs), h.errs)
	}
}

func wantKey(t *testing.T, h heard, key string) {
	t.Helper()
	if len(h.configs) != 1 || len(h.errs) != 0 {
		t.Fatalf("got %d configs and the errors %v, want one config", len(h.configs), h.errs)
	}
	if h.configs[0].SecretKey.Reveal() != key {
		t.Errorf("got another key than %q", key)
	}
}

func TestWatchFollowsASwappedLink(t *testing.T) {
	// As the kubelet mounts a Secret: key -> ..data/key, ..data -> ..<time>, and ..data is replaced by renaming.
	mount := t.TempDir()
	volume := func(name, key string) {
		t.Helper()
		if err := os.Mkdir(filepath.Join(mount, name), 0o700); err != nil {
			t.Fatal(err)
		}
		overwrite(t, filepath.Join(mount, name, "key"), key)
		if err := os.Symlink(name, filepath.Join(mount, "..tmp")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(mount, "..tmp"), filepath.Join(mount, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	volume("..1", goodKey)
	if err := os.Symlink("..data/key", filepath.Join(mount, "key")); err != nil {
		t.Fatal(err)
	}
	c := mustLoad(t, env{"SECRET_KEY_FILE": filepath.Join(mount, "key"), "DATABASE_URL": goodURL})
	watch(t, c, func(t *testing.T, step func() heard) {
		wantQuiet(t, step())
		volume("..2", goodKey+"2")
		wantKey(t, step(), goodKey+"2")
		wantQuiet(t, step())
		volume("..3", goodKey+"2\n") // the same key in another file
		wantQuiet(t, step())
		volume("..4", goodKey)
		wantKey(t, step(), goodKey)
	})
}

func TestWatchReportsAFailureOnce(t *testing.T) {
	path := write(t, goodKey)
	c := mustLoad(t, env{"SECRET_KEY_FILE": path, "DATABASE_URL": goodURL})
	watch(t, c, func(t *testing.T, step func() heard) {
		wantError := func(h heard, text string) {
			t.Helper()
			if len(h.configs) != 0 || len(h.errs) != 1 || !strings.Contains(h.errs[0].Error(), text) {
				t.Errorf("got %d configs and the errors %v, want one with %q", len(h.configs), h.errs, text)
			}
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		wantError(step(), "no such file")
		wantQuiet(t, step())
		overwrite(t, path, "")
		wantError(step(), "which is empty")
		wantQuiet(t, step())
		overwrite(t, path, goodKey) // as before: the failure is over
		wantKey(t, step(), goodKey)
		wantQuiet(t, step())
		overwrite(t, path, "")
		wantError(step(), "which is empty")
		overwrite(t, path, goodKey+"2")
		wantKey(t, step(), goodKey+"2")
	})
}

// What no secret is does not take the place of one, and is told once.
func TestWatchRefusesWhatIsNoSecret(t *testing.T) {
	for content, problem := range map[string]string{
		strings.Repeat("\x00", 50): "a NUL byte", goodKey + "\x00": "a NUL byte", "\x00" + goodKey + "\n": "a NUL byte", "": "is empty", "\n": "is empty",
		" \t\r\n\n ": "white space", "\u2003": "white space", goodKey + "\xff": "is not UTF-8", strings.Repeat("k", 70_000): "larger than",
	} {
		path := write(t, goodKey)
		c := mustLoad(t, env{"SECRET_KEY_FILE": path, "DATABASE_URL": goodURL})
		watch(t, c, func(t *testing.T, step func() heard) {
			overwrite(t, path, content)
			if h := step(); len(h.configs) != 0 || len(h.errs) != 1 || !strings.Contains(h.errs[0].Error(), problem) {
				t.Errorf("%.20q: got %d configs and the errors %v, want one with %q", content, len(h.configs), h.errs, problem)
			}
			wantQuiet(t, step())
			overwrite(t, path, goodKey+"2")
			wantKey(t, step(), goodKey+"2")
		})
	}
}

// What changes between two ticks is being written.
func TestWatchWaitsForTheWholeFile(t *testing.T) {
	path := write(t, goodKey)
	c := mustLoad(t, env{"SECRET_KEY_FILE": path, "DATABASE_URL": goodURL})
	watchTicking(t, c, 1, func(t *testing.T, step func() heard) {
		whole := goodKey + "2" + goodKey
		for n := range whole {
			overwrite(t, path, whole[:n])
			wantQuiet(t, step())
		}
		overwrite(t, path, whole)
		wantQuiet(t, step())
		wantKey(t, step(), whole)
		overwrite(t, path, "")
		wantQuiet(t, step())
		overwrite(t, path, whole)
		wantQuiet(t, step())
		wantQuiet(t, step())
	})
}

func TestDatabaseURLNow(t *testing.T) {
	path := write(t, goodURL+"\n")
	c := mustLoad(t, env{"SECRET_KEY": goodKey, "DATABASE_URL_FILE": path})
	want := func(text string, is bool) {
		t.Helper()
		if got, ok := c.DatabaseURLNow("DATABASE_URL"); ok != is || got != text {
			t.Errorf("got %q, %v, want %q, %v", got, ok, text, is)
		}
	}
	want(goodURL, true)
	overwrite(t, path, goodURL+"2")
	want(goodURL+"2", true)
	overwrite(t, path, "\x00\x00")
	want("", false)
	apart := write(t, goodURL+"/sessions")
	c = mustLoad(t, env{"SECRET_KEY": goodKey, "DATABASE_URL_FILE": write(t, goodURL), "DJANGO_SESSION_DATABASE_URL_FILE": apart})
	want(goodURL, true)
	if got, ok := c.DatabaseURLNow("DJANGO_SESSION_DATABASE_URL"); !ok || got != goodURL+"/sessions" {
		t.Errorf("of the sessions: got %q, %v", got, ok)
	}
	if c = mustLoad(t, required()); c.DatabaseURL.Reveal() == "" {
		t.Error("there is no URL")
	}
	want("", false)
}

func TestWatchSeesEveryFile(t *testing.T) {
	paths := map[string]string{
		"SECRET_KEY_FILE": write(t, goodKey), "SECRET_KEY_FALLBACKS_FILE": write(t, "old"),
		"DATABASE_URL_FILE": write(t, goodURL), "CACHE_URL_FILE": write(t, "redis://cache"),
	}
	c := mustLoad(t, paths)
	watch(t, c, func(t *testing.T, step func() heard) {
		for name, path := range paths {
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			overwrite(t, path, string(content)+"2")
			if h := step(); len(h.configs) != 1 || len(h.errs) != 0 {
				t.Errorf("%s: got %d configs and the errors %v", name, len(h.configs), h.errs)
			}
		}
	})
}

func TestWatchEndsWithItsContext(t *testing.T) {
	c := mustLoad(t, required())
	for _, c := range []*config.Config{c, {}} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			tick, ended := make(chan time.Time), false
			go func() {
				c.Watch(ctx, tick, func(*config.Config, error) {})
				ended = true
			}()
			close(tick) // a closed channel is no reason to end, or to spin
			synctest.Wait()
			if ended {
				t.Error("ended before its context")
			}
			cancel()
			synctest.Wait()
			if !ended {
				t.Error("did not end with its context")
			}
		})
	}
}
