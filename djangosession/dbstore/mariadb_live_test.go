//go:build live

package dbstore_test

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"django-sidecar/djangosession/dbstore"
	"django-sidecar/djangosession/storetest"
	"django-sidecar/internal/database"
	"django-sidecar/internal/djangotest"
)

type mariaDBFixture struct {
	fixture
	db     *djangotest.MariaDBDatabase
	server *djangotest.MariaDBServer
}

// ansi lets statements be written as for the other databases.
const ansi = "SET sql_mode = 'ANSI,NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES'; "

// newMariaDB is a database whose texts are equal only if they are the same, unless a table says otherwise.
func newMariaDB(t *testing.T, o database.Options, uuid string) *mariaDBFixture {
	t.Helper()
	server := djangotest.MariaDB(t)
	db := server.Database(t)
	db.Exec(t, "ALTER DATABASE "+db.Name()+" COLLATE utf8mb4_nopad_bin")
	return &mariaDBFixture{db: db, server: server, fixture: fixture{
		Database: openReader(t, db.URL(), o),
		types:    map[string]string{"datetime": "datetime(6)", "uuid": uuid, "strange": "double precision"},
		exec: func(t *testing.T, statements string) {
			t.Helper()
			db.Exec(t, ansi+statements)
		},
	}}
}

func TestOnMariaDB(t *testing.T) {
	for name, mode := range map[string]database.Prepare{"prepared": database.PrepareAuto, "not prepared": database.PrepareOff} {
		t.Run(name, func(t *testing.T) {
			f := newMariaDB(t, database.Options{Prepare: mode}, "char(32)")
			testSessions(t, &f.fixture)
			testWriter(t, &f.fixture)
			testUsers(t, &f.fixture)
			f.types["uuid"] = "uuid" // Django 5.0 made it native where MariaDB has it, since 10.7
			t.Run("native UUID keys", func(t *testing.T) { testUUIDKeys(t, &f.fixture) })
			if mode == database.PrepareAuto {
				storetest.Run(t, func(t *testing.T) storetest.Harness { return conformance(t, &f.fixture) })
			}
			if f.Prepares() != (mode == database.PrepareAuto) {
				t.Errorf("prepares is %v", f.Prepares())
			}
		})
	}
}

// Django gets the row that the column's collation finds, and so it is here. The keys are asked as they are.
func TestMariaDBCollations(t *testing.T) {
	const row, other = "abcdefgh", "cafe12345"
	for _, tt := range []struct {
		column string
		found  map[string]string // by the key that is asked; every other one is not found
	}{
		{"utf8mb4 COLLATE utf8mb4_general_ci", map[string]string{"ABCDEFGH": row, "abcdefgh  ": row, "CAFÉ12345": other, "café12345": other}},
		{"utf8mb4 COLLATE utf8mb4_unicode_ci", map[string]string{"ABCDEFGH": row, "abcdefgh  ": row, "CAFÉ12345": other, "café12345": other, "abcd\x00efgh": row}},
		{"utf8mb4 COLLATE utf8mb4_uca1400_ai_ci", map[string]string{"ABCDEFGH": row, "abcdefgh  ": row, "CAFÉ12345": other, "café12345": other, "abcd\x00efgh": row}},
		{"utf8mb4 COLLATE utf8mb4_uca1400_as_cs", map[string]string{"abcdefgh  ": row, "abcd\x00efgh": row}},
		{"utf8mb4 COLLATE utf8mb4_bin", map[string]string{"abcdefgh  ": row}},
		{"utf8mb4 COLLATE utf8mb4_nopad_bin", map[string]string{}},
		{"utf8mb3 COLLATE utf8mb3_general_ci", map[string]string{"ABCDEFGH": row, "abcdefgh  ": row, "CAFÉ12345": other, "café12345": other}},
		{"latin1 COLLATE latin1_swedish_ci", map[string]string{"ABCDEFGH": row, "abcdefgh  ": row, "CAFÉ12345": other, "café12345": other}},
		{"ascii COLLATE ascii_bin", map[string]string{"abcdefgh  ": row}},
	} {
		f := newMariaDB(t, database.Options{}, "uuid")
		f.table(t, "django_session", strings.Replace(sessionColumns, "varchar(40)", "varchar(40) CHARACTER SET "+tt.column, 1))
		f.table(t, "auth_user", strings.Replace(authUser, "integer", "varchar(40) CHARACTER SET "+tt.column, 1))
		for _, key := range []string{row, other} {
			f.insertSession(t, "django_session", key, "2099-01-01")
			f.exec(t, "INSERT INTO auth_user (id, username, is_active) VALUES ('"+key+"', 'ada', true)")
		}
		for _, mode := range []database.Prepare{database.PrepareOn, database.PrepareOff} {
			t.Run(fmt.Sprintf("%s, mode %d", tt.column, mode), func(t *testing.T) {
				f := &fixture{Database: openReader(t, f.db.URL(), database.Options{Prepare: mode})}
				s, u := f.sessions(t, dbstore.SessionsConfig{}), f.users(dbstore.UsersConfig{})
				for _, key := range []string{
					row, "ABCDEFGH", "abcdefgh  ", " abcdefgh", "abcd\x00efgh", "CAFÉ12345", "café12345", "cafe1234", "abcdefg",
					"abcdefgh😀", "😀bcdefgh", "abcdefghΩ", "\ufffdbcdefgh", "abcdefgh\xff", "abcd\xffefgh", "abcdefgh\xed\xa0\x80", "abcdefg%", "abcdefg_",
				} {
					want := "not found"
					if key == row {
						want = row
					} else if found, ok := tt.found[key]; ok {
						want = found
					}
					if got := outcome(t.Context(), s, key); got != want {
						t.Errorf("session %q: got %q, want %q", key, got, want)
					}
					if !utf8.ValidString(key) || strings.Contains(key, "\x00") {
						continue // what JSON and to_python make of it is not the column's matter
					}
					if want != "not found" {
						want += " ada ? None " + flags(yes, absent, absent) // the row's own spelling
					}
					wantUser(t, u, key, want)
				}
			})
		}
	}
}

// A text is never compared with a number: 42 would be equal to all that begins with it.
func TestMariaDBKeyTypes(t *testing.T) {
	f := newMariaDB(t, database.Options{}, "uuid")
	for _, columnType := range []string{"varchar(40)", "char(40)", "tinytext"} {
		f.exec(t, "DROP TABLE IF EXISTS auth_user; CREATE TABLE auth_user ("+strings.Replace(authUser, "integer PRIMARY KEY", columnType, 1)+")")
		f.exec(t, "INSERT INTO auth_user (id, username, is_active) VALUES ('42abc', 'wrong', true), ('042', 'wrong', true), ('0', 'zero', true), ('x', 'x', true)")
		u := f.users(dbstore.UsersConfig{})
		wantUser(t, u, "42", "not found")
		wantUser(t, u, 42, "not found")
		wantUser(t, u, 0, "0 zero ? None "+flags(yes, absent, absent))
		wantUser(t, u, "x", "x x ? None "+flags(yes, absent, absent))
	}
	for _, columnType := range []string{"tinyint", "smallint", "mediumint", "int(11)", "integer unsigned", "bigint(20) unsigned", "bigint AUTO_INCREMENT"} {
		f.table(t, "auth_user", strings.Replace(authUser, "integer", columnType, 1))
		f.exec(t, "INSERT INTO auth_user (id, username, is_active) VALUES (42, 'ada', 1)")
		wantUser(t, f.users(dbstore.UsersConfig{}), " 42", "42 ada ? None "+flags(yes, absent, absent))
		wantUser(t, f.users(dbstore.UsersConfig{}), "9223372036854775807", "not found")
		wantUser(t, f.users(dbstore.UsersConfig{}), "-1", "not found")
	}
	f.table(t, "auth_user", strings.Replace(authUser, "integer", "binary(16)", 1))
	if got := found(t.Context(), t, f.users(dbstore.UsersConfig{}), "1"); !strings.Contains(got, "none of integer, UUID and text") {
		t.Errorf("a key of a strange type: got %q, want an error", got)
	}
}

// Python's truth value of what the driver gives.
func TestMariaDBFlags(t *testing.T) {
	for _, mode := range []database.Prepare{database.PrepareOn, database.PrepareOff} {
		f := newMariaDB(t, database.Options{Prepare: mode}, "uuid")
		for _, tt := range []struct {
			columnType, stored string
			want               any
		}{
			{"tinyint(1)", "0", no},
			{"tinyint(1)", "1", yes},
			{"tinyint(1)", "2", yes},
			{"tinyint(1)", "NULL", null},
			{"bigint unsigned", "18446744073709551615", yes},
			{"bigint unsigned", "0", no},
			{"double", "0", no},
			{"double", "0.5", yes},
			{"varchar(5)", "''", no},
			{"varchar(5)", "'0'", yes}, // bool('0')
			{"bit(1)", "b'0'", yes},    // bool(b'\x00')
		} {
			f.table(t, "auth_user", strings.Replace(authUser, "is_active bool", "is_active "+tt.columnType, 1))
			f.exec(t, "INSERT INTO auth_user (id, username, is_active) VALUES (1, 'ada', "+tt.stored+")")
			if got := found(t.Context(), t, f.users(dbstore.UsersConfig{}), "1"); !strings.Contains(got, fmt.Sprintf("active:%d ", tt.want)) {
				t.Errorf("%s %s: got %s, want active:%d", tt.columnType, tt.stored, got, tt.want)
			}
		}
	}
}

// TestMariaDBClockChanges: with USE_TZ off, what the clocks show is compared. MariaDB is asked for its own answers to
// the texts that Django compares.
func TestMariaDBClockChanges(t *testing.T) {
	f := newMariaDB(t, database.Options{}, "uuid")
	f.table(t, "django_session", sessionColumns)
	for zone, changes := range clockChanges {
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
func (f *mariaDBFixture) compareAround(t *testing.T, change time.Time, zone *time.Location) {
	t.Helper()
	instants := instantsAround(change)
	rows, questions := new(strings.Builder), new(strings.Builder)
	for i, at := range instants {
		rows.WriteString(sessionInsert(t, "django_session", fmt.Sprintf("%08d", i), at.In(zone).Format("2006-01-02 15:04:05.000000")))
		fmt.Fprintf(questions, "SELECT group_concat(CASE WHEN expire_date > '%s' THEN '+' ELSE '-' END ORDER BY session_key SEPARATOR '') FROM django_session;",
			at.In(zone).Format("2006-01-02 15:04:05.000000"))
	}
	f.exec(t, "DELETE FROM django_session; BEGIN; "+rows.String()+" COMMIT")
	answers := strings.Fields(f.db.Exec(t, questions.String()))
	if len(answers) != len(instants) {
		t.Fatalf("%d answers to %d questions", len(answers), len(instants))
	}
	for i, at := range instants {
		if got := f.answersAt(t, at, zone, len(instants)); got != answers[i] {
			t.Errorf("now %v: got %s, MariaDB says %s", at.In(zone), got, answers[i])
		}
	}
}

// Columns of Django before 1.8 have no fractions.
func TestMariaDBColumnsWithoutFractions(t *testing.T) {
	for _, mode := range []database.Prepare{database.PrepareOn, database.PrepareOff} {
		f := newMariaDB(t, database.Options{Prepare: mode}, "uuid")
		f.table(t, "django_session", strings.Replace(sessionColumns, "{datetime}", "datetime", 1))
		f.insertSession(t, "django_session", "12345678", "2026-11-22 10:00:00")
		f.exec(t, "SET sql_mode = ''; INSERT INTO django_session VALUES ('no date!', '', '0000-00-00 00:00:00')")
		for now, want := range map[string]string{
			"2026-11-22T09:59:59.000000Z": "12345678", "2026-11-22T09:59:59.999999Z": "12345678",
			"2026-11-22T10:00:00.000000Z": "expired", "2026-11-22T10:00:00.000001Z": "expired", "2026-11-22T10:00:00.6Z": "expired",
		} {
			at, err := time.Parse(time.RFC3339, now)
			if err != nil {
				t.Fatal(err)
			}
			s := f.sessions(t, dbstore.SessionsConfig{Now: func() time.Time { return at }})
			if got := outcome(t.Context(), s, "12345678"); got != want {
				t.Errorf("mode %d, at %s: got %q, want %q", mode, now, got, want)
			}
			if got := outcome(t.Context(), s, "no date!"); got != "expired" {
				t.Errorf("mode %d: the zero date: got %q", mode, got)
			}
		}
	}
}

func TestMariaDBOtherDatabases(t *testing.T) {
	f := newMariaDB(t, database.Options{}, "uuid")
	other := f.server.Database(t)
	tenant := &fixture{types: f.types, exec: func(t *testing.T, statements string) {
		t.Helper()
		other.Exec(t, ansi+statements)
	}}
	tenant.table(t, "sessions", sessionColumns)
	tenant.table(t, "people", authUser)
	tenant.insertSession(t, "sessions", "12345678", "2099-01-01")
	tenant.exec(t, "INSERT INTO people (id, username, is_active) VALUES (1, 'ada', true)")
	s := f.sessions(t, dbstore.SessionsConfig{Table: other.Name() + ".sessions"})
	if got := outcome(t.Context(), s, "12345678"); got != "12345678" {
		t.Errorf("got %q", got)
	}
	wantUser(t, f.users(dbstore.UsersConfig{Table: other.Name() + ".people"}), "1", "1 ada ? None "+flags(yes, absent, absent))
	for _, table := range []string{"nowhere", other.Name() + ".nowhere", "no`where", "people"} {
		if _, err := dbstore.ReadColumns(t.Context(), f.DB, f.Dialect, table); !errors.Is(err, dbstore.ErrNoTable) {
			t.Errorf("%s: got %v, want ErrNoTable", table, err)
		}
	}
}

// A user that may read no more than it needs; and one that may read nothing is a failure, not an absent session.
func TestMariaDBPrivileges(t *testing.T) {
	f := newMariaDB(t, database.Options{}, "uuid")
	f.table(t, "django_session", sessionColumns)
	f.table(t, "auth_user", authUser)
	f.insertSession(t, "django_session", "12345678", "2099-01-01")
	f.exec(t, "INSERT INTO auth_user (id, username, email, is_active) VALUES (1, 'ada', 'a@x', true)")
	reader := "reader_of_" + f.db.Name()
	f.server.ExecAsSuperuser(t, "CREATE USER "+reader+"@'%'; GRANT SELECT (id) ON "+f.db.Name()+".auth_user TO "+reader)
	t.Cleanup(func() { f.server.ExecAsSuperuser(t, "DROP USER "+reader) })
	f.table(t, "secret", "id integer")
	u, err := url.Parse(f.db.URL())
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.User(reader)
	for _, mode := range []database.Prepare{database.PrepareOn, database.PrepareOff} {
		limited := &fixture{Database: openReader(t, u.String(), database.Options{Prepare: mode})}
		sessions, users := limited.sessions(t, dbstore.SessionsConfig{}), limited.users(dbstore.UsersConfig{})
		f.server.ExecAsSuperuser(t, "REVOKE ALL, GRANT OPTION FROM "+reader+"; GRANT SELECT (id) ON "+f.db.Name()+".auth_user TO "+reader)
		if got := outcome(t.Context(), sessions, "12345678"); !strings.Contains(got, "denied") {
			t.Errorf("sessions without the privilege: got %q, want an error", got)
		}
		if got := found(t.Context(), t, users, "1"); !strings.HasPrefix(got, "error: ") {
			t.Errorf("users without the privilege: got %q, want an error", got)
		}
		if _, err := dbstore.ReadColumns(t.Context(), limited.DB, limited.Dialect, "secret"); err == nil || !strings.Contains(err.Error(), "denied") {
			t.Errorf("a table that is there and may not be read: %v", err)
		}
		grant := func(columns, table string) {
			f.server.ExecAsSuperuser(t, "GRANT SELECT ("+columns+") ON "+f.db.Name()+"."+table+" TO "+reader)
		}
		grant("session_key, session_data, expire_date", "django_session")
		grant("id, password, username, email, is_active, is_staff, is_superuser", "auth_user")
		limited.later()
		if got := outcome(t.Context(), sessions, "12345678"); got != "12345678" {
			t.Errorf("with the needed columns: got %q", got)
		}
		wantUser(t, users, "1", "1 ada a@x None "+flags(yes, absent, absent))
		f.server.ExecAsSuperuser(t, "REVOKE SELECT (email) ON "+f.db.Name()+".auth_user FROM "+reader)
		wantUser(t, users, "1", "1 ada ? None "+flags(yes, absent, absent))
	}
}

// Migrations under load: no verdict fails.
func TestMariaDBAlteredUnderLoad(t *testing.T) {
	for _, mode := range []database.Prepare{database.PrepareOn, database.PrepareOff} {
		f := newMariaDB(t, database.Options{Conns: 4, Prepare: mode}, "uuid")
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
		for _, statements := range []string{
			"ALTER TABLE django_session MODIFY session_data longtext; ALTER TABLE auth_user MODIFY username text",
			"ALTER TABLE auth_user ADD COLUMN phone text", "ALTER TABLE auth_user MODIFY id bigint AUTO_INCREMENT",
			"ALTER TABLE auth_user DROP COLUMN first_name", "ALTER TABLE auth_user DROP COLUMN email", "ALTER TABLE auth_user ADD COLUMN email text",
			"ALTER TABLE auth_user MODIFY id varchar(20)", "ALTER TABLE auth_user MODIFY id int", "OPTIMIZE TABLE auth_user",
		} {
			f.exec(t, statements)
			before := loads.Load()
			waitUntil(t, func() bool { return loads.Load() > before+20 || t.Failed() })
		}
		stop.Store(true)
		running.Wait()
	}
}
