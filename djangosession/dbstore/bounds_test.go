package dbstore_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/dbstore"
	"django-sidecar/signing"
)

// padded is the data of a session with the entry key, and more than so many bytes of what cannot be compressed.
func padded(t *testing.T, key string, bytes int) string {
	t.Helper()
	padding := make([]byte, bytes)
	random := rand.NewChaCha8([32]byte{})
	if _, err := random.Read(padding); err != nil {
		t.Fatal(err)
	}
	data, err := newCodec(t).Encode(map[string]any{"key": key, "padding": padding}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// testSessionSizes: what is allowed is read, and not a byte more leaves the database.
func testSessionSizes(t *testing.T, f *fixture) {
	text := map[bool]string{true: "longtext", false: "text"}[f.Dialect == dbstore.MySQL]
	f.table(t, "django_session", strings.Replace(sessionColumns, "text", text, 1))
	put := func(key, data string) {
		f.exec(t, "INSERT INTO django_session (session_key, session_data, expire_date) VALUES ('"+key+"', '"+data+"', '2099-01-01 00:00:00')")
	}
	for i, bytes := range []int{1000, 15 << 10, 17 << 10, 300 << 10} {
		key := fmt.Sprintf("ofallsizes%d", i)
		data := padded(t, key, bytes)
		put(key, data)
		if got := outcome(t.Context(), f.sessions(t, dbstore.SessionsConfig{MaxBytes: len(data)}), key); got != key {
			t.Errorf("%d bytes, as many as are allowed: got %.100q", len(data), got)
		}
		want := fmt.Sprintf("more than %d bytes", len(data)-1)
		less := f.sessions(t, dbstore.SessionsConfig{MaxBytes: len(data) - 1})
		if got := outcome(t.Context(), less, key); !strings.Contains(got, want) {
			t.Errorf("%d bytes, one more than allowed: got %.100q", len(data), got)
		}
		if _, err := less.Load(t.Context(), key); !errors.As(err, new(*signing.SyntaxError)) {
			t.Errorf("%d bytes, one more than allowed: got %v, want a SyntaxError", len(data), err)
		}
	}
	// Bytes are counted, not characters. What is allowed is not signed.
	put("multibyte", strings.Repeat("é", 20<<10))
	if _, err := f.sessions(t, dbstore.SessionsConfig{MaxBytes: 40 << 10}).Load(t.Context(), "multibyte"); !errors.Is(err, signing.ErrBadSignature) {
		t.Errorf("40 KiB of 40: got %v", err)
	}
	if _, err := f.sessions(t, dbstore.SessionsConfig{MaxBytes: 40<<10 - 1}).Load(t.Context(), "multibyte"); !errors.As(err, new(*signing.SyntaxError)) {
		t.Errorf("40 KiB of 40 less a byte: got %v, want a SyntaxError", err)
	}
	s := f.sessions(t, dbstore.SessionsConfig{})
	recent, err := s.Recent(t.Context(), 100)
	if err != nil || len(recent) != 5 {
		t.Fatalf("got %d recent sessions, %v", len(recent), err)
	}
	for _, r := range recent {
		if len(r.Data) > 16<<10 {
			t.Errorf("%d bytes of %s are among the recent", len(r.Data), r.Key)
		}
	}
	f.exec(t, "UPDATE django_session SET expire_date = '2001-01-01 00:00:00'")
	if got := outcome(t.Context(), s, "multibyte"); got != "expired" {
		t.Errorf("large, and over: got %q", got)
	}
}

// maxText is how many bytes each text of a user may have.
const maxText = 4 << 10

// testUserSizes: of a user who is too large, nothing is known.
func testUserSizes(t *testing.T, f *fixture) {
	long := func(n int) string { return strings.Repeat("x", n-2) + "é" } // n bytes
	text := map[bool]string{true: "longtext", false: "text"}[f.Dialect == dbstore.MySQL]
	f.table(t, "auth_user", "id integer PRIMARY KEY, password "+text+", username "+text+", email "+text+", is_active bool, is_staff "+text)
	values := [][4]string{
		{"pw", "ada", "a@x", "1"},
		{long(maxText), long(maxText), long(maxText), long(maxText)},
		{long(maxText + 1), "ada", "a@x", "1"},
		{"pw", long(maxText + 1), "a@x", "1"},
		{"pw", "ada", long(maxText + 1), "1"},
		{"pw", "ada", "a@x", long(maxText + 1)},
		{"pw", "ada", long(3 << 20), "1"},
	}
	for i, v := range values {
		f.exec(t, fmt.Sprintf("INSERT INTO auth_user (id, password, username, email, is_active, is_staff) VALUES (%d, '%s', '%s', '%s', true, '%s')", i, v[0], v[1], v[2], v[3]))
	}
	u := f.users(dbstore.UsersConfig{})
	wantUser(t, u, "0", "0 ada a@x pw "+flags(yes, yes, absent))
	wantUser(t, u, "1", fmt.Sprintf("1 %s %s %s ", long(maxText), long(maxText), long(maxText))+flags(yes, yes, absent))
	for i := range values[2:] {
		id := fmt.Sprint(i + 2)
		if got := found(t.Context(), t, u, id); !strings.Contains(got, "more than 4096 bytes") {
			t.Errorf("user %s: got %.100q", id, got)
		}
		if _, err := u.UserByID(t.Context(), value(t, id)); !errors.As(err, new(*signing.SyntaxError)) {
			t.Errorf("user %s: got %v, want a SyntaxError", id, err)
		}
	}
}

// testAccessSizes: a name that is too long is a failure for those who have it, and for nobody else.
func testAccessSizes(t *testing.T, f *fixture) {
	f.access(t, authUsers)
	text := map[bool]string{true: "longtext", false: "text"}[f.Dialect == dbstore.MySQL]
	f.table(t, "auth_group", "id integer PRIMARY KEY, name "+text)
	f.exec(t, "INSERT INTO auth_group VALUES (1, '"+strings.Repeat("x", maxText+1)+"'), (2, '"+strings.Repeat("y", maxText)+"'); "+
		"DELETE FROM auth_user_groups; INSERT INTO auth_user_groups (id, user_id, group_id) VALUES (1, 1, 1), (2, 2, 2)")
	a := f.reader(dbstore.PermissionsConfig{})
	if got := allowed(t.Context(), a, "1"); !strings.Contains(got, "more than 4096 bytes") {
		t.Errorf("a group with a long name: got %.100q", got)
	}
	if access, err := a.AccessOf(t.Context(), "2"); err != nil || len(access.Groups) != 1 || len(access.Groups[0]) != maxText {
		t.Errorf("a group whose name is as long as is allowed: %d groups, %v", len(access.Groups), err)
	}
	f.exec(t, "DELETE FROM auth_user_groups; DELETE FROM auth_group")
	var groups, members []string
	for i := range 600 { // together, the names are more than is read
		groups = append(groups, fmt.Sprintf("(%d, '%s%04d')", i, strings.Repeat("z", maxText-4), i))
		members = append(members, fmt.Sprintf("(%d, 1, %d)", i, i))
	}
	f.exec(t, "INSERT INTO auth_group VALUES "+strings.Join(groups, ", ")+"; INSERT INTO auth_user_groups (id, user_id, group_id) VALUES "+strings.Join(members, ", "))
	if got := allowed(t.Context(), a, "1"); !strings.Contains(got, "their names have more than") {
		t.Errorf("many long names: got %.100q", got)
	}
}

// testCacheSizes is testSessionSizes for the table of a cache.
func testCacheSizes(t *testing.T, f *fixture) {
	const limit = 3 << 10
	f.table(t, "cache_table", cacheColumns)
	c := f.cache(dbstore.CacheTableConfig{Table: "cache_table", MaxBytes: limit})
	for key, bytes := range map[string]int{"as large as allowed": limit, "larger": limit + 1, "much larger": 30 << 10} {
		value := strings.Repeat("x", bytes)
		f.exec(t, "INSERT INTO cache_table (cache_key, value, expires) VALUES ('"+key+"', '"+base64.StdEncoding.EncodeToString([]byte(value))+"', '2099-01-01 00:00:00')")
		want := value
		if bytes > limit {
			want = "unreadable"
		}
		if got := cacheOutcome(t.Context(), c, key); got != want {
			t.Errorf("%s: got %.100q", key, got)
		}
	}
}

// TestLargeSessionsTakeTurns: only some of them are in memory at a time, and whoever waits does so within its own time.
func TestLargeSessionsTakeTurns(t *testing.T) {
	c := newCounting(t)
	c.table(t, "django_session", sessionColumns)
	c.exec(t, "INSERT INTO django_session VALUES ('largelarge', '"+padded(t, "largelarge", 20<<10)+"', '2099-01-01 00:00:00')")
	s := c.sessions(t, dbstore.SessionsConfig{})
	leave := s.EnterLarge()
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan error, 1)
	go func() {
		_, err := s.Load(ctx, "largelarge")
		got <- err
	}()
	waitUntil(t, func() bool { return c.queries.Load() == 1 })
	cancel()
	if err := <-got; !errors.Is(err, context.Canceled) || djangosession.IsAnswer(err) {
		t.Errorf("without room: got %v", err)
	}
	leave()
	if got := outcome(t.Context(), s, "largelarge"); got != "largelarge" {
		t.Errorf("with room: got %q", got)
	}
}
