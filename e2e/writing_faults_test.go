//go:build live

package e2e

import (
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

// newWritingRig is a rig whose sidecar keeps sessions alive, ends them and logs users in. User 20 has the password
// "sesame".
func newWritingRig(t *testing.T, r *rig, env map[string]string) *rig {
	t.Helper()
	settings := map[string]string{
		"SIDECAR_WRITE": "touch,logout,login", "DJANGO_SESSION_SAVE_EVERY_REQUEST": "true", "SIDECAR_TOUCH_INTERVAL": "1ms",
		"DJANGO_PASSWORD_HASHERS": "django.contrib.auth.hashers.MD5PasswordHasher", "SIDECAR_LOGIN_TRIES": "0",
	}
	for name, value := range env {
		settings[name] = value
	}
	r.run(t, settings)
	sum := md5.Sum([]byte("saltsesame"))
	r.tables().Exec(t, "UPDATE auth_user SET password = 'md5$salt$"+hex.EncodeToString(sum[:])+"' WHERE id = 20")
	return r
}

// post sends a request of this site.
func (r *rig) post(t *testing.T, path, session, body string) (status int, answer string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url+path, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	request.Header.Set("Cookie", writingCSRF+"; sessionid="+session)
	request.Header.Set("X-CSRFToken", loginToken)
	request.Header.Set("Content-Type", "application/json")
	client, closeIdle := newClient(r.timeout + time.Minute)
	defer closeIdle()
	response, err := client.Do(request)
	if err != nil {
		t.Errorf("%s: %v", path, err)
		return 0, ""
	}
	text, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		t.Error(err)
	}
	return response.StatusCode, string(text)
}

const sesame = `{"username": "user20", "password": "sesame"}`

// rows is all that can be written.
func (r *rig) rows(t *testing.T) string {
	t.Helper()
	return r.tables().Exec(t, "SELECT * FROM django_session ORDER BY session_key; SELECT last_login FROM auth_user WHERE id = 20")
}

// hold has somebody else's transaction hold locks.
func hold(statement string) func(t *testing.T, r *rig) func() {
	return func(t *testing.T, r *rig) func() {
		db := r.other(t, nil)
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
		return func() {
			if err := errors.Join(tx.Rollback(), db.Close()); err != nil {
				t.Error(err)
			}
		}
	}
}

// setting has each connection begin with a setting, and returns what ends that.
func setting(name, value string) func(t *testing.T, r *rig) func() {
	return func(t *testing.T, r *rig) func() {
		r.alter(t, "SET "+name+" = ''"+value+"''")
		return func() { r.alter(t, "RESET "+name) }
	}
}

// alter changes the sidecar's role, for connections that are opened from now on.
func (r *rig) alter(t *testing.T, change string) {
	t.Helper()
	r.db.ExecAsSuperuser(t, "DO $$ BEGIN EXECUTE format('ALTER ROLE django IN DATABASE %I "+change+"', current_database()); END $$")
	killBackends(t, r)
}

// TestWritingFails: what cannot be written is a 503 in time, and nothing of it is written; who only asks is answered as
// long as the tables can be read.
func TestWritingFails(t *testing.T) {
	r := newWritingRig(t, newCluster(t, 4*time.Second), nil)
	bounced := &rig{server: r.server, proxy: r.proxy, db: r.server.Database(t), timeout: r.timeout, log: new(logBuffer), stopped: make(chan struct{})}
	bouncer := djangotest.PgBouncer(t, r.server.PostgresServer, "transaction")
	newWritingRig(t, bounced, map[string]string{"DATABASE_URL": bouncer.URL(bounced.db)})
	server := djangotest.PrivateMariaDB(t)
	maria := newWritingRig(t, newMariaDBRig(t, r.timeout, server.MariaDBServer), nil)
	for _, tt := range []struct {
		name  string
		on    *rig
		begin func(*testing.T, *rig) func()
		read  bool // the tables can be read
	}{
		{"locked against writing", r, hold("LOCK TABLE django_session, auth_user IN SHARE MODE"), true},
		{"locked", r, hold("LOCK TABLE django_session, auth_user"), false},
		{"read-only", r, setting("default_transaction_read_only", "on"), true},
		{"black hole", r, proxied(djangotest.BlackHole()), false},
		{"stopped", r, stopped(djangotest.Fast), false},
		{"behind pgbouncer, locked against writing", bounced, hold("LOCK TABLE django_session, auth_user IN SHARE MODE"), true},
		{"behind pgbouncer, stopped", bounced, stopped(djangotest.Immediate), false},
		{"MariaDB, locked against writing", maria, holdMariaDB("LOCK TABLES django_session READ, auth_user READ"), true},
		{"MariaDB, read-only", maria, globally("read_only", "1"), true},
		{"MariaDB, killed", maria, func(t *testing.T, _ *rig) func() { server.Kill(t); return func() { server.Start(t) } }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := tt.on
			var before string
			still := 0
			waitFor(t, 30*time.Second, "still", func() bool { // what was asked before has been written
				last := before
				if before = r.rows(t); before != last {
					still = 0
				}
				still++
				return still > 10
			})
			end := tt.begin(t, r)
			var asking sync.WaitGroup
			for path, body := range map[string]string{"/touch": "", "/logout": "", "/login": sesame} {
				asking.Go(func() {
					if status, answer := r.post(t, path, r.live[0], body); status != 503 || !strings.Contains(answer, `"result":false`) {
						t.Errorf("%s: %d %s", path, status, answer)
					}
				})
			}
			asking.Wait()
			if tt.read {
				r.wantAnswersAtOnce(t)
			}
			if strings.Contains(tt.name, "read-only") {
				t.Setenv("DATABASE_URL", r.tables().URLAt(r.proxy.Addr()))
				if said := wantCheck(t, exitNo); !strings.Contains(said, "this server takes no writes now") {
					t.Errorf("check says\n%s", said)
				}
			}
			end()
			if after := r.rows(t); !tt.read && after != before {
				t.Errorf("the rows were\n%s\nand are\n%s", before, after)
			}
			waitFor(t, 30*time.Second, "a touch again", func() bool {
				status, _ := r.post(t, "/touch", r.live[0], "")
				return status == http.StatusOK
			})
			if status, answer := r.post(t, "/login", "", sesame); status != http.StatusOK {
				t.Errorf("a login afterwards: %d %s", status, answer)
			}
		})
	}
	r.wantIdleClosed(t)
	maria.wantIdleClosed(t)
	for _, r := range []*rig{r, bounced, maria} {
		last := len(r.live) - 1
		if status, _ := r.post(t, "/logout", r.live[last], ""); status != http.StatusNoContent {
			t.Errorf("a logout afterwards: %d", status)
		}
		if status, _ := r.post(t, "/touch", r.live[last], ""); status != http.StatusUnauthorized {
			t.Errorf("a touch after the logout: %d", status)
		}
		r.live = r.live[:last]
	}
	r.wantDrained(t)
}

// wantIdleClosed has the server close each connection that nobody uses, which costs no answer and no write.
func (r *rig) wantIdleClosed(t *testing.T) {
	t.Helper()
	if r.maria != nil {
		defer globally("wait_timeout", "1")(t, r)()
		r.maria.kill(t) // a connection has the value of its beginning
	} else {
		defer setting("idle_session_timeout", "1s")(t, r)()
	}
	client, closeIdle := newClient(r.timeout + time.Minute)
	defer closeIdle()
	for range 2 {
		waitFor(t, 30*time.Second, "without connections", func() bool { return r.backends(t) == "0" })
		if status := r.status(t, client, r.live[0]); status != http.StatusOK {
			t.Errorf("a question after a pause: %d", status)
		}
		waitFor(t, 30*time.Second, "without connections", func() bool { return r.backends(t) == "0" })
		if status, answer := r.post(t, "/touch", r.live[0], ""); status != http.StatusOK {
			t.Errorf("a touch after a pause: %d %s", status, answer)
		}
	}
}

// wantDrained stops the sidecar while expiries wait for a lock, and wants them moved.
func (r *rig) wantDrained(t *testing.T) {
	t.Helper()
	from := r.db.ExecAsSuperuser(t, "SELECT clock_timestamp() + interval '1209600 seconds'")
	end := hold("LOCK TABLE django_session IN SHARE MODE")(t, r)
	r.wantAnswersAtOnce(t)
	r.stop()
	waitFor(t, 30*time.Second, "a closed listener", func() bool {
		u, err := beginUpload(t.Context(), r.addr(), "", "", 0)
		if err == nil {
			u.cut()
		}
		return err != nil
	})
	end()
	<-r.stopped
	if moved := r.db.ExecAsSuperuser(t, "SELECT count(*) FROM django_session WHERE expire_date > '"+from+"'"); moved != fmt.Sprint(len(r.live)) {
		t.Errorf("%s of %d expiries were moved", moved, len(r.live))
	}
}

// wantAnswersAtOnce asks for each user, whose expiries ought to move, in less than the time that one store answer may take.
func (r *rig) wantAnswersAtOnce(t *testing.T) {
	t.Helper()
	client, closeIdle := newClient(r.timeout * 3 / 4)
	defer closeIdle()
	for n, key := range r.live {
		if status, answer, err := r.ask(t.Context(), client, key); err != nil || status != http.StatusOK || !strings.Contains(answer, fmt.Sprintf(`"id":"%d"`, n+1)) {
			t.Errorf("user %d: %d %s %v", n+1, status, answer, err)
		}
	}
}
