package dbstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/dbstore"
	"django-sidecar/signing"
)

// hello greets users of a Django 5.2 that keeps sessions in PostgreSQL.
func hello(db *sql.DB, secretKey string) (http.Handler, error) {
	version, err := djangosession.ParseVersion("5.2")
	if err != nil {
		return nil, err
	}
	codec, err := djangosession.NewCodec(djangosession.CodecConfig{Version: version, SecretKey: signing.SecretKey(secretKey)})
	if err != nil {
		return nil, err
	}
	sessions := dbstore.NewSessions(db, codec, dbstore.SessionsConfig{Dialect: dbstore.Postgres})
	users := dbstore.NewUsers(db, dbstore.UsersConfig{Dialect: dbstore.Postgres, Version: version})
	verifier, err := djangosession.NewVerifier(djangosession.VerifierConfig{
		Version: version, SecretKey: signing.SecretKey(secretKey),
		AuthenticationBackends: []string{"django.contrib.auth.backends.ModelBackend"},
	}, sessions, users)
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := djangosession.SessionKey(r.Header["Cookie"], "sessionid")
		verdict, err := verifier.Verify(r.Context(), key)
		switch {
		case err != nil: // a store failed: nobody is logged out
			http.Error(w, "The login session could not be checked.", http.StatusServiceUnavailable)
		case verdict.User == nil: // verdict.Reason says why
			http.Error(w, "Please log in.", http.StatusUnauthorized)
		default:
			fmt.Fprintf(w, "Hello, user %s!\n", verdict.User.ID)
		}
	}), nil
}

func Example() {
	db := new(sql.DB) // sql.Open("postgres", "postgres://…"), with the driver of your choice
	handler, err := hello(db, "the SECRET_KEY of your Django")
	if err != nil {
		panic(err)
	}
	http.Handle("/hello", handler)
}

// django has USE_TZ = True, and the columns of MySQL no time zone.
var (
	django = djangosession.MustVersion("5.2")
	utc    = dbstore.Zone{UseTZ: true}
)

func ExampleNewWriter() {
	db := new(sql.DB) // sql.Open("mysql", "…"), with the driver of your choice
	codec, err := djangosession.NewCodec(djangosession.CodecConfig{Version: django, SecretKey: signing.SecretKey("SECRET_KEY")})
	if err != nil {
		panic(err)
	}
	config := dbstore.SessionsConfig{Dialect: dbstore.MySQL, Zone: utc}
	sessions, writer := dbstore.NewSessions(db, codec, config), dbstore.NewWriter(db, codec, config)
	touch := func(ctx context.Context, key string) error {
		s, err := sessions.Load(ctx, key)
		if err != nil {
			return err
		}
		// djangosession.ErrNotFound: the session has ended meanwhile, or somebody has saved it
		return writer.Touch(ctx, key, s, time.Now().Add(14*24*time.Hour))
	}
	_ = touch
}

func ExampleNewUsers() {
	db := new(sql.DB)
	users := dbstore.NewUsers(db, dbstore.UsersConfig{
		Dialect: dbstore.MySQL, Version: django, Table: "shop_customer",
		Columns: dbstore.Columns{Username: "email", Staff: dbstore.NoColumn, Superuser: dbstore.NoColumn},
	})
	writer := users.Writer(db, utc) // what a login changes of a user
	login := func(ctx context.Context, email string) error {
		user, err := users.UserByName(ctx, email) // djangosession.ErrUserNotFound: nobody has this address
		if err != nil {
			return err
		}
		return writer.SetLastLogin(ctx, user.ID, time.Now())
	}
	_ = login
}

func ExampleNewPermissions() {
	permissions := dbstore.NewPermissions(new(sql.DB), dbstore.PermissionsConfig{Dialect: dbstore.Postgres})
	may := func(ctx context.Context, user djangosession.User) (bool, error) {
		access, err := permissions.AccessOf(ctx, user.ID)
		return access.HasPerm(user, "reports.view_report"), err
	}
	_ = may
}

func ExampleNewCacheTable() {
	config := dbstore.CacheTableConfig{Dialect: dbstore.MySQL, Table: "django_cache", Zone: utc}
	cache, writer := dbstore.NewCacheTable(new(sql.DB), config), dbstore.NewCacheTableWriter(new(sql.DB), config)
	forget := func(ctx context.Context, key string) error {
		if _, _, err := cache.Get(ctx, key); err != nil {
			return err
		}
		return writer.Delete(ctx, key)
	}
	_ = forget
}

func ExampleNewExpired() {
	clear := func(ctx context.Context, db *sql.DB) (err error) {
		lock, err := dbstore.LockClearing(ctx, db, dbstore.MySQL, "django_session")
		if err != nil {
			return err // dbstore.ErrClearing: somebody else is at it
		}
		defer func() { err = errors.Join(err, lock.Release(ctx)) }()
		walk := dbstore.NewExpired(db, dbstore.ExpiredConfig{Dialect: dbstore.MySQL, Zone: utc, Before: time.Now()})
		for {
			keys, err := walk.Next(ctx, 100)
			if err != nil || len(keys) == 0 {
				return err
			}
			if _, err := walk.Delete(ctx, keys); err != nil {
				return err
			}
		}
	}
	_ = clear
}

func ExampleNewBatcher() {
	db := new(sql.DB)
	db.SetMaxOpenConns(4)
	batcher := dbstore.NewBatcher(4) // for all stores on db
	_ = dbstore.NewUsers(db, dbstore.UsersConfig{Dialect: dbstore.Postgres, Version: django, Batcher: batcher})
}
