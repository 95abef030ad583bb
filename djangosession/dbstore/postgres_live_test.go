//go:build live

package dbstore_test

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"django-sidecar/djangosession/dbstore"
	"django-sidecar/internal/database"
	"django-sidecar/internal/djangotest"
)

type postgresFixture struct {
	fixture
	db *djangotest.TestDatabase
}

func newPostgres(t *testing.T, o database.Options) *postgresFixture {
	t.Helper()
	db := djangotest.Postgres(t).Database(t)
	return &postgresFixture{db: db, fixture: fixture{
		Database: openReader(t, db.URL(), o), types: postgresTypes,
		exec: func(t *testing.T, statements string) {
			t.Helper()
			db.Exec(t, "SET client_min_messages = error; "+statements)
		},
	}}
}

func TestOnPostgres(t *testing.T) {
	for name, mode := range map[string]database.Prepare{
		"prepared": database.PrepareAuto, "not prepared": database.PrepareOff, "prepared, and joined": database.PrepareAuto, "joined": database.PrepareOff,
	} {
		t.Run(name, func(t *testing.T) {
			f := newPostgres(t, database.Options{Prepare: mode})
			f.joins = strings.Contains(name, "joined")
			testSessions(t, &f.fixture)
			testWriter(t, &f.fixture)
			testUsers(t, &f.fixture)
			if f.Prepares() != (mode == database.PrepareAuto) {
				t.Errorf("prepares is %v", f.Prepares())
			}
		})
	}
}

// TestPostgresClockChanges: where a clock change repeats local times or leaves some out, PostgreSQL's reading of
// Django's naive parameter decides.
func TestPostgresClockChanges(t *testing.T) {
	f := newPostgres(t, database.Options{})
	f.table(t, "django_session", sessionColumns)
	for zone, changes := range map[string][]time.Time{
		"Europe/Paris":        {time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC), time.Date(2026, 10, 25, 1, 0, 0, 0, time.UTC)},
		"America/New_York":    {time.Date(2026, 3, 8, 7, 0, 0, 0, time.UTC), time.Date(2026, 11, 1, 6, 0, 0, 0, time.UTC)},
		"Australia/Lord_Howe": {time.Date(2026, 4, 4, 15, 0, 0, 0, time.UTC), time.Date(2026, 10, 3, 15, 30, 0, 0, time.UTC)},
		"Europe/Dublin":       {time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC), time.Date(2026, 10, 25, 1, 0, 0, 0, time.UTC)},
		"UTC":                 {time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC)},
	} {
		t.Run(zone, func(t *testing.T) {
			location, err := time.LoadLocation(zone)
			if err != nil {
				t.Fatal(err)
			}
			for _, change := range changes {
				f.compareAround(t, change, location)
			}
		})
	}
}

// compareAround compares each of the instants around a clock change, as now, with each as expire_date.
func (f *postgresFixture) compareAround(t *testing.T, change time.Time, zone *time.Location) {
	t.Helper()
	const step, steps = 15 * time.Minute, 6
	var instants []time.Time
	for i := -steps; i <= steps; i++ {
		at := change.Add(time.Duration(i) * step)
		instants = append(instants, at.Add(-time.Microsecond), at, at.Add(time.Microsecond))
	}
	rows, questions := new(strings.Builder), new(strings.Builder)
	fmt.Fprintf(questions, "SET TIME ZONE '%s';", zone)
	for i, at := range instants {
		rows.WriteString(sessionInsert(t, "django_session", fmt.Sprintf("%08d", i), at.Format("2006-01-02 15:04:05.000000+00")))
		fmt.Fprintf(questions, "SELECT string_agg(CASE WHEN expire_date > '%s'::timestamp THEN '+' ELSE '-' END, '' ORDER BY session_key) FROM django_session;",
			at.In(zone).Format("2006-01-02 15:04:05.000000"))
	}
	f.exec(t, "DELETE FROM django_session; BEGIN; "+rows.String()+" COMMIT")
	answers := strings.Fields(f.db.Exec(t, questions.String()))
	if len(answers) != len(instants) {
		t.Fatalf("%d answers to %d questions", len(answers), len(instants))
	}
	for i, at := range instants {
		s := f.sessions(t, dbstore.SessionsConfig{Zone: dbstore.Zone{Local: zone}, Now: func() time.Time { return at }})
		var got strings.Builder
		for k := range instants {
			switch key := fmt.Sprintf("%08d", k); outcome(t.Context(), s, key) {
			case key:
				got.WriteByte('+')
			case "expired":
				got.WriteByte('-')
			default:
				got.WriteByte('?')
			}
		}
		if got.String() != answers[i] {
			t.Errorf("now %v: got %s, PostgreSQL says %s", at.In(zone), got.String(), answers[i])
		}
	}
}

func TestPostgresSchemas(t *testing.T) {
	f := newPostgres(t, database.Options{})
	f.exec(t, `CREATE SCHEMA tenant; CREATE SCHEMA "Odd.Schema"`)
	f.table(t, "tenant.sessions", sessionColumns)
	f.table(t, "tenant.people", authUser)
	f.insertSession(t, "tenant.sessions", "12345678", "2099-01-01")
	f.exec(t, "INSERT INTO tenant.people (id, username, is_active) VALUES (1, 'ada', true)")
	if got := outcome(t.Context(), f.sessions(t, dbstore.SessionsConfig{Table: "tenant.sessions"}), "12345678"); got != "12345678" {
		t.Errorf("got %q", got)
	}
	wantUser(t, f.users(dbstore.UsersConfig{Table: "tenant.people"}), "1", "1 ada ? None "+flags(yes, absent, absent))
	if _, err := dbstore.ReadColumns(t.Context(), f.DB, f.Dialect, "nowhere.people"); !errors.Is(err, dbstore.ErrNoTable) {
		t.Errorf("a schema that is not there: %v", err)
	}
	inSchema := &fixture{Database: openReader(t, f.db.URL()+"&options=-c%20search_path%3Dtenant", database.Options{})}
	wantUser(t, inSchema.users(dbstore.UsersConfig{Table: "people"}), "1", "1 ada ? None "+flags(yes, absent, absent))
}

// Types that are not Django's own, and stand for one of its fields all the same.
func TestPostgresKeyTypes(t *testing.T) {
	t.Run("alone", func(t *testing.T) { testPostgresKeyTypes(t, false) })
	t.Run("joined", func(t *testing.T) { testPostgresKeyTypes(t, true) })
}

func testPostgresKeyTypes(t *testing.T, joins bool) {
	f := newPostgres(t, database.Options{})
	f.db.ExecAsSuperuser(t, "CREATE SCHEMA extensions; CREATE COLLATION careless (provider = icu, locale = 'und-u-ks-level2', deterministic = false); GRANT USAGE ON SCHEMA extensions TO django; CREATE EXTENSION citext SCHEMA extensions")
	f.exec(t, "CREATE DOMAIN login AS text; CREATE DOMAIN number AS integer CHECK (VALUE > 0)")
	insert := func(id string) {
		f.exec(t, "SET search_path = public, extensions; INSERT INTO auth_user (id, username, is_active) VALUES ('"+id+"', 'ada', true)")
	}
	for _, tt := range []struct{ columnType, stored, asked, want string }{
		{"extensions.citext", "Ada", "ADA", "Ada"}, // the row's own spelling is the user's name
		{"login", "ada", "ada", "ada"},
		{"number", "7", " 7", "7"},
		{"text", "ada", "ada", "ada"},
		{"text COLLATE careless", "Ada", "ada", "Ada"},
		{"character(8)", "ada", "ada", "ada     "},
	} {
		f.table(t, "auth_user", strings.Replace(authUser, "integer", tt.columnType, 1))
		insert(tt.stored)
		for _, options := range []string{"", "&options=-c%20search_path%3Dpublic,extensions"} {
			if tt.columnType == "extensions.citext" && options == "" {
				continue // Django, too, needs it on the search path, or its "=" compares text
			}
			reader := &fixture{joins: joins, Database: openReader(t, f.db.URL()+options, database.Options{})}
			wantUser(t, reader.users(dbstore.UsersConfig{}), tt.asked, tt.want+" ada ? None "+flags(yes, absent, absent))
		}
	}
}

// A role that may read no more than it needs; and one that may read nothing is a failure, not an absent session.
func TestPostgresPrivileges(t *testing.T) {
	f := newPostgres(t, database.Options{})
	f.table(t, "django_session", sessionColumns)
	f.table(t, "auth_user", authUser)
	f.insertSession(t, "django_session", "12345678", "2099-01-01")
	f.exec(t, "INSERT INTO auth_user (id, username, is_active) VALUES (1, 'ada', true)")
	role := "reader_of_" + f.db.Name()
	f.db.ExecAsSuperuser(t, "CREATE ROLE "+role+" LOGIN")
	t.Cleanup(func() { f.db.ExecAsSuperuser(t, "DROP OWNED BY "+role+"; DROP ROLE "+role) })
	u, err := url.Parse(f.db.URL())
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.User(role)
	reader := &fixture{Database: openReader(t, u.String(), database.Options{})}
	sessions, users := reader.sessions(t, dbstore.SessionsConfig{}), reader.users(dbstore.UsersConfig{})

	if got := outcome(t.Context(), sessions, "12345678"); !strings.Contains(got, "permission denied") {
		t.Errorf("sessions without the privilege: got %q, want an error", got)
	}
	if got := found(t.Context(), t, users, "1"); !strings.Contains(got, "permission denied") {
		t.Errorf("users without the privilege: got %q, want an error", got)
	}
	f.exec(t, "GRANT SELECT (session_key, session_data, expire_date) ON django_session TO "+role+";"+
		"GRANT SELECT (id, password, username, email, is_active, is_staff, is_superuser) ON auth_user TO "+role)
	reader.later()
	if got := outcome(t.Context(), sessions, "12345678"); got != "12345678" {
		t.Errorf("with the needed columns: got %q", got)
	}
	wantUser(t, users, "1", "1 ada ? None "+flags(yes, absent, absent))
}

// In a database that is not UTF-8, some keys can be in no row.
func TestPostgresLatin1(t *testing.T) {
	f := newPostgres(t, database.Options{})
	name := "latin_" + f.db.Name()
	f.db.ExecAsSuperuser(t, "CREATE DATABASE "+name+" OWNER django ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
	t.Cleanup(func() { f.db.ExecAsSuperuser(t, "DROP DATABASE "+name+" WITH (FORCE)") })
	latinURL := strings.Replace(f.db.URL(), "/"+f.db.Name(), "/"+name, 1)
	writer, err := sql.Open("postgres", latinURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := writer.Close(); err != nil {
			t.Error(err)
		}
	})
	latin := &fixture{Database: openReader(t, latinURL, database.Options{}), types: postgresTypes, exec: func(t *testing.T, statements string) {
		t.Helper()
		if _, err := writer.ExecContext(t.Context(), statements); err != nil {
			t.Fatal(err)
		}
	}}
	testSessionKeys(t, latin)
	latin.insertSession(t, "django_session", "é2345678", "2099-01-01")
	if got := outcome(t.Context(), latin.sessions(t, dbstore.SessionsConfig{}), "é2345678"); got != "é2345678" {
		t.Errorf("a key in Latin-1: got %q", got)
	}
	latin.table(t, "auth_user", strings.Replace(authUser, "integer", "varchar(40)", 1))
	latin.exec(t, "INSERT INTO auth_user (id, username, is_active) VALUES ('é', 'ada', true)")
	users := latin.users(dbstore.UsersConfig{})
	wantUser(t, users, "é", "é ada ? None "+flags(yes, absent, absent))
	wantUser(t, users, "Ω", "not found")
	wantUser(t, users, "😀", "not found")
}

// Migrations under load, with prepared statements on several connections: no verdict fails.
func TestPostgresAlteredUnderLoad(t *testing.T) {
	f := newPostgres(t, database.Options{Conns: 4})
	f.table(t, "django_session", sessionColumns)
	f.table(t, "auth_user", authUser)
	f.insertSession(t, "django_session", "12345678", "2099-01-01")
	f.exec(t, "INSERT INTO auth_user (id, username, is_active) VALUES (1, 'ada', true)")
	sessions, users := f.sessions(t, dbstore.SessionsConfig{}), f.users(dbstore.UsersConfig{})
	want := "1 ada ? None " + flags(yes, absent, absent)

	var running sync.WaitGroup
	var loads atomic.Int64
	var stop atomic.Bool
	for range 4 {
		running.Go(func() {
			for !stop.Load() {
				if got := outcome(t.Context(), sessions, "12345678"); got != "12345678" {
					t.Errorf("session: %s", got)
				}
				if got := found(t.Context(), t, users, "1"); got != want {
					t.Errorf("user: %s", got)
				}
				loads.Add(1)
			}
		})
	}
	defer func() {
		stop.Store(true)
		running.Wait()
	}()
	for _, statements := range []string{
		"ALTER TABLE django_session ALTER COLUMN session_data TYPE varchar; ALTER TABLE auth_user ALTER COLUMN username TYPE text",
		"ALTER TABLE auth_user ADD COLUMN phone text", "ALTER TABLE auth_user ALTER COLUMN id TYPE bigint",
		"ALTER TABLE auth_user DROP COLUMN first_name", "ALTER TABLE django_session ALTER COLUMN session_data TYPE text",
		"ALTER TABLE auth_user ALTER COLUMN username TYPE varchar(99)", "VACUUM FULL auth_user",
	} {
		f.exec(t, statements)
		before := loads.Load()
		waitUntil(t, func() bool { return loads.Load() > before+20 || t.Failed() })
	}
	if !f.Prepares() {
		t.Error("nothing was prepared")
	}
}

// TestForeignAnswers: where a pooler hands the steps of a query to different servers, prepared statements of the same
// name meet. Whoever is answered by another's gets an error, and nobody is told that a live session is not there.
func TestForeignAnswers(t *testing.T) {
	server := djangotest.Postgres(t)
	db := server.Database(t)
	f := &fixture{types: postgresTypes, exec: func(t *testing.T, statements string) { t.Helper(); db.Exec(t, statements) }}
	f.table(t, "django_session", sessionColumns)
	f.table(t, "others", sessionColumns)
	f.insertSession(t, "django_session", "12345678", "2099-01-01")
	bouncer := djangotest.PgBouncer(t, server, "transaction").URL(db)
	var running sync.WaitGroup
	var foreign, right atomic.Int64
	for _, table := range []string{"django_session", "others"} {
		d := openReader(t, bouncer, database.Options{Conns: 8, Prepare: database.PrepareOn})
		sessions := dbstore.NewSessions(d.DB, newCodec(t), dbstore.SessionsConfig{Dialect: d.Dialect, Table: table, Prepare: d.Prepares})
		want := map[string]string{"django_session": "12345678", "others": "not found"}[table]
		for range 8 {
			running.Go(func() {
				for range 200 {
					switch got := outcome(t.Context(), sessions, "12345678"); {
					case got == want:
						right.Add(1)
					case strings.HasPrefix(got, "error: "):
						foreign.Add(1)
					default:
						t.Errorf("in %s: %s, want %s or an error", table, got, want)
					}
				}
			})
		}
	}
	running.Wait()
	if t.Logf("%d right, %d errors", right.Load(), foreign.Load()); foreign.Load() == 0 {
		t.Error("no statement met another's: this pooler proves nothing")
	}
}

// TestDrivers: a driver that asks in two steps is refused before it asks, unless nothing is said to stand between.
func TestDrivers(t *testing.T) {
	f := newPostgres(t, database.Options{})
	f.table(t, "django_session", sessionColumns)
	f.insertSession(t, "django_session", "12345678", "2099-01-01")
	for _, tt := range []struct {
		options string
		prepare func() bool
		want    string
	}{
		{"?sslmode=disable", nil, "binary_parameters=yes"},
		{"?sslmode=disable", func() bool { return true }, "12345678"},
		{"?sslmode=disable&binary_parameters=yes", nil, "12345678"},
	} {
		db, err := sql.Open("postgres", strings.Split(f.db.URL(), "?")[0]+tt.options)
		if err != nil {
			t.Fatal(err)
		}
		sessions := dbstore.NewSessions(db, newCodec(t), dbstore.SessionsConfig{Dialect: dbstore.Postgres, Prepare: tt.prepare})
		if got := outcome(t.Context(), sessions, "12345678"); !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %s, want %s", tt.options, got, tt.want)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}
