//go:build live

package filestore_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/filestore"
	"django-sidecar/internal/djangotest"
	"django-sidecar/signing"
)

// oracleSecret and oracleFallbacks are those of testdata/oracle_stores/deployment.py.
const oracleSecret = `s3cr3t-key'"%$ with ümläuts`

var oracleFallbacks = []string{"an older key, with a comma", "the oldest key"}

// profile is a deployment to compare.
type profile struct {
	version string
	age     int
	zone    string // "": USE_TZ
	prefix  string
	at      time.Time
	pickle  bool
}

// TestOracle compares with Django's own file engine, over files in every state.
func TestOracle(t *testing.T) {
	seed := djangotest.Seed(t)
	const fortnight = 1_209_600
	at := time.Date(2026, 11, 22, 10, 0, 0, 123456000, time.UTC)
	var profiles []profile
	for _, version := range djangotest.Lines {
		profiles = append(profiles, profile{version, fortnight, "", "sessionid", at, false}, profile{version, 3600, "Europe/Paris", "__Host-sid.1", at, false})
	}
	for _, version := range []string{"1.11", "3.2", "6.1"} {
		profiles = append(profiles,
			profile{version, 0, "", "sessionid", at, false},
			// Clocks were put forward two hours before, and are put back an hour later.
			profile{version, 10_800, "Europe/Paris", "sessionid", time.Date(2026, 3, 29, 3, 0, 0, 0, time.UTC), false},
			profile{version, 10_800, "America/New_York", "sessionid", time.Date(2026, 11, 1, 5, 0, 0, 654321000, time.UTC), false})
	}
	for _, version := range []string{"1.11", "3.0", "3.2", "4.0", "4.2"} {
		profiles = append(profiles, profile{version, fortnight, "", "sessionid", at, true}, profile{version, 3600, "Europe/Paris", "sessionid", at, true})
	}
	for _, p := range profiles {
		t.Run(fmt.Sprintf("Django %s, %s, %d seconds, pickled %t", p.version, p.zone, p.age, p.pickle), func(t *testing.T) { p.compare(t, seed) })
	}
}

func (p profile) compare(t *testing.T, seed uint64) {
	dir := filepath.Join(t.TempDir(), "sessions")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	settings := map[string]any{"SESSION_COOKIE_AGE": p.age, "SESSION_COOKIE_NAME": p.prefix}
	var local *time.Location
	if p.zone != "" {
		var err error
		if local, err = time.LoadLocation(p.zone); err != nil {
			t.Fatal(err)
		}
		settings["USE_TZ"], settings["TIME_ZONE"] = false, p.zone
	}
	serializer := djangosession.JSON
	if p.pickle {
		serializer, settings["SESSION_SERIALIZER"] = djangosession.Pickle, "django.contrib.sessions.serializers.PickleSerializer"
	}
	answers := djangotest.AskStore(t, p.version, "files.py", map[string]any{
		"seed": seed, "count": 300, "now": p.at.UnixMicro(), "settings": settings, "dir": dir,
	})
	v, err := djangosession.ParseVersion(answers.Django)
	if err != nil {
		t.Fatal(err)
	}
	codec, err := djangosession.NewCodec(djangosession.CodecConfig{
		Version: v, SecretKey: signing.SecretKey(oracleSecret), SecretKeyFallbacks: signing.SecretKeys(oracleFallbacks...), Serializer: serializer,
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := filestore.New(filestore.Config{
		Version: v, Dir: dir, Prefix: p.prefix, CookieAge: time.Duration(p.age) * time.Second, Codec: codec, Local: local,
		Now:  func() time.Time { return p.at },
		Wait: func(context.Context, time.Duration) error { return nil }, // nobody is writing
	})
	if err != nil {
		t.Fatal(err)
	}
	alive := 0
	for _, want := range answers.Cases {
		if agrees(t, s, want, answers.Django) {
			alive++
		}
	}
	t.Logf("Django %s, Python %s: %d compared, %d of them alive", answers.Django, answers.Python, len(answers.Cases), alive)
	if alive < len(answers.Cases)/20 || alive > len(answers.Cases)*9/10 {
		t.Error("too few of one kind: nothing has been compared")
	}
}

// agrees compares a case, and reports whether the session is alive.
func agrees(t *testing.T, s *filestore.Store, want djangotest.StoredCase, django string) bool {
	t.Helper()
	session, err := s.Load(t.Context(), want.Key)
	if err != nil && !djangosession.IsAnswer(err) {
		t.Errorf("%s: %v", want.Note, err)
	}
	if err == nil && session.JSON() == "{}" {
		session = nil // Django tells an empty session from none as little
	}
	if (session != nil) != want.Alive {
		t.Errorf("%s: %t, %v; Django %s says alive: %t, %v", want.Note, session != nil, err, django, want.Alive, text(want.Exception))
		return session != nil
	}
	if session == nil {
		return false
	}
	user, _ := session.AuthUserID.Text()
	number := session.Lookup("number").JSON()
	if user != want.User || fmt.Sprint(want.Number) != number {
		t.Errorf("%s: %q, %s; Django %s says %v, %v", want.Note, user, number, django, want.User, want.Number)
	}
	return true
}

func text(exception *string) string {
	if exception == nil {
		return "no exception"
	}
	return *exception
}
