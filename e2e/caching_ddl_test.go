//go:build live

package e2e

import (
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/config"
	"django-sidecar/internal/invalidate/postgres"
	"django-sidecar/internal/sidecar"
)

// ddlRig is a sidecar with a cache, and a database whose owner changes more than rows.
type ddlRig struct {
	*rig

	client   *http.Client
	ttl      time.Duration
	triggers string
	d        *sidecar.Deployment // to write sessions with
	users    int                 // how many have been given a session
}

func newDDLRig(t *testing.T, ttl time.Duration) *ddlRig {
	t.Helper()
	r := &ddlRig{ttl: ttl, rig: newRig(t, 20*time.Second, map[string]string{
		"SIDECAR_CACHE_TTL": ttl.String(), "SIDECAR_CACHE_MAX_AGE": "1h",
		"DJANGO_AUTH_USER_EMAIL_COLUMN": "-", "DJANGO_AUTH_USER_STAFF_COLUMN": "-", "DJANGO_AUTH_USER_SUPERUSER_COLUMN": "-",
	})}
	c, err := config.FromProcess()
	if err != nil {
		t.Fatal(err)
	}
	text, _, err := sidecar.SQL(c, sidecar.SQLOptions{Script: postgres.Script{Triggers: true}})
	if err != nil {
		t.Fatal(err)
	}
	r.triggers = regexp.MustCompile(`(?m)^(BEGIN|COMMIT);$`).ReplaceAllString(text, "")
	if r.d, err = sidecar.Open(c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.d.Close(); err != nil {
			t.Error(err)
		}
	})
	var closeIdle func()
	r.client, closeIdle = newClient(time.Minute)
	t.Cleanup(closeIdle)
	r.db.Exec(t, `
		CREATE TABLE auth_group (id integer PRIMARY KEY, name varchar(150) NOT NULL);
		CREATE TABLE django_content_type (id integer PRIMARY KEY, app_label varchar(100) NOT NULL, model varchar(100) NOT NULL);
		CREATE TABLE auth_permission (id integer PRIMARY KEY, content_type_id integer NOT NULL REFERENCES django_content_type, codename varchar(100) NOT NULL);
		CREATE TABLE auth_group_permissions (id serial PRIMARY KEY, group_id integer NOT NULL REFERENCES auth_group, permission_id integer NOT NULL REFERENCES auth_permission);
		CREATE TABLE auth_user_groups (id serial PRIMARY KEY, user_id integer NOT NULL REFERENCES auth_user, group_id integer NOT NULL REFERENCES auth_group);
		CREATE TABLE auth_user_user_permissions (id serial PRIMARY KEY, user_id integer NOT NULL REFERENCES auth_user, permission_id integer NOT NULL REFERENCES auth_permission);
		INSERT INTO auth_group VALUES (1, 'editors'); INSERT INTO auth_user_groups (user_id, group_id) SELECT id, 1 FROM auth_user`)
	r.run(t, "{triggers}", subject{})
	r.becomes(t, true)
	return r
}

// subject is a session and its user.
type subject struct {
	key  string
	user int
}

// login begins a session, of another user each time.
func (r *ddlRig) login(t *testing.T) subject {
	t.Helper()
	r.users++
	user := r.users%98 + 1
	return subject{r.insert(t, r.d, user, rigPassword, time.Hour), user}
}

// run runs the SQL of a scenario.
func (r *ddlRig) run(t *testing.T, sql string, s subject) {
	t.Helper()
	if sql != "" {
		sql = strings.NewReplacer("{key}", s.key, "{user}", fmt.Sprint(s.user), "{triggers}", r.triggers).Replace(sql)
		r.db.Exec(t, "SET client_min_messages = warning; "+sql)
	}
}

// restore makes all as it was, but for the session, which ends.
func (r *ddlRig) restore(t *testing.T, sc scenario, s subject) {
	t.Helper()
	r.run(t, sc.after, s)
	r.run(t, away+"UPDATE auth_user SET is_active = true WHERE NOT is_active AND id <> 99", s)
}

// becomes waits until the cache is sound, or is not.
func (r *ddlRig) becomes(t *testing.T, sound bool) {
	t.Helper()
	line := map[bool]string{true: "\ndjango_sidecar_cache_sound 1\n", false: "\ndjango_sidecar_cache_sound 0\n"}[sound]
	eventually(t, func() bool { return strings.Contains(metricsOf(t, r.admin), line) })
}

// alive asks for a session.
func (r *ddlRig) alive(t *testing.T, s subject) bool {
	t.Helper()
	status, answer, err := r.ask(t.Context(), r.client, s.key)
	if err != nil || status != http.StatusOK && status != http.StatusUnauthorized {
		t.Fatalf("status %d: %s, %v", status, answer, err)
	}
	return status == http.StatusOK
}

// keep has the verdict on a session kept.
func (r *ddlRig) keep(t *testing.T, s subject) {
	t.Helper()
	for range 2 {
		if !r.alive(t, s) {
			t.Fatal("the session is not alive")
		}
	}
}

// endsInTime waits until a session that ended at a time is known to have. No answer to a question from later than the TTL and
// a second may say otherwise.
func (r *ddlRig) endsInTime(t *testing.T, s subject, ended time.Time) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		asked := time.Now()
		if !r.alive(t, s) {
			return
		}
		if age := asked.Sub(ended); age > r.ttl+time.Second {
			t.Errorf("still alive after %v", age.Round(time.Millisecond))
			return
		}
		<-tick.C
	}
}

// TestNoVerdictOutlivesItsReason: whatever is done to the tables and the triggers, with a TTL of half a second.
func TestNoVerdictOutlivesItsReason(t *testing.T) {
	r := newDDLRig(t, 500*time.Millisecond)
	for _, sc := range append(untold, told...) {
		t.Run(sc.name, func(t *testing.T) {
			s := r.login(t)
			r.run(t, sc.before, s)
			r.keep(t, s)
			r.run(t, sc.does, s)
			r.endsInTime(t, s, time.Now())
			if sc.unsafe {
				r.becomes(t, false)
			}
			r.restore(t, sc, s)
			r.becomes(t, true)
		})
	}
}

// TestOldWriterCommits: somebody deletes a session while the function does nothing, and commits when it is right again, and
// has been looked at.
func TestOldWriterCommits(t *testing.T) {
	r := newDDLRig(t, 500*time.Millisecond)
	s := r.login(t)
	db, err := sql.Open("postgres", r.db.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // it goes with the database
	writer, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close() //nolint:errcheck // it goes with the database
	write := func(statement string) {
		t.Helper()
		if err := writer.QueryRowContext(t.Context(), statement).Scan(new(any)); !errors.Is(err, sql.ErrNoRows) {
			t.Fatal(err)
		}
	}
	r.run(t, "CREATE OR REPLACE FUNCTION django_sidecar_session() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'", s)
	write("BEGIN")
	write("DELETE FROM django_session WHERE session_key = '" + s.key + "'")
	right := regexp.MustCompile(`(?s)CREATE OR REPLACE FUNCTION django_sidecar_session\(\).*?\$django_sidecar\$.*?\$django_sidecar\$;`).FindString(r.triggers)
	r.run(t, right, s)
	eventually(t, func() bool { return strings.Contains(r.log.String(), "waiting for transactions that were writing") })
	eventually(t, func() bool {
		return strings.Contains(metricsOf(t, r.admin), `django_sidecar_cache_unsound{doing="waiting for transactions that were writing",in="database"} 1`)
	})
	r.keep(t, s)
	write("COMMIT")
	r.endsInTime(t, s, time.Now())
	r.becomes(t, true)
}
