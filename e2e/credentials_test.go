//go:build live

package e2e

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// credentialRounds is how often the password changes, once a second or oftener.
const credentialRounds = 8

// putFile writes a file as a helper beside the sidecar does: at once, or in place.
func putFile(t *testing.T, path, text string, inPlace bool) {
	t.Helper()
	if inPlace {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Error(err)
		}
		return
	}
	replaceFile(t, path, text)
}

// TestShortLivedCredentials: the password of the role changes again and again under load, the old one being void at once, in
// both orders with the file, while connections are ended at random. Nobody gets another answer for it.
func TestShortLivedCredentials(t *testing.T) {
	file := filepath.Join(t.TempDir(), "url")
	r := newRig(t, 10*time.Second, map[string]string{"DATABASE_URL_FILE": file}) // however busy the machine is
	first, err := url.Parse(r.db.URLAt(r.proxy.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	l := r.load(t)
	defer l.running.Wait()
	defer l.stop()
	kill := func() {
		r.db.ExecAsSuperuser(t, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE application_name = 'django-sidecar' AND random() < 0.5`)
	}
	for round := range credentialRounds {
		password := fmt.Sprintf("token-%d/%%&=", round)
		next := *first
		next.User = url.UserPassword(first.User.Username(), password)
		change := []func(){
			func() {
				r.db.ExecAsSuperuser(t, fmt.Sprintf("ALTER ROLE %s PASSWORD '%s'", first.User.Username(), password))
			},
			func() { putFile(t, file, next.String()+"\n", round%3 == 0) },
		}
		change[round%2]()
		kill() // so that connections are needed between the two
		during(time.Duration(round*10) * time.Millisecond)
		change[1-round%2]()
		for range 5 {
			during(150 * time.Millisecond)
			kill()
		}
	}
	counts, took, _ := l.take()
	t.Logf("%v, %v", counts, took)
	if counts[200] < 100 || counts[503] != 0 {
		t.Error("that was no load, or it was not borne")
	}
	waitFor(t, 30*time.Second, "reading the last file", func() bool {
		return strings.Count(r.log.String(), "the settings have been read again") >= credentialRounds/2
	})
	if strings.Contains(r.log.String(), "token-") {
		t.Error("the log holds a password")
	}
}
