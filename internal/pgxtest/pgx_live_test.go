//go:build live

package pgxtest_test

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
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

// TestThroughPgBouncer: with pgx, every one of 10,000 live sessions and users is found through a pooler, in each mode
// that asks in one step. The others, also the default, are refused with a word.
func TestThroughPgBouncer(t *testing.T) {
	const count, workers = 10_000, 32
	version, err := djangosession.ParseVersion("5.2")
	if err != nil {
		t.Fatal(err)
	}
	codec, err := djangosession.NewCodec(djangosession.CodecConfig{Version: version, SecretKey: signing.SecretKey("a secret key for tests of pgx")})
	if err != nil {
		t.Fatal(err)
	}
	data, err := codec.Encode(map[string]any{"_auth_user_id": "7"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	server := djangotest.Postgres(t)
	db := server.Database(t)
	db.Exec(t, fmt.Sprintf(`CREATE TABLE django_session (session_key varchar(40) PRIMARY KEY, session_data text NOT NULL, expire_date timestamptz NOT NULL);
		CREATE TABLE auth_user (id integer PRIMARY KEY, password varchar(128), username varchar(150), is_active bool);
		INSERT INTO auth_user VALUES (7, 'pw', 'ada', true);
		INSERT INTO django_session SELECT 'session' || lpad(n::text, 5, '0'), '%s', now() + interval '1 day' FROM generate_series(0, %d) AS n`, data, count-1))
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
						if err != nil {
							t.Errorf("session %d: %v", n, err)
							continue
						}
						if n%100 != 0 {
							continue
						}
						if user, err := users.UserByID(t.Context(), session.AuthUserID); err != nil || *user.Username != "ada" {
							t.Errorf("the user of session %d: %v, %v", n, user, err)
						}
					}
				})
			}
			running.Wait()
			if _, err := sessions.Load(t.Context(), "nobodys0"); !errors.Is(err, djangosession.ErrNotFound) {
				t.Errorf("a session that is not there: %v", err)
			}
		})
	}
}
