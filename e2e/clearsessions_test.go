//go:build live

package e2e

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"django-sidecar/internal/config"
	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/invalidate/postgres"
	"django-sidecar/internal/sidecar"
)

// clearingRows names how many rows TestClearSessions deletes, such as 10000000.
const clearingRows = "DJANGO_SIDECAR_CLEARING_ROWS"

// clearing is a Django with many sessions that are over.
type clearing struct {
	django *djangotest.Django
	exec   func(sql string) string
	env    map[string]string
}

// fill makes rows of which all but every tenth are over, and sets the environment.
func (c *clearing) fill(t *testing.T, insert string) {
	t.Helper()
	c.exec(strings.ReplaceAll(insert, "{rows}", rowsToClear()))
	for name, value := range c.env {
		t.Setenv(name, value)
	}
}

func rowsToClear() string { return cmp.Or(os.Getenv(clearingRows), "50000") }

// overBefore counts the rows that Django's clear_expired would have deleted at the time of the start.
const overBefore = `from django.contrib.sessions.models import Session
from django.utils import timezone
print(Session.objects.filter(expire_date__lt=timezone.now() - timezone.timedelta(minutes=5)).count(), Session.objects.count())`

// busy is what Django does meanwhile: it renews sessions that are over, and makes and deletes others, and prints the
// keys that must be there at the end.
const busy = `import time
from datetime import timedelta
from django.contrib.sessions.models import Session
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone
over = list(Session.objects.filter(expire_date__lt=timezone.now()).order_by("-expire_date").values_list("session_key", flat=True)[:2000])
kept, renewed, end = [], 0, time.time() + 4
for n, key in enumerate(over):
    if time.time() > end:
        break
    if Session.objects.filter(session_key=key).update(expire_date=timezone.now() + timedelta(days=1)):
        kept.append(key)
        renewed += 1
    made = SessionStore()
    made["n"] = n
    made.create()
    if n % 3 == 0:
        made.delete()
    else:
        kept.append(made.session_key)
there = set(Session.objects.filter(expire_date__gt=timezone.now()).values_list("session_key", flat=True))
print("BUSY", renewed, len(kept), len([k for k in kept if k not in there]))`

// startCommand runs a command of the program in the background.
func startCommand(t *testing.T, args ...string) (cmd *exec.Cmd, out *bytes.Buffer) {
	t.Helper()
	cmd, out = exec.CommandContext(t.Context(), sidecarProgram(t), args...), new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = out, io.Discard
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, out
}

// TestClearSessions clears 50,000 expired sessions, by a role that may do nothing else, while a live Django renews some
// of them and makes others. Afterwards Django finds nothing to clear, and nothing is missing.
func TestClearSessions(t *testing.T) {
	for name, start := range map[string]func(*testing.T) *clearing{"PostgreSQL": clearingPostgres, "MariaDB": clearingMariaDB, "MySQL": clearingMySQL} {
		t.Run(name, func(t *testing.T) {
			c := start(t)
			before := fields(t, c.django, overBefore)
			if code, said := command(t, "", "clearsessions", "-dry-run", "-pause", "0"); code != exitYes || !strings.Contains(said, "would delete") {
				t.Fatalf("-dry-run: %d, %s", code, said)
			}
			if got := fields(t, c.django, overBefore); got[1] != before[1] {
				t.Fatalf("-dry-run has left %v of %v rows", got, before)
			}
			began := time.Now()
			cmd, out := startCommand(t, "clearsessions", "-pause", "10ms")
			printed, code := c.django.Run(busy)
			if err := cmd.Wait(); err != nil || code != 0 {
				t.Fatalf("clearsessions: %v, %s; Django: %d, %s", err, out, code, printed)
			}
			t.Logf("%s in %v beside Django, which says %s", strings.TrimSpace(out.String()), time.Since(began).Round(time.Millisecond), strings.TrimSpace(printed))
			did := regexp.MustCompile(`BUSY (\d+) (\d+) (\d+)`).FindStringSubmatch(printed)
			if did == nil || did[1] == "0" || did[3] != "0" {
				t.Errorf("Django renewed, kept and lost: %v", did)
			}
			if after := fields(t, c.django, overBefore); after[0] != 0 || after[1] == 0 {
				t.Errorf("over and left: %v; before: %v", after, before)
			}
		})
	}
}

// fields are the numbers that a program prints in Django's shell.
func fields(t *testing.T, d *djangotest.Django, program string) (numbers []int) {
	t.Helper()
	printed, code := d.Run(program)
	for text := range strings.FieldsSeq(printed) {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("Django prints %q", printed)
		}
		numbers = append(numbers, n)
	}
	if code != 0 || len(numbers) == 0 {
		t.Fatalf("Django ends with %d: %s", code, printed)
	}
	return numbers
}

func clearingPostgres(t *testing.T) *clearing {
	t.Helper()
	db := djangotest.Postgres(t).Database(t)
	c := &clearing{
		django: djangotest.StartDjango(t, djangotest.Project{Version: "5.2", Database: db.Django()}),
		exec:   func(sql string) string { return db.ExecAsSuperuser(t, sql) },
		env:    map[string]string{"DATABASE_URL": db.URL(), "DJANGO_VERSION": "5.2"},
	}
	c.fill(t, `INSERT INTO django_session SELECT 'key' || n, 'data', now() + interval '1 hour' * CASE WHEN n % 10 = 0 THEN 1 ELSE -1 - n % 1000 END
		FROM generate_series(1, {rows}) AS n; ANALYZE django_session`)
	role, remove := clearingSQL(t, false), clearingSQL(t, true)
	c.exec(role + role + "ALTER ROLE django_sidecar_clearsessions PASSWORD 'pw'")
	t.Cleanup(func() { c.exec(remove) })
	t.Setenv("DATABASE_URL", regexp.MustCompile(`//.*@`).ReplaceAllString(db.URL(), "//django_sidecar_clearsessions:pw@"))
	for _, sql := range []string{"SELECT session_data FROM django_session", "SELECT * FROM auth_user", "INSERT INTO django_session (session_key) VALUES ('x')", "UPDATE django_session SET session_key = 'x'"} {
		if got := db.ExecAsSuperuser(t, fmt.Sprintf(`DO $$ BEGIN SET LOCAL ROLE django_sidecar_clearsessions; EXECUTE '%s';
			RAISE 'allowed'; EXCEPTION WHEN insufficient_privilege THEN NULL; END $$; SELECT 'refused'`, strings.ReplaceAll(sql, "'", "''"))); got != "refused" {
			t.Errorf("%s: %s", sql, got)
		}
	}
	return c
}

// clearingSQL is what sql -what clearsessions-role prints, and with -remove.
func clearingSQL(t *testing.T, remove bool) string {
	t.Helper()
	read, err := config.ForClearing()
	if err != nil {
		t.Fatal(err)
	}
	text, _, err := sidecar.SQL(read, sidecar.SQLOptions{Script: postgres.Script{ClearingRole: true, Remove: remove}})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func clearingMariaDB(t *testing.T) *clearing { return clearingOn(t, djangotest.MariaDB(t)) }

func clearingMySQL(t *testing.T) *clearing { return clearingOn(t, djangotest.MySQL(t)) }

func clearingOn(t *testing.T, server *djangotest.MariaDBServer) *clearing {
	t.Helper()
	db := server.Database(t)
	c := &clearing{
		django: djangotest.StartDjango(t, djangotest.Project{
			Version: "4.2", Database: db.Django(), Settings: map[string]any{"USE_TZ": false, "TIME_ZONE": "America/New_York"},
		}),
		exec: func(sql string) string { return db.Exec(t, sql) },
		env: map[string]string{
			"DATABASE_URL": db.URL(), "DJANGO_VERSION": "4.2", "DJANGO_USE_TZ": "false", "DJANGO_TIME_ZONE": "America/New_York",
		},
	}
	// New York is four or five hours behind UTC: what is three hours ago there lies one or two hours ahead.
	c.fill(t, `INSERT INTO django_session SELECT concat('key', seq), 'data', utc_timestamp(6) + interval CASE WHEN seq % 10 = 0 THEN -3 ELSE -6 - CAST(seq % 1000 AS SIGNED) END hour
		FROM (WITH d AS (SELECT 0 AS n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9)
			SELECT 1 + a.n + 10 * b.n + 100 * c.n + 1000 * d.n + 10000 * e.n AS seq FROM d AS a, d AS b, d AS c, d, d AS e) AS numbers WHERE seq <= {rows}`)
	role, remove := clearingSQL(t, false), clearingSQL(t, true)
	asMariaDBRoot(t, role+role+"ALTER USER 'django_sidecar_clearsessions'@'%' IDENTIFIED BY 'pw' ACCOUNT UNLOCK")
	t.Cleanup(func() { server.ExecAsSuperuser(t, remove) })
	t.Setenv("DATABASE_URL", regexp.MustCompile(`//.*@`).ReplaceAllString(db.URL(), "//django_sidecar_clearsessions:pw@"))
	u, err := url.Parse(db.URL())
	if err != nil {
		t.Fatal(err)
	}
	conn := openMariaDB(t, u, "django_sidecar_clearsessions", "pw")
	for _, sql := range []string{
		"SELECT session_data FROM django_session", "SELECT * FROM auth_user", "INSERT INTO django_session (session_key) VALUES ('x')",
		"UPDATE django_session SET expire_date = now()", "TRUNCATE django_session",
	} {
		if _, err := conn.ExecContext(t.Context(), sql); err == nil || !strings.Contains(err.Error(), "denied") {
			t.Errorf("%s: %v", sql, err)
		}
	}
	return c
}

// TestClearSessionsUnderLoad clears them while the sidecar is asked: each answer is right and in time. At the end no row is
// left that is over, and each of the others is.
func TestClearSessionsUnderLoad(t *testing.T) {
	r := newRig(t, 5*time.Second, nil)
	db := r.other(t, nil)
	if _, err := db.ExecContext(t.Context(), "CREATE INDEX ON django_session (expire_date); INSERT INTO django_session "+
		"SELECT md5(n::text), repeat('data', 50), now() + interval '1 hour' * CASE WHEN n % 5 = 0 THEN 24 ELSE -1 - n % 1000 END "+
		"FROM generate_series(1, "+rowsToClear()+") AS n; ANALYZE django_session"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	const over = "SELECT count(*) FILTER (WHERE expire_date < now()), count(*) FILTER (WHERE expire_date > now()) FROM django_session"
	before := r.db.ExecAsSuperuser(t, over)
	l := r.load(t)
	defer l.running.Wait()
	defer l.stop()
	during(300 * time.Millisecond)
	_, alone, _ := l.take()
	began := time.Now()
	code, said := command(t, "", "clearsessions", "-pause", "10ms")
	counts, took, _ := l.take()
	t.Logf("%s in %v; the sidecar: %v, %v; before: %v", strings.TrimSpace(said), time.Since(began).Round(time.Millisecond), counts, took, alone)
	_, live, _ := strings.Cut(before, "|")
	if after := r.db.ExecAsSuperuser(t, over); code != exitYes || after != "0|"+live {
		t.Errorf("exit code %d; over and live: %s; before: %s", code, after, before)
	}
	if counts[http.StatusOK] == 0 || counts[http.StatusServiceUnavailable] != 0 {
		t.Error("that was no load, or it was not borne")
	}
}

// TestClearSessionsStops: SIGTERM ends it after the transaction that it is at; and two do not run at once.
func TestClearSessionsStops(t *testing.T) {
	c := clearingPostgres(t)
	cmd, out := startCommand(t, "clearsessions", "-batch", "3", "-pause", "1h")
	waitFor(t, 30*time.Second, "a first batch", func() bool { return c.exec("SELECT count(*) % 10 FROM django_session") == "7" })
	if code, said := command(t, "", "clearsessions"); code != exitNo || !strings.Contains(said, "are being cleared already") {
		t.Errorf("a second one: %d, %s", code, said)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitNo || !strings.Contains(out.String(), "deleted 3 expired sessions") ||
		!strings.HasSuffix(out.String(), "; stopped before the end\n") {
		t.Errorf("after SIGTERM: %v, %s", err, out)
	}
	if code, said := command(t, "", "clearsessions", "-batch", "1000", "-pause", "0"); code != exitYes || !strings.Contains(said, "deleted 44997 expired sessions") {
		t.Errorf("the next one: %d, %s", code, said)
	}
}
