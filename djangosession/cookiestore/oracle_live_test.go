//go:build live

package cookiestore_test

import (
	"fmt"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/cookiestore"
	"django-sidecar/internal/djangotest"
	"django-sidecar/signing"
)

// oracleSecret and oracleFallbacks are those of testdata/oracle_stores/deployment.py.
const oracleSecret = `s3cr3t-key'"%$ with ümläuts`

var oracleFallbacks = []string{"an older key, with a comma", "the oldest key"}

// TestOracle compares with Django's own signed_cookies engine, over cookies in every state.
func TestOracle(t *testing.T) {
	seed := djangotest.Seed(t)
	for _, version := range djangotest.Lines {
		t.Run("Django "+version, func(t *testing.T) { compare(t, oracle{version: version, age: 1_209_600, count: 600, seed: seed}) })
	}
	for _, age := range []int{0, -5, 60} {
		t.Run(fmt.Sprintf("SESSION_COOKIE_AGE=%d", age), func(t *testing.T) { compare(t, oracle{version: "5.2", age: age, count: 300, seed: seed}) })
	}
	for _, version := range []string{"3.1", "3.2"} {
		t.Run("Django "+version+" with SHA-1", func(t *testing.T) {
			compare(t, oracle{version: version, age: 3600, count: 300, seed: seed, sha1: true})
		})
	}
	for _, version := range []string{"1.11", "3.0", "3.2", "4.2"} {
		t.Run("Django "+version+" with pickles", func(t *testing.T) {
			compare(t, oracle{version: version, age: 3600, count: 300, seed: seed, pickle: true})
		})
	}
}

// oracle is a deployment to compare.
type oracle struct {
	version      string
	age, count   int
	seed         uint64
	sha1, pickle bool
}

func compare(t *testing.T, o oracle) {
	at := time.Date(2026, 11, 22, 10, 0, 0, 123456000, time.UTC)
	settings := map[string]any{"SESSION_COOKIE_AGE": o.age}
	c := cookiestore.Config{
		SecretKey: signing.SecretKey(oracleSecret), SecretKeyFallbacks: signing.SecretKeys(oracleFallbacks...),
		MaxAge: time.Duration(o.age) * time.Second, Now: func() time.Time { return at },
	}
	if o.sha1 {
		c.HashingAlgorithm, settings["DEFAULT_HASHING_ALGORITHM"] = signing.SHA1, "sha1"
	}
	if o.pickle {
		c.Serializer, settings["SESSION_SERIALIZER"] = djangosession.Pickle, "django.contrib.sessions.serializers.PickleSerializer"
	}
	answers := djangotest.AskStore(t, o.version, "cookies.py", map[string]any{
		"seed": o.seed, "count": o.count, "now": at.UnixMicro(), "settings": settings,
	})
	var err error
	if c.Version, err = djangosession.ParseVersion(answers.Django); err != nil {
		t.Fatal(err)
	}
	s := open(t, c)
	alive := 0
	for _, want := range answers.Cases {
		session, err := s.Load(t.Context(), want.Key)
		if err != nil && !djangosession.IsAnswer(err) {
			t.Errorf("%s: %v", want.Note, err)
		}
		if err == nil && session.JSON() == "{}" {
			session = nil // Django tells an empty session from none as little
		}
		if (session != nil) != want.Alive {
			t.Errorf("%s: %v, %v; Django %s says alive: %t, %v", want.Note, session != nil, err, answers.Django, want.Alive, want.Exception)
			continue
		}
		if session == nil {
			continue
		}
		alive++
		user, _ := session.AuthUserID.Text()
		number := session.Lookup("number").JSON()
		if want.User != nil && user != want.User || want.Number != nil && fmt.Sprint(want.Number) != number {
			t.Errorf("%s: %q, %s; Django %s says %v, %v", want.Note, user, number, answers.Django, want.User, want.Number)
		}
	}
	t.Logf("Django %s, Python %s: %d compared, %d of them alive", answers.Django, answers.Python, len(answers.Cases), alive)
	if alive < len(answers.Cases)/10 || alive > len(answers.Cases)*9/10 {
		t.Error("too few of one kind: nothing has been compared")
	}
}
