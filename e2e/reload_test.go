//go:build live

package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/djangotest"
)

// reloading has visitors of a sidecar and of the library, whose secrets change.
type reloading struct {
	*writers

	db      *djangotest.TestDatabase
	role    string // the URL of the sidecar's role
	key     string // the files
	address string
	flips   int
}

// TestReloadsWhileWriting: while the secret key and the database's URL change, logins, touches, updates and logouts go
// on, and each does what it says. No session is left over. The connections of each deployment that was replaced are
// closed.
func TestReloadsWhileWriting(t *testing.T) {
	folder := t.TempDir()
	r := &reloading{
		db:  djangotest.Postgres(t).Database(t),
		key: filepath.Join(folder, "key"), address: filepath.Join(folder, "address"),
	}
	// What either key has signed is good with the other one too, so that a reload refuses nobody.
	replaceFile(t, r.key, djangotest.SiteSecretKey)
	t.Setenv("DJANGO_SECRET_KEY_FALLBACKS", `["`+djangotest.SiteSecretKey+`", "`+nextSecret+`"]`)
	t.Setenv("SIDECAR_STORE_TIMEOUT", "5s")
	r.writers = newWriters(t, "5.2", serverDatabase{r.db.Django(), r.db.URL(), func(t *testing.T) {
		t.Helper()
		becomeRole(t, r.db)
		r.role = os.Getenv("DATABASE_URL")
		replaceFile(t, r.address, r.named(t))
		t.Setenv("DATABASE_URL", "")
		t.Setenv("DATABASE_URL_FILE", r.address)
		t.Setenv("DJANGO_SECRET_KEY", "")
		t.Setenv("DJANGO_SECRET_KEY_FILE", r.key)
	}})
	before := r.db.ExecAsSuperuser(t, "SELECT count(*) FROM django_session")
	var stop atomic.Bool
	var visits atomic.Int64
	var visitors sync.WaitGroup
	for range 4 {
		visitors.Go(func() {
			for !stop.Load() && !t.Failed() {
				if err := r.visit(t); err != nil {
					t.Error(err)
				}
				visits.Add(1)
			}
		})
	}
	defer visitors.Wait()
	defer stop.Store(true)
	for range 3 {
		old := r.connections(r.flips)
		r.flip(t)
		waitFor(t, time.Minute, "connections of the new settings", func() bool {
			return t.Failed() || r.count(t, r.connections(r.flips)) != "0"
		})
		waitFor(t, 2*time.Minute, "the end of the old connections", func() bool { return t.Failed() || r.count(t, old) == "0" })
	}
	for range 3 { // before the old ones are closed
		r.flip(t)
		seen := visits.Load()
		waitFor(t, time.Minute, "connections of the new settings", func() bool {
			return t.Failed() || r.count(t, r.connections(r.flips)) != "0" && visits.Load() > seen
		})
	}
	stop.Store(true)
	visitors.Wait()
	waitFor(t, 2*time.Minute, "the end of all old connections", func() bool {
		return r.count(t, "application_name LIKE 'reload %' AND NOT "+r.connections(r.flips)) == "0"
	})
	if after := r.db.ExecAsSuperuser(t, "SELECT count(*) FROM django_session"); after != before {
		t.Errorf("there are %s sessions, and were %s before anybody came", after, before)
	}
}

const nextSecret = "the secret key that comes next"

// named is the address under the name of this reload.
func (r *reloading) named(t *testing.T) string {
	t.Helper()
	u, err := url.Parse(r.role)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("application_name", fmt.Sprint("reload ", r.flips))
	u.RawQuery = q.Encode()
	return u.String()
}

// connections finds those of a reload.
func (*reloading) connections(flip int) string {
	return fmt.Sprintf("application_name = 'reload %d'", flip)
}

func (r *reloading) count(t *testing.T, which string) string {
	t.Helper()
	return strings.TrimSpace(r.db.ExecAsSuperuser(t, "SELECT count(*) FROM pg_stat_activity WHERE "+which))
}

// flip changes both secrets.
func (r *reloading) flip(t *testing.T) {
	t.Helper()
	r.flips++
	replaceFile(t, r.key, []string{djangotest.SiteSecretKey, nextSecret}[r.flips%2])
	replaceFile(t, r.address, r.named(t))
}

// visit logs in, fills a cart by the library, stays a while, and logs out.
func (r *reloading) visit(t *testing.T) error {
	t.Helper()
	status, lines := r.login(t, "")
	if status != http.StatusOK || len(lines) != 2 {
		return fmt.Errorf("logging in: %d %q", status, lines)
	}
	key := sessionCookie(lines[1])
	for item := range 3 {
		if status, _ := r.ask(t, http.MethodGet, "/authenticate", "sessionid="+key); status != http.StatusOK {
			return fmt.Errorf("who is logged in gets %d", status)
		}
		if err := r.fill(t, key, item); err != nil {
			return fmt.Errorf("the cart: %w", err)
		}
		if status, lines := r.post(t, "/touch", key); status != http.StatusOK {
			return fmt.Errorf("touching: %d %q", status, lines)
		}
	}
	if status, _ := r.post(t, "/logout", key); status != http.StatusNoContent {
		return fmt.Errorf("logging out: %d", status)
	}
	if status, _ := r.ask(t, http.MethodGet, "/authenticate", "sessionid="+key); status != http.StatusUnauthorized {
		return fmt.Errorf("who has logged out gets %d", status)
	}
	return nil
}

// fill puts an item into a cart that has those before it, and their number.
func (r *reloading) fill(t *testing.T, key string, item int) error {
	t.Helper()
	request := httptest.NewRequest(http.MethodPost, "/", http.NoBody)
	request.AddCookie(&http.Cookie{Name: "sessionid", Value: key})
	return r.library.Update(httptest.NewRecorder(), request, func(s *djangosession.Session) error {
		var items []int
		var number int
		err := errors.Join(s.Lookup("cart").Decode(&items), s.Lookup("number").Decode(&number))
		if err != nil {
			return err
		}
		if len(items) != item || number != item {
			return fmt.Errorf("%d items of %d, number %d", len(items), item, number)
		}
		return errors.Join(s.Set("cart", append(items, item)), s.Set("number", item+1))
	})
}
