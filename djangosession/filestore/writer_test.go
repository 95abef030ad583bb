package filestore

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/signing"
)

// writable is a store on a directory, with a clock that stands still.
func writable(t *testing.T, now *time.Time) *Store {
	t.Helper()
	v := djangosession.MustVersion("5.2")
	codec, err := djangosession.NewCodec(djangosession.CodecConfig{Version: v, SecretKey: signing.SecretKey("s3cret")})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{
		Version: v, Dir: t.TempDir(), Codec: codec, CookieAge: time.Hour, Now: func() time.Time { return *now },
		Wait: func(context.Context, time.Duration) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sessionOf(t *testing.T, user string) *djangosession.Session {
	t.Helper()
	s := djangosession.NewSession(djangosession.MustVersion("5.2"))
	if err := s.Set("user", user); err != nil {
		t.Fatal(err)
	}
	return s
}

const writerKey = "abcdefghijklmnopqrstuvwxyz012345"

func TestWriter(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	s, ctx := writable(t, &now), t.Context()
	is := func(err, want error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
		if err != nil && strings.Contains(err.Error(), writerKey) {
			t.Errorf("the session key is in %q", err)
		}
	}
	user := func(want string, ends time.Time) {
		t.Helper()
		session, err := s.Load(ctx, writerKey)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := session.Lookup("user").Text(); got != want || !session.ExpireDate.Equal(ends.Add(-time.Second)) {
			t.Errorf("it is %s until %v, want %s until %v", got, session.ExpireDate, want, ends)
		}
	}
	old := func(age time.Duration) {
		t.Helper()
		if err := os.Chtimes(filepath.Join(s.config.Dir, "sessionid"+writerKey), time.Time{}, now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	end := now.Add(time.Hour)
	is(s.Save(ctx, writerKey, sessionOf(t, "nobody"), end), djangosession.ErrNotFound)
	is(s.Touch(ctx, writerKey, nil, end), djangosession.ErrNotFound)
	is(s.Delete(ctx, writerKey), nil)
	is(s.Create(ctx, writerKey, sessionOf(t, "ada"), end), nil)
	is(s.Create(ctx, writerKey, sessionOf(t, "eve"), end), djangosession.ErrExists)
	old(time.Minute)
	user("ada", end.Add(-time.Minute))
	is(s.Touch(ctx, writerKey, nil, end), nil)
	user("ada", end)
	is(s.Save(ctx, writerKey, sessionOf(t, "bob"), end), nil)
	old(0) // the file system has its own clock
	user("bob", end)
	old(2 * time.Hour) // it is over: nobody revives it
	is(s.Touch(ctx, writerKey, nil, end), djangosession.ErrNotFound)
	is(s.Save(ctx, writerKey, sessionOf(t, "bob"), end), djangosession.ErrNotFound)
	is(s.Delete(ctx, writerKey), nil)
	is(s.Touch(ctx, writerKey, nil, end), djangosession.ErrNotFound)
	is(s.ProbeWriting(ctx), nil)
	for _, key := range []string{"../" + writerKey, "", "UPPER" + writerKey, writerKey + "/x"} {
		is(s.Create(ctx, key, sessionOf(t, "eve"), end), djangosession.ErrNotFound)
		is(s.Save(ctx, key, sessionOf(t, "eve"), end), djangosession.ErrNotFound)
		is(s.Delete(ctx, key), nil)
	}
	if err := s.Create(ctx, writerKey, sessionOf(t, strings.Repeat("x", djangosession.DefaultMaxBytes)), end); err == nil {
		t.Error("a session was created that nobody can read")
	}
	if left, err := os.ReadDir(s.config.Dir); err != nil || len(left) != 0 {
		t.Errorf("there is left %v, %v", left, err)
	}
}

// TestWriterOfAnotherUser: where Django could not read a file of ours, none is written.
func TestWriterOfAnotherUser(t *testing.T) {
	now := time.Now()
	s, ctx := writable(t, &now), t.Context()
	if err := s.Create(ctx, writerKey, sessionOf(t, "ada"), now); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(s.config.Dir, "sessionid"+writerKey)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s.user++
	for name, err := range map[string]error{
		"creating": s.Create(ctx, strings.Repeat("b", 32), sessionOf(t, "eve"), now), "saving": s.Save(ctx, writerKey, sessionOf(t, "eve"), now),
		"touching": s.Touch(ctx, writerKey, nil, now), "probing": s.ProbeWriting(ctx),
	} {
		if !errors.Is(err, ErrOtherUser) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("the file has changed: %v", err)
	}
	if err := s.Delete(ctx, writerKey); err != nil { // who may delete it may log its user out
		t.Error(err)
	}
	if err := s.Create(ctx, writerKey, sessionOf(t, "eve"), now); !errors.Is(err, ErrOtherUser) {
		t.Errorf("in an empty directory of another user: %v", err)
	}
	if left, err := os.ReadDir(s.config.Dir); err != nil || len(left) != 0 {
		t.Errorf("there is left %v, %v", left, err)
	}
}

// TestWriterFails: what cannot be written is a failure, and no answer.
func TestWriterFails(t *testing.T) {
	now := time.Now()
	s := writable(t, &now)
	if err := os.RemoveAll(s.config.Dir); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"creating": s.Create(t.Context(), writerKey, sessionOf(t, "ada"), now), "saving": s.Save(t.Context(), writerKey, sessionOf(t, "ada"), now),
		"deleting": s.Delete(t.Context(), writerKey), "touching": s.Touch(t.Context(), writerKey, nil, now), "probing": s.ProbeWriting(t.Context()),
	} {
		if err == nil || djangosession.IsAnswer(err) || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
