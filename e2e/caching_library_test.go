//go:build live

package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"django-sidecar/djangosite"
)

// logOutElsewhere has a user log out at another sidecar: this one, and the library, which have kept the verdict, hear of it.
func (r *cachingRig) logOutElsewhere(t *testing.T, client *http.Client, h *history) {
	t.Helper()
	t.Setenv("SIDECAR_WRITE", "logout")
	other := &writingSite{url: "http://" + serveForTest(t).String()}
	places := map[string]func(*history) string{
		"the sidecar": func(h *history) string { return r.mustAsk(t, client, h) }, "the library": libraryAnswers(t),
	}
	for place, answers := range places {
		if first, second := answers(h), answers(h); first != h.state[0].answer || second != first {
			t.Fatalf("before the logout, %s: %q and %q", place, first, second)
		}
	}
	if status, _ := other.post(t, "/logout", h.key); status != http.StatusNoContent {
		t.Fatalf("logging out: %d", status)
	}
	for place, answers := range places {
		waitFor(t, time.Minute, "a logout that "+place+" has heard of", func() bool { return answers(h) == "" })
	}
}

// libraryAnswers opens the library, and returns what asks it whose session a user's is, "" for nobody's.
func libraryAnswers(t *testing.T) func(*history) string {
	t.Helper()
	site, err := djangosite.FromEnv(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(site.Close)
	return func(h *history) string {
		v, err := site.Verify(t.Context(), []string{"sessionid=" + h.key})
		if err != nil {
			t.Fatal(err)
		}
		if v.User == nil {
			return ""
		}
		return *v.User.Username
	}
}

// libraryChangesSecret: the library hears of a secret file that is replaced, and tells no verdict any more that it has kept under the secret before.
func libraryChangesSecret(t *testing.T, h *history) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key")
	replaceFile(t, file, oracleSecret)
	t.Setenv("DJANGO_SECRET_KEY", "")
	t.Setenv("DJANGO_SECRET_KEY_FILE", file)
	answers, name := libraryAnswers(t), h.state[0].answer
	if first, second := answers(h), answers(h); first != name || second != first {
		t.Fatalf("with the secret that has signed the session: %q and %q", first, second)
	}
	replaceFile(t, file, "another secret, which has signed nothing")
	waitFor(t, time.Minute, "a session that the new secret has not signed", func() bool { return answers(h) == "" })
	replaceFile(t, file, oracleSecret)
	waitFor(t, time.Minute, "a session that the old secret has signed", func() bool { return answers(h) == name })
}

// manyByLibrary: the library, with the three settings that it needs and no other, finds each of 10,000 sessions where the database's address is
// a pooler's.
func (r *cachingRig) manyByLibrary(t *testing.T, h *history) {
	t.Helper()
	const count, workers = 10_000, 32
	r.django.Execute(fmt.Sprintf("INSERT INTO django_session SELECT lpad(n::text, 32, '0'), session_data, expire_date "+
		"FROM django_session, generate_series(0, %d) AS n WHERE session_key = '%s'", count-1, h.key))
	site, err := djangosite.Open(t.Context(), djangosite.Settings{SecretKey: oracleSecret, DatabaseURL: os.Getenv("DATABASE_URL"), DjangoVersion: "5.2"})
	if err != nil {
		t.Fatal(err)
	}
	defer site.Close()
	var running sync.WaitGroup
	var next atomic.Int64
	for range workers {
		running.Go(func() {
			for n := next.Add(1) - 1; n < count && !t.Failed(); n = next.Add(1) - 1 {
				cookie := []string{fmt.Sprintf("sessionid=%032d", n)}
				v, err := site.Verify(t.Context(), cookie)
				if errors.Is(err, context.DeadlineExceeded) { // the machine may stand for SIDECAR_STORE_TIMEOUT, but not twice
					v, err = site.Verify(t.Context(), cookie)
				}
				if err != nil || v.User == nil || v.User.ID != h.user {
					t.Errorf("session %d: %+v, %v", n, v, err)
				}
			}
		})
	}
	running.Wait()
}
