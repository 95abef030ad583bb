//go:build bench

package sidebyside

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/signing"
)

const (
	secretKey   = "the secret key of a deployment that is measured, as long as Django makes them"
	firstUser   = 100_001 // so that the answers are all of one length
	maxSessions = 1_000_000
	maxUsers    = 899_999

	// prime is above maxSessions: multiplying modulo it permutes the sessions.
	prime = 1_000_003

	// forgedKey is the key of a session whose signature is wrong.
	forgedKey = "000000000000000000"
)

// sessionKey is the key of the session that was inserted as number n, from 1 on: 18 digits, because those are what
// pgbench can make too. Neighbours in the table are apart in the index, as with Django's random keys.
func sessionKey(n int) string {
	place := n * 611_953 % prime
	return fmt.Sprintf("%09d%09d", 100_000_000+place*899, place*104_729%1_000_000_000)
}

// sessionUser is the primary key of the user who is logged in with session n.
func sessionUser(n, users int) int { return firstUser + n*7_919%users }

// pgbenchScript asks as the obvious version does, with these two lists of columns.
func pgbenchScript(ofSession, ofUser string) string {
	return fmt.Sprintf(`\set n random(1, %d)
\set place :n * 611953 %% 1000003
\set key (100000000 + :place * 899) * 1000000000 + :place * 104729 %% 1000000000
\set id %d + :n * 7919 %% %d
SELECT %s FROM django_session WHERE session_key = :key AND expire_date > now();
SELECT %s FROM auth_user WHERE id = :id;
`, *sessions, firstUser, *users, ofSession, ofUser)
}

// password is a password column as Django 6.1 makes it. Nobody's password is behind it.
func password(user int) string {
	sum := sha256.Sum256(fmt.Append(nil, "password ", user))
	salt := sha256.Sum256(fmt.Append(nil, "salt ", user))
	return "pbkdf2_sha256$1500000$" + fmt.Sprintf("%x", salt[:11]) + "$" + base64.StdEncoding.EncodeToString(sum[:])
}

// writer makes the rows of both tables, in PostgreSQL's text format.
type writer struct {
	signer  *signing.TimestampSigner
	hashes  []string // of the users, from firstUser on
	now     time.Time
	expires string
}

func newWriter(users int, now time.Time) (*writer, error) {
	version, err := djangosession.ParseVersion(djangoVersion)
	if err != nil {
		return nil, err
	}
	w := &writer{now: now, expires: now.AddDate(10, 0, 0).UTC().Format("2006-01-02 15:04:05.000000+00")}
	options := version.SignerOptions(signing.SecretKey(secretKey), nil, signing.SHA256)
	options.Salt = "django.contrib.sessions.SessionStore"
	if w.signer, err = signing.NewTimestampSigner(options); err != nil {
		return nil, err
	}
	forHashes := djangosession.VerifierConfig{Version: version, SecretKey: signing.SecretKey(secretKey), InsecureSkipUserCheck: true}
	v, err := djangosession.NewVerifier(forHashes, struct{ djangosession.Store }{}, nil)
	if err != nil {
		return nil, err
	}
	for n := range users {
		w.hashes = append(w.hashes, v.AuthHash(password(firstUser+n)))
	}
	return w, nil
}

// users writes the rows of auth_user.
func (w *writer) users(out io.Writer) error {
	b := bufio.NewWriter(out)
	for n := range w.hashes {
		id := firstUser + n
		// id, password, last_login, is_superuser, username, last_name, email, is_staff, is_active, date_joined, first_name
		if _, err := fmt.Fprintf(b, "%d\t%s\t%s\tf\tuser%d\tLast\tuser%d@example.com\tf\tt\t%s\tFirst\n",
			id, password(id), w.expires, id, id, w.expires); err != nil {
			return err
		}
	}
	return b.Flush()
}

// row is a line of django_session: a login, which Django stores compressed, since that is shorter.
func (w *writer) row(n int, z *zlib.Writer) (string, error) {
	user := sessionUser(n, len(w.hashes))
	var deflated bytes.Buffer
	z.Reset(&deflated) // a million new ones, as signing.Dumps makes them, would take minutes
	_, err := fmt.Fprintf(z, `{"_auth_user_id":"%d","_auth_user_backend":"django.contrib.auth.backends.ModelBackend","_auth_user_hash":"%s"}`,
		user, w.hashes[user-firstUser])
	err = errors.Join(err, z.Close())
	data := w.signer.Sign("."+base64.RawURLEncoding.EncodeToString(deflated.Bytes()), w.now.Add(-time.Duration(n)*time.Second))
	return sessionKey(n) + "\t" + data + "\t" + w.expires + "\n", err
}

// forged is the row of a session whose MAC is another one.
func (w *writer) forged() (string, error) {
	row, err := w.row(1, zlib.NewWriter(nil))
	return strings.Replace(forgedKey+strings.TrimPrefix(row, sessionKey(1)), ":", ":0", 2), err
}

// sessions writes the rows of django_session. Deflating them takes most of the time, on all cores.
func (w *writer) sessions(out io.Writer, count int) error {
	const chunk = 1_000
	forged, err := w.forged()
	if err == nil {
		_, err = io.WriteString(out, forged)
	}
	var running sync.WaitGroup
	var order sync.Mutex
	next, failure := 1, err
	for range runtime.NumCPU() {
		running.Go(func() {
			z := zlib.NewWriter(nil)
			order.Lock()
			defer order.Unlock()
			for next <= count && failure == nil {
				first := next
				next += chunk
				order.Unlock()
				text, err := w.rows(first, min(first+chunk, count+1), z)
				order.Lock()
				_, writeErr := io.WriteString(out, text)
				failure = errors.Join(failure, err, writeErr)
			}
		})
	}
	running.Wait()
	return failure
}

func (w *writer) rows(from, to int, z *zlib.Writer) (string, error) {
	var text strings.Builder
	for n := from; n < to; n++ {
		row, err := w.row(n, z)
		if err != nil {
			return "", err
		}
		text.WriteString(row)
	}
	return text.String(), nil
}

// Two sessions with one key would break the seeding; a key that Lua or pgbench cannot make would be asked for in vain.
func TestSessionKeys(t *testing.T) {
	seen := map[string]bool{forgedKey: true}
	for n := 1; n <= maxSessions; n++ {
		key := sessionKey(n)
		if len(key) != 18 || seen[key] {
			t.Fatalf("session %d has the key %s, which is of another length or another's", n, key)
		}
		seen[key] = true
	}
}
