//go:build live

package pgxtest_test

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/dbstore"
	"django-sidecar/internal/djangotest"
	"django-sidecar/signing"
)

func TestMain(m *testing.M) { os.Exit(djangotest.Suite{M: m}.Run()) }

// TestThroughPgBouncer: with pgx, every one of 10,000 live sessions is found through a pooler, in each mode that asks in
// one step; and beside these questions each store gets the answers to its own. The other modes, also the default, are
// refused with a word.
func TestThroughPgBouncer(t *testing.T) {
	const count, people, workers = 10_000, 100, 32
	version, err := djangosession.ParseVersion("5.2")
	if err != nil {
		t.Fatal(err)
	}
	codec, err := djangosession.NewCodec(djangosession.CodecConfig{Version: version, SecretKey: signing.SecretKey("a secret key for tests of pgx")})
	if err != nil {
		t.Fatal(err)
	}
	var data [people]string
	for user := range data {
		if data[user], err = codec.Encode(map[string]any{"_auth_user_id": strconv.Itoa(user)}, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	server := djangotest.Postgres(t)
	db := server.Database(t)
	db.Exec(t, fmt.Sprintf(tables, people-1, strings.Join(data[:], "','"), people, count-1))
	bouncer, _, _ := strings.Cut(djangotest.PgBouncer(t, server, "transaction").URL(db), "?")
	for mode, works := range map[string]bool{
		"": false, "cache_statement": false, "describe_exec": false, "cache_describe": true, "exec": true, "simple_protocol": true,
	} {
		t.Run(mode, func(t *testing.T) {
			url := bouncer + "?sslmode=disable"
			if mode != "" {
				url += "&default_query_exec_mode=" + mode
			}
			pool, err := sql.Open("pgx", url)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := pool.Close(); err != nil {
					t.Error(err)
				}
			}()
			pool.SetMaxOpenConns(workers)
			pool.SetMaxIdleConns(workers)
			sessions := dbstore.NewSessions(pool, codec, dbstore.SessionsConfig{Dialect: dbstore.Postgres})
			batched := dbstore.NewSessions(pool, codec, dbstore.SessionsConfig{Dialect: dbstore.Postgres, Batcher: dbstore.NewBatcher(4)})
			users := dbstore.NewUsers(pool, dbstore.UsersConfig{Dialect: dbstore.Postgres, Version: version})
			all := stores{
				users, users.Writer(pool, dbstore.Zone{}), dbstore.NewPermissions(pool, dbstore.PermissionsConfig{Dialect: dbstore.Postgres}),
				sessions, dbstore.NewWriter(pool, codec, dbstore.SessionsConfig{Dialect: dbstore.Postgres}), djangosession.NewSession(version),
			}
			if !works {
				if _, err := sessions.Load(t.Context(), "session00000"); err == nil || djangosession.IsAnswer(err) || !strings.Contains(err.Error(), "default_query_exec_mode=exec") {
					t.Errorf("%v; want a refusal that says what to do", err)
				}
				return
			}
			var running sync.WaitGroup
			var next atomic.Int64
			for range workers {
				running.Go(func() {
					for n := next.Add(1) - 1; n < count; n = next.Add(1) - 1 {
						session, err := []*dbstore.Sessions{sessions, batched}[n%2].Load(t.Context(), fmt.Sprintf("session%05d", n))
						user := int(n % people)
						if err != nil || !isUser(session, user) {
							t.Errorf("session %d: %+v, %v", n, session, err)
						} else if n/people%people == n%people { // each user once, among the sessions of others
							all.round(t, user, session)
						}
					}
				})
			}
			running.Wait()
			if _, err := sessions.Load(t.Context(), "nobodys0"); !errors.Is(err, djangosession.ErrNotFound) {
				t.Errorf("a session that is not there: %v", err)
			}
			if got := db.Exec(t, "SELECT count(*) FROM auth_user WHERE last_login = to_timestamp(id); UPDATE auth_user SET last_login = NULL"); !strings.HasPrefix(strings.TrimSpace(got), strconv.Itoa(people)) {
				t.Errorf("users whose last_login was written: %s, want %d", got, people)
			}
		})
	}
}

// tables have users 0 and on, each in a group and with a permission of its own, and the sessions of each.
const tables = `CREATE TABLE auth_user (id integer PRIMARY KEY, password varchar(128), last_login timestamptz, username varchar(150), is_active bool);
	CREATE TABLE django_content_type (id integer PRIMARY KEY, app_label varchar(100));
	CREATE TABLE auth_permission (id integer PRIMARY KEY, content_type_id integer REFERENCES django_content_type, codename varchar(100));
	CREATE TABLE auth_group (id integer PRIMARY KEY, name varchar(150));
	CREATE TABLE auth_group_permissions (group_id integer REFERENCES auth_group, permission_id integer REFERENCES auth_permission);
	CREATE TABLE auth_user_groups (user_id integer REFERENCES auth_user, group_id integer REFERENCES auth_group);
	CREATE TABLE auth_user_user_permissions (user_id integer REFERENCES auth_user, permission_id integer REFERENCES auth_permission);
	CREATE TABLE numbers AS SELECT generate_series(0, %[1]d) AS n;
	INSERT INTO auth_user SELECT n, 'pw', NULL, 'user' || n, true FROM numbers;
	INSERT INTO django_content_type VALUES (1, 'shop');
	INSERT INTO auth_permission SELECT n, 1, 'may' || n FROM numbers;
	INSERT INTO auth_group SELECT n, 'group' || n FROM numbers;
	INSERT INTO auth_user_groups SELECT n, n FROM numbers;
	INSERT INTO auth_user_user_permissions SELECT n, n FROM numbers;
	CREATE TABLE django_session (session_key varchar(40) PRIMARY KEY, session_data text NOT NULL, expire_date timestamptz NOT NULL);
	INSERT INTO django_session SELECT 'session' || lpad(n::text, 5, '0'), (ARRAY['%[2]s'])[n %% %[3]d + 1], now() + interval '1 day'
		FROM generate_series(0, %[4]d) AS n`

// stores are all that ask and write for a login.
type stores struct {
	users       *dbstore.Users
	userWriter  *dbstore.UserWriter
	permissions *dbstore.Permissions
	sessions    *dbstore.Sessions
	writer      *dbstore.Writer
	empty       *djangosession.Session
}

// round asks each store for a user, and writes a session and the user, where the next answer depends on whether that was done.
func (s *stores) round(t *testing.T, user int, session *djangosession.Session) {
	ctx, id, key := t.Context(), strconv.Itoa(user), fmt.Sprintf("written%05d", user)
	want := func(what string, ok bool, err error) {
		if !ok {
			t.Errorf("user %d, %s: %v", user, what, err)
		}
	}
	byID, err := s.users.UserByID(ctx, session.AuthUserID)
	want("by id", err == nil && *byID.Username == "user"+id, err)
	byName, err := s.users.UserByName(ctx, "user"+id)
	want("by name", err == nil && byName.ID == id, err)
	access, err := s.permissions.AccessOf(ctx, id)
	_, may := access.Permissions["shop.may"+id]
	want("permissions", err == nil && may && len(access.Permissions) == 1 && slices.Equal(access.Groups, []string{"group" + id}), err)

	expire := time.Now().Add(time.Hour)
	err = s.writer.Create(ctx, key, s.empty, expire)
	want("a new session", err == nil, err)
	err = s.writer.Create(ctx, key, s.empty, expire)
	want("a key that is taken", errors.Is(err, djangosession.ErrExists), err)
	written, err := s.sessions.Load(ctx, key)
	want("its session", err == nil && written.JSON() == "{}", err)
	if err != nil {
		return
	}
	err = s.writer.Touch(ctx, key, written, expire.Add(time.Minute))
	want("a touch", err == nil, err)
	err = s.writer.Touch(ctx, key, written, expire.Add(time.Minute))
	want("a touch after another", errors.Is(err, djangosession.ErrNotFound), err)
	err = s.writer.Save(ctx, key, session, expire)
	want("a save", err == nil, err)
	written, err = s.sessions.Load(ctx, key)
	want("what was saved", err == nil && isUser(written, user), err)
	err = s.writer.Delete(ctx, key)
	want("a logout", err == nil, err)
	err = s.writer.Save(ctx, key, session, expire)
	want("a save after a logout", errors.Is(err, djangosession.ErrNotFound), err)

	done, err := s.userWriter.SetPassword(ctx, id, "pw", "raised")
	want("a hash made anew", err == nil && done, err)
	done, err = s.userWriter.SetPassword(ctx, id, "pw", "twice")
	want("a hash made anew after another", err == nil && !done, err)
	done, err = s.userWriter.SetPassword(ctx, id, "raised", "pw")
	want("the old hash", err == nil && done, err)
	err = s.userWriter.SetLastLogin(ctx, id, time.Unix(int64(user), 0))
	want("last_login", err == nil, err)
}

func isUser(s *djangosession.Session, user int) bool {
	id, ok := s.AuthUserID.Text()
	return ok && id == strconv.Itoa(user)
}
