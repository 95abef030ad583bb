//go:build live

package e2e

import (
	"bytes"
	"cmp"
	"compress/zlib"
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/config"
	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/sidecar"
)

// largeStores are the kinds of places where sessions may be.
func largeStores() []*largeStore {
	cacheEngine := map[string]string{"DJANGO_SESSION_ENGINE": "cache"}
	return []*largeStore{
		{name: "PostgreSQL", huge: 4, many: manyCount, put: putInPostgres},
		{name: "MariaDB", huge: 2, bytes: 32 << 20, many: 8, put: putInMariaDB},
		{name: "SQLite", huge: 2, many: 16, put: putInSQLite},
		{name: "Redis", huge: 2, many: 32, env: cacheEngine, put: putInRedis},
		{name: "Memcached", huge: 2, many: 32, env: cacheEngine, put: putInMemcached},
		{name: "a table of a cache", huge: 2, many: 16, env: cacheEngine, put: putInCacheTable},
		{name: "files of a cache", huge: 8, many: manyCount, env: cacheEngine, put: putInCacheFiles},
		{name: "files", huge: 8, many: manyCount, env: map[string]string{"DJANGO_SESSION_ENGINE": "file"}, put: putInFiles},
	}
}

// login is what a session of user 1 has, and the session as each engine keeps it.
func login(t *testing.T, user int) (encoded string, pickled []byte) {
	t.Helper()
	c, err := config.FromProcess()
	if err != nil {
		t.Fatal(err)
	}
	d, err := sidecar.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close() //nolint:errcheck // nothing was read
	entries := [][2]string{
		{"_auth_user_id", fmt.Sprint(user)}, {"_auth_user_backend", "django.contrib.auth.backends.ModelBackend"}, {"_auth_user_hash", d.Verifier().AuthHash(rigPassword)},
	}
	values := map[string]any{}
	pickled = []byte("\x80\x02}") // PROTO 2, EMPTY_DICT
	for _, e := range entries {
		values[e[0]] = e[1]
		for _, text := range e { // BINUNICODE
			pickled = append(binary.LittleEndian.AppendUint32(append(pickled, 'X'), uint32(len(text))), text...)
		}
		pickled = append(pickled, 's') // SETITEM
	}
	_, codec, err := sidecar.NewCodec(c) // which a deployment whose sessions are in a cache has not
	if err != nil {
		t.Fatal(err)
	}
	if encoded, err = codec.Encode(values, time.Now()); err != nil {
		t.Fatal(err)
	}
	return encoded, append(pickled, '.') // STOP
}

const (
	memoryTables = `CREATE TABLE django_session (session_key varchar(40) PRIMARY KEY, session_data %[1]s NOT NULL, expire_date %[2]s NOT NULL);
		CREATE TABLE auth_user (id integer PRIMARY KEY, password %[1]s NOT NULL, username %[1]s NOT NULL, email %[1]s, is_active bool NOT NULL);
		INSERT INTO auth_user VALUES (1, '` + rigPassword + `', 'ada', '', true);`
	memoryExpiry = "2099-01-01 00:00:00"
)

// putRows stores everything in tables; text is what the database calls a long text, and long makes one.
func (s *largeStore) putRows(t *testing.T, exec func(statements string), text, datetime string, long func(bytes int) string) {
	t.Helper()
	exec(fmt.Sprintf(memoryTables, text, datetime))
	put := func(key, data string) {
		exec(fmt.Sprintf("INSERT INTO django_session VALUES ('%s', %s, '%s')", key, data, memoryExpiry))
	}
	encoded, _ := login(t, 1)
	put(goodKey, "'"+encoded+"'")
	s.each(func(key string, bytes int) { put(key, long(bytes)) })
	for i, values := range []string{"%s, 'bob', ''", "'" + rigPassword + "', %s, ''", "'" + rigPassword + "', 'bob', %s"} {
		encoded, _ := login(t, i+2)
		key := fmt.Sprintf("hugeuser%d", i+2)
		exec(fmt.Sprintf("INSERT INTO auth_user VALUES (%d, "+values+", true)", i+2, long(cmp.Or(s.bytes, hugeBytes)/3)))
		put(key, "'"+encoded+"'")
		s.users = append(s.users, key)
	}
}

func putInPostgres(t *testing.T, s *largeStore) {
	db := djangotest.Postgres(t).Database(t)
	t.Setenv("DATABASE_URL", db.URL())
	s.putRows(t, func(statements string) { db.Exec(t, "SET default_toast_compression = lz4; "+statements) }, "text", "timestamptz", func(bytes int) string {
		return fmt.Sprintf("repeat('x', %d)", bytes)
	})
}

func putInMariaDB(t *testing.T, s *largeStore) {
	server := djangotest.PrivateMariaDB(t, "max_allowed_packet=1G")
	db := server.Database(t)
	t.Setenv("DATABASE_URL", db.URL())
	s.putRows(t, func(statements string) { db.Exec(t, statements) }, "longtext", "datetime(6)", func(bytes int) string {
		return fmt.Sprintf("REPEAT('x', %d)", bytes)
	})
}

func putInSQLite(t *testing.T, s *largeStore) {
	exec := sqliteFile(t)
	s.putRows(t, exec, "text", "datetime", func(bytes int) string { return fmt.Sprintf("hex(zeroblob(%d))", bytes/2) })
}

// sqliteFile makes a database and has the sidecar use it.
func sqliteFile(t *testing.T) (exec func(statements string)) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db.sqlite3")
	t.Setenv("DATABASE_URL", "sqlite:///"+path)
	db := openSQLite(t, path)
	return func(statements string) {
		if _, err := db.ExecContext(t.Context(), statements); err != nil {
			t.Fatal(err)
		}
	}
}

// users makes a database that has the users alone, for sessions that are elsewhere.
func putUsers(t *testing.T) {
	t.Helper()
	sqliteFile(t)(fmt.Sprintf(memoryTables, "text", "datetime"))
}

// memoryCacheKey is what Django's cache calls a session.
func memoryCacheKey(key string) string { return ":1:django.contrib.sessions.cache" + key }

func putInRedis(t *testing.T, s *largeStore) {
	putUsers(t)
	addr := djangotest.Redis(t, djangotest.RedisConfig{}).Addr
	t.Setenv("DJANGO_CACHE_URL", "redis://"+addr)
	ask := asking(t, addr)
	_, pickled := login(t, 1)
	ask(fmt.Sprintf("*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n", len(memoryCacheKey(goodKey)), memoryCacheKey(goodKey), len(pickled), pickled))
	s.each(func(key string, bytes int) { ask(fmt.Sprintf("SETRANGE %s %d x\r\n", memoryCacheKey(key), bytes-1)) })
}

func putInMemcached(t *testing.T, s *largeStore) {
	putUsers(t)
	addr := djangotest.Memcached(t, "-I", "256m", "-m", "2048").Addr
	t.Setenv("DJANGO_CACHE_URL", "memcached://"+addr)
	ask := asking(t, addr)
	set := func(key, value string) {
		ask(fmt.Sprintf("set %s 1 0 %d\r\n%s\r\n", memoryCacheKey(key), len(value), value))
	}
	_, pickled := login(t, 1)
	set(goodKey, string(pickled))
	s.each(func(key string, bytes int) { set(key, strings.Repeat("x", bytes)) })
}

// asking sends text to a server, which answers by a line.
func asking(t *testing.T, addr string) (ask func(text string)) {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // all has been answered
	return func(text string) {
		t.Helper()
		answer := make([]byte, 100)
		_, err := io.WriteString(conn, text)
		if err == nil {
			_, err = conn.Read(answer)
		}
		if err != nil || bytes.HasPrefix(answer, []byte("-")) || bytes.Contains(answer, []byte("ERROR")) {
			t.Fatalf("got %s, %v", answer, err)
		}
	}
}

func putInCacheTable(t *testing.T, s *largeStore) {
	db := djangotest.Postgres(t).Database(t)
	t.Setenv("DATABASE_URL", db.URL())
	t.Setenv("DJANGO_CACHE_URL", "db://cache_table")
	db.Exec(t, fmt.Sprintf(memoryTables, "text", "timestamptz"))
	db.Exec(t, "CREATE TABLE cache_table (cache_key varchar(255) PRIMARY KEY, value text NOT NULL, expires timestamptz NOT NULL)")
	put := func(key, value string) {
		db.Exec(t, fmt.Sprintf("SET default_toast_compression = lz4; INSERT INTO cache_table VALUES ('%s', %s, '%s')", memoryCacheKey(key), value, memoryExpiry))
	}
	_, pickled := login(t, 1)
	put(goodKey, "'"+base64.StdEncoding.EncodeToString(pickled)+"'")
	s.each(func(key string, bytes int) { put(key, fmt.Sprintf("repeat('AAAA', %d)", bytes/4)) })
}

func putInCacheFiles(t *testing.T, s *largeStore) {
	putUsers(t)
	dir := t.TempDir()
	t.Setenv("DJANGO_CACHE_URL", "file://"+dir)
	_, pickled := login(t, 1)
	name := func(key string) string {
		return filepath.Join(dir, fmt.Sprintf("%x.djcache", md5.Sum([]byte(memoryCacheKey(key)))))
	}
	var content bytes.Buffer
	content.WriteString("\x80\x02N.") // the pickle of None: it never expires
	z := zlib.NewWriter(&content)
	if _, err := z.Write(pickled); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	putSparseFile(t, name(goodKey), content.String(), 0)
	s.each(func(key string, bytes int) { putSparseFile(t, name(key), content.String(), bytes) })
}

func putInFiles(t *testing.T, s *largeStore) {
	putUsers(t)
	dir := t.TempDir()
	t.Setenv("DJANGO_SESSION_FILE_PATH", dir)
	encoded, _ := login(t, 1)
	putSparseFile(t, filepath.Join(dir, "sessionid"+goodKey), encoded, 0)
	s.each(func(key string, bytes int) { putSparseFile(t, filepath.Join(dir, "sessionid"+key), encoded, bytes) })
}

// putSparseFile writes a file and makes it longer, without taking a disk's room.
func putSparseFile(t *testing.T, path, content string, bytes int) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if bytes > 0 {
		if err := os.Truncate(path, int64(bytes)); err != nil {
			t.Fatal(err)
		}
	}
}
