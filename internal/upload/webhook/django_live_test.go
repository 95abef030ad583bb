//go:build live

package webhook_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/upload/webhook"
	"django-sidecar/signing"
)

// TestDjango: the view of docs/uploads.md, under each Django, takes what is ours, once, and nothing else.
func TestDjango(t *testing.T) {
	for _, version := range djangotest.Lines {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			app := newDjangoApp(t, version)
			s := &sidecarOf{dir: newDir(t), app: app, algorithm: algorithmOf(version)}
			first := webhook.UploadEvent{ID: "first", At: time.Now(), UserID: "42", Files: []webhook.UploadedFile{
				{Field: "file", Name: "uploads/2026/11/22/naïve_文.txt", OriginalName: "naïve \U0001f600.txt", Size: 3},
			}}
			app.publish(t, first.Files[0].Name, "abc")

			// The application is down at first, and the sidecar is started anew meanwhile.
			expect(t, s.deliver(t, 1, first), "first put off 0")
			app.Start(t)
			app.failOnce(t)
			expect(t, s.deliver(t, 2), "first put off 500", "first delivered 204")
			want := made{Events: []string{"first"}, Documents: []document{
				{"42", first.Files[0].Name, "/media/uploads/2026/11/22/na%C3%AFve_%E6%96%87.txt", 3, "abc"},
			}}
			expectMade(t, app, want)

			// Twice the same, and two files at once.
			second := webhook.UploadEvent{ID: "second", At: time.Now(), UserID: "42", Files: []webhook.UploadedFile{{Name: "a b.txt"}, {Name: "c.txt"}}}
			app.publish(t, "a b.txt", "one")
			app.publish(t, "c.txt", "")
			expect(t, s.deliver(t, 3, first, first, second), "first delivered 204", "first delivered 204", "second delivered 204")
			want.Events = append(want.Events, "second")
			want.Documents = append(want.Documents, document{"42", "a b.txt", "/media/a%20b.txt", 3, "one"}, document{"42", "c.txt", "/media/c.txt", 0, ""})
			expectMade(t, app, want)

			refuses(t, app, s)
			expectMade(t, app, want)
			s.crowd(t, app)
			t.Logf("Django %s: %d events, %d documents", app.made(t).Django, len(want.Events), len(want.Documents))
		})
	}
}

// refuses sends what is not ours, or not of today.
func refuses(t *testing.T, app *djangoApp, s *sidecarOf) {
	t.Helper()
	payload := []byte(`{"id":"forged","at":"2026-11-22T12:00:00Z","user_id":"42","files":[{"name":"c.txt"}]}`)
	ours := s.signer(t, secretKey, webhook.Salt)
	good := ours.Dumps(payload, false, time.Now())
	value, signature, _ := strings.Cut(good, ":")
	for name, body := range map[string]string{
		"nothing":                       "",
		"no signature":                  value,
		"plain JSON":                    string(payload),
		"not UTF-8":                     "\xff" + good,
		"a changed value":               "e" + value[1:4] + "x" + value[5:] + ":" + signature,
		"a changed signature":           good[:len(good)-3] + strings.Map(func(r rune) rune { return r ^ 1 }, good[len(good)-3:len(good)-2]) + good[len(good)-2:],
		"an old timestamp":              ours.Dumps(payload, false, time.Now().Add(-time.Hour)),
		"another salt":                  s.signer(t, secretKey, "django.core.signing").Dumps(payload, false, time.Now()),
		"another key":                   s.signer(t, "another", webhook.Salt).Dumps(payload, false, time.Now()),
		"a value without its timestamp": value + ":" + signature[strings.Index(signature, ":")+1:],
	} {
		if got := app.post(t, http.MethodPost, body); got != http.StatusForbidden {
			t.Errorf("%s: %d", name, got)
		}
	}
	if got := app.post(t, http.MethodPut, good); got != http.StatusMethodNotAllowed {
		t.Errorf("PUT: %d", got)
	}
}

// crowd delivers events several at a time, each of them twice. SQLite lets one of two transactions fail that read and then
// write at the same time: those events come again.
func (s *sidecarOf) crowd(t *testing.T, app *djangoApp) {
	t.Helper()
	const events = 20
	before := app.made(t)
	reported := make(chan webhook.Attempt, 1000)
	q := s.open(t, reported)
	for i := range 2 * events {
		e := webhook.UploadEvent{ID: fmt.Sprintf("crowd-%d", i/2), At: time.Now(), UserID: "42", Files: []webhook.UploadedFile{{Name: "c.txt"}}}
		if err := q.Add(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	stop := (&fixture{Queue: q}).start(t)
	defer stop()
	again := 0
	for left := 2 * events; left > 0; {
		switch a := <-reported; a.Outcome {
		case webhook.Delivered:
			left--
		case webhook.PutOff:
			again++
		case webhook.GivenUp, webhook.Corrupt, webhook.Broken:
			t.Fatalf("%+v", a)
		}
	}
	after := app.made(t)
	got, rows := len(after.Events)-len(before.Events), len(after.Documents)-len(before.Documents)
	if got != events || rows != events {
		t.Errorf("%d events in %d rows", got, rows)
	}
	t.Logf("%d events, each twice: %d rows, and %d tries that failed", events, rows, again)
}

// algorithmOf is what signs in a Django: SHA-1 up to 3.0.
func algorithmOf(version string) signing.Algorithm {
	if version < "3.1" {
		return signing.SHA1
	}
	return signing.SHA256
}

// sidecarOf is a sidecar that is started anew for each delivery.
type sidecarOf struct {
	dir       string
	app       *djangoApp
	algorithm signing.Algorithm
}

func (s *sidecarOf) signer(t *testing.T, secret, salt string) *signing.TimestampSigner {
	t.Helper()
	signer, err := signing.NewTimestampSigner(signing.Options{Secret: signing.SecretKey(secret), Salt: salt, Algorithm: s.algorithm})
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// open opens the queue, as the next process would.
func (s *sidecarOf) open(t *testing.T, reported chan<- webhook.Attempt) *webhook.Queue {
	t.Helper()
	signer := s.signer(t, secretKey, webhook.Salt)
	q, err := webhook.Open(webhook.Options{
		URL: s.app.url() + "/webhooks/upload", Dir: s.dir, Now: time.Now, FirstBackoff: 100 * time.Millisecond,
		Sign:   func(payload []byte, at time.Time) (string, error) { return signer.Dumps(payload, false, at), nil },
		Report: func(a webhook.Attempt) { reported <- a },
	})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// deliver adds events, and delivers until so many tries were made.
func (s *sidecarOf) deliver(t *testing.T, tries int, events ...webhook.UploadEvent) []webhook.Attempt {
	t.Helper()
	reported := make(chan webhook.Attempt, 100)
	q := s.open(t, reported)
	stop := (&fixture{Queue: q}).start(t)
	defer stop()
	var attempts []webhook.Attempt
	// One after the other: SQLite lets one of two transactions fail that read and then write at the same time.
	for _, e := range events {
		if err := q.Add(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		attempts = append(attempts, <-reported)
	}
	for len(attempts) < tries {
		attempts = append(attempts, <-reported)
	}
	return attempts
}

func expect(t *testing.T, attempts []webhook.Attempt, want ...string) {
	t.Helper()
	var got []string
	for _, a := range attempts {
		got = append(got, fmt.Sprintf("%s %s %d", a.ID, a.Outcome, a.Status))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff, attempts)
	}
}

func expectMade(t *testing.T, app *djangoApp, want made) {
	t.Helper()
	got := app.made(t)
	want.Django = got.Django
	if !strings.HasPrefix(got.Django, app.version) {
		t.Errorf("Django %s in place of %s", got.Django, app.version)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
