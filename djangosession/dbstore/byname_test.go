package dbstore_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/dbstore"
	"django-sidecar/internal/database"
)

// testUserNames: names are equal as the column's collation says, and nobody has what no text is.
func testUserNames(t *testing.T, f *fixture) {
	f.table(t, "auth_user", strings.Replace(authUser, "integer", "{uuid}", 1))
	id := "12345678-1234-5678-1234-56781234567"
	for i, name := range []string{"ada", "o''hara", " a ", "Zoë", "%", "two", "two", "hidden"} {
		f.exec(t, fmt.Sprintf("INSERT INTO auth_user (id, username, password, is_active) VALUES ('%s', '%s', 'pw%d', true)",
			strings.ReplaceAll(fmt.Sprintf("%s%d", id, i), "-", ""), name, i))
	}
	u := f.users(dbstore.UsersConfig{Conditions: dbstore.Conditions{Where: "username <> 'hidden'"}})
	for name, want := range map[string]string{"ada": "pw0", "o'hara": "pw1", " a ": "pw2", "Zoë": "pw3", "%": "pw4"} {
		user, err := u.UserByName(t.Context(), name)
		if err != nil || user.Password != want || user.ID != id+want[2:] || user.Name() != name || user.IsActive != yes {
			t.Errorf("%q: %+v, %v", name, user, err)
			continue
		}
		if again, err := u.UserByKey(t.Context(), user.ID); err != nil || again.Name() != name {
			t.Errorf("the key of %q: %+v, %v", name, again, err)
		}
	}
	for _, name := range []string{"", "adam", "a", "_", "ada\x00", "\xff", strings.Repeat("a", 5000), "hidden", "' OR 1=1 --", "two"} {
		user, err := u.UserByName(t.Context(), name)
		if user != nil || !errors.Is(err, djangosession.ErrUserNotFound) || errors.Is(err, dbstore.ErrSeveralUsers) != (name == "two") {
			t.Errorf("%.20q: %+v, %v", name, user, err)
		}
	}
	for _, key := range []string{"", "1", id, id + "00", strings.Repeat("x", 32), id + "0' OR 1=1 --"} {
		if user, err := u.UserByKey(t.Context(), key); !errors.Is(err, djangosession.ErrUserNotFound) {
			t.Errorf("the key %q: %+v, %v", key, user, err)
		}
	}
	f.table(t, "numbered", "id integer PRIMARY KEY, password text, is_active bool, username integer")
	if user, err := f.users(dbstore.UsersConfig{Table: "numbered"}).UserByName(t.Context(), "1"); user != nil || err == nil || errors.Is(err, djangosession.ErrUserNotFound) {
		t.Errorf("a name that is a number: %+v, %v", user, err)
	}
}

func TestUserWriterOnSQLite(t *testing.T) {
	f := newSQLite(t)
	var main string
	if err := f.QueryRowContext(t.Context(), "SELECT file FROM pragma_database_list").Scan(&main); err != nil {
		t.Fatal(err)
	}
	testUserWriter(t, f, openReader(t, sqliteURL(main), database.Options{Write: true}))
}

// testUserWriter: a password that has changed meanwhile stays, and nobody else's changes.
func testUserWriter(t *testing.T, f *fixture, writer *database.Database) {
	f.table(t, "auth_user", authUser+", last_login {datetime}")
	f.exec(t, "INSERT INTO auth_user (id, username, password, is_active) VALUES (1, 'ada', 'old', true), (2, 'bob', 'old', true)")
	u := f.users(dbstore.UsersConfig{})
	w := u.Writer(writer.DB, dbstore.Zone{UseTZ: true})
	for _, tt := range []struct {
		id, was string
		want    bool
	}{{"1", "other", false}, {"3", "old", false}, {"1", "old", true}, {"1", "old", false}} {
		if got, err := w.SetPassword(t.Context(), tt.id, tt.was, "new' $1 ?"); got != tt.want || err != nil {
			t.Errorf("%+v: %v, %v", tt, got, err)
		}
	}
	wantUser(t, u, "1", "1 ada ? new' $1 ? "+flags(yes, absent, absent))
	wantUser(t, u, "2", "2 bob ? old "+flags(yes, absent, absent))
	for _, key := range []string{"", "1abc", "01", "+1", " 1", "1.0", "x", "9999999999999999999"} { // which casts of some databases read as 1 or 0
		if user, err := u.UserByKey(t.Context(), key); !errors.Is(err, djangosession.ErrUserNotFound) {
			t.Errorf("the key %q: %+v, %v", key, user, err)
		}
	}
	at := time.Date(2026, 11, 29, 5, 40, 0, 123456000, time.UTC)
	if err := w.SetLastLogin(t.Context(), "2", at); err != nil {
		t.Error(err)
	}
	for id, want := range map[string]time.Time{"1": {}, "2": at.Truncate(time.Second)} {
		if got, err := u.LastLogin(t.Context(), id, dbstore.Zone{UseTZ: true}); err != nil || !got.Equal(want) {
			t.Errorf("the last login of %s: %v, %v, want %v", id, got, err, want)
		}
	}
	if _, err := u.LastLogin(t.Context(), "3", dbstore.Zone{UseTZ: true}); !errors.Is(err, djangosession.ErrUserNotFound) {
		t.Errorf("the last login of nobody: %v", err)
	}
	testLocalLogin(t, f, writer, u, at)
	var never, once int
	query := "SELECT count(*) - count(last_login), count(CASE WHEN last_login = '" + f.stored(at) + "' THEN 1 END) FROM auth_user"
	if err := f.QueryRowContext(t.Context(), query).Scan(&never, &once); err != nil || never != 1 || once != 1 {
		t.Errorf("%d have never logged in, %d at the instant: %v", never, once, err)
	}
	f.table(t, "plain", "id integer PRIMARY KEY, password text, is_active bool")
	if got, err := f.users(dbstore.UsersConfig{Table: "plain"}).LastLogin(t.Context(), "1", dbstore.Zone{UseTZ: true}); err == nil {
		t.Errorf("the last login without a column: %v", got)
	}
	if err := f.users(dbstore.UsersConfig{Table: "plain"}).Writer(writer.DB, dbstore.Zone{UseTZ: true}).SetLastLogin(t.Context(), "1", at); err != nil {
		t.Errorf("without last_login: %v", err)
	}
}

// testLocalLogin: without USE_TZ the clock is that of TIME_ZONE.
func testLocalLogin(t *testing.T, f *fixture, writer *database.Database, u *dbstore.Users, at time.Time) {
	t.Helper()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	zone := dbstore.Zone{Local: berlin}
	if err := u.Writer(writer.DB, zone).SetLastLogin(t.Context(), "1", at); err != nil {
		t.Fatal(err)
	}
	want := at.Add(time.Hour).Truncate(time.Second)
	if got, err := u.LastLogin(t.Context(), "1", zone); err != nil || !got.Equal(want) {
		t.Errorf("the last login without USE_TZ: %v, %v, want %v", got, err, want)
	}
	f.exec(t, "UPDATE auth_user SET last_login = NULL WHERE id = 1")
}
