//go:build live

package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/config"
	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/serving"
	"django-sidecar/internal/sidecar"
)

const (
	rigSecret   = "a secret key that tests of faults share"
	rigPassword = "pbkdf2_sha256$1$salt$c2VjcmV0"
	rigConns    = 4
)

// rig is a sidecar in this process whose database is broken on purpose.
type rig struct {
	server  *djangotest.PrivateServer
	db      *djangotest.TestDatabase
	maria   *mariaDB               // in place of server and db, where it has the tables
	proxy   *djangotest.FaultProxy // between the sidecar and the server
	timeout time.Duration

	rowsEvery time.Duration // how often statistics are read; 0: as in production

	live []string                        // session keys of users who are logged in
	dead map[string]djangosession.Reason // session keys, and why nobody is

	url, admin string        // where the sidecar answers: the public base URL, and the admin listener as the settings have it
	log        *logBuffer    // what it has logged
	stop       func()        // as SIGTERM
	stopped    chan struct{} // closed when it has ended
	err        error         // how it has ended, once it has
}

// newRig starts a cluster, and a sidecar on it with the given settings. With DATABASE_URL_FILE, that gets the URL.
func newRig(t *testing.T, timeout time.Duration, env map[string]string) *rig {
	t.Helper()
	r := newCluster(t, timeout)
	r.run(t, env)
	return r
}

// newCluster starts a cluster that has no sidecar yet.
func newCluster(t *testing.T, timeout time.Duration) *rig {
	t.Helper()
	r := &rig{server: djangotest.PrivatePostgres(t), timeout: timeout, log: new(logBuffer), stopped: make(chan struct{})}
	r.db = r.server.Database(t)
	r.proxy = djangotest.NewFaultProxy(t, r.server.Addr())
	return r
}

// tables is a database that a rig's sidecar reads.
type tables interface {
	// Exec runs statements as the sidecar's user, and returns their rows, a line each.
	Exec(tb testing.TB, sql string) string
	// URLAt is its DATABASE_URL at an address.
	URLAt(addr string) string
}

func (r *rig) tables() tables {
	if r.maria != nil {
		return r.maria
	}
	return r.db
}

// dialect is how the database calls the type of an instant, and the instant that is now.
func (r *rig) dialect() (instant, now string) {
	if r.maria != nil {
		return "datetime(6)", "utc_timestamp()"
	}
	return "timestamptz", "now()"
}

// run makes Django's tables, and starts a sidecar with the given settings.
func (r *rig) run(t *testing.T, env map[string]string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "sidecar-") //nolint:usetesting // its name is short: a socket's path has room for 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	r.admin = "unix:" + filepath.Join(dir, "admin.sock")
	settings := map[string]string{
		"DATABASE_URL": r.tables().URLAt(r.proxy.Addr()), "DJANGO_VERSION": "5.2", "DJANGO_SECRET_KEY": rigSecret,
		"SIDECAR_LISTEN": "127.0.0.1:0", "SIDECAR_ADMIN_LISTEN": r.admin,
		"SIDECAR_STORE_TIMEOUT": r.timeout.String(), "SIDECAR_DB_CONNS": fmt.Sprint(rigConns),
	}
	for name, value := range env {
		settings[name] = value
	}
	if file := settings["DATABASE_URL_FILE"]; file != "" {
		if err := os.WriteFile(file, []byte(settings["DATABASE_URL"]+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		settings["DATABASE_URL"] = ""
	}
	for name, value := range settings {
		t.Setenv(name, value)
	}
	c, err := config.FromProcess()
	if err != nil {
		t.Fatal(err)
	}
	r.fill(t, c)
	r.serve(t, c)
}

// createTables makes Django's tables of sessions and users.
func (r *rig) createTables() string {
	instant, _ := r.dialect()
	return `
		CREATE TABLE django_session (session_key varchar(40) PRIMARY KEY, session_data text NOT NULL, expire_date ` + instant + ` NOT NULL);
		CREATE TABLE auth_user (id integer PRIMARY KEY, password varchar(128) NOT NULL, username varchar(150) NOT NULL, is_active bool NOT NULL, last_login ` + instant + `);`
}

// fill makes the tables, with users and sessions in every state.
func (r *rig) fill(t *testing.T, c *config.Config) {
	t.Helper()
	r.tables().Exec(t, r.createTables()+`
		INSERT INTO auth_user WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 99)
		SELECT n, '`+rigPassword+`', concat('user', n), n <> 99, NULL FROM s`)
	d, err := sidecar.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 16; n++ {
		r.live = append(r.live, r.insert(t, d, n, rigPassword, time.Hour))
	}
	r.dead = map[string]djangosession.Reason{
		r.insert(t, d, 1, rigPassword, -time.Hour):       djangosession.Expired,
		r.insert(t, d, 1, "another password", time.Hour): djangosession.AuthHashMismatch,
		r.insert(t, d, 99, rigPassword, time.Hour):       djangosession.UserInactive,
		r.insert(t, d, 100, rigPassword, time.Hour):      djangosession.UserNotFound,
		newRigKey(): djangosession.NotFound,
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

// insert stores a session in which a user with this password has logged in, and returns its key. Where the table holds no
// sessions, it only makes a key.
func (r *rig) insert(t *testing.T, d *sidecar.Deployment, user int, password string, expiresIn time.Duration) string {
	t.Helper()
	if d.Codec() == nil {
		return newRigKey()
	}
	data, err := d.Codec().Encode(map[string]any{
		"_auth_user_id": fmt.Sprint(user), "_auth_user_backend": "django.contrib.auth.backends.ModelBackend",
		"_auth_user_hash": d.Verifier().AuthHash(password),
	}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	key := newRigKey()
	_, now := r.dialect()
	r.tables().Exec(t, fmt.Sprintf("INSERT INTO django_session VALUES ('%s', '%s', %s + interval '%d' second)",
		key, data, now, int(expiresIn.Seconds())))
	return key
}

func newRigKey() string { return strings.ToLower(rand.Text()) }

// serve runs the sidecar until the test ends or r.stop is called.
func (r *rig) serve(t *testing.T, c *config.Config) {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	listening := make(chan net.Addr, 1)
	go func() {
		defer close(r.stopped)
		r.err = serving.Run(ctx, c, serving.Options{Logger: slog.New(slog.NewJSONHandler(r.log, nil)), RowsEvery: r.rowsEvery, Listening: func(at serving.Listeners) { listening <- at.Public.Addr() }})
	}()
	r.stop = stop
	t.Cleanup(func() {
		stop()
		<-r.stopped
		if r.err != nil {
			t.Errorf("the sidecar ended with %v", r.err)
		}
		r.checkLog(t)
	})
	select {
	case addr := <-listening:
		r.url = "http://" + addr.String()
	case <-r.stopped:
		t.Fatalf("the sidecar has ended: %v", r.err)
	}
}

// checkLog looks for what must never be logged.
func (r *rig) checkLog(t *testing.T) {
	t.Helper()
	log := r.log.String()
	secrets := append([]string{rigSecret, rigPassword, "p@ss:w", "p%40ss", "_auth_user_hash", "panic"}, r.live...)
	for _, secret := range secrets {
		if i := strings.Index(log, secret); i >= 0 {
			t.Errorf("the log holds %q: …%.300s", secret, log[max(0, i-100):])
		}
	}
}

// newClient returns a client with connections of its own, which closeIdle ends.
func newClient(timeout time.Duration) (c *http.Client, closeIdle func()) {
	transport := &http.Transport{MaxIdleConnsPerHost: 32}
	return &http.Client{Transport: transport, Timeout: timeout}, transport.CloseIdleConnections
}

// ask returns the status of /authenticate for a session key, and the answer.
func (r *rig) ask(ctx context.Context, c *http.Client, key string) (status int, answer string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url+"/authenticate", http.NoBody)
	if err != nil {
		return 0, "", err
	}
	request.AddCookie(&http.Cookie{Name: "sessionid", Value: key})
	response, err := c.Do(request)
	if err != nil {
		return 0, "", err
	}
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), errors.Join(err, response.Body.Close())
}

// status is that of /authenticate for a session key.
func (r *rig) status(t *testing.T, c *http.Client, key string) int {
	t.Helper()
	status, _, err := r.ask(t.Context(), c, key)
	if err != nil {
		t.Error(err)
	}
	return status
}

// signedWith stores a session of user 1 that another secret key has signed, and returns its key.
func (r *rig) signedWith(t *testing.T, secretKey string) string {
	t.Helper()
	c, err := config.ForDemo(secretKey, r.db.URL(), "")
	if err != nil {
		t.Fatal(err)
	}
	d, err := sidecar.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close() //nolint:errcheck // nothing was read
	return r.insert(t, d, 1, rigPassword, time.Hour)
}

// backends is how many connections the server has from the sidecar.
func (r *rig) backends(t *testing.T) string {
	t.Helper()
	if r.maria != nil {
		return r.maria.server.ExecAsSuperuser(t, "SELECT count(*) FROM information_schema.processlist WHERE user = 'django' AND db = '"+r.maria.Name()+"'")
	}
	return r.db.ExecAsSuperuser(t, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'django-sidecar'")
}

// waitFor polls until done, and fails the test past the limit.
func waitFor(t *testing.T, limit time.Duration, what string, done func() bool) {
	t.Helper()
	deadline := time.After(limit)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Errorf("within %v: not %s", limit, what)
			return
		}
	}
}

// during lets what is going on go on.
func during(d time.Duration) { <-time.After(d) }

// logBuffer keeps a log that is read while it is written.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// room is the memory that the log takes.
func (b *logBuffer) room() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return uint64(b.text.Cap())
}

// String returns what has been logged.
func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// openSQLite opens a database that a sidecar reads at the same time; a write waits for its lock as long as Django's does.
func openSQLite(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}
